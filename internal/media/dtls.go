package media

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
	"github.com/pion/transport/v5/deadline"
)

// DTLS says that the keys come from a handshake on the media path (RFC 5764).
type DTLS struct {
	// Client says that we begin the handshake ("active" in a=setup).
	Client bool
	// Fingerprint is the SHA-256 of the certificate that the remote has announced.
	Fingerprint [32]byte
}

const (
	// handshakeTime bounds one handshake.
	handshakeTime = 20 * time.Second
	// lingerTime is how long we can repeat the last flight for a remote that has missed it;
	// it ends with the first packet that authenticates.
	lingerTime = 10 * time.Second
	// maxHandshakes bounds the handshakes under way, lingering ones included.
	maxHandshakes = 512
	// handshakeRate bounds the handshakes begun per second: each costs a signature, a
	// verification and a key exchange, one or two milliseconds.
	handshakeRate = 100
	// maxAttempts bounds the handshakes of one association.
	maxAttempts = 8
	// recordQueue bounds the records that wait for a handshake, and maxRecord their size.
	recordQueue = 16
	maxRecord   = 2048
)

// errFingerprint ends a handshake with somebody else than was announced.
var errFingerprint = errors.New("certificate is not the announced one")

// identity is the certificate of this process. Peers know it by its fingerprint alone.
type identity struct {
	cert        tls.Certificate
	fingerprint [32]byte
}

