package media

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v3"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

// checkOf makes a connectivity check with an independent implementation.
func checkOf(t testing.TB, i ICE, more ...stun.Setter) []byte {
	t.Helper()
	set := append([]stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(i.Ufrag + ":" + i.RemoteUfrag)}, more...)
	m, err := stun.Build(append(set, stun.NewShortTermIntegrity(i.Password), stun.Fingerprint)...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

// attr is an attribute without meaning of its own.
type attr struct {
	kind  stun.AttrType
	value []byte
}

func (a attr) AddTo(m *stun.Message) error {
	m.Add(a.kind, a.value)
	return nil
}

var (
	controlling  = attr{stun.AttrICEControlling, make([]byte, 8)}
	controlled   = attr{stun.AttrICEControlled, make([]byte, 8)}
	useCandidate = attr{stun.AttrUseCandidate, nil}
	priority     = attr{stun.AttrPriority, []byte{110, 0, 1, 255}}
)

func testICE() ICE {
	i := NewICE()
	i.RemoteUfrag = "Yv5p"
	return i
}

func TestConnectivityChecks(t *testing.T) {
	us, them := testICE(), testICE()
	flip := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 1
		return b
	}
	whole := checkOf(t, us, priority, controlling)
	withoutIntegrity, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(us.Ufrag+":"+us.RemoteUfrag), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	withoutFingerprint, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(us.Ufrag+":"+us.RemoteUfrag), stun.NewShortTermIntegrity(us.Password))
	if err != nil {
		t.Fatal(err)
	}
	indication, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodBinding, stun.ClassIndication), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	otherName, otherPassword := us, us
	otherName.RemoteUfrag, otherPassword.Password = "other", them.Password
	for _, c := range []struct {
		name   string
		b      []byte
		drop   Drop
		code   int // of the response; 0: success, -1: none
		target bool
	}{
		{"check", whole, relayed, 0, true},
		{"nomination", checkOf(t, us, controlling, useCandidate), relayed, 0, true},
		{"role conflict", checkOf(t, us, priority, controlled), relayed, 487, false},
		{"unknown attribute", checkOf(t, us, attr{0x7fff, []byte{1, 2, 3}}), relayed, 420, false},
		{"unknown but optional", checkOf(t, us, attr{0xC057, []byte{1, 2, 3, 4}}), relayed, 0, true},
		{"keep-alive", indication.Raw, relayed, -1, false},
		{"other credentials", checkOf(t, them), DropAuth, -1, false},
		{"other user", checkOf(t, otherName), DropAuth, -1, false},
		{"other password", checkOf(t, otherPassword), DropAuth, -1, false},
		{"no integrity", withoutIntegrity.Raw, DropAuth, -1, false},
		{"no fingerprint", withoutFingerprint.Raw, DropMalformed, -1, false},
		{"changed on the way", flip(whole, 45), DropMalformed, -1, false},
		{"cut off", whole[:len(whole)-4], DropMalformed, -1, false},
		{"length", flip(whole, 3), DropMalformed, -1, false},
		{"a response", flip(whole, 0), DropMalformed, -1, false},
		{"header only", whole[:20], DropMalformed, -1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAgent(us)
			src := netip.MustParseAddrPort("192.0.2.7:4711")
			answer, changed, drop := a.check(bytes.Clone(c.b), src, 0)
			if drop != c.drop || changed != c.target || (a.target() == src) != c.target || (answer == nil) != (c.code < 0) {
				t.Fatalf("%s, changed %v, target %s, answer %x", drop, changed, a.target(), answer)
			}
			if answer == nil {
				return
			}
			m := &stun.Message{Raw: bytes.Clone(answer)}
			if err := m.Decode(); err != nil {
				t.Fatal(err)
			}
			if err := stun.NewShortTermIntegrity(us.Password).Check(m); err != nil {
				t.Error(err)
			}
			if err := stun.Fingerprint.Check(m); err != nil {
				t.Error(err)
			}
			if !bytes.Equal(m.TransactionID[:], c.b[8:20]) {
				t.Error("answers another transaction")
			}
			if c.code == 0 {
				var x stun.XORMappedAddress
				if err := x.GetFrom(m); err != nil || x.String() != src.String() || m.Type != stun.BindingSuccess {
					t.Errorf("%s %v %v", x, m.Type, err)
				}
				return
			}
			var code stun.ErrorCodeAttribute
			if err := code.GetFrom(m); err != nil || int(code.Code) != c.code || m.Type != stun.BindingError {
				t.Errorf("%v %v %v", code, m.Type, err)
			}
		})
	}
}

