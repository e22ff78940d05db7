package sip

import (
	"testing"
	"time"
)

func TestRecentPeakIsForgotten(t *testing.T) {
	var p recentPeak
	at := time.Unix(0, 0).Add(100 * peakWindow)
	p.note(int64(500*time.Microsecond), at)
	if got := p.value(at); got != 0 {
		t.Errorf("a short lag is shown as %v", got)
	}
	p.note(int64(time.Second), at)
	p.note(int64(2*time.Millisecond), at.Add(peakWindow))
	for _, tc := range []struct {
		after time.Duration
		want  time.Duration
	}{
		{peakWindow + 1, time.Second},
		{2*peakWindow + 1, 2 * time.Millisecond},
		{9 * peakWindow, 0},
	} {
		if got := p.value(at.Add(tc.after)); got != tc.want {
			t.Errorf("after %v: %v, want %v", tc.after, got, tc.want)
		}
	}
}