func newIdentity(now time.Time) (*identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key for DTLS: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("making the certificate for DTLS: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "koppelfeld"},
		NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(10, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("making the certificate for DTLS: %w", err)
	}
	return &identity{
		cert:        tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		fingerprint: sha256.Sum256(der),
	}, nil
}

// Fingerprint is the SHA-256 of the certificate that we show in DTLS, for a=fingerprint.
func (p *Plane) Fingerprint() [32]byte { return p.identity.fingerprint }

// association is the handshake of an endpoint with its remote. Endpoint.mu guards what
// is not said to be otherwise.
type association struct {
	e        *Endpoint
	dtls     DTLS
	peer     netip.AddrPort // with whom it runs, or has succeeded
	running  bool
	done     bool // it has succeeded
	attempts int
	tried    time.Duration // begin of the last attempt
	records  chan []byte   // to the attempt that runs
	stop     context.CancelFunc
	mute     bool          // nothing leaves any more
	proven   chan struct{} // closed when a packet under the new keys came
}

// isDTLS tells DTLS from what else comes to an RTP port (RFC 7983 section 7).
func isDTLS(b []byte) bool { return len(b) > 13 && b[0] >= 20 && b[0] <= 63 }

// isClientHello reports whether a record may begin a handshake.
func isClientHello(b []byte) bool { return b[0] == 22 && b[13] == 1 }

// record takes a DTLS record. The caller holds e.mu.
func (a *association) record(b []byte, src netip.AddrPort, now time.Duration) Drop {
	switch {
	case len(b) > maxRecord:
		return DropMalformed
	case a.running && (src == a.peer || a.e.checked()):
		// With ICE the remote may change the pair in the middle of it.
	case a.running || a.done:
		return DropHandshake
	case a.dtls.Client || !isClientHello(b):
		return DropHandshake
	case !a.begin(src, now):
		return DropHandshake
	}
	select {
	case a.records <- slices.Clone(b):
		return relayed
	default:
		return DropHandshake
	}
}

// begin starts an attempt with peer, if the limits allow it. The caller holds e.mu and is a
// poll loop.
func (a *association) begin(peer netip.AddrPort, now time.Duration) bool {
	const between = 500 * time.Millisecond
	if a.attempts >= maxAttempts || a.attempts > 0 && now-a.tried < between || !a.e.plane.shakes.take(now) {
		return false
	}
	ctx, stop := context.WithCancel(a.e.plane.life)
	a.peer, a.running, a.tried, a.stop = peer, true, now, stop
	a.attempts++
	a.records = make(chan []byte, recordQueue)
	t := &attempt{a: a, peer: peer, records: a.records, limit: deadline.New(), closed: make(chan struct{})}
	a.e.plane.shakes.group.Go(a.e.plane.cfg.Faults.Guard(placeHandshake, func() {
		defer a.e.plane.shakes.under.Add(-1)
		defer stop()
		t.run(ctx)
	}, t.broken))
	return true
}

// end gives up whatever is under way. The caller holds e.mu.
func (a *association) end() {
	if a == nil {
		return
	}
	a.mute = true
	if a.stop != nil {
		a.stop()
	}
}

// heard notes that a packet under the negotiated keys came. The caller holds e.mu.
func (a *association) heard() {
	if a != nil && a.proven != nil {
		close(a.proven)
		a.proven = nil
	}
}

// shakes bounds the handshakes of a plane and waits for them.
type shakes struct {
	group  sync.WaitGroup
	under  atomic.Int64
	mu     sync.Mutex
	second time.Duration
	begun  int
}

func (s *shakes) take(now time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now-s.second >= time.Second {
		s.second, s.begun = now, 0
	}
	if s.begun >= handshakeRate || s.under.Load() >= maxHandshakes {
		return false
	}
	s.begun++
	s.under.Add(1)
	return true
}

// attempt is one handshake: a goroutine, and the packet connection it talks over.
type attempt struct {
	a       *association
	peer    netip.AddrPort
	records <-chan []byte
	limit   *deadline.Deadline
	once    sync.Once
	closed  chan struct{}
}

// run shakes hands, hands over the keys and stays until the remote has them too.
func (t *attempt) run(ctx context.Context) {
	conn, keys, err := t.shake(ctx)
	if conn != nil {
		defer func() {
			t.silence() // an alert would end the call at the other end
			_ = conn.Close()
		}()
	}
	e := t.a.e
	proven := make(chan struct{})
	e.mu.Lock()
	if e.guard == nil || e.guard.shake != t.a || e.closed {
		e.mu.Unlock()
		return
	}
	if err == nil {
		if err = e.guard.exported(keys); err == nil {
			t.a.done, t.a.proven = true, proven
			if e.guard.agent == nil && !e.latch.source.IsValid() {
				e.latch.source = t.peer // it has proved itself better than by any packet
				e.aim()
			}
		}
	}
	if err != nil {
		t.a.running = false
		e.dropped[DropHandshake]++
	}
	e.mu.Unlock()
	if err != nil {
		return
	}
	timer := time.NewTimer(lingerTime)
	defer timer.Stop()
	select {
	case <-proven:
	case <-timer.C:
	case <-ctx.Done():
	}
	e.mu.Lock()
	t.a.running = false
	e.mu.Unlock()
}

// broken gives up an attempt that has failed by a fault of ours; the remote may begin another one.
func (t *attempt) broken() {
	t.silence()
	e := t.a.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if !t.a.done {
		e.dropped[DropHandshake]++
	}
	t.a.running = false
}

func (t *attempt) shake(ctx context.Context) (*dtls.Conn, exportedKeys, error) {
	id, want := t.a.e.plane.identity, t.a.dtls.Fingerprint
	verify := func(certs [][]byte, _ [][]*x509.Certificate) (err error) {
		defer t.mend(&err)
		if len(certs) == 0 {
			return errFingerprint
		}
		sum := sha256.Sum256(certs[0])
		if subtle.ConstantTimeCompare(sum[:], want[:]) != 1 {
			return errFingerprint
		}
		return nil
	}
	profiles := []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80}
	quiet := &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}
	remote := net.UDPAddrFromAddrPort(t.peer)
	var conn *dtls.Conn
	var err error
	if t.a.dtls.Client {
		conn, err = dtls.ClientWithOptions(t, remote, dtls.WithCertificates(id.cert), dtls.WithInsecureSkipVerify(true),
			dtls.WithVerifyPeerCertificate(verify), dtls.WithSRTPProtectionProfiles(profiles...), dtls.WithLoggerFactory(quiet))
	} else {
		conn, err = dtls.ServerWithOptions(t, remote, dtls.WithCertificates(id.cert), dtls.WithClientAuth(dtls.RequireAnyClientCert),
			dtls.WithVerifyPeerCertificate(verify), dtls.WithSRTPProtectionProfiles(profiles...), dtls.WithLoggerFactory(quiet))
	}
	if err != nil {
		return nil, exportedKeys{}, fmt.Errorf("preparing the handshake: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	if err = conn.HandshakeContext(limited); err != nil {
		return conn, exportedKeys{}, fmt.Errorf("shaking hands: %w", err)
	}
	keys, err := export(conn, t.a.dtls.Client)
	return conn, keys, err
}

