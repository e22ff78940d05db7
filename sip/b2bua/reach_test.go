package b2bua

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/resolve"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// names is a resolver that knows a few hosts and takes its time.
type names struct {
	mu       sync.Mutex
	hosts    map[string][]transport.Target
	delay    time.Duration // 0: at once
	failed   []transport.Target
	answered []transport.Target
}

func (n *names) Lookup(q resolve.Query, _ string, done func(resolve.Result)) (resolve.Result, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	res := resolve.Result{Targets: n.hosts[q.Host]}
	if res.Targets == nil {
		res.Err = resolve.ErrNoTarget
	}
	if n.delay == 0 {
		return res, true
	}
	time.AfterFunc(n.delay, func() { done(res) })
	return resolve.Result{}, false
}

func (n *names) Failed(t transport.Target) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.failed = append(n.failed, t)
}

func (n *names) Answered(t transport.Target) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answered = append(n.answered, t)
}

func (n *names) verdicts() (failed, answered int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.failed), len(n.answered)
}

func at(proto transport.Proto, addr string) transport.Target {
	return transport.Target{Proto: proto, Addr: netip.MustParseAddrPort(addr)}
}

const nobody = "10.0.9.9:5060"

// runNamed runs a rig in which the slot "named" has one contact at host.test, which has these targets. fn gets a phone that calls
// and one that sits at 10.0.1.2:5060.
func runNamed(t *testing.T, delay time.Duration, targets []transport.Target, fn func(t *testing.T, r *rig, n *names, a, b *siptest.Phone)) {
	t.Helper()
	n := &names{hosts: map[string][]transport.Target{"host.test": targets}, delay: delay}
	run(t, func(c *Config) { c.Resolver = n }, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b")
		r.loc.contacts["named"] = []Contact{{URI: "sip:b@host.test"}}
		r.numbers["500"] = []string{"named"}
		fn(t, r, n, a, b)
	})
}

// talk answers an INVITE, and hangs up after a while.
func talk(t *testing.T, a, b *siptest.Phone, caller *siptest.Call, in *siptest.Request) {
	t.Helper()
	in.Ring()
	caller.Expect(t, 180)
	callee := in.Answer(sdpFor(b, "8"))
	established(t, caller, callee)
	hangUp(t, caller, callee)
}

func TestContactThatNamesAHost(t *testing.T) {
	for _, delay := range []time.Duration{0, 300 * time.Millisecond} {
		t.Run(delay.String(), func(t *testing.T) {
			runNamed(t, delay, []transport.Target{at("UDP", "10.0.1.2:5060")}, func(t *testing.T, r *rig, n *names, a, b *siptest.Phone) {
				caller := a.Invite("500", sdpFor(a, "8"))
				in := b.Expect(t, message.INVITE)
				if in.URI() != "sip:b@host.test" {
					t.Errorf("Request-URI %s", in.URI())
				}
				talk(t, a, b, caller, in)
				r.expectRecord(calls.Answered, 200, byCaller)
			})
		})
	}
}

func TestFailoverWithinOneContact(t *testing.T) {
	second := at("UDP", "10.0.1.2:5060")
	for _, c := range []struct {
		name  string
		first transport.Target
		least time.Duration
		most  time.Duration
		tell  int // failures told to the resolver
	}{
		{"silent", at("UDP", nobody), 4 * time.Second, 5 * time.Second, 1},
		{"connection refused", at("TCP", nobody), 0, time.Second, 1},
		{"no listener of ours", at("UDP", "[2001:db8::1]:5060"), 0, time.Second, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			runNamed(t, 100*time.Millisecond, []transport.Target{c.first, second}, func(t *testing.T, r *rig, n *names, a, b *siptest.Phone) {
				began := time.Now()
				caller := a.Invite("500", sdpFor(a, "8"))
				in := b.Expect(t, message.INVITE)
				if d := time.Since(began); d < c.least || d > c.most {
					t.Errorf("the second target was tried after %v", d)
				}
				talk(t, a, b, caller, in)
				if len(r.expectRecord(calls.Answered, 200, byCaller).Legs) != 1 {
					t.Error("targets of one contact count as several")
				}
				if failed, _ := n.verdicts(); failed != c.tell {
					t.Errorf("%d failures told", failed)
				}
			})
		})
	}
}