func TestCheckOverIPv6(t *testing.T) {
	us := testICE()
	src := netip.MustParseAddrPort("[2001:db8::7]:4711")
	answer, _, _ := newAgent(us).check(checkOf(t, us), src, 0)
	m := &stun.Message{Raw: answer}
	if err := m.Decode(); err != nil {
		t.Fatal(err)
	}
	var x stun.XORMappedAddress
	if err := x.GetFrom(m); err != nil || x.String() != src.String() {
		t.Errorf("%s %v", x, err)
	}
}

func TestChecksAreBounded(t *testing.T) {
	us := testICE()
	a := newAgent(us)
	b := checkOf(t, us)
	first := netip.MustParseAddrPort("192.0.2.7:1000")
	if _, _, drop := a.check(checkOf(t, us, useCandidate), first, 0); drop != relayed {
		t.Fatal(drop)
	}
	for i := range uint16(maxChecks - 1) {
		if _, _, drop := a.check(b, netip.AddrPortFrom(first.Addr(), 2000+i), 0); drop != relayed {
			t.Fatal(drop)
		}
	}
	if len(a.valid) != maxPairs || a.target() != first || !a.admits(first) {
		t.Errorf("%d sources, target %s", len(a.valid), a.target())
	}
	if _, _, drop := a.check(b, first, time.Second-1); drop != DropRate {
		t.Error(drop)
	}
	if _, _, drop := a.check(b, first, time.Second); drop != relayed {
		t.Error(drop)
	}
}

// TestMediaFollowsTheNomination lets the remote move between two sources.
func TestMediaFollowsTheNomination(t *testing.T) {
	p := startPlane(t, nil)
	a, b, fa, fb := call(t, p)
	k := Security{In: NewKeys(AESCM80), Out: NewKeys(AESCM80)}
	us := testICE()
	k.ICE = &us
	mustSecure(t, a, k)
	theirs, ours := cipher(t, k.In), cipher(t, k.Out)
	first, second := newPhone(t, localhost), newPhone(t, localhost)

	fb.send(fb.rtp, b.Local(), rtpPacket(8, 1, 0, 2)) // nobody has shown where he is: to nowhere
	fa.send(fa.rtp, a.Local(), sealRTP(t, theirs, rtpPacket(8, 1, 0, 1)))
	eventually(t, "both are dropped", func() bool {
		return a.Stats().Dropped[DropUnbridged] == 1 && a.Stats().Dropped[DropSource] == 1
	})
	for i, f := range []*phone{first, second} {
		f.send(f.rtp, a.Local(), checkOf(t, us, useCandidate))
		if m := f.read(f.rtp); binary.BigEndian.Uint16(m) != stunSuccess {
			t.Fatalf("%x", m)
		}
		pkt := rtpPacket(8, uint16(10+i), 0, 1, 'x')
		f.send(f.rtp, a.Local(), sealRTP(t, theirs, pkt))
		fb.expect(fb.rtp, b.Local(), pkt)
		back := rtpPacket(8, uint16(10+i), 0, 2, 'y')
		fb.send(fb.rtp, b.Local(), back)
		if plain, err := ours.DecryptRTP(nil, f.read(f.rtp), nil); err != nil || !bytes.Equal(plain, back) {
			t.Fatalf("%x %v", plain, err)
		}
		if st := a.Stats(); st.Source != addrOf(f.rtp) {
			t.Errorf("source %s", st.Source)
		}
		a.SetRemote(fa.remote()) // a re-INVITE with another address changes nothing
	}
	// RTCP shares the port.
	rr := report(t)
	fb.send(fb.rtcp, b.LocalRTCP(), rr)
	if plain, err := ours.DecryptRTCP(nil, second.read(second.rtp), nil); err != nil || !bytes.Equal(plain, rr) {
		t.Fatalf("%x %v", plain, err)
	}
}

func FuzzSTUN(f *testing.F) {
	corpus.Add(f)
	us := ICE{Ufrag: "abcdefgh", Password: "0123456789012345678901", RemoteUfrag: "remote"}
	f.Add(checkOf(f, us, priority, controlling))
	f.Add(checkOf(f, us, useCandidate))
	f.Add(checkOf(f, us, attr{0x7fff, []byte{1, 2, 3}}))
	f.Add([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		answer, _, drop := newAgent(us).check(b, netip.MustParseAddrPort("192.0.2.7:4711"), 0)
		if !bytes.Equal(b, before) {
			t.Fatal("changes what it reads")
		}
		if answer != nil {
			m := &stun.Message{Raw: answer}
			if err := m.Decode(); err != nil || drop != relayed {
				t.Fatalf("%x: %v", answer, err)
			}
		}
	})
}
