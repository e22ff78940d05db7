package api

import (
	"bytes"
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/koppelfeld/koppelfeld/internal/ladder"
)

// debugWithin bounds how long the SIP side may take to answer.
const debugWithin = 3 * time.Second

// Debug shows the inside of the SIP side.
type Debug interface {
	// SIP returns at most f.Limit of each kind.
	SIP(ctx context.Context, f DebugFilter) (SIPState, error)
	// Ladder returns what was signalled in a call that runs or has ended not long ago; ok is false when nothing is kept of it.
	Ladder(ctx context.Context, callID string) (c ladder.Call, ok bool, err error)
}

// DebugFilter says what to show. Empty fields select all.
type DebugFilter struct {
	CallID string // ID of a call, or a Call-ID of one of its legs
	SlotID string
	Limit  int
}

// SIPState is the inside of the SIP side at a moment.
type SIPState struct {
	At           time.Time        `json:"at"`
	Truncated    bool             `json:"truncated" doc:"There is more than limit of something, or not all of it was looked at"`
	Shards       []SIPShard       `json:"shards" nullable:"false"`
	Calls        []SIPCall        `json:"calls" nullable:"false"`
	Dialogs      []SIPDialog      `json:"dialogs" nullable:"false"`
	Transactions []SIPTransaction `json:"transactions" nullable:"false"`
	Flows        []SIPFlow        `json:"flows" nullable:"false" doc:"Stream connections, and the ways to the phones of the slot if one was asked for"`
	Registers    []SIPAnswered    `json:"registers" nullable:"false" doc:"The last REGISTERs of the slot if one was asked for, newest first"`
	Refusals     []SIPAnswered    `json:"refusals" nullable:"false" doc:"The last requests that were refused before anything was kept for them, some of each reason, newest first; left out when a call was asked for"`
}

// SIPAnswered is a request outside of calls that was kept.
type SIPAnswered struct {
	At        time.Time `json:"at"`
	Reason    string    `json:"reason,omitempty" example:"no_dialog" doc:"Why it was refused, as in koppelfeld_sip_drops_total; also wrong_password, unknown_account and braked"`
	Status    int       `json:"status" doc:"The answer; 0 is none"`
	Transport string    `json:"transport" example:"UDP"`
	Local     string    `json:"local"`
	Remote    string    `json:"remote"`
	Summary   string    `json:"summary" example:"REGISTER"`
	Text      string    `json:"text" doc:"The request, cut at 2 KB, secrets masked"`
}

// SIPShard is one of the executors that own calls.
type SIPShard struct {
	Index          int     `json:"index"`
	Queue          int     `json:"queue" doc:"Events that wait"`
	LagMS          float64 `json:"lag_ms" doc:"How long the oldest of them has waited"`
	PeakLagMS      float64 `json:"peak_lag_ms" doc:"The longest wait since the start"`
	Transactions   int     `json:"transactions"`
	Dialogs        int     `json:"dialogs"`
	Timers         int     `json:"timers"`
	Panics         uint64  `json:"panics" doc:"Faults of the program that were survived"`
	TracedCalls    int     `json:"traced_calls" doc:"Running calls whose messages are kept"`
	TracedEnded    int     `json:"traced_ended" doc:"Ended calls whose messages are kept"`
	TraceBytes     int     `json:"trace_bytes"`
	Retransmitted  uint64  `json:"retransmitted" doc:"Messages sent again since the start"`
	Absorbed       uint64  `json:"absorbed" doc:"Repeated messages that went no further"`
	TimedOut       uint64  `json:"timed_out" doc:"Transactions that ended without an answer or an ACK"`
	StrayResponses uint64  `json:"stray_responses"`
}

// SIPCall is a call as the SIP side sees it.
type SIPCall struct {
	ID      string    `json:"id"`
	Shard   int       `json:"shard"`
	Phase   string    `json:"phase" example:"up"`
	Start   time.Time `json:"start,omitzero"`
	From    string    `json:"from,omitempty"`
	To      string    `json:"to,omitempty"`
	Pending int       `json:"pending" doc:"Legs and contacts with something under way"`
	Streams int       `json:"streams" doc:"Relayed media sections"`
	Legs    []SIPLeg  `json:"legs" nullable:"false"`
}

