package event

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

func TestSubscription(t *testing.T) {
	for _, proto := range []string{"udp", "tcp"} {
		t.Run(proto, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				var change []func(*siptest.PhoneConfig)
				if proto == "tcp" {
					change = append(change, tcp)
				}
				sub := r.phone("ann", change...).Subscribe("fulda", "weather;id=7", 600)
				ok := sub.Expect(t, 200)
				if ok.Header(message.HExpires) != "600" || ok.Header(message.HAllowEvents) != "weather" || !ok.Has(message.HContact) {
					t.Errorf("%s", ok.Raw())
				}
				n := expectNotify(t, sub, "active;expires=600", "0 sun")
				if n.Header(message.HEvent) != "weather;id=7" || n.Header(message.HContentType) != "text/plain" {
					t.Errorf("%s", n.Raw())
				}
				time.Sleep(2 * time.Second)
				r.set("fulda", "rain")
				expectNotify(t, sub, "active;expires=598", "1 rain")

				time.Sleep(300 * time.Second)
				if ok := sub.Resubscribe("weather;id=7", 600).Expect(t, 200); ok.Header(message.HExpires) != "600" {
					t.Errorf("%s", ok.Raw())
				}
				expectNotify(t, sub, "active;expires=600", "2 rain")
				time.Sleep(599 * time.Second)
				sub.Resubscribe("weather;id=7", 0).Expect(t, 200)
				expectNotify(t, sub, "terminated;reason=timeout", "3 rain")
				sub.Resubscribe("weather;id=7", 600).Expect(t, 481)
				if n := r.s.Stats().Notifies["weather"]; n != 4 {
					t.Errorf("%d NOTIFYs counted", n)
				}
			})
		})
	}
}

func TestSubscriptionRunsOut(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		sub := r.watch(r.phone("ann"))
		time.Sleep(590 * time.Second)
		r.phone("bob").ExpectNone(t, message.NOTIFY, 5*time.Second)
		expectNotify(t, sub, "terminated;reason=timeout", "")
	})
}

func TestFetch(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		sub := r.phone("ann").Subscribe("fulda", "weather", 0)
		if ok := sub.Expect(t, 200); ok.Header(message.HExpires) != "0" {
			t.Errorf("%s", ok.Raw())
		}
		expectNotify(t, sub, "terminated;reason=timeout", "0 sun")
	})
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, who, where, event string
		expires                 int
		lines                   []string
		status                  int
		header, value           string
	}{
		{"unknown package", "ann", "fulda", "stars", 600, nil, 489, "Allow-Events", "weather"},
		{"no event", "ann", "fulda", "", 600, nil, 400, "", ""},
		{"malformed event", "ann", "fulda", "weather;id=\"a b\"", 600, nil, 400, "", ""},
		{"too brief", "ann", "fulda", "weather", 59, nil, 423, "Min-Expires", "60"},
		{"wrong body type", "ann", "fulda", "weather", 600, []string{"Accept: image/png, text/weathe"}, 406, "Accept", "text/plain, text/weather"},
		{"no such resource", "ann", "kassel", "weather", 600, nil, 404, "", ""},
		{"not allowed", "banned", "fulda", "weather", 600, nil, 403, "", ""},
		{"account without slot", "ghost", "fulda", "weather", 600, nil, 403, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				r.banned["banned"] = true
				res := r.phone(c.who).Subscribe(c.where, c.event, c.expires, c.lines...).Expect(t, c.status)
				if c.header != "" && res.HeaderNamed(c.header) != c.value {
					t.Errorf("%s: %q, want %q", c.header, res.HeaderNamed(c.header), c.value)
				}
				if r.s.watchers.total.Load() != 0 {
					t.Error("something was kept")
				}
			})
		})
	}
}

func TestNegotiation(t *testing.T) {
	for _, c := range []struct {
		name    string
		expires int
		lines   []string
		granted string
		kind    string
	}{
		{"none named", -1, nil, "3600", "text/plain"},
		{"too long", 1 << 30, nil, "7200", "text/plain"},
		{"another type", 60, []string{"Accept: text/weather"}, "60", "text/weather"},
		{"any text", 60, []string{"Accept: image/png, TEXT/*;q=0.1"}, "60", "text/plain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				sub := r.phone("ann").Subscribe("fulda", "weather", c.expires, c.lines...)
				if ok := sub.Expect(t, 200); ok.Header(message.HExpires) != c.granted {
					t.Errorf("granted %s, want %s", ok.Header(message.HExpires), c.granted)
				}
				if n := expectNotify(t, sub, "active", ""); n.Header(message.HContentType) != c.kind {
					t.Errorf("body of type %s, want %s", n.Header(message.HContentType), c.kind)
				}
			})
		})
	}
}

