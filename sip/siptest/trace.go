package siptest

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// maxTrace bounds the ladder; older entries go first.
const maxTrace = 4000

// trace records what passed.
type trace struct {
	start   time.Time
	names   map[netip.AddrPort]string
	entries []traceEntry
	dropped int
}

type traceEntry struct {
	at       time.Duration
	proto    string
	from, to netip.AddrPort
	line     string
	note     string
}

func (tr *trace) add(now time.Time, proto string, from, to netip.AddrPort, b []byte, note string) {
	if len(tr.entries) >= maxTrace {
		tr.entries = append(tr.entries[:0], tr.entries[maxTrace/2:]...)
		tr.dropped += maxTrace / 2
	}
	tr.entries = append(tr.entries, traceEntry{now.Sub(tr.start), proto, from, to, summary(b), strings.TrimSpace(note)})
}

// summary is the first line of a message with its CSeq and Call-ID.
func summary(b []byte) string {
	if len(bytes.Trim(b, "\r\n\x00")) == 0 {
		return fmt.Sprintf("keep-alive %q", b)
	}
	first, rest, _ := strings.Cut(string(b), "\r\n")
	s := strings.TrimSuffix(first, " SIP/2.0")
	s = strings.TrimPrefix(s, "SIP/2.0 ")
	var cseq, call string
	for line := range strings.SplitSeq(rest, "\r\n") {
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "cseq":
			cseq = strings.TrimSpace(value)
		case "call-id", "i":
			call = strings.TrimSpace(value)
		}
	}
	if len(call) > 12 {
		call = call[:12]
	}
	return fmt.Sprintf("%-40.60s [%s %s]", s, cseq, call)
}

// Name gives an address a name for the ladder.
func (n *Network) Name(addr netip.AddrPort, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.trace.names == nil {
		n.trace.names = map[netip.AddrPort]string{}
	}
	n.trace.names[addr] = name
}

// Ladder prints what passed, a line per message.
func (n *Network) Ladder() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var sb strings.Builder
	if n.trace.dropped > 0 {
		fmt.Fprintf(&sb, "(%d older messages left out)\n", n.trace.dropped)
	}
	name := func(a netip.AddrPort) string {
		if s := n.trace.names[a]; s != "" {
			return s
		}
		return a.String()
	}
	for _, e := range n.trace.entries {
		fmt.Fprintf(&sb, "%12.3fs %s %-22s -> %-22s %s", e.at.Seconds(), e.proto, name(e.from), name(e.to), e.line)
		if e.note != "" {
			fmt.Fprintf(&sb, "  (%s)", e.note)
		}
		sb.WriteByte('\n')
	}
	return sb.String()
}
