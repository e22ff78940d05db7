package sip

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

func TestPostKeepsOrderAndNeverRunsOnTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{Shards: 1}, nil)
		sh := f.Shards()[0]
		var mu sync.Mutex // a caller may hold a lock that fn takes
		var got []int
		for n := range 2000 {
			mu.Lock()
			sh.Post(func() {
				mu.Lock()
				got = append(got, n)
				mu.Unlock()
			})
			mu.Unlock()
		}
		synctest.Wait()
		for n := range got {
			if got[n] != n {
				t.Fatalf("event %d ran at place %d", got[n], n)
			}
		}
		if len(got) != 2000 {
			t.Errorf("%d events ran", len(got))
		}
	})
}

func TestOneAtATime(t *testing.T) {
	f := start(t, Config{Shards: 2, MaxLag: time.Hour}, func(s *Stack) {
		s.Handle(message.MESSAGE, func(sh *Shard, tx *transaction.Server) {
			sh.owner = nil // the race detector sees who else writes
			_ = tx.Reply(200, "")
		})
	})
	const readers, each = 8, 500
	var wg sync.WaitGroup
	inside := make([]int, 2)
	for r := range readers {
		wg.Go(func() {
			for n := range each {
				f.in(req{method: "MESSAGE", callID: fmt.Sprintf("c%d-%d", r, n)}.String())
				sh := f.Shards()[n%2]
				sh.Post(func() { inside[sh.Index()]++ })
			}
		})
	}
	wg.Wait()
	for _, sh := range f.Shards() {
		for sh.waiting.Load() > 0 { // what is new waits behind anything that is posted
			runtime.Gosched()
		}
		done := make(chan struct{})
		sh.Post(func() { close(done) })
		<-done
	}
	if inside[0]+inside[1] != readers*each || len(f.link.out) != readers*each {
		t.Errorf("%v events, %d answers", inside, len(f.link.out))
	}
}

func TestBorrowedReaderIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var returned atomic.Bool
		f := start(t, Config{Shards: 1}, func(s *Stack) {
			s.Handle(message.MESSAGE, func(sh *Shard, tx *transaction.Server) {
				_ = tx.Reply(200, "")
				var more func()
				more = func() { // there is work until the reader is free again
					if !returned.Load() {
						sh.Post(more)
					}
				}
				sh.Post(more)
			})
		})
		f.in(req{method: "MESSAGE"}.String())
		returned.Store(true)
		f.expect("200 MESSAGE")
	})
}

type owner struct{ panicked any }

func (o *owner) Panicked(v any) {
	o.panicked = v
	panic("again")
}

func TestPanicCostsTheOwnerOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var timer, posted owner
		f := start(t, Config{Shards: 1}, func(s *Stack) {
			s.Handle(message.MESSAGE, func(*Shard, *transaction.Server) { panic("in a handler") })
		})
		sh := f.Shards()[0]
		f.in(req{method: "MESSAGE"}.String())
		f.expect("500 MESSAGE")
		sh.Post(func() { sh.Own(&posted); panic("posted") })
		sh.Post(func() {
			sh.After(time.Second, func() { sh.Own(&timer); panic("in a timer") })
			sh.After(time.Second, func() { panic("of nobody") })
			sh.After(time.Second, func() { _ = f.link.SendTo(message.NewRequest("BYE", "sip:x").Finish("", nil), netip.AddrPort{}) })
		})
		defer func() {
			if timer.panicked != "in a timer" || posted.panicked != "posted" {
				t.Errorf("told %v and %v", timer.panicked, posted.panicked)
			}
			if n := f.Stats().Shards[0].Panics; n != 7 { // two owners panic themselves
				t.Errorf("%d panics counted", n)
			}
		}()
		f.rest()
	})
}

func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{Shards: 1, SoftQueue: 10, HardQueue: 20}, func(s *Stack) {
			s.Handle(message.INVITE, func(_ *Shard, tx *transaction.Server) { _ = tx.Reply(486, "") })
		})
		sh := f.Shards()[0]
		hold := make(chan struct{})
		sh.Post(func() { <-hold })
		synctest.Wait()
		for n := range 12 {
			f.in(req{method: "INVITE", callID: fmt.Sprint("c", n)}.String())
		}
		out := f.expect("503 INVITE", "503 INVITE", "503 INVITE") // one place is the held event's
		if out[0].Header(message.HRetryAfter) == "" {
			t.Error("no Retry-After")
		}
		for n := range 12 {
			f.in(req{method: "BYE", callID: fmt.Sprint("c", n), toTag: "x"}.String())
		}
		f.expect()
		time.Sleep(3 * time.Second)
		st := f.Stats()
		if st.Drops[DropOverload] != 3 || st.Drops[DropHardQueue] != 2 || st.Shards[0].Queue != 20 || st.Shards[0].Lag != 3*time.Second {
			t.Errorf("drops %v, shard %+v", st.Drops, st.Shards[0])
		}
		close(hold)
		want := []string{"481 BYE"} // the one whose INVITE does not wait
		for range 9 {
			want = append(want, "486 INVITE")
		}
		for range 9 {
			want = append(want, "481 BYE")
		}
		f.expect(want...)
		if st := f.Stats().Shards[0]; st.Queue != 0 || st.Lag != 0 || st.PeakLag != 3*time.Second {
			t.Errorf("shard %+v", st)
		}
	})
}

func TestTransactionLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{Shards: 1, MaxTransactions: 2}, func(s *Stack) {
			s.Handle(message.INVITE, func(*Shard, *transaction.Server) {})
		})
		for n := range 3 {
			f.in(req{method: "INVITE", callID: fmt.Sprint("c", n)}.String())
		}
		f.expect("503 INVITE")
	})
}

func TestFlowClosedReachesTheTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told int
		f := start(t, Config{Shards: 2}, func(s *Stack) { s.OnFlowClosed(func(*transport.Flow, error) { told++ }) })
		f.link.proto = transport.TCP
		u := &caller{}
		sh := f.Shards()[1]
		sh.Post(func() { invite(sh, f.flow, u) })
		m := f.expect("INVITE")[0]
		if via := m.Via(); via.Transport != "TCP" || via.Host != "192.0.2.1" || via.Port != 5060 {
			t.Errorf("Via %+v", via)
		}
		if c, _ := m.Contact(); c.URI != "sip:192.0.2.1:5060;transport=tcp" {
			t.Errorf("Contact %q", c.URI)
		}
		f.FlowClosed(f.flow, errors.New("reset"))
		f.rest()
		if len(u.got) != 1 || u.got[0] != -1 || told != 1 {
			t.Errorf("heard %v, told %d", u.got, told)
		}
	})
}

// TestNothingIsLeft mixes thousands of calls with lost, doubled and crossing messages.
func TestNothingIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		f := start(t, Config{Shards: 4}, func(s *Stack) {
			s.Handle(message.INVITE, func(sh *Shard, tx *transaction.Server) {
				id, tag := tx.Request().CallID(), tx.Tag()
				sh.BindDialog(id, tag, &dialogUser{sh: sh})
				tx.SetUser(canceller{})
				status := []int{200, 200, 302, 486, 603}[rng.IntN(5)]
				sh.After(time.Duration(rng.IntN(3000))*time.Millisecond, func() {
					if tx.Reply(status, "") != nil || status > 299 {
						sh.UnbindDialog(id, tag)
						return
					}
					sh.After(5*time.Second, func() { sh.UnbindDialog(id, tag) })
				})
				invite(sh, flowToNowhere(), &caller{})
			})
		})
		for n := range 3000 {
			r := req{method: "INVITE", callID: fmt.Sprint("c", n), branch: fmt.Sprint("z9hG4bK", n)}
			f.in(r.String())
			for _, m := range []string{"INVITE", "CANCEL", "ACK", "BYE", "CANCEL", "ACK"} {
				if rng.IntN(2) == 0 {
					r.method = m
					f.in(r.String())
				}
				if rng.IntN(4) == 0 {
					time.Sleep(time.Duration(rng.IntN(700)) * time.Millisecond)
				}
			}
			for _, m := range f.sent() {
				for range rng.IntN(3) {
					status := []int{100, 180, 200, 404, 487}[rng.IntN(5)]
					if m.IsRequest() && m.Method() != message.ACK {
						f.answer(m, status)
					}
				}
			}
		}
		f.rest()
	})
}

// flowToNowhere is for the calls that the stack makes itself.
func flowToNowhere() *transport.Flow {
	return transport.NewFlow(nowhere{}, netip.MustParseAddrPort("203.0.113.9:5060"))
}

type nowhere struct{}

func (nowhere) Proto() transport.Proto              { return transport.UDP }
func (nowhere) Local() netip.AddrPort               { return netip.MustParseAddrPort("192.0.2.1:5060") }
func (nowhere) SendTo([]byte, netip.AddrPort) error { return nil }
func (nowhere) Closed() bool                        { return false }

// answer is the peer's response to a request of ours.
func (f *fixture) answer(m *message.Message, status int) {
	f.t.Helper()
	res, err := message.Parse(message.NewResponse(m, status, "", "peer").Finish("", nil))
	if err != nil {
		f.t.Fatal(err)
	}
	f.Receive(transport.Inbound{Msg: res, Flow: f.flow})
}