// SIPLeg is a dialog of a call, or a contact that is rung.
type SIPLeg struct {
	Side      string   `json:"side" example:"caller"`
	Phase     string   `json:"phase" example:"up"`
	Slot      string   `json:"slot,omitempty" doc:"ID of the slot"`
	Contact   string   `json:"contact,omitempty"`
	CallID    string   `json:"call_id"`
	LocalTag  string   `json:"local_tag"`
	RemoteTag string   `json:"remote_tag,omitempty"`
	Flow      *SIPFlow `json:"flow,omitempty"`
	LocalSeq  uint32   `json:"local_seq"`
	RemoteSeq uint32   `json:"remote_seq"`
	Exchange  string   `json:"exchange" example:"stable" doc:"State of offer and answer"`
	SessionS  int      `json:"session_s,omitempty" doc:"Interval of the session timer in seconds"`
}

// SIPDialog is a dialog in which requests are taken.
type SIPDialog struct {
	Shard    int    `json:"shard"`
	CallID   string `json:"call_id"`
	LocalTag string `json:"local_tag"`
	Call     string `json:"call,omitempty" doc:"ID of the call it belongs to"`
}

// SIPTransaction is a transaction, lingering ones included.
type SIPTransaction struct {
	Shard  int      `json:"shard"`
	Role   string   `json:"role" enum:"client,server"`
	Method string   `json:"method"`
	State  string   `json:"state" example:"proceeding"`
	Status int      `json:"status" doc:"Last status sent or received, 0 for none"`
	Branch string   `json:"branch"`
	Call   string   `json:"call,omitempty" doc:"ID of the call it belongs to, known while messages are kept"`
	Flow   *SIPFlow `json:"flow,omitempty"`
}

// SIPFlow is a way to and from a peer.
type SIPFlow struct {
	Transport string `json:"transport" example:"UDP"`
	Local     string `json:"local"`
	Remote    string `json:"remote"`
	Accepted  bool   `json:"accepted,omitempty" doc:"A connection that the peer opened"`
	Proved    bool   `json:"proved,omitempty" doc:"The peer has shown that it knows a password"`
	Waiting   int    `json:"waiting,omitempty" doc:"Bytes that wait to be sent"`
	Closed    bool   `json:"closed,omitempty"`
}

// Ladder is what was signalled in a call.
type Ladder struct {
	ID       string       `json:"id"`
	Start    time.Time    `json:"start"`
	End      time.Time    `json:"end,omitzero" doc:"Missing while the call runs"`
	Skipped  int          `json:"skipped" doc:"Messages that were not kept"`
	Messages []LadderStep `json:"messages" nullable:"false"`
}

// LadderStep is one SIP message of a call.
type LadderStep struct {
	At        time.Time `json:"at"`
	Direction string    `json:"direction" enum:"in,out"`
	Transport string    `json:"transport" example:"UDP"`
	Local     string    `json:"local"`
	Remote    string    `json:"remote"`
	Summary   string    `json:"summary" example:"180 Ringing"`
	Text      string    `json:"text" doc:"The message, secrets masked"`
}

type debugInput struct {
	Call  string `query:"call" maxLength:"256" doc:"ID of a call, or the Call-ID of one of its legs"`
	Slot  string `query:"slot" maxLength:"64" doc:"ID of a slot"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"At most so many of each kind"`
}

type fileOutput struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (a *API) registerDebug() {
	register(a, operation{
		id: "debug-sip", method: http.MethodGet, path: "/api/debug/sip", tag: "system", access: adminOnly,
		summary: "Look inside the SIP side",
		doc:     "Shards, calls, dialogs, transactions and flows as they are at the moment, and what was registered and refused last, for people who look for a fault.",
	}, a.debugSIP)
	a.registerLadder()
	pcap := operation{
		id: "get-call-pcap", method: http.MethodGet, path: "/api/calls/{id}/pcap", tag: "calls", access: adminOnly,
		summary: "Download the messages of a call as a capture file",
		doc: "Opens in Wireshark and tshark. The headers of IP and UDP are made up from the addresses of the flows. Secrets are masked. " +
			"For calls that run and, for up to an hour, for calls that have ended, as long as there is room.",
		errors: []int{http.StatusNotFound},
	}
	op := pcap.huma()
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A capture file", Content: map[string]*huma.MediaType{captureType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}}
	huma.Register(a.huma, op, func(ctx context.Context, in *callPath) (*fileOutput, error) {
		c, err := a.ladder(ctx, in.ID)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		var b bytes.Buffer
		if err := c.WritePcap(&b); err != nil {
			return nil, a.problem(ctx, err)
		}
		return &fileOutput{captureType, `attachment; filename="call-` + c.ID + `.pcap"`, b.Bytes()}, nil
	})
}

