package registrar

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSaved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "locations")
	if got, err := Saved(file, time.Now()); err != nil || len(got) != 0 {
		t.Errorf("without a file: %v, %v", got, err)
	}
	text := `{"format":"koppelfeld-locations","version":1,"written":"2026-11-23T00:00:00Z"}
{"slot":"s1","contact":"sip:x@10.0.0.2","proto":"UDP","local":"10.0.0.1:5060","received":"10.0.0.2:5060","expires":2000,"call_id":"c","cseq":1,"q":1}
{"slot":"s2","contact":"sip:x@10.0.0.2","proto":"UDP","local":"10.0.0.1:5060","received":"10.0.0.2:5060","expires":1000,"call_id":"c","cseq":1,"q":1}
{"end":2}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Saved(file, time.Unix(1500, 0))
	if err != nil || !maps.Equal(got, map[string]bool{"s1": true}) {
		t.Errorf("%v, %v", got, err)
	}
	if err := os.Truncate(file, 300); err != nil {
		t.Fatal(err)
	}
	if _, err := Saved(file, time.Unix(1500, 0)); err == nil {
		t.Error("a file cut short is no error")
	}
}