// TestStrangers: who knows no password leaves nothing behind.
func TestStrangers(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		stranger := r.phone("mallory", func(c *siptest.PhoneConfig) { c.Password = "guess" })
		stranger.Subscribe("fulda", "weather", 600).Expect(t, 401)
		silent := r.phone("eve", func(c *siptest.PhoneConfig) { c.Password = "" })
		silent.Subscribe("fulda", "weather", 600).Expect(t, 401)
		for _, sh := range r.stack.Shards() {
			if sh.Transactions() != 0 || sh.Dialogs() != 0 {
				t.Error("a stranger's SUBSCRIBE left something behind")
			}
		}
		if n := r.s.Stats().Challenged; n != 3 {
			t.Errorf("%d challenges, want 3", n)
		}
	})
}

// TestNewestStateWins: many changes make few NOTIFYs, and the last shows the last state.
func TestNewestStateWins(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		sub := r.watch(r.phone("ann"))
		time.Sleep(2 * time.Second)
		for i := range 1000 {
			r.set("fulda", strings.Repeat("x", i%7+1))
			time.Sleep(5 * time.Millisecond)
		}
		r.set("fulda", "snow")
		var last string
		for i := 0; ; i++ {
			n := sub.ExpectRequest(t, message.NOTIFY)
			n.OK()
			if last = string(n.Body()); strings.HasSuffix(last, " snow") {
				if i > 7 {
					t.Errorf("%d NOTIFYs for 5 s of changes", i)
				}
				break
			}
		}
		r.phone("bob").ExpectNone(t, message.NOTIFY, time.Second)
	})
}

// TestOneAtATime: while a NOTIFY is not answered no other is sent; a subscriber that is slow gets the newest state then.
func TestOneAtATime(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		ann := r.phone("ann")
		sub := r.watch(ann)
		time.Sleep(2 * time.Second)
		r.set("fulda", "rain")
		n := sub.ExpectRequest(t, message.NOTIFY)
		r.set("fulda", "hail")
		r.set("fulda", "snow")
		ann.ExpectNone(t, message.NOTIFY, 10*time.Second)
		n.OK()
		expectNotify(t, sub, "active", "2 snow")
	})
}

func TestSubscriberFails(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(*siptest.Request)
		ends   bool
	}{
		{"no such subscription", func(n *siptest.Request) { n.Respond(481, "") }, true},
		{"bad event", func(n *siptest.Request) { n.Respond(489, "", "Retry-After: 5") }, true},
		{"refused", func(n *siptest.Request) { n.Respond(403, "") }, true},
		{"refused for now", func(n *siptest.Request) { n.Respond(503, "", "Retry-After: 5") }, false},
		{"no answer", func(*siptest.Request) {}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				ann := r.phone("ann")
				sub := r.watch(ann)
				time.Sleep(2 * time.Second)
				r.set("fulda", "rain")
				c.answer(sub.ExpectRequest(t, message.NOTIFY))
				if c.ends {
					time.Sleep(33 * time.Second)
					if n := r.s.watchers.total.Load(); n != 0 {
						t.Errorf("%d subscriptions left", n)
					}
					sub.Resubscribe("weather", 600).Expect(t, 481)
					return
				}
				ann.ExpectNone(t, message.NOTIFY, 4*time.Second)
				expectNotify(t, sub, "active", "2 rain")
			})
		})
	}
}

// TestConnectionEnds: with the connection the subscriptions on it end at once.
func TestConnectionEnds(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		ann := r.phone("ann", tcp)
		r.watch(ann)
		r.watch(ann)
		ann.Close()
		synctest.Wait()
		if n := r.s.watchers.total.Load(); n != 0 {
			t.Errorf("%d subscriptions left", n)
		}
		if n := r.s.Stats().Failed["connection"]; n != 2 {
			t.Errorf("%d counted", n)
		}
	})
}

func TestBounds(t *testing.T) {
	run(t, func(c *Config) { c.PerAccount, c.Total = 2, 3 }, func(t *testing.T, r *rig) {
		ann, bob := r.phone("ann"), r.phone("bob")
		first := r.watch(ann)
		r.watch(ann)
		if res := ann.Subscribe("fulda", "weather", 600).Expect(t, 503); !res.Has(message.HRetryAfter) {
			t.Error("no Retry-After")
		}
		r.watch(bob)
		bob.Subscribe("fulda", "weather", 600).Expect(t, 503)
		first.Resubscribe("weather", 0).Expect(t, 200)
		expectNotify(t, first, "terminated", "")
		synctest.Wait()
		r.watch(bob)
	})
}

func TestStop(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		ann := r.phone("ann")
		sub := r.watch(ann)
		gone := r.phone("gone")
		r.watch(gone)
		gone.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- r.s.Stop(ctx) }()
		n := expectNotify(t, sub, "terminated;reason=probation;retry-after=", "")
		if len(n.Body()) != 0 {
			t.Errorf("body %q", n.Body())
		}
		if err := <-done; err == nil {
			t.Error("a subscriber that is not there does not show")
		}
		ann.Subscribe("fulda", "weather", 600).Expect(t, 503)
	})
}

