package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
)

// demux gives a DTLS peer its records of a socket that carries RTP and STUN too.
type demux struct {
	*net.UDPConn
	rtp chan []byte
}

func (d demux) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, addr, err := d.UDPConn.ReadFrom(b)
		if err == nil && n > 0 && b[0] >= 128 {
			d.rtp <- bytes.Clone(b[:n])
			continue
		}
		return n, addr, err
	}
}

// Close leaves the socket open for the next handshake.
func (d demux) Close() error { return d.SetReadDeadline(time.Unix(1, 0)) }

// browser shakes hands as the far end does, with an independent certificate.
type browser struct {
	t    testing.TB
	id   *identity
	conn demux
}

func newBrowser(t testing.TB, f *phone) *browser {
	t.Helper()
	id, err := newIdentity(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, id: id, conn: demux{f.rtp, make(chan []byte, 64)}}
}

// shake makes a handshake with the endpoint; want is the certificate that it is to show.
func (b *browser) shake(to netip.AddrPort, client bool, want [32]byte, profiles ...dtls.SRTPProtectionProfile) (exportedKeys, *dtls.Conn, error) {
	verify := func(certs [][]byte, _ [][]*x509.Certificate) error {
		if sha256.Sum256(certs[0]) != want {
			return errFingerprint
		}
		return nil
	}
	quiet := &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}
	if profiles == nil {
		profiles = []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80, dtls.SRTP_AEAD_AES_128_GCM}
	}
	_ = b.conn.SetReadDeadline(time.Time{})
	var conn *dtls.Conn
	var err error
	if client {
		conn, err = dtls.ClientWithOptions(b.conn, net.UDPAddrFromAddrPort(to), dtls.WithCertificates(b.id.cert), dtls.WithInsecureSkipVerify(true),
			dtls.WithVerifyPeerCertificate(verify), dtls.WithSRTPProtectionProfiles(profiles...), dtls.WithLoggerFactory(quiet), dtls.WithFlightInterval(100*time.Millisecond))
	} else {
		conn, err = dtls.ServerWithOptions(b.conn, net.UDPAddrFromAddrPort(to), dtls.WithCertificates(b.id.cert), dtls.WithClientAuth(dtls.RequireAnyClientCert),
			dtls.WithVerifyPeerCertificate(verify), dtls.WithSRTPProtectionProfiles(profiles...), dtls.WithLoggerFactory(quiet), dtls.WithFlightInterval(100*time.Millisecond))
	}
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return exportedKeys{}, nil, err
	}
	b.t.Cleanup(func() { _ = conn.Close() })
	keys, err := export(conn, client)
	return keys, conn, err
}

func TestHandshake(t *testing.T) {
	for _, c := range []struct {
		name     string
		client   bool // the browser is
		ice      bool
		profiles []dtls.SRTPProtectionProfile
		want     Suite
	}{
		{"browser begins", true, true, nil, AESGCM128},
		{"we begin", false, true, nil, AESCM80}, // its server's preference counts
		{"no ICE", true, false, nil, AESGCM128},
		{"we begin without ICE", false, false, nil, AESCM80},
		{"AES-CM only", true, true, []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80}, AESCM80},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := startPlane(t, nil)
			a, b, fa, fb := call(t, p)
			web := newBrowser(t, fa)
			s := Security{DTLS: &DTLS{Client: !c.client, Fingerprint: web.id.fingerprint}}
			us := testICE()
			if c.ice {
				s.ICE = &us
			}
			mustSecure(t, a, s)
			if c.ice {
				fa.send(fa.rtp, a.Local(), checkOf(t, us, useCandidate))
				fa.read(fa.rtp)
			}
			keys, _, err := web.shake(a.Local(), c.client, p.Fingerprint(), c.profiles...)
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "the keys are there", func() bool { return a.Stats().Suite != 0 })
			theirs, ours := cipher(t, keys.out), cipher(t, keys.in)
			mustSecure(t, a, s) // a session refresh changes nothing
			pkt := rtpPacket(8, 1, 0, 1, 'x')
			fa.send(fa.rtp, a.Local(), sealRTP(t, theirs, pkt))
			fb.expect(fb.rtp, b.Local(), pkt)
			fb.send(fb.rtp, b.Local(), pkt)
			if plain, err := ours.DecryptRTP(nil, <-web.conn.rtp, nil); err != nil || !bytes.Equal(plain, pkt) {
				t.Fatalf("%x %v", plain, err)
			}
			if st := a.Stats(); st.Suite != c.want || !st.DTLS {
				t.Errorf("%s, DTLS %v", st.Suite, st.DTLS)
			}
			eventually(t, "the handshake's goroutine ends", func() bool { return p.shakes.under.Load() == 0 })
		})
	}
}

