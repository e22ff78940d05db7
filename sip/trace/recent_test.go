package trace

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

func registering(t testing.TB, n int, more string) *message.Message {
	t.Helper()
	m, err := message.Parse(fmt.Appendf(nil, "REGISTER sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK%d\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:a@x>\r\n"+
		"Call-ID: c\r\nCSeq: %d REGISTER\r\nAuthorization: Digest username=\"a\", response=\"0123456789abcdef\"\r\n%sContent-Length: 0\r\n\r\n", n, n, more))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRecentRegisters(t *testing.T) {
	r, f := NewRecent(), flow(transport.UDP, "192.0.2.9:5060")
	for i := range 10 {
		r.Registered("a", start.Add(time.Duration(i)*time.Second), f, registering(t, i+1, ""), 200+i)
	}
	r.Registered("b", start, f, registering(t, 1, "Subject: "+strings.Repeat("x", 10000)+"\r\n"), 403)
	got := r.Registers("a")
	if len(got) != perAccount {
		t.Fatalf("%d kept", len(got))
	}
	for i, a := range got {
		if a.Status != 209-i || !strings.Contains(a.Text, fmt.Sprintf("CSeq: %d REGISTER", 10-i)) || a.Remote != f.Remote() {
			t.Errorf("%d: %d %s", i, a.Status, a.Text)
		}
		if strings.Contains(a.Text, "0123456789abcdef") {
			t.Errorf("a secret is shown: %s", a.Text)
		}
	}
	if b := r.Registers("b"); len(b) != 1 || len(b[0].Text) > maxKeptText {
		t.Errorf("%d of b", len(b))
	}
	if c := r.Registers("c"); len(c) != 0 {
		t.Errorf("%d of nobody", len(c))
	}
}

// TestRecentIsBounded lets more accounts register than there is room for: the newest are kept.
func TestRecentIsBounded(t *testing.T) {
	r, f, m := NewRecent(), flow(transport.UDP, "192.0.2.9:5060"), registering(t, 1, "")
	n := 4 * recentSets * recentWays
	for i := range n {
		r.Registered(fmt.Sprint(i), start.Add(time.Duration(i)), f, m, 200)
	}
	kept := 0
	for i := range n {
		kept += len(r.Registers(fmt.Sprint(i)))
	}
	if kept > recentSets*recentWays || kept < recentSets*recentWays*9/10 {
		t.Errorf("%d kept", kept)
	}
	if len(r.Registers(fmt.Sprint(n-1))) != 1 {
		t.Error("the newest is not there")
	}
}

// TestAFloodPushesOutItsOwnKind.
func TestAFloodPushesOutItsOwnKind(t *testing.T) {
	r, f, m := NewRecent(), flow(transport.UDP, "192.0.2.9:5060"), registering(t, 1, "")
	r.Refused("wrong_password", start, f, m, 401)
	for i := range 1000 {
		r.Refused("overload", start.Add(time.Duration(i+1)), f, m, 503)
	}
	for i := range 100 {
		r.Refused(fmt.Sprint("made up ", i), start, f, m, 0)
	}
	by := map[string]int{}
	for _, a := range r.Refusals() {
		by[a.Reason]++
	}
	if by["wrong_password"] != 1 || by["overload"] != perReason || len(by) != maxReasons {
		t.Errorf("kept %v", by)
	}
	if newest := r.Refusals()[0]; newest.Reason != "overload" || newest.Status != 503 {
		t.Errorf("the newest is %s", newest.Reason)
	}
}

func TestNoRecent(t *testing.T) {
	var r *Recent
	f, m := flow(transport.UDP, "192.0.2.9:5060"), registering(t, 1, "")
	r.Registered("a", start, f, m, 200)
	r.Refused("x", start, f, m, 400)
	if r.Registers("a") != nil || r.Refusals() != nil {
		t.Error("something is kept")
	}
}

func TestRecentAllocatesNothing(t *testing.T) {
	r, f, m := NewRecent(), flow(transport.UDP, "192.0.2.9:5060"), registering(t, 1, "")
	if n := testing.AllocsPerRun(1000, func() {
		r.Registered("a", start, f, m, 200)
		r.Refused("x", start, f, m, 400)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRecent(b *testing.B) {
	r, f, m := NewRecent(), flow(transport.UDP, "192.0.2.9:5060"), registering(b, 1, "")
	b.ReportAllocs()
	for b.Loop() {
		r.Registered("a", start, f, m, 200)
	}
}
