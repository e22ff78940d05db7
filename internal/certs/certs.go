// Package certs holds the certificates of the daemon's TLS servers: those from files, chosen by the name that a client
// asks for (SNI), or one that it makes for itself.
//
// A Store gives configurations that are good for one connection; ask it anew for each. Files that have changed are
// taken over without touching connections that are up, by Reload or by Run, which looks at them now and then. What
// cannot be read changes nothing. The package is a leaf: it imports nothing of the project.
package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/fault"
)

// Pair names a certificate chain and its key, both PEM.
type Pair struct{ Certificate, Key string }

// Config says where the certificates lie.
type Config struct {
	// Dir keeps the self-made certificate.
	Dir string
	// Pairs are the certificates. A client gets the first that fits the name that it asks for, and the first of all
	// when none does. With none a certificate is made and kept in Dir.
	Pairs []Pair
	// Names are the host names and IP addresses of a self-made certificate.
	Names []string
	// ClientCA is a PEM file: a certificate that a client shows must come from one of these. Clients need not show one.
	// Without it clients are not asked.
	ClientCA string
	// PeerCA is a PEM file with whom to trust where we are the client [what the system trusts].
	PeerCA string
	// MinVersion is tls.VersionTLS12 or tls.VersionTLS13 [TLS 1.2].
	MinVersion uint16
	// Every is how often Run looks for changed files [30 s].
	Every time.Duration
	// Log gets what was taken over and what could not be read. Discarded when nil.
	Log *slog.Logger
	// Faults counts faults of the program. A new one when nil.
	Faults *fault.Log
}

// Store holds the certificates in force.
type Store struct {
	cfg     Config
	current atomic.Pointer[state]
	mu      sync.Mutex // one reload at a time
}

// state is what was read in one go.
type state struct {
	server, client *tls.Config
	leaf           *x509.Certificate // of the default certificate
	stamps         map[string]stamp
}

// stamp tells whether a file has changed.
type stamp struct {
	size int64
	mod  time.Time
}

// Open reads the certificates, or makes one.
func Open(cfg Config) (*Store, error) {
	if cfg.Every <= 0 {
		cfg.Every = 30 * time.Second
	}
	if cfg.MinVersion == 0 {
		cfg.MinVersion = tls.VersionTLS12
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Faults == nil {
		cfg.Faults = fault.New(cfg.Log)
	}
	s := &Store{cfg: cfg}
	if len(cfg.Pairs) == 0 {
		pair, err := selfMade(cfg.Dir, cfg.Names, time.Now(), cfg.Log)
		if err != nil {
			return nil, fmt.Errorf("making a certificate: %w", err)
		}
		s.cfg.Pairs = []Pair{pair}
	}
	if err := s.Reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// Server is the configuration for a connection that comes in. It is not to be changed; Clone it first.
func (s *Store) Server() *tls.Config { return s.current.Load().server }

// Client is the configuration for a connection that we open, without the peer's name. It is not to be changed.
func (s *Store) Client() *tls.Config { return s.current.Load().client }

// Leaf is the certificate that clients get when they ask for no name that we know.
func (s *Store) Leaf() *x509.Certificate { return s.current.Load().leaf }

// Reload reads all files again. With an error everything stays as it was.
func (s *Store) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.read()
	if err != nil {
		return fmt.Errorf("reading certificates: %w", err)
	}
	if old := s.current.Swap(st); old == nil || !old.leaf.Equal(st.leaf) {
		s.cfg.Log.Info("certificate in force", "subject", st.leaf.Subject.String(), "names", st.leaf.DNSNames, "until", st.leaf.NotAfter)
	}
	if left := time.Until(st.leaf.NotAfter); left < 14*24*time.Hour {
		s.cfg.Log.Warn("the certificate ends soon or has ended", "until", st.leaf.NotAfter)
	}
	return nil
}

func (s *Store) read() (*state, error) {
	st := &state{stamps: s.stamps()} // before the files: one that changes now is read again later
	var list []tls.Certificate
	for _, p := range s.cfg.Pairs {
		c, err := tls.LoadX509KeyPair(p.Certificate, p.Key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Certificate, err)
		}
		list = append(list, c)
	}
	st.leaf = list[0].Leaf
	st.server = &tls.Config{
		Certificates: list, MinVersion: s.cfg.MinVersion,
		// A message is one record, which is one packet where it can be.
		DynamicRecordSizingDisabled: true,
	}
	st.client = &tls.Config{Certificates: list[:1], MinVersion: s.cfg.MinVersion, DynamicRecordSizingDisabled: true}
	var err error
	if s.cfg.ClientCA != "" {
		if st.server.ClientCAs, err = pool(s.cfg.ClientCA); err != nil {
			return nil, err
		}
		st.server.ClientAuth = tls.VerifyClientCertIfGiven
	}
	if s.cfg.PeerCA != "" {
		if st.client.RootCAs, err = pool(s.cfg.PeerCA); err != nil {
			return nil, err
		}
	}
	return st, nil
}

func pool(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: no certificate in it", file)
	}
	return p, nil
}

// stamps looks at all files.
func (s *Store) stamps() map[string]stamp {
	out := map[string]stamp{}
	files := []string{s.cfg.ClientCA, s.cfg.PeerCA}
	for _, p := range s.cfg.Pairs {
		files = append(files, p.Certificate, p.Key)
	}
	for _, f := range files {
		if f == "" {
			continue
		}
		if info, err := os.Stat(f); err == nil {
			out[f] = stamp{info.Size(), info.ModTime()}
		} else {
			out[f] = stamp{}
		}
	}
	return out
}

// Run takes over files that change, until ctx ends. A file that is being written is read when it is whole.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(s.cfg.Every)
	defer tick.Stop()
	seen := s.current.Load().stamps
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		s.cfg.Faults.Guard("certificates", func() { seen = s.look(seen) })()
	}
}

// look takes over files that have changed since seen, and returns what it has seen.
func (s *Store) look(seen map[string]stamp) map[string]stamp {
	now := s.stamps()
	if same(now, seen) || same(now, s.current.Load().stamps) {
		return seen
	}
	if err := s.Reload(); err != nil { // what cannot be read is reported once
		s.cfg.Log.Error("certificates have changed and cannot be used, those before stay in force", "err", err)
	}
	return now
}

func same(a, b map[string]stamp) bool {
	for f, x := range a {
		if y := b[f]; x.size != y.size || !x.mod.Equal(y.mod) {
			return false
		}
	}
	return true
}

// selfMadeName is the folder of the self-made certificate in Config.Dir.
const selfMadeName = "tls"

// paths are where the self-made certificate lies.
func paths(dir string) Pair {
	return Pair{filepath.Join(dir, selfMadeName, "self.pem"), filepath.Join(dir, selfMadeName, "self.key")}
}

// SelfMade is the file of the self-made certificate that is kept in dir, for clients that are to trust it.
func SelfMade(dir string) string { return paths(dir).Certificate }

var errNoDir = errors.New("no folder to keep it in")
