package b2bua

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// runSecure is run for a system that listens with TLS as well.
func runSecure(t *testing.T, fn func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRigOn(t, 1, []netip.Addr{server.Addr()}, transport.Config{
			Listen:       []string{"udp://10.0.0.1:5060", "tcp://10.0.0.1:5060", "tls://10.0.0.1:5061"},
			Certificates: siptest.Certificates(t),
		}, func(c *Config) { c.SRTP = ProtectOff })
		fn(t, r)
		r.finish()
	})
}

// overTLS is a phone that keeps a TLS connection, with a sips contact or a sip one.
func overTLS(sips bool) func(*siptest.PhoneConfig) {
	return func(c *siptest.PhoneConfig) {
		c.Proto, c.Server, c.SIPS = transport.TLS, netip.AddrPortFrom(server.Addr(), 5061), sips
	}
}

const sipsNumber = "sips:4b@" + domain

// A call to a sips URI rings phones with a sips contact only, and all of our Contacts are sips.
func TestCallToSIPS(t *testing.T) {
	runSecure(t, func(t *testing.T, r *rig) {
		a, b := r.phone("a", overTLS(true)), r.phone("b", overTLS(true))
		plain, tls := r.phone("plain"), r.phone("tls", overTLS(false))
		r.numbers["4b"] = []string{"plain", "b", "tls"}
		caller := a.InviteURI(sipsNumber, sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		if in.URI() != b.Contact() {
			t.Errorf("Request-URI %s", in.URI())
		}
		plain.ExpectNone(t, message.INVITE, 0)
		tls.ExpectNone(t, message.INVITE, 0)
		callee := in.Answer(sdpFor(b, "8"))
		ok := caller.Expect(t, 200)
		caller.Ack()
		for who, m := range map[string]*message.Message{"callee": in.Message, "caller": ok} {
			if c, _ := m.Contact(); c.URI != "sips:koppelfeld@10.0.0.1:5061" {
				t.Errorf("the %s is shown the contact %s", who, c.URI)
			}
		}
		// What refreshes the dialogs is sips as well.
		if c, _ := callee.ReInvite(t, sdpFor(b, "8")).Contact(); !message.Secure(c.URI) {
			t.Errorf("contact %s in a re-INVITE", c.URI)
		}
		caller.Bye(t)
		callee.ExpectBye(t)
		r.expectRecord(calls.Answered, 200, "caller")
	})
}

func TestSIPSRefused(t *testing.T) {
	const tcp, udp = transport.TCP, transport.UDP
	for _, tc := range []struct {
		name    string
		caller  func(*siptest.PhoneConfig)
		callee  func(*siptest.PhoneConfig)
		uri     string
		lines   []string
		status  int
		warning string
		cause   string
	}{
		{"only phones with sip contacts", overTLS(true), overTLS(false), sipsNumber, nil, 480, `380 ` + domain + ` "SIPS Not Allowed"`, "sips address"},
		{"only phones on UDP", overTLS(true), func(*siptest.PhoneConfig) {}, sipsNumber, nil, 480, `380 ` + domain + ` "SIPS Not Allowed"`, "sips address"},
		{"over UDP", func(*siptest.PhoneConfig) {}, overTLS(true), sipsNumber, nil, 403, "", ""},
		{"over TCP", func(c *siptest.PhoneConfig) { c.Proto = tcp }, overTLS(true), sipsNumber, nil, 403, "", ""},
		{"a sip contact", overTLS(false), overTLS(true), sipsNumber, nil, 400, "", "as secure"},
		{"a sips contact over UDP", func(c *siptest.PhoneConfig) { c.Proto, c.SIPS = udp, true }, overTLS(true), "sip:4b@" + domain, nil, 400, "", "as secure"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			runSecure(t, func(t *testing.T, r *rig) {
				a, b := r.phone("a", tc.caller), r.phone("b", tc.callee)
				res := a.InviteURI(tc.uri, sdpFor(a, "8"), tc.lines...).Expect(t, tc.status)
				if got := res.HeaderNamed("Warning"); got != tc.warning {
					t.Errorf("Warning %q", got)
				}
				b.ExpectNone(t, message.INVITE, 0)
				if tc.cause != "" {
					if rec := r.last(); !strings.Contains(rec.Cause, tc.cause) {
						t.Errorf("cause %q", rec.Cause)
					}
				}
			})
		})
	}
}

// A call to a sip URI reaches a phone with a sips contact over its connection, under a sip URI (RFC 5630 section 5.3).
func TestSIPCallToSIPSContact(t *testing.T) {
	runSecure(t, func(t *testing.T, r *rig) {
		a, b := r.phone("a"), r.phone("b", overTLS(true))
		caller := a.Invite("4b", sdpFor(a, "8"))
		in := b.Expect(t, message.INVITE)
		if want := "sip" + strings.TrimPrefix(b.Contact(), "sips"); in.URI() != want {
			t.Errorf("Request-URI %s, want %s", in.URI(), want)
		}
		if c, _ := in.Contact(); c.URI != "sip:koppelfeld@10.0.0.1:5061;transport=tls" {
			t.Errorf("contact %s", c.URI)
		}
		callee := in.Answer(sdpFor(b, "8"))
		caller.Expect(t, 200)
		caller.Ack()
		caller.Bye(t)
		callee.ExpectBye(t)
	})
}

// What comes of a call to a sips URI does not become less secure.
func TestSIPSIsNotDowngraded(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(t *testing.T, r *rig, in *siptest.Request, caller *siptest.Call)
	}{
		{"by redirection", func(t *testing.T, r *rig, in *siptest.Request, caller *siptest.Call) {
			in.Respond(302, "", "Contact: <sip:4plain@"+domain+">")
			caller.Expect(t, 480)
		}},
		{"by transfer", func(t *testing.T, r *rig, in *siptest.Request, caller *siptest.Call) {
			callee := in.Answer(sdpFor(r.phones["b"], "8"))
			caller.Expect(t, 200)
			caller.Ack()
			callee.Refer("4plain", "").Expect(t, 202)
			expectFrag(t, callee, 100)
			expectFrag(t, callee, 480)
			caller.Bye(t)
			callee.ExpectBye(t)
		}},
		{"by take-over", func(t *testing.T, r *rig, in *siptest.Request, caller *siptest.Call) {
			callee := in.Answer(sdpFor(r.phones["b"], "8"))
			caller.Expect(t, 200)
			caller.Ack()
			other := r.phone("a2")
			res := other.Invite("4b", sdpFor(other, "8"), "Replaces: "+caller.Replaces(), "Require: replaces").Expect(t, 480)
			if got := res.HeaderNamed("Warning"); !strings.HasPrefix(got, "381 ") {
				t.Errorf("Warning %q", got)
			}
			caller.Bye(t)
			callee.ExpectBye(t)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			runSecure(t, func(t *testing.T, r *rig) {
				a, b, plain := r.phone("a", overTLS(true)), r.phone("b", overTLS(true)), r.phone("plain")
				caller := a.InviteURI(sipsNumber, sdpFor(a, "8"))
				tc.do(t, r, b.Expect(t, message.INVITE), caller)
				plain.ExpectNone(t, message.INVITE, 0)
			})
		})
	}
}

// Without TLS the scheme means nothing here.
func TestSIPSWithoutTLS(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a := r.phone("a")
		a.InviteURI(sipsNumber, sdpFor(a, "8")).Expect(t, 416)
	})
}