func TestHandshakeWithAnother(t *testing.T) {
	p := startPlane(t, nil)
	a, b, fa, fb := call(t, p)
	web := newBrowser(t, fa)
	other := web.id.fingerprint
	other[0] ^= 1
	mustSecure(t, a, Security{DTLS: &DTLS{Fingerprint: other}})
	if _, _, err := web.shake(a.Local(), true, p.Fingerprint()); err == nil {
		t.Error("the handshake succeeded with a certificate that was not announced")
	}
	eventually(t, "the failure is counted", func() bool { return a.Stats().Dropped[DropHandshake] > 0 })
	if st := a.Stats(); st.Suite != 0 {
		t.Errorf("there are keys: %s", st.Suite)
	}
	fb.send(fb.rtp, b.Local(), rtpPacket(8, 1, 0, 1)) // nothing leaves without keys
	eventually(t, "it is dropped", func() bool { return a.Stats().Dropped[DropKey] == 1 })
	// Announced rightly, the same browser succeeds.
	mustSecure(t, a, Security{DTLS: &DTLS{Fingerprint: web.id.fingerprint}})
	if _, _, err := web.shake(a.Local(), true, p.Fingerprint()); err != nil {
		t.Error(err)
	}
}

// TestStrangersShakeNoHands sends records from where the remote is not.
func TestStrangersShakeNoHands(t *testing.T) {
	p := startPlane(t, nil)
	a, _, fa, _ := call(t, p)
	us := testICE()
	mustSecure(t, a, Security{DTLS: &DTLS{}, ICE: &us})
	hello := make([]byte, 60)
	hello[0], hello[1], hello[2], hello[13] = 22, 254, 255, 1
	fa.send(fa.rtp, a.Local(), hello)
	eventually(t, "it is dropped", func() bool { return a.Stats().Dropped[DropSource] == 1 })
	if p.shakes.under.Load() != 0 {
		t.Error("a stranger began a handshake")
	}
}

func TestHandshakesAreBounded(t *testing.T) {
	var s shakes
	n := 0
	for range 3 * handshakeRate {
		if s.take(0) {
			n++
		}
	}
	if n != handshakeRate {
		t.Errorf("%d in one second", n)
	}
	for i := range 100 {
		for s.take(time.Duration(i+1) * time.Second) {
			n++
		}
	}
	if n != maxHandshakes {
		t.Errorf("%d at once", n)
	}
	a := &association{e: &Endpoint{plane: &Plane{}}, attempts: maxAttempts}
	if a.begin(netip.AddrPort{}, 0) {
		t.Error("one association tries without end")
	}
}

// TestCloseDuringHandshake closes everything while a handshake waits for an answer.
func TestCloseDuringHandshake(t *testing.T) {
	p := startPlane(t, nil)
	a, _, _, _ := call(t, p)
	mustSecure(t, a, Security{DTLS: &DTLS{Client: true}})
	eventually(t, "the handshake begins", func() bool { return p.shakes.under.Load() == 1 })
	a.Close()
	eventually(t, "it ends", func() bool { return p.shakes.under.Load() == 0 })
}

// TestHandshakeFollowsThePair lets the remote begin on one pair and nominate another before it has an answer.
func TestHandshakeFollowsThePair(t *testing.T) {
	p := startPlane(t, nil)
	a, _, fa, _ := call(t, p)
	second := newPhone(t, localhost)
	web := newBrowser(t, second)
	us := testICE()
	mustSecure(t, a, Security{DTLS: &DTLS{Fingerprint: web.id.fingerprint}, ICE: &us})
	fa.send(fa.rtp, a.Local(), checkOf(t, us, useCandidate))
	fa.read(fa.rtp)
	hello := make([]byte, 60) // begins a handshake, and is then no sensible record
	hello[0], hello[1], hello[2], hello[13] = 22, 254, 255, 1
	fa.send(fa.rtp, a.Local(), hello)
	eventually(t, "a handshake begins", func() bool { return p.shakes.under.Load() == 1 })
	second.send(second.rtp, a.Local(), checkOf(t, us, useCandidate))
	second.read(second.rtp)
	if _, _, err := web.shake(a.Local(), true, p.Fingerprint()); err != nil {
		t.Fatal(err)
	}
	if st := a.Stats(); st.Dropped[DropHandshake] != 0 {
		t.Errorf("dropped %v", st.Dropped)
	}
}
