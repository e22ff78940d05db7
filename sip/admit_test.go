package sip

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// hold keeps a shard busy until it is called.
func hold(sh *Shard) func() {
	wait := make(chan struct{})
	sh.Post(func() { <-wait })
	synctest.Wait()
	return func() { close(wait) }
}

// order is what was sent, as "status method Call-ID".
func (f *fixture) order() (got []string) {
	for _, m := range f.sent() {
		if m.Status() != 100 {
			got = append(got, fmt.Sprintf("%d %s %s", m.Status(), m.Method(), m.CallID()))
		}
	}
	return got
}

func busyHere(s *Stack) {
	s.Handle(message.INVITE, func(_ *Shard, tx *transaction.Server) { _ = tx.Reply(486, "") })
}

func TestCallsGoFirst(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []req
		want string
	}{
		{
			"requests in dialogs before new calls",
			[]req{{method: "INVITE", callID: "a"}, {method: "INVITE", callID: "b"}, {method: "BYE", callID: "up", toTag: "x"}},
			"481 BYE up, 486 INVITE a, 486 INVITE b",
		},
		{
			"the messages of one call keep their order",
			[]req{{method: "INVITE", callID: "a"}, {method: "INVITE", callID: "b"}, {method: "BYE", callID: "a", toTag: "x"}, {method: "CANCEL", callID: "other"}, {method: "BYE", callID: "b", toTag: "x"}},
			"481 CANCEL other, 486 INVITE a, 486 INVITE b, 481 BYE a, 481 BYE b",
		},
		{
			"an emergency call before other new calls",
			[]req{{method: "INVITE", callID: "a"}, {method: "INVITE", callID: "e", uri: "sip:112@192.0.2.1"}, {method: "BYE", callID: "e", toTag: "x"}},
			"486 INVITE e, 481 BYE e, 486 INVITE a",
		},
		{
			"other methods to that number do not",
			[]req{{method: "INVITE", callID: "a"}, {method: "MESSAGE", callID: "e", uri: "sip:112@192.0.2.1"}},
			"486 INVITE a, 405 MESSAGE e",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, Config{Shards: 1, Urgent: urgent}, busyHere)
				release := hold(f.Shards()[0])
				for _, r := range c.in {
					f.in(r.String())
				}
				release()
				if got := strings.Join(f.order(), ", "); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
			})
		})
	}
}

func urgent(uri string) bool { return strings.HasPrefix(uri, "sip:112@") }

// TestNewCallsAreNotStarved floods a shard with requests of unknown dialogs while a call waits.
func TestNewCallsAreNotStarved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{Shards: 1}, busyHere)
		release := hold(f.Shards()[0])
		f.in(req{method: "INVITE", callID: "new"}.String())
		for n := range 3 * maxStreak {
			f.in(req{method: "BYE", callID: fmt.Sprint("c", n), toTag: "x"}.String())
		}
		release()
		if at := slices.Index(f.order(), "486 INVITE new"); at < 1 || at > maxStreak {
			t.Errorf("the new call has its turn at place %d", at)
		}
	})
}

