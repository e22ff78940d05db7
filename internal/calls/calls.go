// Package calls holds live calls, call records (CDRs) and call events as types,
// the table of live calls, and the bus that carries events to those who read
// them: the record writer, metrics, lamps and pages.
//
// sip/b2bua writes; everyone else reads. The package knows no SIP, no SQL and
// no HTTP.
package calls

import (
	"encoding/json"
	"time"
)

// Result says how a call attempt ended.
type Result string

// Results. The string is stored and is a metric label.
const (
	Answered    Result = "answered"
	Cancelled   Result = "cancelled"   // the caller gave up before an answer
	Busy        Result = "busy"        // 486 or 600 from the plan or from the callee
	NoAnswer    Result = "no_answer"   // rang until the time was over
	Declined    Result = "declined"    // 603 or the like
	Unreachable Result = "unreachable" // no contact answered at all, or none registered
	Rejected    Result = "rejected"    // refused by the plan, by rights or by limits
	Failed      Result = "failed"      // anything else
	Interrupted Result = "interrupted" // the daemon stopped hard while the call was up
)

// State is the state of a live call.
type State string

// States of a live call.
const (
	Routing State = "routing"
	Ringing State = "ringing"
	Up      State = "up"
	Ended   State = "ended"
)

// Record is a call record (CDR). It is written twice: when the call enters
// (End is zero) and when it has ended. ID is a ULID and makes writing idempotent.
type Record struct {
	ID       string    `json:"id"`
	Start    time.Time `json:"start"`
	RingAt   time.Time `json:"ring_at,omitzero"`   // first 180 or 183 to the caller
	AnswerAt time.Time `json:"answer_at,omitzero"` // 200 to the caller
	End      time.Time `json:"end,omitzero"`
	// Class is "inside" or "outside".
	Class string `json:"class"`
	// From is the number shown, FromName its display name; FromUser and FromSlot
	// identify an inside caller.
	From     string `json:"from"`
	FromName string `json:"from_name,omitempty"`
	FromUser string `json:"from_user,omitempty"` // user ID
	FromSlot string `json:"from_slot,omitempty"`
	// FromHidden says that the callee was not shown From.
	FromHidden bool `json:"from_hidden,omitempty"`
	// To is what was dialled, Number the number that took the call.
	To     string `json:"to"`
	Number string `json:"number,omitempty"`
	// ToUser is the user who answered, else the owner of Number, or who forwarded to it when it lies outside; an ID.
	ToUser string `json:"to_user,omitempty"`
	ToSlot string `json:"to_slot,omitempty"` // slot that answered
	Result Result `json:"result"`
	// Status is the final SIP status sent to the caller, 0 if none was.
	Status int `json:"status"`
	// AskedBy is the ID of the user who had the call begun by the system, see Dial.
	AskedBy string `json:"asked_by,omitempty"`
	// HangupBy is "caller", "callee" or "system".
	HangupBy string `json:"hangup_by,omitempty"`
	// Cause says in words why the call ended, for people.
	Cause string `json:"cause,omitempty"`
	// SIPCallID is the Call-ID of the caller's leg.
	SIPCallID string `json:"sip_call_id,omitempty"`
	// Reasons is the routing trace as JSON, for routing.ReadTrace.
	Reasons json.RawMessage `json:"reasons,omitempty"`
	// Forwards are the hops of the call, in order.
	Forwards []Forward `json:"forwards,omitempty"`
	// Legs lists every slot that was rung with how it went.
	Legs []Leg `json:"legs,omitempty"`
	// MediaCaller and MediaCallee are the figures of what each side sent.
	MediaCaller *Media `json:"media_caller,omitempty"`
	MediaCallee *Media `json:"media_callee,omitempty"`
	// MediaNote is a sentence when something was wrong with the audio.
	MediaNote string `json:"media_note,omitempty"`
}

// Forward is one hop of a call: number From passed it on to To.
type Forward struct {
	From string `json:"from"`
	To   string `json:"to"`
	Why  string `json:"why"` // always, busy, no_answer, not_registered, or system for a system-wide rule
}

