package b2bua

import (
	"testing"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
)

// TestAskedAgain: what a contact wants or cannot bear is done for it, once.
func TestAskedAgain(t *testing.T) {
	for _, c := range []struct {
		name   string
		offer  bool
		status int
		line   string
		want   string // Supported of the second INVITE, "" for none
	}{
		{"wants what we have", false, 421, "Require: replaces", "timer, replaces"},
		{"wants what is listed already", true, 421, "Require: timer", ""},
		{"wants what we do not have", true, 421, "Require: precondition", ""},
		{"wants reliable responses where nobody could answer its offer", false, 421, "Require: 100rel", ""},
		{"does not say what it wants", true, 421, "", ""},
		{"cannot bear one of ours", true, 420, "Unsupported: 100rel", "timer, replaces, norefersub, 199"},
		{"cannot bear two", true, 420, "Unsupported: 100rel, 199", "timer, replaces, norefersub"},
		{"cannot bear what is none of ours", true, 420, "Unsupported: outbound", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a, b := r.phone("a"), r.phone("b")
				body := ""
				if c.offer {
					body = sdpFor(a, "8")
				}
				caller := a.Invite("4b", body)
				b.Expect(t, message.INVITE).Respond(c.status, "", lines(c.line)...)
				if c.want == "" {
					caller.Expect(t, 480)
					return
				}
				in := b.Expect(t, message.INVITE)
				if got := in.Header(message.HSupported); got != c.want {
					t.Errorf("the second INVITE lists %q, want %q", got, c.want)
				}
				in.Respond(c.status, "", c.line) // and again: that is all
				caller.Expect(t, 480)
			})
		})
	}
}

func lines(l string) []string {
	if l == "" {
		return nil
	}
	return []string{l}
}

// TestRetryAfter: the caller hears until when it need not try again.
func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		name   string
		status []int
		after  []string // of each phone
		want   string
	}{
		{"500", []int{500}, []string{"30"}, "30"},
		{"503", []int{503}, []string{"30 (maintenance);duration=60"}, "30"},
		{"413", []int{413}, []string{"5"}, "5"},
		{"414", []int{414}, []string{"5"}, "5"},
		{"486", []int{486}, []string{"120"}, "120"},
		{"none", []int{503}, []string{""}, ""},
		{"malformed", []int{503}, []string{"soon"}, ""},
		{"absurd", []int{503}, []string{"99999999999999999999"}, "86400"},
		{"the first of two", []int{503, 503}, []string{"60", "20"}, "20"},
		{"of the one that counts", []int{503, 486}, []string{"60", ""}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(t *testing.T, r *rig) {
				a := r.phone("a")
				names := []string{"b", "c"}[:len(c.status)]
				var in []*siptest.Request
				for _, n := range names {
					r.phone(n)
				}
				r.numbers["416"] = names
				caller := a.Invite("416", sdpFor(a, "8"))
				for _, n := range names {
					in = append(in, r.phones[n].Expect(t, message.INVITE))
				}
				for i, status := range c.status {
					line := ""
					if c.after[i] != "" {
						line = "Retry-After: " + c.after[i]
					}
					in[i].Respond(status, "", lines(line)...)
				}
				if got := caller.Final(t).Header(message.HRetryAfter); got != c.want {
					t.Errorf("Retry-After %q, want %q", got, c.want)
				}
			})
		})
	}
}

// TestOurRefusals: what an INVITE gets that we cannot take, and what says how it could be taken (RFC 3261 sections 8.2 and 21).
func TestOurRefusals(t *testing.T) {
	run(t, nil, func(t *testing.T, r *rig) {
		a := r.phone("a")
		r.phone("b")
		r.numbers["4none"] = nil
		offer := sdpFor(a, "8")
		for _, c := range []struct {
			name, number, body string
			lines              []string
			status             int
			header             message.ID
			value              string
		}{
			{"an address too long to be one", "40123456789012345678901234567890123456789", offer, nil, 404, 0, ""},
			{"a body in a coding", "4b", offer, []string{"Content-Encoding: gzip"}, 415, message.HAccept, "application/sdp"},
			{"takes no description", "4b", offer, []string{"Accept: text/plain"}, 406, 0, ""},
			{"an extension we do not have", "4b", offer, []string{"Require: precondition, 100rel"}, 420, message.HUnsupported, "precondition"},
			{"a session too short", "4b", offer, []string{"Session-Expires: 30", "Supported: timer"}, 422, message.HMinSE, "90"},
			{"in a circle", "4b", offer, []string{pathHeader + ": " + r.ua.marker + "/4b"}, 482, 0, ""},
			{"nothing in common", "4b", "v=0\r\no=- 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 8\r\n", nil, 488, 0, ""},
			{"nobody there", "4none", offer, nil, 480, 0, ""},
		} {
			res := a.Invite(c.number, c.body, c.lines...).Final(t)
			if res.Status() != c.status {
				t.Errorf("%s: %d, want %d", c.name, res.Status(), c.status)
			}
			if c.header != 0 && res.Header(c.header) != c.value {
				t.Errorf("%s: says %q, want %q", c.name, res.Header(c.header), c.value)
			}
		}
		r.ua.stopping.Store(true)
		if res := a.Invite("4b", offer).Final(t); res.Status() != 503 || !res.Has(message.HRetryAfter) {
			t.Errorf("while we stop: %d", res.Status())
		}
	})
}