// TestPressure holds a shard and counts what is let in after how long a delay.
func TestPressure(t *testing.T) {
	const creds = "Authorization: Digest username=\"x\"\n"
	from := func(host string, proto transport.Proto) func(*fixture) {
		return func(f *fixture) {
			f.link.proto = proto
			f.flow = transport.NewFlow(f.link, netip.MustParseAddrPort(host+":5060"))
		}
	}
	for _, c := range []struct {
		name     string
		lag      time.Duration
		late     time.Duration
		change   func(*fixture)
		r        req
		send     int
		in       int // let in
		answered int // of the others
	}{
		{name: "no delay", r: req{method: "INVITE"}, send: 1000, in: 1000},
		{name: "a little", lag: 50 * time.Millisecond, r: req{method: "INVITE"}, send: 1000, in: 1000},
		{name: "strangers have a budget", lag: 51 * time.Millisecond, r: req{method: "INVITE"}, send: 1000, in: strangerBurst, answered: refusalBurst},
		{name: "also on the way in", late: 51 * time.Millisecond, r: req{method: "INVITE"}, send: 1000, in: strangerBurst, answered: refusalBurst},
		{name: "connections are always answered", lag: 51 * time.Millisecond, change: from("198.51.100.9", transport.TCP), r: req{method: "INVITE"}, send: 1000, in: strangerBurst, answered: 1000 - strangerBurst},
		{name: "credentials", lag: 200 * time.Millisecond, r: req{method: "INVITE", extra: creds}, send: 1000, in: 1000},
		{name: "not any more", lag: 201 * time.Millisecond, r: req{method: "INVITE", extra: creds}, send: 100, answered: 100},
		{name: "nor strangers", lag: 201 * time.Millisecond, r: req{method: "INVITE"}, send: 100, answered: 100},
		{name: "nor others", lag: 201 * time.Millisecond, r: req{method: "OPTIONS"}, send: 100, answered: 100},
		{name: "emergency", lag: time.Hour, r: req{method: "INVITE", uri: "sip:112@192.0.2.1"}, send: urgentBurst, in: urgentBurst},
		{name: "emergency has a budget", lag: time.Hour, r: req{method: "INVITE", uri: "sip:112@192.0.2.1"}, send: 100, in: urgentBurst, answered: 100 - urgentBurst},
		{name: "dialogs", lag: time.Hour, r: req{method: "BYE", toTag: "x"}, send: 1000, in: 1000},
		{name: "CANCEL", lag: time.Hour, r: req{method: "CANCEL"}, send: 1000, in: 1000},
		{name: "ACK", lag: time.Hour, r: req{method: "ACK"}, send: 1000, in: 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, Config{Shards: 1, Urgent: urgent}, busyHere)
				sh := f.Shards()[0]
				release := hold(sh)
				if c.change != nil {
					c.change(f)
				}
				time.Sleep(c.lag)
				before := sh.waiting.Load()
				for n := range c.send {
					r := c.r
					r.callID = fmt.Sprint("c", n)
					m, err := message.Parse([]byte(strings.ReplaceAll(r.String(), "\n", "\r\n")))
					if err != nil {
						t.Fatal(err)
					}
					f.Receive(transport.Inbound{Msg: m, Flow: f.flow, Late: c.late})
				}
				in, answered := int(sh.waiting.Load()-before), 0
				for _, m := range f.sent() {
					if m.Status() != 503 || m.Header(message.HRetryAfter) == "" {
						t.Fatalf("answered %d", m.Status())
					}
					answered++
				}
				if in != c.in || answered != c.answered {
					t.Errorf("%d let in and %d of the others answered, want %d and %d", in, answered, c.in, c.answered)
				}
				st := f.Stats()
				if over, silent := st.Drops[DropOverload], st.Drops[DropUnanswered]; int(over) != c.send-c.in || int(silent) != c.send-c.in-c.answered {
					t.Errorf("counted %d and %d", over, silent)
				}
				release()
				f.sent()
			})
		})
	}
}

// TestManySources spreads a flood over forged sources: together they have a budget, too.
func TestManySources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{Shards: 1, Urgent: urgent}, busyHere)
		sh := f.Shards()[0]
		release := hold(sh)
		time.Sleep(100 * time.Millisecond)
		flood := func(uri string) (in int64) {
			before := sh.waiting.Load()
			for n := range 2000 {
				f.flow = transport.NewFlow(f.link, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(n >> 8), byte(n)}), 5060))
				f.in(req{method: "INVITE", uri: uri, callID: fmt.Sprint(uri, n)}.String())
			}
			return sh.waiting.Load() - before
		}
		if n := flood("sip:416@192.0.2.1"); n != freshBurst {
			t.Errorf("%d strangers let in", n)
		}
		time.Sleep(time.Hour)
		if n := flood("sip:112@192.0.2.1"); n != urgentAtOnce || f.Stats().Urgent != urgentAtOnce {
			t.Errorf("%d emergency calls let in, %d counted", n, f.Stats().Urgent)
		}
		release()
		f.sent()
	})
}
