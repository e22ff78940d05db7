package auth

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

// book is an account snapshot.
type book map[string]*Account

func (b book) Account(username string) *Account { return b[username] }

type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

const realm = "pbx.example.com"

func newDigest(t testing.TB, change func(*Config)) (*Digest, *clock) {
	t.Helper()
	c := &clock{time.Unix(1_800_000_000, 0)}
	acc := &Account{SlotID: "s1", Username: "k3j4h5"}
	acc.HA1MD5, acc.HA1SHA256 = HA1("k3j4h5", realm, "secret")
	cfg := Config{Realm: realm, Key: []byte("0123456789abcdef"), Accounts: book{"k3j4h5": acc}, Now: c.now}
	if change != nil {
		change(&cfg)
	}
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d, c
}

// request builds a REGISTER with credentials under a header name.
func request(t testing.TB, header, value string) *message.Message {
	t.Helper()
	b := message.NewRequest(message.REGISTER, "sip:"+realm).
		Add("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx").Add("From", "<sip:k3j4h5@"+realm+">;tag=1").
		Add("To", "<sip:k3j4h5@"+realm+">").Add("Call-ID", "a@b").Add("CSeq", "1 REGISTER").Add("Max-Forwards", "70")
	if value != "" {
		b.Add(header, value)
	}
	m, err := message.Parse(b.Finish("", nil))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// challenged returns the response to a request without credentials.
func challenged(t testing.TB, d *Digest, proxy, stale bool) *message.Message {
	t.Helper()
	status := 401
	if proxy {
		status = 407
	}
	b := message.NewResponse(request(t, "", ""), status, "", "tag")
	d.Challenge(b, proxy, stale)
	m, err := message.Parse(b.Finish("", nil))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// client is challenged and ready.
func client(t testing.TB, d *Digest, user, password string, proxy bool) *Client {
	t.Helper()
	c := NewClient(user, password)
	if err := c.Challenged(challenged(t, d, proxy, false)); err != nil {
		t.Fatal(err)
	}
	return c
}

func authorize(t testing.TB, c *Client, uri string) *message.Message {
	t.Helper()
	name, value, err := c.Authorize(message.REGISTER, uri)
	if err != nil {
		t.Fatal(err)
	}
	return request(t, name, value)
}

func TestRoundTrip(t *testing.T) {
	for _, alg := range [][]Algorithm{nil, {MD5}, {SHA256}, {MD5, SHA256}} {
		for _, proxy := range []bool{false, true} {
			t.Run(fmt.Sprint(alg, proxy), func(t *testing.T) {
				d, _ := newDigest(t, func(c *Config) { c.Algorithms = alg })
				c := client(t, d, "k3j4h5", "secret", proxy)
				for range 3 {
					acc, v := d.Check(authorize(t, c, "sip:"+realm))
					if v != OK || acc == nil || acc.SlotID != "s1" {
						t.Fatalf("%v %v", acc, v)
					}
				}
				if n := d.nonces.size(); n != 1 {
					t.Errorf("%d nonces remembered", n)
				}
			})
		}
	}
}

func TestChallengeOrder(t *testing.T) {
	d, _ := newDigest(t, nil)
	var got []string
	for l := range challenged(t, d, false, true).Lines(message.HWWWAuthenticate) {
		got = append(got, l)
	}
	if len(got) != 2 || !strings.Contains(got[0], "algorithm=SHA-256") || !strings.Contains(got[1], "algorithm=MD5") ||
		!strings.HasSuffix(got[0], `qop="auth", stale=true`) || strings.Contains(got[0], "opaque") {
		t.Errorf("%q", got)
	}
	if d.nonces.size() != 0 {
		t.Error("a challenge left state behind")
	}
}

func TestCheck(t *testing.T) {
	d, _ := newDigest(t, nil)
	other, _ := newDigest(t, func(c *Config) { c.Key = []byte("another key of 16") })
	valid := func() string {
		_, v, err := client(t, d, "k3j4h5", "secret", false).Authorize(message.REGISTER, "sip:"+realm)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	cut := func(s, name string) string { // removes a parameter
		i := strings.Index(s, ", "+name+"=")
		rest := s[i+2:]
		if j := strings.Index(rest, ", "); j >= 0 {
			return s[:i] + rest[j:]
		}
		return s[:i]
	}
	foreign := func() string {
		_, v, _ := client(t, other, "k3j4h5", "secret", false).Authorize(message.REGISTER, "sip:"+realm)
		return v
	}
	wrong := func(user, password string) string {
		_, v, _ := client(t, d, user, password, false).Authorize(message.REGISTER, "sip:"+realm)
		return v
	}
	uri := func(u string) string {
		_, v, _ := client(t, d, "k3j4h5", "secret", false).Authorize(message.REGISTER, u)
		return v
	}
	for _, c := range []struct {
		name, value string
		want        Verdict
	}{
		{"none", "", Missing},
		{"valid", valid(), OK},
		{"another scheme", "Basic azNqNGg1OnNlY3JldA==", Missing},
		{"scheme only", "Digest", Missing},
		{"another realm", strings.Replace(valid(), realm, "elsewhere", 1), Missing},
		{"wrong password", wrong("k3j4h5", "guess"), Wrong},
		{"unknown user", wrong("nobody", "secret"), Unknown},
		{"forged nonce", foreign(), Stale},
		{"no username", strings.Replace(valid(), "username", "user", 1), Malformed},
		{"no qop", cut(valid(), "qop"), Malformed},
		{"no nc", cut(valid(), "nc"), Malformed},
		{"no cnonce", cut(valid(), "cnonce"), Malformed},
		{"no response", cut(valid(), "response"), Malformed},
		{"no uri", cut(valid(), "uri"), Malformed},
		{"auth-int", strings.Replace(valid(), "qop=auth", "qop=auth-int", 1), Malformed},
		{"unknown algorithm", strings.Replace(valid(), "SHA-256", "SHA-512", 1), Malformed},
		{"other algorithm", strings.Replace(valid(), "SHA-256", "MD5", 1), Malformed},
		{"nc zero", strings.Replace(valid(), "nc=00000001", "nc=00000000", 1), Malformed},
		{"nc no hex", strings.Replace(valid(), "nc=00000001", "nc=0000000g", 1), Malformed},
		{"nc changed", strings.Replace(valid(), "nc=00000001", "nc=00000002", 1), Wrong},
		{"twice", valid() + `, username="x"`, Malformed},
		{"open quote", valid() + `, x="`, Malformed},
		{"capitals", strings.Replace(strings.Replace(valid(), "username", "UserName", 1), "Digest", "DIGEST", 1), OK},
		{"tight", strings.ReplaceAll(valid(), ", ", ","), OK},
		{"quoted tokens", strings.Replace(strings.Replace(valid(), "qop=auth", `qop="auth"`, 1), "algorithm=SHA-256", `algorithm="sha-256"`, 1), OK},
		{"unknown parameter", valid() + `, auts=x`, OK},
		{"uri with port", uri("sip:" + realm + ":5060;transport=udp"), OK},
		{"uri elsewhere", uri("sip:elsewhere.example.com"), Wrong},
		{"uri of another user", uri("sip:0900@" + realm), Wrong},
		{"uri garbage", uri("x"), Wrong},
	} {
		t.Run(c.name, func(t *testing.T) {
			acc, v := d.Check(request(t, "Authorization", c.value))
			if v != c.want || (acc != nil) != (v == OK) {
				t.Errorf("got %v (%v), want %v\n%s", v, acc, c.want, c.value)
			}
		})
	}
}

func TestReplay(t *testing.T) {
	d, now := newDigest(t, nil)
	c := client(t, d, "k3j4h5", "secret", false)
	first, second, third := authorize(t, c, "sip:"+realm), authorize(t, c, "sip:"+realm), authorize(t, c, "sip:"+realm)
	for i, s := range []struct {
		m    *message.Message
		want Verdict
	}{{first, OK}, {first, Replayed}, {third, OK}, {second, OK}, {second, Replayed}, {third, Replayed}} {
		if _, v := d.Check(s.m); v != s.want {
			t.Errorf("step %d: got %v, want %v", i, v, s.want)
		}
	}
	now.t = now.t.Add(5*time.Minute + time.Second)
	if _, v := d.Check(authorize(t, c, "sip:"+realm)); v != Stale {
		t.Errorf("expired nonce: %v", v)
	}
	if err := c.Challenged(challenged(t, d, false, true)); err != nil {
		t.Fatal(err)
	}
	if _, v := d.Check(authorize(t, c, "sip:"+realm)); v != OK {
		t.Errorf("after stale: %v", v)
	}
	if n := d.nonces.size(); n > 2 {
		t.Errorf("%d nonces remembered", n)
	}
}

// TestClaimed holds forms under which a guesser might hide whose password it is after.
func TestClaimed(t *testing.T) {
	d, _ := newDigest(t, nil)
	for _, c := range []struct{ name, value, want string }{
		{"usual", `Digest username="k3", realm="` + realm + `", nonce="x"`, "k3"},
		{"later", `Digest realm="` + realm + `", username="k3"`, "k3"},
		{"other case", `dIGEST USERNAME="k3", realm="` + realm + `"`, "k3"},
		{"blanks", `Digest username = "k3", realm="` + realm + `"`, "k3"},
		{"token", `Digest username=k3, realm="` + realm + `"`, "k3"},
		{"quoted pair", `Digest username="k\3", realm="` + realm + `"`, "k3"},
		{"empty first", `Digest username="", username="k3", realm="` + realm + `"`, "k3"},
		{"another realm before", "Digest username=\"x\", realm=\"y\"\r\nAuthorization: Digest username=\"k3\", realm=\"" + realm + `"`, "k3"},
		{"in a quoted value", `Digest opaque="username=", username="k3", realm="` + realm + `"`, "k3"},
		{"none", `Basic username="k3"`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(string(request(t, "Authorization", "X").Raw()), "Authorization: X", "Authorization: "+c.value, 1)
			m, err := message.Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Claimed(m); got != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
	if got := d.Claimed(authorize(t, client(t, d, "k3j4h5", "secret", true), "sip:"+realm)); got != "k3j4h5" {
		t.Errorf("in Proxy-Authorization: %q", got)
	}
}

func TestWindow(t *testing.T) {
	w := nonceWindow{high: 1, used: 1}
	for i, s := range []struct {
		nc   uint32
		want Verdict
	}{
		{1, Replayed},
		{70, OK},
		{69, OK},
		{7, OK},
		{6, Replayed},
		{7, Replayed},
		{70, Replayed},
		{0xffffffff, OK},
		{70, Replayed},
		{0xfffffffe, OK},
	} {
		if v := w.use(s.nc); v != s.want {
			t.Errorf("step %d, nc %d: got %v, want %v", i, s.nc, v, s.want)
		}
	}
}

func TestTableBound(t *testing.T) {
	d, now := newDigest(t, func(c *Config) { c.Nonces = 2 * stripes })
	var first *message.Message
	for i := range 1000 {
		if i%100 == 0 {
			now.t = now.t.Add(time.Second)
		}
		m := authorize(t, client(t, d, "k3j4h5", "secret", false), "sip:"+realm)
		if i == 0 {
			first = m
		}
		if _, v := d.Check(m); v != OK && v != Stale {
			t.Fatal(v)
		}
	}
	if n := d.nonces.size(); n > 2*stripes {
		t.Errorf("%d nonces remembered", n)
	}
	if _, v := d.Check(first); v != Stale {
		t.Errorf("a nonce pushed out came back: %v", v)
	}
}

func TestConcurrent(t *testing.T) {
	d, _ := newDigest(t, nil)
	m := authorize(t, client(t, d, "k3j4h5", "secret", false), "sip:"+realm)
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[Verdict]int{}
	for range 8 {
		wg.Go(func() {
			for range 50 {
				_, v := d.Check(m)
				mu.Lock()
				got[v]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if got[OK] != 1 || got[Replayed] != 399 {
		t.Error(got)
	}
}

// TestVectors holds the examples of RFC 2617 section 3.5 and RFC 7616 section 3.9.1.
func TestVectors(t *testing.T) {
	rfc2617 := credentials{
		username: "Mufasa", realm: "testrealm@host.com", nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
		uri: "/dir/index.html", qop: "auth", nc: "00000001", cnonce: "0a4f113b",
	}
	rfc7616 := credentials{
		username: "Mufasa", realm: "http-auth@example.org", nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
		uri: "/dir/index.html", qop: "auth", nc: "00000001", cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
	}
	for _, c := range []struct {
		name     string
		alg      Algorithm
		cred     credentials
		password string
		want     string
	}{
		{"RFC 2617 MD5", MD5, rfc2617, "Circle Of Life", "6629fae49393a05397450978507c4ef1"},
		{"RFC 7616 MD5", MD5, rfc7616, "Circle of Life", "8ca523f5e9506fed4657c9700eebdbec"},
		{"RFC 7616 SHA-256", SHA256, rfc7616, "Circle of Life", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := response(c.alg, c.password, "GET", &c.cred); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestClient(t *testing.T) {
	d, _ := newDigest(t, nil)
	c := NewClient("k3j4h5", "guess")
	if name, _, err := c.Authorize(message.REGISTER, "sip:x"); name != "" || err != nil {
		t.Error("answer without a challenge")
	}
	if err := c.Challenged(challenged(t, d, false, false)); err != nil {
		t.Fatal(err)
	}
	authorize(t, c, "sip:"+realm)
	if err := c.Challenged(challenged(t, d, false, false)); err != ErrRefused {
		t.Errorf("got %v, want ErrRefused", err)
	}
	answer := func(challenge string) (string, error) {
		c := NewClient("u", "p")
		res, err := message.Parse(message.NewResponse(request(t, "", ""), 401, "", "t").Add("WWW-Authenticate", challenge).Finish("", nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Challenged(res); err != nil {
			return "", err
		}
		_, v, err := c.Authorize(message.REGISTER, "sip:x")
		return v, err
	}
	if v, err := answer(`Digest realm="r", nonce="n"`); err != nil || strings.Contains(v, "qop") || strings.Contains(v, "algorithm") {
		t.Errorf("challenge of RFC 2069: %q %v", v, err)
	}
	if v, err := answer(`Digest realm="r\"x", nonce="n", qop="auth-int, auth", opaque="o", algorithm=MD5`); err != nil ||
		!strings.Contains(v, `realm="r\"x"`) || !strings.Contains(v, "qop=auth,") || !strings.Contains(v, `opaque="o"`) {
		t.Errorf("%q %v", v, err)
	}
	for _, bad := range []string{`Digest realm="r", nonce="n", qop="auth-int"`, `Digest realm="r"`, `Basic realm="r"`, `Digest realm="r", nonce="n", algorithm=X`} {
		if _, err := answer(bad); err != ErrNoChallenge {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"realm", func(c *Config) { c.Realm = `a"b` }, "realm"},
		{"key", func(c *Config) { c.Key = nil }, "key"},
		{"accounts", func(c *Config) { c.Accounts = nil }, "accounts"},
		{"lifetime", func(c *Config) { c.NonceLifetime = -1 }, "lifetime"},
		{"algorithm", func(c *Config) { c.Algorithms = []Algorithm{9} }, "algorithm"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{Realm: realm, Key: make([]byte, 16), Accounts: book{}}
			c.change(&cfg)
			if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func FuzzCredentials(f *testing.F) {
	corpus.Add(f)
	f.Add(` username="a", realm="b\"c", nonce=n, uri="sip:x", response="00", algorithm=MD5, qop=auth, nc=00000001, cnonce="x"`)
	f.Add(`,,a=b,`)
	f.Add(`a="`)
	f.Fuzz(func(t *testing.T, s string) {
		var c credentials
		if !c.parse(s) {
			return
		}
		for _, v := range []string{c.username, c.realm, c.nonce, c.uri, c.response, c.cnonce} {
			if len(v) > maxParam || len(v) > len(s) {
				t.Fatalf("value of %d bytes from %d", len(v), len(s))
			}
		}
		again := credentials{}
		if !again.parse("username=" + message.Quote(c.username)) {
			t.Fatal("quoted value is not read back")
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	for _, alg := range []Algorithm{MD5, SHA256} {
		b.Run(alg.String(), func(b *testing.B) {
			d, _ := newDigest(b, func(c *Config) { c.Algorithms = []Algorithm{alg} })
			m := authorize(b, client(b, d, "k3j4h5", "secret", false), "sip:"+realm)
			b.ReportAllocs()
			for b.Loop() {
				if _, v := d.Check(m); v != OK && v != Replayed {
					b.Fatal(v)
				}
			}
		})
	}
}

func BenchmarkChallenge(b *testing.B) {
	d, _ := newDigest(b, nil)
	req := request(b, "", "")
	b.ReportAllocs()
	for b.Loop() {
		r := message.NewResponse(req, 401, "", "tag")
		d.Challenge(r, false, false)
		r.Finish("", nil)
	}
}
