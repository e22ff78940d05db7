package media

import (
	"bytes"
	"net"
	"testing"

	"github.com/pion/srtp/v3"
)

// cipher is the far end's side of one key: pion used directly, not through the code under test.
func cipher(t testing.TB, k Keys) *srtp.Context {
	t.Helper()
	info := k.Suite.info()
	c, err := srtp.CreateContext(k.Secret[:info.key], k.Secret[info.key:], info.profile, srtp.SRTPReplayProtection(64))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sealRTP(t testing.TB, c *srtp.Context, b []byte) []byte {
	t.Helper()
	out, err := c.EncryptRTP(nil, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func mustSecure(t testing.TB, e *Endpoint, s Security) {
	t.Helper()
	if err := e.Secure(s); err != nil {
		t.Fatal(err)
	}
}

// read takes one datagram.
func (f *phone) read(c *net.UDPConn) []byte {
	f.t.Helper()
	b := make([]byte, 2048)
	n, _, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		f.t.Fatal(err)
	}
	return b[:n]
}

// secureCall is a call whose side a is protected.
func secureCall(t testing.TB, suite Suite) (s Security, a, b *Endpoint, fa, fb *phone) {
	t.Helper()
	a, b, fa, fb = call(t, startPlane(t, nil))
	s = Security{In: NewKeys(suite), Out: NewKeys(suite)}
	mustSecure(t, a, s)
	return s, a, b, fa, fb
}

func TestSecureToPlain(t *testing.T) {
	for suite := AESCM80; suite < suites; suite++ {
		t.Run(suite.String(), func(t *testing.T) {
			s, a, b, fa, fb := secureCall(t, suite)
			theirs, ours := cipher(t, s.In), cipher(t, s.Out)
			for seq := uint16(65530); seq != 10; seq++ { // over the wrap, so that the rollover counter counts
				pkt := rtpPacket(8, seq, 0, 1, []byte("spoken")...)
				fa.send(fa.rtp, a.Local(), sealRTP(t, theirs, pkt))
				fb.expect(fb.rtp, b.Local(), pkt)
				fb.send(fb.rtp, b.Local(), pkt)
				got := fa.read(fa.rtp)
				if bytes.Contains(got, []byte("spoken")) {
					t.Fatal("sent in the clear")
				}
				if plain, err := ours.DecryptRTP(nil, got, nil); err != nil || !bytes.Equal(plain, pkt) {
					t.Fatalf("%x, %v", plain, err)
				}
			}
			rr := report(t)
			sealed, err := theirs.EncryptRTCP(nil, rr, nil)
			if err != nil {
				t.Fatal(err)
			}
			fa.send(fa.rtcp, a.LocalRTCP(), sealed)
			fb.expect(fb.rtcp, b.LocalRTCP(), rr)
			fb.send(fb.rtcp, b.LocalRTCP(), rr)
			if plain, err := ours.DecryptRTCP(nil, fa.read(fa.rtcp), nil); err != nil || !bytes.Equal(plain, rr) {
				t.Fatalf("RTCP: %x, %v", plain, err)
			}
			if st := a.Stats(); st.Suite != suite || st.Packets != 16 || st.Bytes != 16*18 || st.Sent != 16 || st.SentBytes != 16*18 {
				t.Errorf("%+v", st)
			}
			if st := b.Stats(); st.Suite != 0 {
				t.Errorf("the plain side says %s", st.Suite)
			}
		})
	}
}

// TestForged sends what does not belong to the call from the remote's own address.
func TestForged(t *testing.T) {
	for suite := AESCM80; suite < suites; suite++ {
		t.Run(suite.String(), func(t *testing.T) {
			s, a, b, fa, fb := secureCall(t, suite)
			theirs, wrong := cipher(t, s.In), cipher(t, NewKeys(suite))
			good := func(seq uint16) {
				t.Helper()
				pkt := rtpPacket(8, seq, 0, 1, 'x')
				fa.send(fa.rtp, a.Local(), sealRTP(t, theirs, pkt))
				fb.expect(fb.rtp, b.Local(), pkt)
			}
			good(1)
			replay := sealRTP(t, theirs, rtpPacket(8, 2, 0, 1, 'y'))
			fa.send(fa.rtp, a.Local(), replay)
			fb.expect(fb.rtp, b.Local(), rtpPacket(8, 2, 0, 1, 'y'))
			flipped := bytes.Clone(sealRTP(t, theirs, rtpPacket(8, 3, 0, 1, 'z')))
			flipped[12] ^= 1
			other := sealRTP(t, theirs, rtpPacket(8, 1, 0, 99, 'z'))
			other[11]++ // an SSRC that has no state
			for _, b := range [][]byte{
				replay, replay,
				flipped, sealRTP(t, wrong, rtpPacket(8, 4, 0, 1, 'w')), rtpPacket(8, 5, 0, 1, make([]byte, 80)...), other,
				flipped[:13],
			} {
				fa.send(fa.rtp, a.Local(), b)
			}
			good(6)
			st := a.Stats()
			if st.Packets != 3 || st.Dropped[DropReplay] != 2 || st.Dropped[DropAuth] != 4 || b.Stats().Sent != 3 {
				t.Errorf("packets %d, dropped %v, sent on %d", st.Packets, st.Dropped, b.Stats().Sent)
			}
		})
	}
}

// TestProofBeforeLatch lets a stranger speak first: he is never heard, and the remote, behind
// a NAT, is with its first packet.
func TestProofBeforeLatch(t *testing.T) {
	s, a, b, fa, fb := secureCall(t, AESCM80)
	fa.send(fa.rtp, a.Local(), []byte{0x80, 8}) // too short, whoever sends it
	stranger, nat := newPhone(t, localhost), newPhone(t, localhost)
	wrong, theirs := cipher(t, NewKeys(AESCM80)), cipher(t, s.In)
	for seq := range uint16(10) {
		stranger.send(stranger.rtp, a.Local(), sealRTP(t, wrong, rtpPacket(8, seq, 0, 7)))
		stranger.send(stranger.rtp, a.Local(), rtpPacket(8, seq, 0, 8, make([]byte, 20)...))
	}
	pkt := rtpPacket(8, 1, 0, 1, 'x')
	nat.send(nat.rtp, a.Local(), sealRTP(t, theirs, pkt))
	fb.expect(fb.rtp, b.Local(), pkt)
	if st := a.Stats(); st.Source != addrOf(nat.rtp) || st.Dropped[DropAuth] != 20 || st.Dropped[DropMalformed] != 1 {
		t.Errorf("source %s, dropped %v", st.Source, st.Dropped)
	}
	stranger.send(stranger.rtp, a.Local(), sealRTP(t, theirs, rtpPacket(8, 2, 0, 1)))
	nat.send(nat.rtp, a.Local(), sealRTP(t, theirs, rtpPacket(8, 3, 0, 1)))
	fb.expect(fb.rtp, b.Local(), rtpPacket(8, 3, 0, 1))
	if st := a.Stats(); st.Dropped[DropSource] != 1 {
		t.Errorf("dropped %v", st.Dropped)
	}
}

func TestRekey(t *testing.T) {
	for _, suite := range []Suite{AESCM80, AESGCM128} {
		t.Run(suite.String(), func(t *testing.T) {
			s, a, b, fa, fb := secureCall(t, suite)
			before := cipher(t, s.In)
			seq := uint16(0)
			good := func(c *srtp.Context) {
				t.Helper()
				seq++
				pkt := rtpPacket(8, seq, 0, 1, 'x')
				fa.send(fa.rtp, a.Local(), sealRTP(t, c, pkt))
				fb.expect(fb.rtp, b.Local(), pkt)
			}
			good(before)
			repeated := sealRTP(t, before, rtpPacket(8, 77, 0, 1))
			fa.send(fa.rtp, a.Local(), repeated)
			fb.expect(fb.rtp, b.Local(), rtpPacket(8, 77, 0, 1))
			mustSecure(t, a, s) // the same keys again: the counters go on
			good(before)
			s.In = NewKeys(suite)
			mustSecure(t, a, s)
			good(before) // still under way with the old key
			fa.send(fa.rtp, a.Local(), repeated)
			after := cipher(t, s.In)
			good(after)
			late := sealRTP(t, before, rtpPacket(8, 900, 0, 1))
			fa.send(fa.rtp, a.Local(), late)
			good(after)
			if st := a.Stats(); st.Dropped[DropReplay] != 1 || st.Dropped[DropAuth] != 1 {
				t.Errorf("dropped %v", st.Dropped)
			}
		})
	}
}

func TestSourcesOfAKeyAreBounded(t *testing.T) {
	c, err := newCryptor(NewKeys(AESCM80))
	if err != nil {
		t.Fatal(err)
	}
	theirs := cipher(t, c.keys)
	for ssrc := range uint32(2 * maxSources) {
		b := sealRTP(t, theirs, rtpPacket(8, 1, 0, ssrc))
		if _, drop := c.open(rtpSocket, nil, b); (drop == relayed) != (ssrc < maxSources) {
			t.Fatalf("source %d: %s", ssrc, drop)
		}
	}
	if _, drop := c.open(rtpSocket, nil, sealRTP(t, theirs, rtpPacket(8, 2, 0, 3))); drop != relayed {
		t.Errorf("a known source: %s", drop)
	}
}

func TestSecureFaults(t *testing.T) {
	e := mustOpen(t, startPlane(t, nil), Options{})
	good := NewKeys(AESCM80)
	for _, c := range []struct {
		name string
		s    Security
	}{
		{"one direction", Security{In: good}},
		{"other direction", Security{Out: good}},
		{"short", Security{In: Keys{AESCM80, good.Secret[:29]}, Out: good}},
		{"other suite's length", Security{In: good, Out: Keys{AESGCM256, good.Secret}}},
		{"unknown suite", Security{In: Keys{suites, good.Secret}, Out: good}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := e.Secure(c.s); err == nil {
				t.Error("accepted")
			}
		})
	}
	if s := good.String(); s != "AES_CM_128_HMAC_SHA1_80 ***" {
		t.Errorf("printed as %s", s)
	}
}

// BenchmarkRelaySecure is BenchmarkRelay with both sides protected; the far end's own work
// of protecting is not measured.
func BenchmarkRelaySecure(b *testing.B) {
	for suite := AESCM80; suite < suites; suite++ {
		b.Run(suite.String(), func(b *testing.B) {
			p, l, in, targets := relayRig(b, 1)
			k := NewKeys(suite)
			for i := range p.table {
				if e := p.table[i].Load(); e != nil {
					mustSecure(b, e, Security{In: k, Out: k})
				}
			}
			packets := make([][]byte, 1<<16)
			c := cipher(b, k)
			for i := range packets {
				packets[i] = sealRTP(b, c, rtpPacket(8, uint16(i), 0, 1, make([]byte, 160)...))
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range min(b.N, 1<<16) {
				relayOne(b, l, in, packets[i], &targets[0], 1)
			}
			b.StopTimer()
			if tot := p.Totals(); tot.RTP < uint64(min(b.N, 1<<16)) {
				b.Fatalf("relayed %d of %d: %v", tot.RTP, b.N, tot.Dropped)
			}
		})
	}
}

// BenchmarkCrypto opens and seals one packet of 20 ms G.711, without any socket.
func BenchmarkCrypto(b *testing.B) {
	for suite := AESCM80; suite < suites; suite++ {
		b.Run(suite.String(), func(b *testing.B) { benchCrypto(b, suite) })
	}
}

func benchCrypto(b *testing.B, suite Suite) {
	k := NewKeys(suite)
	in, err := newCryptor(k)
	if err != nil {
		b.Fatal(err)
	}
	out, err := newCryptor(k)
	if err != nil {
		b.Fatal(err)
	}
	pkt, buf := rtpPacket(8, 0, 0, 1, make([]byte, 160)...), make([]byte, 0, 400)
	b.ReportAllocs()
	seq := uint16(0)
	for b.Loop() {
		seq++
		pkt[2], pkt[3] = byte(seq>>8), byte(seq)
		sealed, drop := out.seal(rtpSocket, buf, pkt)
		if drop != relayed {
			b.Fatal(drop)
		}
		if _, drop = in.open(rtpSocket, sealed[:0], sealed); drop != relayed {
			b.Fatal(drop)
		}
	}
}

func TestCryptoAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("sync.Pool forgets things at random under the race detector")
	}
	for suite := AESCM80; suite < suites; suite++ {
		t.Run(suite.String(), func(t *testing.T) {
			k := NewKeys(suite)
			in, _ := newCryptor(k)
			out, _ := newCryptor(k)
			pkt, buf := rtpPacket(8, 0, 0, 1, make([]byte, 160)...), make([]byte, 0, 400)
			seq := uint16(0)
			n := testing.AllocsPerRun(1000, func() {
				seq++
				pkt[2], pkt[3] = byte(seq>>8), byte(seq)
				sealed, _ := out.seal(rtpSocket, buf, pkt)
				if _, drop := in.open(rtpSocket, sealed[:0], sealed); drop != relayed {
					t.Fatal(drop)
				}
			})
			if n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
