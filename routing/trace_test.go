package routing

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTraceIsWhatJSONSays(t *testing.T) {
	for name, f := range map[string]fact{
		"nothing but a code": {Code: "row"},
		"everything": {
			Code: "row", SlotID: "01J", SlotName: "desk", SlotType: "dect", User: "Armin (armin)", Login: "armin", Number: "416",
			Owner: "o", OwnerIs: OwnerFaxLine, OwnerID: "Fax", Ticked: []label{{Name: "Büro"}, {Type: "dect"}}, Count: 3, Limit: 4, Text: "x",
		},
		"what JSON must escape": {Code: "not_a_number", Text: "\"\\<>&\u2028\x01é\xff", User: "ö \"x\""},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.appendJSON(nil); string(got) != string(want) {
				var a, b fact
				if err := json.Unmarshal(got, &a); err != nil {
					t.Fatalf("%s: %v", got, err)
				}
				if err := json.Unmarshal(want, &b); err != nil || !cmp.Equal(a, b) {
					t.Fatalf("got  %s\nwant %s", got, want)
				}
			}
		})
	}
}

func TestReadTraceSurvivesStrangeTraces(t *testing.T) {
	for name, c := range map[string]struct {
		trace string
		words []string // in English; nil: an error
	}{
		"a code of another version":     {`[{"c":"moon_phase"}]`, []string{"moon_phase"}},
		"a step that lacks what it has": {`[{"c":"row"},{"c":"limit"}]`, []string{" belongs to  ; ticked: .", " is busy: 0 of at most 0 calls are running."}},
		"no array":                      {`{"c":"row"}`, nil},
		"cut off":                       {`[{"c":"row"`, nil},
		"empty":                         {`[]`, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			reasons, err := ReadTrace([]byte(c.trace))
			if (err != nil) != (c.words == nil) {
				t.Fatalf("error %v", err)
			}
			for i, r := range reasons {
				if r.En != c.words[i] {
					t.Errorf("step %d: %q, want %q", i, r.En, c.words[i])
				}
			}
		})
	}
}
