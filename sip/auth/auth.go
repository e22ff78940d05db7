// Package auth authenticates SIP requests by digest (RFC 3261 section 22, RFC 8760), and
// answers challenges as a client.
//
// A challenge leaves no state behind: the nonce itself carries its time and a MAC. Only a
// nonce that came back with a correct digest gets an entry in a bounded table, which
// remembers the nonce counts used. So neither a flood of requests nor one of wrong
// answers costs memory.
//
// The package starts no goroutine. Of the project it imports sip/message only.
package auth

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// Account is what a user name stands for.
type Account struct {
	SlotID, UserID, Username string

	HA1MD5    [md5.Size]byte    // H(username:realm:password), see HA1
	HA1SHA256 [sha256.Size]byte // the same with SHA-256
}

// Accounts finds accounts, from a snapshot and without blocking. It is called from
// several goroutines.
type Accounts interface {
	// Account returns nil for an unknown name. username is a view into the request:
	// it must not be kept.
	Account(username string) *Account
}

// HA1 is what is stored instead of a password (RFC 7616 section 3.4.2).
func HA1(username, realm, password string) (md5Sum [md5.Size]byte, sha256Sum [sha256.Size]byte) {
	b := []byte(username + ":" + realm + ":" + password)
	return md5.Sum(b), sha256.Sum256(b)
}

// Algorithm is a digest algorithm.
type Algorithm uint8

// Algorithms.
const (
	MD5 Algorithm = iota + 1
	SHA256
)

// String is the name in challenges.
func (a Algorithm) String() string {
	switch a {
	case MD5:
		return "MD5"
	case SHA256:
		return "SHA-256"
	}
	return ""
}

func parseAlgorithm(s string) Algorithm {
	switch {
	case s == "", strings.EqualFold(s, "MD5"):
		return MD5
	case strings.EqualFold(s, "SHA-256"):
		return SHA256
	}
	return 0
}

// Config sets up a Digest.
type Config struct {
	// Realm is shown to the phones and part of every stored HA1.
	Realm string
	// Key authenticates nonces; at least 16 random bytes. With a key that outlives a restart
	// phones need no new challenge after it.
	Key []byte
	// Accounts finds accounts by user name.
	Accounts Accounts
	// Now is the clock, time.Now when nil.
	Now func() time.Time
	// NonceLifetime is how long a nonce may be used, 5 minutes when 0.
	NonceLifetime time.Duration
	// Nonces bounds the nonces remembered, 65536 when 0. When more are in use the oldest
	// are forgotten and become stale.
	Nonces int
	// Algorithms are offered in this order, one header each; {SHA256, MD5} when empty. Phones
	// are to take the first they know (RFC 8760 section 2.4), but old ones look at the first
	// only: {MD5, SHA256} serves them. An algorithm not listed is not accepted.
	Algorithms []Algorithm
}

// Validate reports all faults.
func (c Config) Validate() error {
	var errs []error
	if c.Realm == "" || strings.ContainsAny(c.Realm, "\"\\\r\n\x00") {
		errs = append(errs, fmt.Errorf("realm %q is empty or holds quotes or line ends", c.Realm))
	}
	if len(c.Key) < 16 {
		errs = append(errs, errors.New("key is shorter than 16 bytes"))
	}
	if c.Accounts == nil {
		errs = append(errs, errors.New("accounts are missing"))
	}
	if c.NonceLifetime < 0 || c.Nonces < 0 {
		errs = append(errs, errors.New("nonce lifetime and number must not be negative"))
	}
	for _, a := range c.Algorithms {
		if a.String() == "" {
			errs = append(errs, fmt.Errorf("unknown algorithm %d", a))
		}
	}
	return errors.Join(errs...)
}

// Verdict is what Check found.
type Verdict uint8

// Verdicts. All but OK and Malformed are answered with a challenge.
const (
	Missing   Verdict = iota // no credentials for our realm
	OK                       // the sender knows the password
	Stale                    // right password, but the nonce is too old or not ours
	Replayed                 // right digest, but its nonce count was used before
	Wrong                    // wrong password, or digest for another URI
	Unknown                  // no such user name
	Malformed                // not to be understood, or without qop=auth: 400
)