// exportedKeys are what a handshake has agreed on.
type exportedKeys struct{ in, out Keys }

// export derives the keys for SRTP (RFC 5764 section 4.2).
func export(conn *dtls.Conn, client bool) (exportedKeys, error) {
	profile, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return exportedKeys{}, errors.New("no SRTP profile was agreed on")
	}
	s := AESCM80
	if profile == dtls.SRTP_AEAD_AES_128_GCM {
		s = AESGCM128
	}
	state, ok := conn.ConnectionState()
	if !ok {
		return exportedKeys{}, errors.New("no state of the connection")
	}
	info := s.info()
	m, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 2*s.Size())
	if err != nil {
		return exportedKeys{}, fmt.Errorf("exporting the keys: %w", err)
	}
	salts := m[2*info.key:]
	fromClient := Keys{s, append(slices.Clone(m[:info.key]), salts[:info.salt]...)}
	fromServer := Keys{s, append(slices.Clone(m[info.key:2*info.key]), salts[info.salt:]...)}
	if client {
		return exportedKeys{in: fromServer, out: fromClient}, nil
	}
	return exportedKeys{in: fromClient, out: fromServer}, nil
}

// silence lets nothing more of this attempt out.
func (t *attempt) silence() { t.once.Do(func() { close(t.closed) }) }

// mend ends a panic of ours on a goroutine of the DTLS library, which then hears of an error.
func (t *attempt) mend(err *error) {
	if v := recover(); v != nil {
		t.a.e.plane.cfg.Faults.Note(placeHandshake, v)
		*err = net.ErrClosed
	}
}

// ReadFrom implements net.PacketConn.
func (t *attempt) ReadFrom(b []byte) (n int, from net.Addr, err error) {
	defer t.mend(&err)
	select {
	case r := <-t.records:
		return copy(b, r), net.UDPAddrFromAddrPort(t.peer), nil
	case <-t.closed:
		return 0, nil, net.ErrClosed
	case <-t.limit.Done():
		return 0, nil, os.ErrDeadlineExceeded
	}
}

// WriteTo implements net.PacketConn.
func (t *attempt) WriteTo(b []byte, _ net.Addr) (n int, err error) {
	defer t.mend(&err)
	select {
	case <-t.closed:
		return len(b), nil
	default:
	}
	e := t.a.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if !t.a.mute && !e.closed && len(b) > 0 {
		var to sockaddr
		to.set(t.peer)
		if e.checked() {
			to.set(e.guard.agent.target())
		}
		if errno := send(e.fd[rtpSocket], b, &to); errno != 0 {
			e.sendErrors++
		}
	}
	return len(b), nil
}

// Close implements net.PacketConn.
func (t *attempt) Close() error {
	t.silence()
	return nil
}

// LocalAddr implements net.PacketConn.
func (t *attempt) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(t.a.e.local) }

// SetDeadline implements net.PacketConn.
func (t *attempt) SetDeadline(at time.Time) error { return t.SetReadDeadline(at) }

// SetReadDeadline implements net.PacketConn.
func (t *attempt) SetReadDeadline(at time.Time) error {
	t.limit.Set(at)
	return nil
}

// SetWriteDeadline implements net.PacketConn; writing never waits.
func (t *attempt) SetWriteDeadline(time.Time) error { return nil }