// Leg is one contact that was rung.
type Leg struct {
	SlotID  string    `json:"slot_id"`          // empty for a number outside
	Number  string    `json:"number,omitempty"` // outside, also of a mobile slot
	Contact string    `json:"contact"`
	Start   time.Time `json:"start"`
	RingAt  time.Time `json:"ring_at,omitzero"`
	End     time.Time `json:"end,omitzero"`
	// Status is its final SIP status; 0 when it was cancelled before one came.
	Status int    `json:"status"`
	Result string `json:"result"` // answered, elsewhere, busy, declined, timeout, error, cancelled, redirected
}

// Media are the figures of one direction, as received from one side (RFC 3550).
type Media struct {
	Codec   string `json:"codec,omitempty"`
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
	Lost    int64  `json:"lost"`
	// JitterMS is the interarrival jitter in milliseconds (RFC 3550 section 6.4.1).
	JitterMS float64 `json:"jitter_ms"`
	// FirstMS is the time from the answer to the first packet in milliseconds, -1 if none came.
	FirstMS int64  `json:"first_ms"`
	Source  string `json:"source,omitempty"` // address the packets came from
	Dropped uint64 `json:"dropped"`          // packets from implausible addresses
	// MOS estimates how it sounded, 1 to 4.5 (ITU-T G.107, simplified); 0 when nothing came.
	MOS float64 `json:"mos,omitempty"`
	// RoundTripMS is the time to that side and back in milliseconds, ReportedLost, ReportedJitterMS
	// and ReportedMOS are the same figures for what that side was sent, all as its last RTCP
	// report says; absent when none came.
	RoundTripMS      float64 `json:"round_trip_ms,omitempty"`
	ReportedLost     int64   `json:"reported_lost,omitempty"`
	ReportedJitterMS float64 `json:"reported_jitter_ms,omitempty"`
	ReportedMOS      float64 `json:"reported_mos,omitempty"`
	// Security says how that side's audio was encrypted: "SDES AES_CM_128_HMAC_SHA1_80", "DTLS
	// AEAD_AES_128_GCM"; empty: not at all. Keys that went over an unencrypted connection are marked so.
	Security string `json:"security,omitempty"`
	// Forged and Replayed are packets that did not authenticate, or came twice; they were dropped.
	Forged   uint64 `json:"forged,omitempty"`
	Replayed uint64 `json:"replayed,omitempty"`
}

// Call is the view of one live call for lists. It is a copy; changing it has no effect.
type Call struct {
	ID       string `json:"id"`
	State    State  `json:"state"`
	Class    string `json:"class"`
	From     string `json:"from"`
	FromName string `json:"from_name,omitempty"`
	FromSlot string `json:"from_slot,omitempty"`
	FromUser string `json:"from_user,omitempty"`
	// FromHidden says that the callee is not shown From.
	FromHidden bool   `json:"from_hidden,omitempty"`
	To         string `json:"to"`
	Number     string `json:"number,omitempty"`
	// Also are the further numbers at which it rings, or over which it was answered: of members of a hunt group, and such as ring as well.
	Also []string `json:"-"`
	// CallerNumber is the own number over which an inside caller calls, whatever is shown.
	CallerNumber string    `json:"-"`
	ToUser       string    `json:"to_user,omitempty"`
	ToSlot       string    `json:"to_slot,omitempty"` // set when answered
	Ringing      []string  `json:"ringing,omitempty"` // slot IDs that ring now
	Start        time.Time `json:"start"`
	AnswerAt     time.Time `json:"answer_at,omitzero"`
}

// EventType names what happened.
type EventType string

// Event types. The string is the SSE event name.
const (
	CallStarted   EventType = "call.started"
	CallRinging   EventType = "call.ringing"
	CallAnswered  EventType = "call.answered"
	CallEnded     EventType = "call.ended"
	Registered    EventType = "slot.registered"
	Unregistered  EventType = "slot.unregistered"
	ConfigChanged EventType = "config.changed"
)

// Event is one thing that happened. Exactly the fields that fit Type are set.
type Event struct {
	Type     EventType `json:"type"`
	At       time.Time `json:"at"`
	Call     *Call     `json:"call,omitempty"`
	Record   *Record   `json:"-"` // CallStarted and CallEnded
	SlotID   string    `json:"slot_id,omitempty"`
	Revision int64     `json:"revision,omitempty"`
}