const (
	captureType = "application/vnd.tcpdump.pcap"
	textType    = "text/plain; charset=utf-8"
)

type ladderInput struct {
	ID     string `path:"id" maxLength:"64"`
	Format string `query:"format" enum:"json,text" default:"json" doc:"text draws the ladder with characters"`
}

func (a *API) registerLadder() {
	o := operation{
		id: "get-call-ladder", method: http.MethodGet, path: "/api/calls/{id}/ladder", tag: "calls", access: adminOnly,
		summary: "Show what was signalled in a call",
		doc: "All messages of both sides and of every contact that was rung, in order, secrets masked. " +
			"For calls that run and, for up to an hour, for calls that have ended, as long as there is room. A call has the ID of its record.",
		errors: []int{http.StatusNotFound},
	}
	op := o.huma()
	op.Responses = map[string]*huma.Response{"200": {
		Description: "OK",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Ladder](), true, "Ladder")},
			"text/plain":       {Schema: &huma.Schema{Type: huma.TypeString}},
		},
	}}
	huma.Register(a.huma, op, func(ctx context.Context, in *ladderInput) (*struct {
		ContentType string `header:"Content-Type"`
		Body        any
	}, error,
	) {
		type output = struct {
			ContentType string `header:"Content-Type"`
			Body        any
		}
		c, err := a.ladder(ctx, in.ID)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		if in.Format != "text" {
			return &output{"application/json", ladderView(&c)}, nil
		}
		var b bytes.Buffer
		if err := c.WriteText(&b); err != nil {
			return nil, a.problem(ctx, err)
		}
		return &output{textType, b.Bytes()}, nil
	})
}

func ladderView(c *ladder.Call) Ladder {
	v := Ladder{ID: c.ID, Start: c.Start, End: c.End, Skipped: c.Skipped, Messages: make([]LadderStep, len(c.Messages))}
	for i := range c.Messages {
		m := &c.Messages[i]
		s := LadderStep{At: m.At, Direction: "in", Transport: m.Transport, Local: m.Local.String(), Remote: m.Remote.String(), Summary: m.Summary(), Text: m.Text}
		if m.Out {
			s.Direction = "out"
		}
		v.Messages[i] = s
	}
	return v
}

func (a *API) ladder(ctx context.Context, id string) (ladder.Call, error) {
	ctx, cancel := context.WithTimeout(ctx, debugWithin)
	defer cancel()
	c, ok, err := a.deps.Debug.Ladder(ctx, id)
	switch {
	case err != nil:
		return ladder.Call{}, fault(http.StatusServiceUnavailable, "", "the SIP side does not answer")
	case !ok:
		return ladder.Call{}, fault(http.StatusNotFound, "", "nothing is kept of the messages of call "+id)
	}
	return c, nil
}

func (a *API) debugSIP(ctx context.Context, in *debugInput) (*struct{ Body SIPState }, error) {
	ctx, cancel := context.WithTimeout(ctx, debugWithin)
	defer cancel()
	s, err := a.deps.Debug.SIP(ctx, DebugFilter{CallID: in.Call, SlotID: in.Slot, Limit: in.Limit})
	if err != nil {
		return nil, fault(http.StatusServiceUnavailable, "", "the SIP side does not answer")
	}
	s.Shards, s.Calls, s.Dialogs = notNil(s.Shards), notNil(s.Calls), notNil(s.Dialogs)
	s.Transactions, s.Flows = notNil(s.Transactions), notNil(s.Flows)
	s.Registers, s.Refusals = notNil(s.Registers), notNil(s.Refusals)
	return &struct{ Body SIPState }{s}, nil
}
