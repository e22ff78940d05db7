package registrar

import (
	"bytes"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func FuzzDecode(f *testing.F) {
	corpus.Add(f)
	head := `{"format":"koppelfeld-locations","version":1,"written":"2026-11-23T00:00:00Z"}` + "\n"
	f.Add([]byte(head + `{"slot":"s","contact":"sip:x@10.0.0.2","proto":"UDP","local":"10.0.0.1:5060","received":"10.0.0.2:5060","expires":1,"call_id":"c","cseq":1,"q":1}` + "\n" + `{"end":1}` + "\n"))
	f.Add([]byte(head + `{"end":0}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := decode(bytes.NewReader(b))
		if err != nil && list != nil {
			t.Fatal("bindings and an error")
		}
		for _, b := range list {
			if b.SlotID == "" || len(b.Contact) > maxContactURI || !b.Received.IsValid() || !(b.Q >= 0 && b.Q <= 1) {
				t.Fatalf("accepted %+v", b)
			}
		}
	})
}
