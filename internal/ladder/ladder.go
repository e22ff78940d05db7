// Package ladder shows what was signalled in a call: as rows, as a ladder drawn with characters, and as a
// capture file that tshark and Wireshark open.
//
// It is pure rendering of messages that somebody else has kept and masked: it knows no SIP beyond the first
// line of a message and a few header names, does no I/O of its own and starts no goroutine.
package ladder

import (
	"net/netip"
	"strings"
	"time"
)

// Message is one SIP message of a call.
type Message struct {
	At        time.Time
	Out       bool   // we sent it
	Transport string // UDP, TCP, TLS, WS or WSS
	Local     netip.AddrPort
	Remote    netip.AddrPort
	Text      string // as on the wire, secrets masked
}

// Call is what is known of the signalling of one call.
type Call struct {
	ID       string
	Start    time.Time
	End      time.Time // zero while the call runs
	Skipped  int       // messages that were not kept: too many, or too large
	Messages []Message
}

// Summary says in a few words what a message is: "INVITE 416 (SDP)", "180 Ringing", "200 OK to BYE".
func (m *Message) Summary() string {
	first, rest, _ := strings.Cut(m.Text, "\r\n")
	head, body, _ := strings.Cut(rest, "\r\n\r\n")
	sdp := ""
	if strings.HasPrefix(body, "v=0") {
		sdp = " (SDP)"
	}
	if status, ok := strings.CutPrefix(first, "SIP/2.0 "); ok {
		_, method, _ := strings.Cut(header(head, "CSeq", "CSeq"), " ")
		if method != "" && method != "INVITE" {
			return status + " to " + method + sdp
		}
		return status + sdp
	}
	method, uri, _ := strings.Cut(first, " ")
	uri, _, _ = strings.Cut(uri, " ")
	if method == "INVITE" {
		if user, _, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(uri, "sip:"), "sips:"), "@"); ok {
			return method + " " + user + sdp
		}
	}
	return method + sdp
}

// header is the value of a header in the lines of head, by its name or its compact form.
func header(head, name, compact string) string {
	for line := range strings.SplitSeq(head, "\r\n") {
		n, v, ok := strings.Cut(line, ":")
		if n = strings.TrimSpace(n); ok && (strings.EqualFold(n, name) || strings.EqualFold(n, compact)) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