func TestRecheck(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		ann, bob, cid := r.watch(r.phone("ann")), r.watch(r.phone("bob")), r.watch(r.phone("cid"))
		r.mu.Lock()
		r.banned["bob"] = true
		r.mu.Unlock()
		r.s.Recheck(func(a *auth.Account) bool { return a.SlotID != "cid" })
		expectNotify(t, bob, "terminated;reason=rejected", "")
		expectNotify(t, cid, "terminated;reason=rejected", "")
		r.mu.Lock()
		delete(r.now, "fulda")
		r.mu.Unlock()
		r.s.Recheck(func(*auth.Account) bool { return true })
		expectNotify(t, ann, "terminated;reason=noresource", "")
	})
}

// TestResourceVanishes: the package finds out when it is asked for the state.
func TestResourceVanishes(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		sub := r.watch(r.phone("ann"))
		time.Sleep(2 * time.Second)
		r.set("fulda", "")
		expectNotify(t, sub, "terminated;reason=noresource", "")
	})
}

// TestFaultCostsOneSubscription: a panic in a package ends the subscription it belongs to.
func TestFaultCostsOneSubscription(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		ann := r.phone("ann")
		sub := r.watch(ann)
		time.Sleep(2 * time.Second)
		r.mu.Lock()
		r.panics = true
		r.mu.Unlock()
		r.set("fulda", "rain")
		synctest.Wait()
		r.mu.Lock()
		r.panics = false
		r.mu.Unlock()
		if n := r.s.watchers.total.Load(); n != 0 || r.s.Stats().Faults != 1 {
			t.Errorf("%d left, %d faults", n, r.s.Stats().Faults)
		}
		sub.Resubscribe("weather", 600).Expect(t, 481)
		r.watch(ann)
	})
}

// TestRefreshCrossesEnd: a refresh that comes while the last NOTIFY is under way meets no subscription.
func TestRefreshCrossesEnd(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		sub := r.watch(r.phone("ann"))
		time.Sleep(600 * time.Second)
		n := sub.ExpectRequest(t, message.NOTIFY)
		sub.Resubscribe("weather", 600).Expect(t, 481)
		n.OK()
	})
}

// TestUnsubscribeCrossesNotify: the subscriber leaves while a NOTIFY is under way; the last one follows.
func TestUnsubscribeCrossesNotify(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		ann := r.phone("ann")
		sub := r.watch(ann)
		time.Sleep(2 * time.Second)
		r.set("fulda", "rain")
		n := sub.ExpectRequest(t, message.NOTIFY)
		sub.Resubscribe("weather", 0).Expect(t, 200)
		ann.ExpectNone(t, message.NOTIFY, time.Second)
		n.OK()
		expectNotify(t, sub, "terminated;reason=timeout", "2 rain")
	})
}

// TestRefreshCrossesNotify: who refreshes is told at once after the NOTIFY that is under way.
func TestRefreshCrossesNotify(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		sub := r.watch(r.phone("ann"))
		time.Sleep(2 * time.Second)
		r.set("fulda", "rain")
		n := sub.ExpectRequest(t, message.NOTIFY)
		sub.Resubscribe("weather", 700).Expect(t, 200)
		n.OK()
		before := time.Now()
		expectNotify(t, sub, "active;expires=700", "2 rain")
		if d := time.Since(before); d > 100*time.Millisecond {
			t.Errorf("after %v", d)
		}
	})
}

// TestLoss: with every fifth datagram lost, others repeated and reordered, the subscriber ends up with the newest state, and
// versions only grow.
func TestLoss(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		ann := r.phone("ann")
		sub := r.watch(ann)
		bad := siptest.Link{Delay: 5 * time.Millisecond, Jitter: 30 * time.Millisecond, Loss: 0.2, Duplicate: 0.1, Reorder: 0.1}
		r.net.SetDefault(bad)
		for i := range 50 {
			r.set("fulda", strings.Repeat("x", i%7+1))
			time.Sleep(200 * time.Millisecond)
			if i%10 == 9 {
				sub.Resubscribe("weather", 600)
			}
		}
		r.set("fulda", "snow")
		version := 0
		for {
			n := sub.ExpectRequest(t, message.NOTIFY)
			n.OK()
			v, what, _ := strings.Cut(string(n.Body()), " ")
			number, err := strconv.Atoi(v)
			if err != nil || number <= version {
				t.Fatalf("version %q after %d", v, version)
			}
			version = number
			if what == "snow" {
				break
			}
		}
		r.net.SetDefault(siptest.Link{})
	})
}
