package alarm

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/fault"
)

func codes(alarms []Alarm) string {
	var out []string
	for _, a := range alarms {
		out = append(out, strings.TrimSuffix(a.Code+"/"+a.Subject, "/"))
	}
	return strings.Join(out, " ")
}

func TestAlarmsLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var found []Finding
		broken := true
		var text bytes.Buffer
		log := slog.New(slog.NewTextHandler(&text, nil))
		k := New(log, fault.New(nil),
			func(time.Time) []Finding {
				if broken {
					panic("a check with a fault")
				}
				return nil
			},
			func(time.Time) []Finding { return slices.Clone(found) })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- k.Run(ctx) }()
		synctest.Wait()
		if got := k.Alarms(); len(got) != 0 {
			t.Fatalf("alarms without a finding: %v", got)
		}

		begin := time.Now().Add(Every)
		found = []Finding{{Severity: Warning, Code: "disk", En: "10 MB"}, {Severity: Info, Code: "trunk", Subject: "a"}, {Severity: Error, Code: "database"}}
		time.Sleep(Every + time.Second)
		if got := codes(k.Alarms()); got != "database disk trunk/a" {
			t.Errorf("got %s", got)
		}
		found = []Finding{{Severity: Error, Code: "disk", En: "1 MB"}, {Severity: Info, Code: "trunk", Subject: "b"}}
		time.Sleep(Every)
		got := k.Alarms()
		if codes(got) != "disk trunk/b" || !got[0].Since.Equal(begin) || got[0].En != "1 MB" || got[0].Severity != Error || !got[1].Since.Equal(begin.Add(Every)) {
			t.Errorf("got %+v, the first since %s", got, begin)
		}
		found = nil
		time.Sleep(Every)
		if got := k.Alarms(); len(got) != 0 {
			t.Errorf("over, and still there: %v", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := strings.Count(text.String(), "alarm is over"); n != 4 {
			t.Errorf("%d alarms are over in the log, want 4: %s", n, &text)
		}
	})
}