func TestFailoverAfter503(t *testing.T) {
	runNamed(t, 0, []transport.Target{at("UDP", "10.0.1.3:5060"), at("UDP", "10.0.1.2:5060")}, func(t *testing.T, r *rig, n *names, a, b *siptest.Phone) {
		busy := r.phone("c")
		caller := a.Invite("500", sdpFor(a, "8"))
		first := busy.Expect(t, message.INVITE)
		first.Respond(503, "")
		in := b.Expect(t, message.INVITE)
		if first.CallID() != in.CallID() || first.Via().Branch() == in.Via().Branch() || in.ToTag() != "" {
			t.Errorf("not the same call under a new branch:\n%s\n%s", first.Raw(), in.Raw())
		}
		talk(t, a, b, caller, in)
		r.expectRecord(calls.Answered, 200, byCaller)
		if failed, _ := n.verdicts(); failed != 1 {
			t.Errorf("%d failures told", failed)
		}
	})
}

func TestNoTargetAnswers(t *testing.T) {
	runNamed(t, 0, []transport.Target{at("UDP", nobody), at("TCP", nobody), at("UDP", "10.0.9.8:5060")}, func(t *testing.T, r *rig, n *names, a, _ *siptest.Phone) {
		caller := a.Invite("500", sdpFor(a, "8"))
		caller.Expect(t, 480)
		r.expectRecord(calls.Unreachable, 480, byCallee)
		if failed, answered := n.verdicts(); failed != 3 || answered != 0 {
			t.Errorf("%d failures and %d answers told", failed, answered)
		}
	})
}

func TestHostWithoutTargets(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Second} {
		t.Run(delay.String(), func(t *testing.T) {
			runNamed(t, delay, nil, func(t *testing.T, r *rig, _ *names, a, b *siptest.Phone) {
				r.numbers["501"] = []string{"named", "b"}
				a.Invite("500", sdpFor(a, "8")).Expect(t, 480)
				if rec := r.last(); rec.Result != calls.Unreachable || len(rec.Legs) != 1 {
					t.Errorf("%+v", rec)
				}
				// Another phone rings on.
				caller := a.Invite("501", sdpFor(a, "8"))
				in := b.Expect(t, message.INVITE)
				b.ExpectNone(t, message.CANCEL, 2*time.Second)
				talk(t, a, b, caller, in)
			})
		})
	}
}

// TestGivenUpTargetAnswersLate: the first target comes back to life after the call has gone on.
func TestGivenUpTargetAnswersLate(t *testing.T) {
	for _, late := range []int{180, 200} {
		t.Run(itoa(late), func(t *testing.T) {
			runNamed(t, 0, []transport.Target{at("UDP", "10.0.1.3:5060"), at("UDP", "10.0.1.2:5060")}, func(t *testing.T, r *rig, _ *names, a, b *siptest.Phone) {
				slow := r.phone("c", func(c *siptest.PhoneConfig) { c.Manual = true })
				slow.Recv(t)
				caller := a.Invite("500", sdpFor(a, "8"))
				first := slow.Recv(t)
				in := b.Expect(t, message.INVITE)
				res := message.NewResponse(first, late, "", "late").Add("Contact", "<sip:c@10.0.1.3>")
				slow.Send(res.Finish(contentSDP, []byte(sdpFor(slow, "8"))))
				want := map[int]message.Method{180: message.CANCEL, 200: message.ACK}[late]
				for m := slow.Recv(t); m.Method() != want; m = slow.Recv(t) {
					if m.Method() != message.INVITE { // repeated before the late response came
						t.Fatalf("got %s", m.Method())
					}
				}
				if late == 200 {
					bye := slow.Recv(t)
					if bye.Method() != message.BYE || bye.ToTag() != "late" {
						t.Errorf("%s", bye.Raw())
					}
					slow.Send(message.NewResponse(bye, 200, "", "").Finish("", nil))
				}
				talk(t, a, b, caller, in)
				r.expectRecord(calls.Answered, 200, byCaller)
			})
		})
	}
}

