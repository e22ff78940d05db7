package admin

import (
	"testing"
	"time"
)

func TestStrangersCannotFillTheLog(t *testing.T) {
	var b lineBudget
	now := time.Unix(1000, 0)
	written := 0
	for range 1000 {
		if b.leftOut(false, now) >= 0 {
			written++
		}
		if b.leftOut(true, now) != 0 {
			t.Fatal("a line of a known user is left out")
		}
	}
	if written != strangerLines {
		t.Errorf("%d lines of strangers in one second, want %d", written, strangerLines)
	}
	now = now.Add(time.Second)
	if left := b.leftOut(false, now); left != 1000-strangerLines {
		t.Errorf("the next line tells of %d left out, want %d", left, 1000-strangerLines)
	}
	if left := b.leftOut(false, now); left != 0 {
		t.Errorf("told twice: %d", left)
	}
}
