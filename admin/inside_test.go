package admin_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/api"
	"github.com/koppelfeld/koppelfeld/internal/ladder"
)

// inside is a fake of the SIP side that knows one call.
type inside struct{ asked api.DebugFilter }

var began = time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)

func (f *inside) SIP(_ context.Context, filter api.DebugFilter) (api.SIPState, error) {
	f.asked = filter
	if filter.SlotID == "stuck" {
		return api.SIPState{}, errors.New("the shard is stuck")
	}
	flow := &api.SIPFlow{Transport: "UDP", Local: "192.0.2.1:5060", Remote: "198.51.100.7:5062"}
	return api.SIPState{
		At:        began,
		Registers: []api.SIPAnswered{{At: began, Status: 200, Transport: "UDP", Local: "192.0.2.1:5060", Remote: "198.51.100.7:5062", Summary: "REGISTER", Text: "REGISTER sip:x SIP/2.0\r\n\r\n"}},
		Shards:    []api.SIPShard{{Queue: 2, LagMS: 0.25, PeakLagMS: 12.5, Transactions: 1, Dialogs: 1, Timers: 3, TracedCalls: 1, TraceBytes: 4096}},
		Calls: []api.SIPCall{{
			ID: "01JD00000000000000000000C1", Phase: "ringing", Start: began, From: "403", To: "416", Pending: 1, Streams: 1,
			Legs: []api.SIPLeg{{Side: "caller", Phase: "early", CallID: "a@b", LocalTag: "l", RemoteTag: "r", Flow: flow, RemoteSeq: 1, Exchange: "offer received"}},
		}},
		Dialogs:      []api.SIPDialog{{CallID: "a@b", LocalTag: "l", Call: "01JD00000000000000000000C1"}},
		Transactions: []api.SIPTransaction{{Role: "server", Method: "INVITE", State: "proceeding", Status: 180, Branch: "z9hG4bK1", Flow: flow}},
	}, nil
}

func (f *inside) Ladder(_ context.Context, id string) (ladder.Call, bool, error) {
	if id != "01JD00000000000000000000C1" {
		return ladder.Call{}, false, nil
	}
	at := func(ms int, out bool, peer, text string) ladder.Message {
		return ladder.Message{
			At: began.Add(time.Duration(ms) * time.Millisecond), Out: out, Transport: "UDP", Text: text,
			Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort(peer),
		}
	}
	const iris, armin = "198.51.100.7:5062", "198.51.100.8:5060"
	return ladder.Call{ID: id, Start: began, Messages: []ladder.Message{
		at(0, false, iris, "INVITE sip:416@koppelfeld.example SIP/2.0\r\nCSeq: 2 INVITE\r\n\r\nv=0\r\n"),
		at(1, true, iris, "SIP/2.0 100 Trying\r\nCSeq: 2 INVITE\r\n\r\n"),
		at(2, true, armin, "INVITE sip:armin@198.51.100.8 SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n"),
		at(40, false, armin, "SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n\r\n"),
	}}, true, nil
}

func TestInsideIsForAdministrators(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/api/debug/sip", "/api/calls/01JD00000000000000000000C1/ladder", "/api/calls/01JD00000000000000000000C1/pcap"} {
		r.want(403, "iris.immsee", "GET", path, "")
		r.want(401, "", "GET", path, "")
		r.want(200, "adele.admin", "GET", path, "")
	}
	r.want(503, "adele.admin", "GET", "/api/debug/sip?slot=stuck", "")
	r.want(422, "adele.admin", "GET", "/api/debug/sip?limit=1001", "")
	r.want(200, "adele.admin", "GET", "/api/debug/sip?call=c&slot=s&limit=7", "")
	if want := (api.DebugFilter{CallID: "c", SlotID: "s", Limit: 7}); r.inside.asked != want {
		t.Errorf("asked for %+v", r.inside.asked)
	}
	a := r.want(200, "adele.admin", "GET", "/api/calls/01JD00000000000000000000C1/pcap", "")
	if d := a.Header().Get("Content-Disposition"); !strings.Contains(d, "call-01JD00000000000000000000C1.pcap") {
		t.Errorf("Content-Disposition is %q", d)
	}
}