// String names the verdict, for metrics and logs.
func (v Verdict) String() string {
	names := [...]string{"missing", "ok", "stale", "replayed", "wrong", "unknown", "malformed"}
	if int(v) < len(names) {
		return names[v]
	}
	return ""
}

// IsStale reports whether the challenge is to say stale=true, so that the phone answers it
// without asking its user.
func (v Verdict) IsStale() bool { return v == Stale || v == Replayed }

// Digest challenges and checks. It is safe for use by several goroutines.
type Digest struct {
	cfg     Config
	offers  []offer
	nonces  nonceTable
	scratch sync.Pool // of *scratch
	dummy   Account   // takes the place of unknown accounts, so that they cost the same
}

// offer is a challenge up to the nonce, and behind it.
type offer struct{ before, after string }

// scratch is room for one check.
type scratch struct {
	mac   hash.Hash
	buf   []byte
	creds credentials
}

// New makes a Digest.
func New(cfg Config) (*Digest, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("digest: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.NonceLifetime == 0 {
		cfg.NonceLifetime = 5 * time.Minute
	}
	if cfg.Nonces == 0 {
		cfg.Nonces = 65536
	}
	if len(cfg.Algorithms) == 0 {
		cfg.Algorithms = []Algorithm{SHA256, MD5}
	}
	cfg.Key = append([]byte(nil), cfg.Key...)
	d := &Digest{cfg: cfg}
	for _, a := range cfg.Algorithms {
		d.offers = append(d.offers, offer{
			before: `Digest realm="` + cfg.Realm + `", nonce="`,
			after:  `", algorithm=` + a.String() + `, qop="auth"`,
		})
	}
	d.nonces.init(cfg.Nonces)
	d.scratch.New = func() any {
		return &scratch{mac: hmac.New(sha256.New, cfg.Key), buf: make([]byte, 0, 512)}
	}
	if _, err := rand.Read(d.dummy.HA1SHA256[:]); err != nil {
		return nil, fmt.Errorf("digest: %w", err)
	}
	copy(d.dummy.HA1MD5[:], d.dummy.HA1SHA256[:])
	return d, nil
}

// Challenge appends the WWW-Authenticate or Proxy-Authenticate lines.
func (d *Digest) Challenge(b *message.Builder, proxy, stale bool) {
	name := "WWW-Authenticate"
	if proxy {
		name = "Proxy-Authenticate"
	}
	end := ""
	if stale {
		end = ", stale=true"
	}
	nonce := d.newNonce()
	for _, o := range d.offers {
		b.AddParts(name, o.before, nonce, o.after, end)
	}
}

// Check judges the credentials of a request, in Authorization or Proxy-Authorization. The
// account is returned with OK only.
func (d *Digest) Check(req *message.Message) (*Account, Verdict) {
	sc := d.scratch.Get().(*scratch)
	c := &sc.creds
	defer func() {
		*c = credentials{} // hold no message
		d.scratch.Put(sc)
	}()
	if v := d.find(req, c); v != OK {
		return nil, v
	}
	alg := parseAlgorithm(c.algorithm)
	if !d.accepts(alg) || !strings.EqualFold(c.qop, "auth") || c.cnonce == "" || c.username == "" || c.uri == "" {
		return nil, Malformed
	}
	nc, ok := parseNC(c.nc)
	var response [sha256.Size]byte
	size := md5.Size
	if alg == SHA256 {
		size = sha256.Size
	}
	if !ok || len(c.response) != 2*size || !decodeHex(response[:size], c.response) {
		return nil, Malformed
	}
	acc := d.cfg.Accounts.Account(c.username)
	used := acc
	if acc == nil {
		used = &d.dummy
	}
	ha1 := used.HA1MD5[:]
	if alg == SHA256 {
		ha1 = used.HA1SHA256[:]
	}
	var want [sha256.Size]byte
	sc.buf = digest(want[:size], sc.buf, alg, ha1, req.Method(), c)
	right := subtle.ConstantTimeCompare(response[:size], want[:size]) == 1
	switch {
	case acc == nil:
		return nil, Unknown
	case !right || !d.sameURI(c.uri, req.URI()):
		return nil, Wrong
	}
	now := d.cfg.Now()
	key, ok := d.openNonce(sc, c.nonce, now)
	if !ok {
		return nil, Stale
	}
	if v := d.nonces.use(key, nc, now, d.cfg.NonceLifetime); v != OK {
		return nil, v
	}
	return acc, OK
}

