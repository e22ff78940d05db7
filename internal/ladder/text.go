package ladder

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	timeWidth = 10 // seconds since the first message
	gap       = 34 // between two columns
)

// peer is one column of the ladder besides our own.
type peer struct {
	transport string
	remote    netip.AddrPort
}

// WriteText draws the call as a ladder: ours is the second column, the one who sent the first message the first.
func (c *Call) WriteText(w io.Writer) error {
	if len(c.Messages) == 0 {
		_, err := fmt.Fprintf(w, "call %s: no messages are kept\n", c.ID)
		return err
	}
	var peers []peer
	for i := range c.Messages {
		if p := (peer{c.Messages[i].Transport, c.Messages[i].Remote}); !slices.Contains(peers, p) {
			peers = append(peers, p)
		}
	}
	first := c.Messages[0].At
	var b strings.Builder
	fmt.Fprintf(&b, "call %s, began %s\n", c.ID, first.UTC().Format(time.RFC3339Nano))
	if c.Skipped > 0 {
		fmt.Fprintf(&b, "%d messages were not kept\n", c.Skipped)
	}
	b.WriteByte('\n')
	columns := len(peers) + 1
	heads := make([]string, columns)
	for i, p := range peers {
		heads[column(i)] = p.transport + " " + p.remote.String()
	}
	heads[1] = "Koppelfeld"
	b.WriteString(headline(heads))
	for i := range c.Messages {
		m := &c.Messages[i]
		at := column(slices.Index(peers, peer{m.Transport, m.Remote}))
		from, to := at, 1
		if m.Out {
			from, to = 1, at
		}
		fmt.Fprintf(&b, "%*.3f %s\n", timeWidth-1, m.At.Sub(first).Seconds(), arrow(columns, from, to, m.Summary()))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// column is where the i-th peer stands.
func column(i int) int {
	if i == 0 {
		return 0
	}
	return i + 1
}

// headline writes the names of the columns, each centred on its line as far as there is room.
func headline(heads []string) string {
	line := []byte(strings.Repeat(" ", timeWidth+gap*len(heads)))
	for i, h := range heads {
		at := max(timeWidth+i*gap-len(h)/2, 0)
		copy(line[at:], h)
	}
	return strings.TrimRight(string(line), " ") + "\n"
}

// arrow draws one message between two columns, its text on the part next to our column.
func arrow(columns, from, to int, text string) string {
	line := []rune(strings.Repeat(" ", gap*(columns-1)+1))
	for i := range columns {
		line[i*gap] = '|'
	}
	left, right := min(from, to)*gap, max(from, to)*gap
	for i := left + 1; i < right; i++ {
		line[i] = '-'
	}
	head := right - 1
	if to < from {
		head = left + 1
	}
	line[head] = '>'
	if to < from {
		line[head] = '<'
	}
	room := right - left - 7
	if n := utf8.RuneCountInString(text); n > room {
		text = string([]rune(text)[:room-1]) + "…"
	}
	i := left + 3
	line[i] = ' '
	for _, r := range text {
		i++
		if r < ' ' || r == 0x7f {
			r = '.'
		}
		line[i] = r
	}
	line[i+1] = ' '
	return strings.TrimRight(string(line), " ")
}
