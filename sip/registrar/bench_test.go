package registrar_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/registrar"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// fixed has the accounts of a snapshot, computed beforehand.
type fixed map[string]*auth.Account

func (f fixed) Account(name string) *auth.Account { return f[name] }

// fleet registers users by bytes alone.
type fleet struct {
	r     *registrar.Registrar
	flows []*transport.Flow
	link  *sink
	nonce string
	nc    int // uses of the nonce
	cseq  int
}

func newFleet(tb testing.TB, users int) *fleet {
	acc := fixed{}
	f := &fleet{link: &sink{}}
	for i := range users {
		name := fmt.Sprintf("u%06dq7kx", i)
		a := &auth.Account{SlotID: fmt.Sprintf("01JDSLOT%018d", i), UserID: "x", Username: name}
		a.HA1MD5, a.HA1SHA256 = auth.HA1(name, domain, password)
		acc[name] = a
		f.flows = append(f.flows, transport.NewFlow(f.link, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 5060)))
	}
	digest, err := auth.New(auth.Config{Realm: domain, Key: []byte("0123456789abcdef"), Accounts: acc, Algorithms: []auth.Algorithm{auth.MD5}})
	if err != nil {
		tb.Fatal(err)
	}
	if f.r, err = registrar.New(registrar.Config{Domain: domain, Auth: digest}); err != nil {
		tb.Fatal(err)
	}
	return f
}

// request is a REGISTER of a user with a digest not used before.
func (f *fleet) request(i int) []byte {
	f.nc++
	f.cseq++
	from := f.flows[i].Remote()
	name := fmt.Sprintf("u%06dq7kx", i)
	b := message.NewRequest(message.REGISTER, "sip:"+domain).
		Add("Via", fmt.Sprintf("SIP/2.0/UDP %s;branch=z9hG4bK%d;rport=5060;received=%s", from, f.cseq, from.Addr())).
		Add("From", fmt.Sprintf("<sip:%s@%s>;tag=%d", name, domain, f.cseq)).Add("To", fmt.Sprintf("<sip:%s@%s>", name, domain)).
		Add("Call-ID", fmt.Sprintf("%032d@%s", i, from.Addr())).Add("CSeq", fmt.Sprint(f.cseq, " REGISTER")).Add("Max-Forwards", "70").
		Add("Contact", fmt.Sprintf(`<sip:%s@%s>;+sip.instance="<urn:uuid:00000000-0000-0000-0000-%012d>"`, name, from, i)).
		Add("Expires", "300").Add("User-Agent", "snomD785/10.1.148.1").Add("Allow", "INVITE, ACK, CANCEL, BYE, REFER, OPTIONS, NOTIFY")
	if f.nonce != "" {
		b.Add("Authorization", siptest.Digest(f.nonce, message.REGISTER, "sip:"+domain, name, password, f.nc))
	}
	return b.Finish("", nil)
}

// send registers a user, with a new challenge when the nonce has been used up.
func (f *fleet) send(tb testing.TB, i int) {
	if f.nonce == "" || f.nc == 200 {
		f.nonce = ""
		f.receive(tb, f.request(i), i, 401)
		m, err := message.Parse(bytes.Clone(f.link.last))
		if err != nil {
			tb.Fatal(err)
		}
		f.nonce, f.nc = m.Header(message.HWWWAuthenticate), 0
	}
	f.receive(tb, f.request(i), i, 200)
}

func (f *fleet) receive(tb testing.TB, b []byte, i, want int) {
	m, err := message.Parse(b)
	if err != nil {
		tb.Fatal(err)
	}
	f.r.Receive(transport.Inbound{Msg: m, Flow: f.flows[i]})
	if !bytes.HasPrefix(f.link.last, fmt.Appendf(nil, "SIP/2.0 %d", want)) {
		tb.Fatalf("want %d, got %s", want, f.link.last)
	}
}

// BenchmarkRefresh is a REGISTER with digest (MD5) that refreshes one of 10,000 bindings: parsing, checking,
// table and answer, without the network.
func BenchmarkRefresh(b *testing.B) {
	const users = 10000
	f := newFleet(b, users)
	for i := range users {
		f.send(b, i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; {
		b.StopTimer()
		f.nonce = ""
		f.send(b, done%users)
		batch := make([][]byte, 0, 150)
		for k := range min(150, b.N-done) {
			batch = append(batch, f.request((done+k)%users))
		}
		b.StartTimer()
		for k, raw := range batch {
			m, err := message.Parse(raw)
			if err != nil {
				b.Fatal(err)
			}
			f.r.Receive(transport.Inbound{Msg: m, Flow: f.flows[(done+k)%users]})
		}
		done += len(batch)
	}
	b.StopTimer()
	if s := f.r.Stats(); s.Accepted < uint64(b.N) {
		b.Fatalf("%+v", s)
	}
}

// TestMemory holds a binding, its flow and its strings to the budget of 1.5 KB.
func TestMemory(t *testing.T) {
	const users = 5000
	f := newFleet(t, users)
	f.send(t, 0)
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for range 2 {
		for i := range users {
			f.send(t, i)
		}
	}
	per := (heap() - before) / users
	t.Logf("%d bytes per binding", per)
	if per > 1500 {
		t.Errorf("%d bytes per binding", per)
	}
	runtime.KeepAlive(f)
}