// TestEndsWhileALookupIsOut ends a call in every way before the DNS has answered: nothing may be sent then.
func TestEndsWhileALookupIsOut(t *testing.T) {
	for _, c := range []struct {
		name   string
		end    func(t *testing.T, r *rig, caller *siptest.Call, b *siptest.Phone)
		result calls.Result
	}{
		{"cancelled", func(t *testing.T, _ *rig, caller *siptest.Call, _ *siptest.Phone) {
			caller.Cancel(t)
			caller.Expect(t, 487)
		}, calls.Cancelled},
		{"hung up by command", func(t *testing.T, r *rig, caller *siptest.Call, _ *siptest.Phone) {
			r.table.HangupAll("test")
			caller.Expect(t, 487)
		}, calls.Failed},
		{"nobody answers in time", func(t *testing.T, _ *rig, caller *siptest.Call, _ *siptest.Phone) {
			caller.Expect(t, 480)
		}, calls.Unreachable},
		{"another phone declines for all", func(t *testing.T, r *rig, caller *siptest.Call, b *siptest.Phone) {
			r.second(t, b).Respond(603, "")
			caller.Expect(t, 603)
		}, calls.Declined},
		{"another phone answers", func(t *testing.T, r *rig, caller *siptest.Call, b *siptest.Phone) {
			callee := r.second(t, b).Answer(sdpFor(b, "8"))
			established(t, caller, callee)
			hangUp(t, caller, callee)
		}, calls.Answered},
	} {
		t.Run(c.name, func(t *testing.T) {
			runNamed(t, 8*time.Second, []transport.Target{at("UDP", "10.0.1.3:5060")}, func(t *testing.T, r *rig, _ *names, a, b *siptest.Phone) {
				third := r.phone("c")
				r.timeout = 6 * time.Second
				if strings.Contains(c.name, "another") {
					r.numbers["500"] = []string{"named", "b"}
				}
				caller := a.Invite("500", sdpFor(a, "8"))
				synctest.Wait()
				c.end(t, r, caller, b)
				if rec := r.last(); rec.Result != c.result {
					t.Errorf("%s (%s)", rec.Result, rec.Cause)
				}
				third.ExpectNone(t, message.INVITE, 20*time.Second)
			})
		})
	}
}

// second is the INVITE at a phone that rings beside the one that is looked for.
func (r *rig) second(t *testing.T, b *siptest.Phone) *siptest.Request {
	t.Helper()
	return b.Expect(t, message.INVITE)
}

// TestRequestAfterTheConnectionEnded: the callee's connection is gone and its contact names a host. The BYE finds its way.
func TestRequestAfterTheConnectionEnded(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Second} {
		t.Run(delay.String(), func(t *testing.T) {
			n := &names{hosts: map[string][]transport.Target{"moved.test": {at("UDP", "10.0.1.3:5060")}}, delay: delay}
			run(t, func(c *Config) { c.Resolver = n }, func(t *testing.T, r *rig) {
				a, b, moved := r.phone("a"), r.phone("b", overTCP), r.phone("c")
				caller, in := r.ringing(a, b)
				res := message.NewResponse(in.Message, 200, "", "here").Add("Contact", "<sip:c@moved.test>")
				b.Send(res.Finish(contentSDP, []byte(sdpFor(b, "8"))))
				caller.Expect(t, 200)
				caller.Ack()
				synctest.Wait()
				r.net.Cut(server.Addr(), b.Addr().Addr())
				synctest.Wait()
				caller.Bye(t)
				bye := moved.Expect(t, message.BYE)
				if bye.URI() != "sip:c@moved.test" || !strings.Contains(bye.Header(message.HVia), "SIP/2.0/UDP") {
					t.Errorf("%s", bye.Raw())
				}
				bye.OK()
			})
		})
	}
}

func overTCP(c *siptest.PhoneConfig) { c.Proto = transport.TCP }

// TestNamedContactFallsBack: the contact's name leads nowhere, or to nobody; the flow that it was registered over is the last resort.
func TestNamedContactFallsBack(t *testing.T) {
	for _, c := range []struct {
		name    string
		targets []transport.Target
		least   time.Duration
	}{
		{"unknown name", nil, 0},
		{"nobody there", []transport.Target{at("UDP", nobody)}, 4 * time.Second},
	} {
		for _, delay := range []time.Duration{0, 200 * time.Millisecond} {
			t.Run(c.name+" "+delay.String(), func(t *testing.T) {
				runNamed(t, delay, c.targets, func(t *testing.T, r *rig, _ *names, a, b *siptest.Phone) {
					flow := r.loc.contacts["b"][0]
					flow.URI = "sip:b@host.test"
					r.loc.contacts["named"][0].Others = []Contact{flow}
					began := time.Now()
					caller := a.Invite("500", sdpFor(a, "8"))
					in := b.Expect(t, message.INVITE)
					if d := time.Since(began); d < c.least || d > c.least+time.Second {
						t.Errorf("after %v", d)
					}
					talk(t, a, b, caller, in)
				})
			})
		}
	}
}
