package sip

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

func TestRefusals(t *testing.T) {
	ok := func(_ *Shard, tx *transaction.Server) { _ = tx.Reply(200, "") }
	for _, tc := range []struct {
		name   string
		req    req
		want   string
		header message.ID
		value  string
	}{
		{name: "taken", req: req{method: "MESSAGE"}, want: "200 MESSAGE"},
		{name: "no handler", req: req{method: "PUBLISH"}, want: "405 PUBLISH", header: message.HAllow, value: "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE"},
		{name: "unknown method", req: req{method: "DANCE"}, want: "501 DANCE", header: message.HAllow, value: "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE"},
		{name: "method of dialogs outside of one", req: req{method: "INFO"}, want: "481 INFO"},
		{name: "method nobody takes outside of a dialog", req: req{method: "UPDATE"}, want: "405 UPDATE"},
		{name: "no hops left", req: req{method: "MESSAGE", extra: "Max-Forwards: 0\n"}, want: "483 MESSAGE"},
		{name: "unknown extension", req: req{method: "MESSAGE", extra: "Require: TIMER, foo, bar\n"}, want: "420 MESSAGE", header: message.HUnsupported, value: "foo, bar"},
		{name: "known extension", req: req{method: "MESSAGE", extra: "Require: TIMER\n"}, want: "200 MESSAGE"},
		{name: "scheme", req: req{method: "MESSAGE", uri: "http://example.com"}, want: "416 MESSAGE"},
		{name: "tel", req: req{method: "MESSAGE", uri: "tel:+49661416"}, want: "200 MESSAGE"},
		{name: "no dialog", req: req{method: "MESSAGE", toTag: "x"}, want: "481 MESSAGE"},
		{name: "ACK without dialog", req: req{method: "ACK", toTag: "x"}},
		{name: "ACK out of the blue", req: req{method: "ACK"}},
		{name: "CANCEL out of the blue", req: req{method: "CANCEL"}, want: "481 CANCEL"},
		{name: "overlong Call-ID", req: req{method: "MESSAGE", callID: strings.Repeat("c", 300)}, want: "400 MESSAGE"},
		{name: "overlong branch", req: req{method: "MESSAGE", branch: "z9hG4bK" + strings.Repeat("c", 500)}, want: "400 MESSAGE"},
		{name: "options", req: req{method: "OPTIONS"}, want: "200 OPTIONS", header: message.HAllow, value: "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE"},
		{name: "options without hops", req: req{method: "OPTIONS", extra: "Max-Forwards: 0\n"}, want: "200 OPTIONS", header: message.HSupported, value: "timer, 100rel"},
		{name: "options with unknown extension", req: req{method: "OPTIONS", extra: "Require: foo\n"}, want: "420 OPTIONS"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := Config{Supported: []string{"timer", "100rel"}, InDialog: []message.Method{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO"}}
				f := start(t, cfg, func(s *Stack) { s.Handle(message.MESSAGE, ok) })
				f.in(tc.req.String())
				if tc.want == "" {
					f.expect()
					return
				}
				out := f.expect(tc.want)
				if tc.value != "" && out[0].Header(tc.header) != tc.value {
					t.Errorf("%v: %q, want %q", tc.header, out[0].Header(tc.header), tc.value)
				}
				if out[0].ToTag() == "" {
					t.Error("no To tag")
				}
			})
		})
	}
}

func TestRequireIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{}, nil)
		f.in(req{method: "OPTIONS", extra: "Require: " + strings.Repeat("a,", 2000) + "b\n"}.String())
		if n := len(f.expect("420 OPTIONS")[0].Raw()); n > 1000 {
			t.Errorf("answer of %d bytes", n)
		}
	})
}

func TestRepeatedRequestIsAbsorbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		f := start(t, Config{}, func(s *Stack) {
			s.Handle(message.MESSAGE, func(_ *Shard, tx *transaction.Server) { calls++; _ = tx.Reply(200, "") })
		})
		for range 3 {
			f.in(req{method: "MESSAGE"}.String())
		}
		f.expect("200 MESSAGE", "200 MESSAGE", "200 MESSAGE")
		f.in(req{method: "MESSAGE", branch: "z9hG4bKother", cseq: 0}.String()) // came on another way too
		f.expect("482 MESSAGE")
		if calls != 1 {
			t.Errorf("handler called %d times", calls)
		}
	})
}

func TestStatelessHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{}, func(s *Stack) {
			s.HandleStateless(message.REGISTER, func(in transport.Inbound) bool {
				if in.Msg.Has(message.HAuthorization) {
					return false
				}
				_ = transaction.Reply(in.Flow, in.Msg, 401, "", `WWW-Authenticate: Digest realm="x"`)
				return true
			})
			s.Handle(message.REGISTER, func(_ *Shard, tx *transaction.Server) { _ = tx.Reply(200, "") })
		})
		f.in(req{method: "REGISTER"}.String())
		f.in(req{method: "REGISTER"}.String())
		out := f.expect("401 REGISTER", "401 REGISTER")
		if string(out[0].Raw()) != string(out[1].Raw()) {
			t.Error("the repeated request got another answer")
		}
		if n := f.transactions(); n != 0 {
			t.Errorf("%d transactions made", n)
		}
		f.in(req{method: "REGISTER", cseq: 2, extra: "Authorization: Digest realm=\"x\"\n"}.String())
		f.expect("200 REGISTER")
		if st := f.Stats(); st.Stateless != 2 || st.Requests[message.REGISTER] != 3 || f.transactions() != 1 {
			t.Errorf("stats %+v", st)
		}
	})
}

func TestInboundHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		f := start(t, Config{}, func(s *Stack) {
			s.HandleInbound(message.INVITE, func(sh *Shard, in transport.Inbound) {
				calls++
				if !in.Msg.Has(message.HAuthorization) {
					_ = transaction.Reply(in.Flow, in.Msg, 401, "")
				} else if tx := sh.Accept(in); tx != nil {
					_ = tx.Reply(486, "")
				}
			})
		})
		f.in(req{method: "INVITE", cseq: 1}.String())
		f.in(req{method: "INVITE", cseq: 1}.String())
		f.expect("401 INVITE", "401 INVITE")
		if n := f.transactions(); n != 0 || calls != 2 {
			t.Errorf("%d transactions made in %d calls", n, calls)
		}
		again := req{method: "INVITE", cseq: 2, branch: "z9hG4bKsecond", extra: "Authorization: Digest realm=\"x\"\n"}.String()
		f.in(again)
		f.in(again)
		f.expect("486 INVITE", "486 INVITE")
		if n := f.transactions(); n != 1 || calls != 3 {
			t.Errorf("%d transactions made in %d calls", n, calls)
		}
	})
}

func (f *fixture) transactions() (n int) {
	synctest.Wait()
	for _, sh := range f.Shards() {
		n += sh.Transactions()
	}
	return n
}

// rest waits until everything has ended and asserts that nothing is left.
func (f *fixture) rest() {
	f.t.Helper()
	time.Sleep(2 * time.Minute)
	synctest.Wait()
	for _, sh := range f.Shards() {
		armed := make(chan time.Time, 1)
		sh.Post(func() { armed <- sh.armed })
		if at := <-armed; !at.IsZero() {
			f.t.Errorf("shard %d ticks though it is idle", sh.Index())
		}
		synctest.Wait()
		if v := sh.look(); v.transactions != 0 || v.dialogs != 0 || v.timers != 0 || sh.waiting.Load() != 0 {
			f.t.Errorf("shard %d: %+v left, %d waiting", sh.Index(), v, sh.waiting.Load())
		}
	}
}

func TestShardFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{Shards: 5}, nil)
		other := start(t, Config{Shards: 5}, nil)
		seen := map[string]bool{}
		for _, sh := range f.Shards() {
			for range 50 {
				id := sh.NewCallID()
				if f.ShardFor(id) != sh || seen[id] {
					t.Errorf("Call-ID %q", id)
				}
				seen[id] = true
				other.ShardFor(id) // of another process: hashed, must not panic
			}
		}
		hit := map[int]int{}
		for n := range 1000 {
			id := fmt.Sprintf("foreign-%d@example.com", n)
			sh := f.ShardFor(id)
			if again := f.ShardFor(strings.Clone(id)); again != sh {
				t.Fatal("not stable")
			}
			hit[sh.Index()]++
		}
		for i := range 5 {
			if hit[i] < 100 {
				t.Errorf("shard %d got %d of 1000", i, hit[i])
			}
		}
		for _, odd := range []string{"", f.mark, f.mark + "zzzz-x", f.mark + "ffff-x", f.mark + "0001"} {
			f.ShardFor(odd)
		}
		sh := f.Shards()[0]
		if b := sh.NewBranch(); !strings.HasPrefix(b, "z9hG4bK") || len(b) != 7+randomChars {
			t.Errorf("branch %q", b)
		}
		if tag := sh.NewTag(); len(tag) != randomChars || tag == sh.NewTag() {
			t.Errorf("tag %q", tag)
		}
	})
}

func TestInviteAndCancelBackToBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{Shards: 3}, func(s *Stack) {
			s.Handle(message.INVITE, func(_ *Shard, tx *transaction.Server) {
				tx.SetUser(canceller{})
				_ = tx.Reply(180, "")
			})
		})
		for n := range 300 {
			r := req{method: "INVITE", callID: fmt.Sprint("c", n), branch: fmt.Sprint("z9hG4bK", n)}
			f.in(r.String())
			r.method = "CANCEL"
			f.in(r.String())
			f.expect("180 INVITE", "200 CANCEL", "487 INVITE")
			r.method = "ACK"
			f.in(r.String())
		}
		f.expect()
		f.rest()
	})
}

type canceller struct{}

func (canceller) Cancelled(s *transaction.Server, _ *message.Message) { _ = s.Reply(487, "") }
func (canceller) Unacknowledged(*transaction.Server, error)           {}

// caller keeps the order in which responses come.
type caller struct{ got []int }

func (c *caller) Response(_ *transaction.Client, res *message.Message) {
	c.got = append(c.got, res.Status())
}
func (c *caller) Failed(*transaction.Client, error) { c.got = append(c.got, -1) }

func TestResponsesBackToBackKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{Shards: 3}, nil)
		var users []*caller
		for n := range 300 {
			sh := f.Shards()[n%3]
			u := &caller{}
			users = append(users, u)
			sh.Post(func() { invite(sh, f.flow, u) })
			sent := f.expect("INVITE")[0]
			for _, status := range []int{100, 180, 183, 200} {
				res, err := message.Parse(message.NewResponse(sent, status, "", "b").Finish("", nil))
				if err != nil {
					t.Fatal(err)
				}
				f.Receive(transport.Inbound{Msg: res, Flow: f.flow})
			}
		}
		f.rest()
		for n, u := range users {
			if !slices.Equal(u.got, []int{100, 180, 183, 200}) {
				t.Errorf("call %d heard %v", n, u.got)
			}
		}
	})
}

// invite sends an INVITE on flow.
func invite(sh *Shard, flow *transport.Flow, u transaction.ClientUser) *transaction.Client {
	branch := sh.NewBranch()
	b := message.NewRequest(message.INVITE, "sip:b@198.51.100.7:5062")
	b.Add("Via", sh.Via(flow, branch)).AddInt("Max-Forwards", 70)
	b.Add("From", "<sip:a@example.com>;tag="+sh.NewTag()).Add("To", "<sip:b@example.com>")
	b.Add("Call-ID", sh.NewCallID()).Add("CSeq", "1 INVITE").Add("Contact", "<"+sh.Contact(flow)+">")
	return sh.Tx().Send(flow, message.INVITE, branch, b.Finish("", nil), u)
}

func TestResponseForSomebodyElseIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{Shards: 1}, nil)
		sh := f.Shards()[0]
		for range 2 {
			u := &caller{}
			sh.Post(func() { invite(sh, f.flow, u) })
			sent := f.expect("INVITE")[0]
			own := "Via: " + sent.Header(message.HVia)
			text := string(message.NewResponse(sent, 200, "", "b").Finish("", nil))
			for _, vias := range []string{own + "\r\nVia: SIP/2.0/UDP 255.255.255.255", own + ",SIP/2.0/UDP h", own} {
				m, err := message.Parse([]byte(strings.Replace(text, own, vias, 1)))
				if err != nil {
					t.Fatal(err)
				}
				f.Receive(transport.Inbound{Msg: m, Flow: f.flow})
			}
			synctest.Wait()
			if !slices.Equal(u.got, []int{200}) {
				t.Errorf("heard %v", u.got)
			}
		}
		if n := f.Stats().Drops[DropVias]; n != 4 {
			t.Errorf("%d dropped", n)
		}
		f.rest()
	})
}

func TestLateResponseIsStray(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{Shards: 1}, nil)
		sh := f.Shards()[0]
		u := &caller{}
		sh.Post(func() { invite(sh, f.flow, u) })
		sent := f.expect("INVITE")[0]
		res := func() *message.Message {
			m, err := message.Parse(message.NewResponse(sent, 200, "", "b").Finish("", nil))
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		f.Receive(transport.Inbound{Msg: res(), Flow: f.flow})
		time.Sleep(31 * time.Second)
		f.Receive(transport.Inbound{Msg: res(), Flow: f.flow})
		time.Sleep(2 * time.Second)
		f.Receive(transport.Inbound{Msg: res(), Flow: f.flow})
		synctest.Wait()
		if st := f.Stats(); !slices.Equal(u.got, []int{200, 200}) || st.Drops[DropStray] != 1 || st.Responses[2] != 3 {
			t.Errorf("heard %v, stats %+v", u.got, st)
		}
		f.rest()
	})
}
