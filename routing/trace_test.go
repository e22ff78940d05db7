package routing

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func TestTraceIsWhatJSONSays(t *testing.T) {
	for name, f := range map[string]fact{
		"nothing but a code": {Code: "row"},
		"everything": {
			Code: "row", SlotID: "01J", SlotName: "desk", SlotType: "dect", User: "Armin (armin)", Login: "armin", Number: "416",
			Owner: "o", OwnerIs: OwnerFaxLine, OwnerID: "Fax", Ticked: []label{{Name: "Büro"}, {Type: "dect"}}, Count: 3, Limit: 4, Text: "x", Group: "sales", Title: "Vertrieb „Süd“",
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
		"given by a group that has no title":             {`[{"c":"limit","n":"416","g":"sales"}]`, []string{"416 is busy: 0 of at most 0 calls are running. This comes from the group “sales”."}},
		"given by a group, of what points to no setting": {`[{"c":"slot_is_caller","l":"desk","g":"sales"}]`, []string{"Slot desk does not ring: it is the caller itself."}},
		"a code of another version":                      {`[{"c":"moon_phase"}]`, []string{"moon_phase"}},
		"a step that lacks what it has":                  {`[{"c":"row"},{"c":"limit"}]`, []string{" belongs to  ; ticked: .", " is busy: 0 of at most 0 calls are running."}},
		"no array":                                       {`{"c":"row"}`, nil},
		"cut off":                                        {`[{"c":"row"`, nil},
		"empty":                                          {`[]`, []string{}},
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

// TestEveryStepReadsBack: whatever a step is about, what is stored of it becomes the same words and the same setting again.
func TestEveryStepReadsBack(t *testing.T) {
	u := &user{id: "u1", username: "armin", display: "Ärmin <\"a\">", from: &Givers{HideInside: Giver{"sales", "Vertrieb"}, HideOutside: Giver{Name: "staff"}}}
	desk, dect := &slot{id: "s1", typ: "desk", name: "Büro", user: u}, &slot{id: "s2", typ: "dect", user: u}
	u.slots = []*slot{desk, dect}
	profile := &ruleset{kind: "profile", id: "p1", name: "Urlaub", owner: u}
	system := &ruleset{kind: "forwarding_rule"}
	rules := []*rule{
		nil,
		{in: profile, field: "table[0]", do: Action{Kind: Forward, Number: "417"}},
		{in: profile, field: "extended[1]", name: "a “quoted” {n}", do: Action{Kind: Parallel, Numbers: []string{"417", "+49171"}}},
		{in: system, id: "r1", name: "System", field: "action", do: Action{Kind: Reject}},
		{in: system, id: "r2", field: "action", do: Action{Kind: Voicemail, ID: "a"}},
	}
	sets := []*ruleset{nil, profile, {kind: "pickup_group", id: "g1", name: "Empfang"}}
	numbers := []*number{
		{number: "416", ownerType: OwnerUser, ownerID: u.id, user: u, display: "Zentrale", maxCalls: 2, ticked: []bool{true, true}, from: &Givers{CallWaiting: Giver{"sales", "Vertrieb"}, MaxCalls: Giver{"staff", "Alle"}}},
		{number: "400", ownerType: OwnerHunt, ownerID: "h1", display: "Vertrieb", hunt: &hunt{id: "h1"}},
		{number: "401", ownerType: OwnerFaxLine, ownerID: "Fax"},
	}
	for c := cNone + 1; c < codes; c++ {
		for i := range 5 * 3 * 2 * 3 {
			s := step{
				code: c, rule: rules[i%5], number: numbers[i/5%3], slot: u.slots[i/15%2], set: sets[i/30%3],
				entry: &codeEntry{action: CodeEcho, code: "*98"}, text: "x\x00\xff{n}\u2028", n: 3 * (i % 2),
			}
			if s.number.user == nil && c.words().setting == matrixOfNumber {
				continue // the matrix is that of a user
			}
			p := Plan{steps: []step{s}}
			want := p.Explain()
			got, err := ReadTrace(p.Trace())
			if err != nil || !cmp.Equal(want, got) {
				t.Fatalf("%s: %v %s", c.words().name, err, cmp.Diff(want, got))
			}
			if want[0].Code != c.words().name || want[0].De == "" || want[0].En == "" {
				t.Fatalf("%+v", want[0])
			}
		}
	}
}

// FuzzReadTrace: whatever is found in a stored record, reading it does not panic, and what was read can be stored and reads the same.
func FuzzReadTrace(f *testing.F) {
	f.Add([]byte(`[{"c":"row","n":"416","x":[{"l":"Büro"},{"t":"dect"}]},{"c":"then_no_answer","q":20,"r":"x","y":"profile","d":"p","f":"table[0]","a":"parallel","b":"1, 2"}]`))
	f.Add([]byte(`[{"c":"caller_outside"},{"c":"pickup_group","y":"pickup_group"},{"c":"hunt","k":"hunt_group"}]`))
	f.Add([]byte(`[{}]`))
	f.Add([]byte(`null`))
	corpus.Add(f)
	f.Fuzz(func(t *testing.T, trace []byte) {
		reasons, err := ReadTrace(trace)
		if err != nil {
			return
		}
		var facts []fact
		if err := json.Unmarshal(trace, &facts); err != nil || len(facts) != len(reasons) {
			t.Fatalf("%d reasons of %d facts", len(reasons), len(facts))
		}
		b := []byte{'['}
		for i := range facts {
			if i > 0 {
				b = append(b, ',')
			}
			b = facts[i].appendJSON(b)
		}
		again, err := ReadTrace(append(b, ']'))
		if err != nil || !cmp.Equal(reasons, again) {
			t.Fatalf("%s\nagain (%v): %s", trace, err, cmp.Diff(reasons, again))
		}
	})
}
