package event

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// heard is what a Subscriber has told.
type heard struct {
	bodies []string
	ended  int
	why    Reason
	retry  time.Duration
}

// subscriber asks a phone, which plays the notifier.
func (r *rig) subscriber(p *siptest.Phone) (*Subscriber, *heard) {
	r.t.Helper()
	h := &heard{}
	var s *Subscriber
	sh := r.stack.Shards()[0]
	sh.Post(func() {
		flow, err := r.stack.FlowTo(transport.Target{Proto: transport.UDP, Addr: p.Addr()})
		if err != nil {
			r.t.Error(err)
			return
		}
		s = Subscribe(sh, Request{
			Flow: flow, URI: p.Contact(), From: "<sip:pbx@" + domain + ">", To: "<" + p.URI() + ">", Event: Name{Package: "weather"},
			Accept: "text/plain", Expires: 10 * time.Minute, Software: "test",
			Notified: func(n *message.Message, _ Progress) { h.bodies = append(h.bodies, string(n.Body())) },
			Ended: func(why Reason, retry time.Duration) {
				h.ended++
				h.why, h.retry = why, retry
			},
		})
	})
	synctest.Wait()
	return s, h
}

func notifyWith(c *siptest.Call, state, body string, more ...string) *siptest.Client {
	return c.Send(message.NOTIFY, "text/plain", body, append([]string{"Event: weather", "Subscription-State: " + state}, more...)...)
}

func TestSubscriber(t *testing.T) {
	for _, early := range []bool{false, true} {
		name := "200 first"
		if early {
			name = "NOTIFY first"
		}
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				p := r.phone("ann")
				s, h := r.subscriber(p)
				in := p.Expect(t, message.SUBSCRIBE)
				if in.Header(message.HEvent) != "weather" || in.Header(message.HExpires) != "600" || in.Header(message.HAccept) != "text/plain" {
					t.Errorf("%s", in.Raw())
				}
				c := in.Call()
				if early {
					notifyWith(c, "active;expires=600", "sun").Expect(t, 200)
					in.Respond(200, "", "Expires: 600")
				} else {
					in.Respond(200, "", "Expires: 600")
					notifyWith(c, "active;expires=600", "sun").Expect(t, 200)
				}
				time.Sleep(560 * time.Second)
				again := c.ExpectRequest(t, message.SUBSCRIBE) // the refresh
				again.Respond(200, "", "Expires: 600")
				notifyWith(c, "active;expires=600", "rain").Expect(t, 200)
				notifyWith(c, "active", "x", "Event: moon").Expect(t, 200) // the first Event counts
				c.Send(message.NOTIFY, "", "", "Event: moon", "Subscription-State: active").Expect(t, 489)
				c.Send(message.NOTIFY, "", "", "Event: weather").Expect(t, 400)
				r.stack.Shards()[0].Post(s.Close)
				last := c.ExpectRequest(t, message.SUBSCRIBE)
				if last.Header(message.HExpires) != "0" {
					t.Errorf("%s", last.Raw())
				}
				last.Respond(200, "", "Expires: 0")
				notifyWith(c, "terminated;reason=timeout", "snow").Expect(t, 200)
				synctest.Wait()
				if h.ended != 1 || h.why != Timeout || h.retry >= 0 || len(h.bodies) != 4 || h.bodies[3] != "snow" {
					t.Errorf("%+v", h)
				}
				notifyWith(c, "active", "late").Expect(t, 481)
			})
		})
	}
}

func TestSubscriberEnds(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(t *testing.T, p *siptest.Phone)
		why   Reason
		retry time.Duration
	}{
		{"refused", func(t *testing.T, p *siptest.Phone) { p.Expect(t, message.SUBSCRIBE).Respond(403, "") }, "", -1},
		{"refused for now", func(t *testing.T, p *siptest.Phone) {
			p.Expect(t, message.SUBSCRIBE).Respond(503, "", "Retry-After: 7")
		}, "", 7 * time.Second},
		{"no answer", func(t *testing.T, p *siptest.Phone) { p.Close(); time.Sleep(40 * time.Second) }, "", time.Minute},
		{"no NOTIFY", func(t *testing.T, p *siptest.Phone) {
			p.Expect(t, message.SUBSCRIBE).Respond(200, "", "Expires: 600")
			time.Sleep(40 * time.Second)
		}, "", time.Minute},
		{"rejected later", func(t *testing.T, p *siptest.Phone) {
			in := p.Expect(t, message.SUBSCRIBE)
			in.Respond(200, "", "Expires: 600")
			notifyWith(in.Call(), "terminated;reason=rejected", "").Expect(t, 200)
		}, Rejected, -1},
		{"probation", func(t *testing.T, p *siptest.Phone) {
			in := p.Expect(t, message.SUBSCRIBE)
			in.Respond(200, "", "Expires: 600")
			notifyWith(in.Call(), "terminated;reason=probation;retry-after=9", "").Expect(t, 200)
		}, Probation, 9 * time.Second},
		{"too brief, then runs out", func(t *testing.T, p *siptest.Phone) {
			p.Expect(t, message.SUBSCRIBE).Respond(423, "", "Min-Expires: 1800")
			in := p.Expect(t, message.SUBSCRIBE)
			if in.Header(message.HExpires) != "1800" {
				t.Errorf("%s", in.Raw())
			}
			in.Respond(200, "", "Expires: 1800")
			call := in.Call()
			notifyWith(call, "active;expires=100", "").Expect(t, 200)
			time.Sleep(60 * time.Second)
			call.ExpectRequest(t, message.SUBSCRIBE).Respond(500, "")
			time.Sleep(30 * time.Second)
		}, Timeout, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				p := r.phone("ann")
				_, h := r.subscriber(p)
				c.do(t, p)
				synctest.Wait()
				if h.ended != 1 || h.why != c.why || h.retry != c.retry {
					t.Errorf("%+v, want %q %v", h, c.why, c.retry)
				}
			})
		})
	}
}