// Claimed is the user name in the credentials that Check would look at, "" when there are none. It is a view into the request, unless
// it holds quoted pairs.
func (d *Digest) Claimed(req *message.Message) string {
	if name := claimedFirst(req); name != "" {
		return name
	}
	var c credentials
	if d.find(req, &c) != OK {
		return ""
	}
	return c.username
}

// claimedFirst is Claimed for the usual form: one line that begins with the user name. What follows cannot change it, since credentials
// that name something twice are none.
func claimedFirst(req *message.Message) string {
	if req.Has(message.HProxyAuthorization) {
		return ""
	}
	name := ""
	for line := range req.Lines(message.HAuthorization) {
		const usual = `Digest username="`
		if name != "" || !strings.HasPrefix(line, usual) {
			return ""
		}
		line = line[len(usual):]
		end := strings.IndexByte(line, '"')
		if end < 1 || strings.IndexByte(line[:end], '\\') >= 0 {
			return ""
		}
		name = line[:end]
	}
	return name
}

// Account finds an account by its user name, nil for an unknown one.
func (d *Digest) Account(username string) *Account { return d.cfg.Accounts.Account(username) }

// find reads the credentials for our realm.
func (d *Digest) find(req *message.Message, c *credentials) Verdict {
	found := Missing
	for _, id := range [...]message.ID{message.HAuthorization, message.HProxyAuthorization} {
		for line := range req.Lines(id) {
			rest, ok := cutScheme(line)
			if !ok {
				continue
			}
			if !c.parse(rest) {
				found = Malformed
				continue
			}
			if c.realm == d.cfg.Realm {
				return OK
			}
		}
	}
	return found
}

func (d *Digest) accepts(a Algorithm) bool {
	for _, b := range d.cfg.Algorithms {
		if a == b {
			return true
		}
	}
	return false
}

// digest computes the response (RFC 7616 section 3.4.1) for qop=auth, or that of RFC 2069
// when c has no qop. It uses buf and returns it for the next time.
func digest(dst, buf []byte, alg Algorithm, ha1 []byte, method message.Method, c *credentials) []byte {
	buf = append(buf[:0], method...)
	buf = append(buf, ':')
	buf = append(buf, c.uri...)
	var ha2 [sha256.Size]byte
	n := sum(ha2[:], alg, buf)
	buf = hex.AppendEncode(buf[:0], ha1)
	buf = append(buf, ':')
	buf = append(buf, c.nonce...)
	buf = append(buf, ':')
	if c.qop != "" {
		buf = append(buf, c.nc...)
		buf = append(buf, ':')
		buf = append(buf, c.cnonce...)
		buf = append(buf, ':')
		buf = append(buf, c.qop...)
		buf = append(buf, ':')
	}
	buf = hex.AppendEncode(buf, ha2[:n])
	sum(dst, alg, buf)
	return buf
}

func sum(dst []byte, alg Algorithm, data []byte) int {
	if alg == SHA256 {
		s := sha256.Sum256(data)
		return copy(dst, s[:])
	}
	s := md5.Sum(data)
	return copy(dst, s[:])
}

// sameURI compares the digest's URI with the Request-URI as loosely as phones and proxies
// on the way demand: port and parameters do not count, and a URI without user stands for
// its domain, by its name or by our realm.
func (d *Digest) sameURI(uri, requestURI string) bool {
	if uri == requestURI {
		return true
	}
	a, err := message.ParseURI(uri)
	b, err2 := message.ParseURI(requestURI)
	if err != nil || err2 != nil || a.Host == "" || b.Host == "" {
		return false
	}
	if a.User == "" && (strings.EqualFold(a.Host, d.cfg.Realm) || strings.EqualFold(a.Host, b.Host)) {
		return true
	}
	return strings.EqualFold(a.Host, b.Host) && message.Unescape(a.User) == message.Unescape(b.User)
}
