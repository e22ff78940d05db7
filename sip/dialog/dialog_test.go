package dialog

import (
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func TestExchangeAllPairs(t *testing.T) {
	type row struct {
		next    Exchange
		verdict Verdict
	}
	want := map[Exchange][events]row{
		//             SendOffer          SendAnswer              ReceiveOffer             ReceiveAnswer           Reject
		Stable:        {{OfferSent, OK}, {Stable, Wrong}, {OfferReceived, OK}, {Stable, Wrong}, {Stable, Wrong}},
		OfferSent:     {{OfferSent, Wrong}, {OfferSent, Wrong}, {OfferSent, Glare}, {Stable, OK}, {Stable, OK}},
		OfferReceived: {{OfferReceived, Wrong}, {Stable, OK}, {OfferReceived, Pending}, {OfferReceived, Wrong}, {Stable, OK}},
	}
	for from, row := range want {
		for e := range events {
			next, verdict := from.Next(e)
			if next != row[e].next || verdict != row[e].verdict {
				t.Errorf("state %d event %d: got %d/%d, want %d/%d", from, e, next, verdict, row[e].next, row[e].verdict)
			}
		}
	}
}

func TestGlareWait(t *testing.T) {
	low := func(int) int { return 0 }
	high := func(n int) int { return n - 1 }
	for _, c := range []struct {
		name   string
		owner  bool
		random func(int) int
		want   time.Duration
	}{
		{"owner least", true, low, 2100 * time.Millisecond},
		{"owner most", true, high, 4 * time.Second},
		{"other least", false, low, 0},
		{"other most", false, high, 2 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := GlareWait(c.owner, c.random); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestRepeat(t *testing.T) {
	var r Repeat
	var total time.Duration
	want := []time.Duration{500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000, 500}
	for i, w := range want {
		d, more := r.Next()
		total += d
		if d != w*time.Millisecond || more != (i < len(want)-1) {
			t.Errorf("step %d: got %v %v, want %v ms", i, d, more, w)
		}
	}
	if total != 32*time.Second {
		t.Errorf("total %v, want 64*T1", total)
	}
}

func TestParseSessionExpires(t *testing.T) {
	for _, c := range []struct {
		in   string
		want SessionExpires
		ok   bool
	}{
		{"1800", SessionExpires{1800, NoRole}, true},
		{"1800;refresher=uac", SessionExpires{1800, UAC}, true},
		{" 90 ; Refresher = UAS ;x=y", SessionExpires{90, UAS}, true},
		{"4294967295", SessionExpires{maxInterval, NoRole}, true},
		{"", SessionExpires{}, false},
		{"0", SessionExpires{}, false},
		{"-1", SessionExpires{}, false},
		{"99999999999999999999", SessionExpires{}, false},
		{"abc;refresher=uac", SessionExpires{}, false},
		{"90;refresher=me", SessionExpires{90, NoRole}, true},
	} {
		t.Run(c.in, func(t *testing.T) {
			got, ok := ParseSessionExpires(c.in)
			if got != c.want || ok != c.ok {
				t.Errorf("got %v %v, want %v %v", got, ok, c.want, c.ok)
			}
		})
	}
}

func TestTimersAnswer(t *testing.T) {
	for _, c := range []struct {
		name      string
		policy    Timers
		offered   SessionExpires
		minSE     int
		supported bool
		want      SessionExpires
		ours      bool
		require   bool
		tooSmall  bool
	}{
		{"none offered, none supported", Timers{}, SessionExpires{}, 0, false, SessionExpires{1800, UAS}, true, false, false},
		{"supported, no wish", Timers{}, SessionExpires{}, 0, true, SessionExpires{1800, UAS}, true, false, false},
		{"offered without role: we refresh", Timers{}, SessionExpires{600, NoRole}, 0, true, SessionExpires{600, UAS}, true, false, false},
		{"peer refreshes", Timers{}, SessionExpires{600, UAC}, 0, true, SessionExpires{600, UAC}, false, true, false},
		{"peer cannot refresh", Timers{}, SessionExpires{600, UAC}, 0, false, SessionExpires{600, UAS}, true, false, false},
		{"long is shortened", Timers{}, SessionExpires{7200, UAC}, 0, true, SessionExpires{1800, UAC}, false, true, false},
		{"not below Min-SE", Timers{}, SessionExpires{7200, UAC}, 3600, true, SessionExpires{3600, UAC}, false, true, false},
		{"too small", Timers{Min: 120}, SessionExpires{100, UAC}, 0, true, SessionExpires{}, false, false, true},
		{"too small from a proxy", Timers{Min: 120}, SessionExpires{100, UAC}, 0, false, SessionExpires{1800, UAS}, true, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			se, s, require, tooSmall := c.policy.Answer(c.offered, c.minSE, c.supported)
			if se != c.want || s.Ours != c.ours || require != c.require || tooSmall != c.tooSmall {
				t.Errorf("got %v %+v %v %v", se, s, require, tooSmall)
			}
			if !tooSmall && s.Interval != time.Duration(se.Seconds)*time.Second {
				t.Errorf("interval %v", s.Interval)
			}
		})
	}
}

func TestTimersAccept(t *testing.T) {
	offered := SessionExpires{1800, UAC}
	for _, c := range []struct {
		name     string
		accepted SessionExpires
		want     Session
	}{
		{"peer without timers", SessionExpires{}, Session{1800 * time.Second, true}},
		{"we refresh", SessionExpires{1800, UAC}, Session{1800 * time.Second, true}},
		{"peer refreshes", SessionExpires{600, UAS}, Session{600 * time.Second, false}},
		{"role left out", SessionExpires{600, NoRole}, Session{600 * time.Second, true}},
		{"absurdly short", SessionExpires{1, UAC}, Session{90 * time.Second, true}},
		{"lengthened", SessionExpires{86400, UAS}, Session{1800 * time.Second, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (Timers{}).Accept(offered, c.accepted); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
	s := Session{Interval: 1800 * time.Second}
	if s.RefreshAfter() != 900*time.Second || s.ExpireAfter() != 1768*time.Second {
		t.Errorf("refresh %v expire %v", s.RefreshAfter(), s.ExpireAfter())
	}
	s = Session{Interval: 90 * time.Second}
	if s.ExpireAfter() != 60*time.Second {
		t.Errorf("expire %v", s.ExpireAfter())
	}
}

func FuzzParseSessionExpires(f *testing.F) {
	corpus.Add(f)
	f.Add("1800;refresher=uac")
	f.Add("90 ;x; refresher=\"uas\"")
	f.Fuzz(func(t *testing.T, s string) {
		se, ok := ParseSessionExpires(s)
		if ok != (se.Seconds > 0) || se.Seconds > maxInterval {
			t.Errorf("%q: %v %v", s, se, ok)
		}
		if again, ok2 := ParseSessionExpires(se.String()); ok && (!ok2 || again != se) {
			t.Errorf("%q does not survive: %v", s, again)
		}
	})
}
