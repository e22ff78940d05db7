package auth

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

// Errors of Challenged.
var (
	ErrNoChallenge = errors.New("response holds no digest challenge that can be answered")
	ErrRefused     = errors.New("credentials were refused")
)

// Client answers challenges with one user name and password, and uses a nonce as long as
// the server takes it. It belongs to one goroutine.
type Client struct {
	username, password string

	proxy     bool
	challenge credentials
	algorithm Algorithm
	nc        uint32
	answered  bool // the nonce was used at least once
}

// NewClient makes a Client that was not challenged yet.
func NewClient(username, password string) *Client {
	return &Client{username: username, password: password}
}

// Challenged takes the challenge from a 401 or 407. It prefers SHA-256 to MD5. It returns
// ErrNoChallenge, or ErrRefused when the server challenges again without stale=true after
// credentials were sent for the same realm: then the password is wrong.
func (c *Client) Challenged(res *message.Message) error {
	proxy := res.Status() == 407
	id := message.HWWWAuthenticate
	if proxy {
		id = message.HProxyAuthenticate
	}
	var best credentials
	var alg Algorithm
	for line := range res.Lines(id) {
		rest, ok := cutScheme(line)
		var ch credentials
		if !ok || !ch.parse(rest) || ch.nonce == "" || ch.qop != "" && !hasQop(ch.qop, "auth") {
			continue
		}
		if a := parseAlgorithm(ch.algorithm); a > alg {
			best, alg = ch, a
		}
	}
	if alg == 0 {
		return ErrNoChallenge
	}
	if c.answered && c.proxy == proxy && c.challenge.realm == best.realm && !strings.EqualFold(best.stale, "true") {
		c.answered = false
		return ErrRefused
	}
	c.proxy, c.algorithm, c.nc, c.answered = proxy, alg, 0, false
	c.challenge = credentials{
		realm: strings.Clone(best.realm), nonce: strings.Clone(best.nonce),
		opaque: strings.Clone(best.opaque), qop: best.qop, algorithm: strings.Clone(best.algorithm),
	}
	if c.challenge.qop != "" {
		c.challenge.qop = "auth"
	}
	return nil
}

// Authorize makes the header for a request, "" before the first challenge.
func (c *Client) Authorize(method message.Method, uri string) (name, value string, err error) {
	if c.algorithm == 0 {
		return "", "", nil
	}
	cr := c.challenge
	cr.username, cr.uri = c.username, uri
	var b strings.Builder
	fmt.Fprintf(&b, "Digest username=%s, realm=%s, nonce=%s, uri=%s",
		message.Quote(cr.username), message.Quote(cr.realm), message.Quote(cr.nonce), message.Quote(uri))
	if cr.qop != "" {
		var random [12]byte
		if _, err := rand.Read(random[:]); err != nil {
			return "", "", fmt.Errorf("making cnonce: %w", err)
		}
		c.nc++
		cr.cnonce, cr.nc = hex.EncodeToString(random[:]), fmt.Sprintf("%08x", c.nc)
		fmt.Fprintf(&b, `, qop=auth, nc=%s, cnonce="%s"`, cr.nc, cr.cnonce)
	}
	fmt.Fprintf(&b, `, response="%s"`, response(c.algorithm, c.password, method, &cr))
	if cr.algorithm != "" {
		fmt.Fprintf(&b, ", algorithm=%s", c.algorithm)
	}
	if cr.opaque != "" {
		fmt.Fprintf(&b, ", opaque=%s", message.Quote(cr.opaque))
	}
	c.answered = true
	if c.proxy {
		return "Proxy-Authorization", b.String(), nil
	}
	return "Authorization", b.String(), nil
}

// response computes the response from a password, in hexadecimal.
func response(alg Algorithm, password string, method message.Method, c *credentials) string {
	m, s := HA1(c.username, c.realm, password)
	ha1, size := m[:], md5.Size
	if alg == SHA256 {
		ha1, size = s[:], sha256.Size
	}
	var out [sha256.Size]byte
	digest(out[:size], nil, alg, ha1, method, c)
	return hex.EncodeToString(out[:size])
}

// hasQop looks into the list of a challenge's qop.
func hasQop(list, qop string) bool {
	for list != "" {
		var q string
		q, list, _ = strings.Cut(list, ",")
		if strings.EqualFold(strings.TrimSpace(q), qop) {
			return true
		}
	}
	return false
}
