package merge

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

func TestTheManOfTheSourceDocument(t *testing.T) {
	c, _ := artmann()
	p := c.propose(t, Choice{})
	if p.Kept != "armin.artmann" || p.Certainty != Certain {
		t.Errorf("kept %s, %s", p.Kept, p.Certainty)
	}
	var rows []string
	for _, n := range p.Numbers {
		rows = append(rows, n.Number+": "+strings.Join(n.Ticks, " "))
	}
	want := []string{
		"416: s-armin.artmann-0 s-armin.artmann.d-0 s-armin.artmann.m-0", "4161: s-armin.artmann.d-0", "4162: s-armin.artmann.m-0",
	}
	if !slices.Equal(rows, want) {
		t.Errorf("matrix %q", rows)
	}
	var slots []string
	for _, s := range p.Slots {
		slots = append(slots, string(s.Type)+" "+s.Shows)
	}
	if want := []string{"desk 416", "dect 4161", "mobile 4162"}; !slices.Equal(slots, want) {
		t.Errorf("slots %q", slots)
	}
	if len(p.Profiles) != 1 || !slices.Equal(p.Profiles[0].Dropped, []string{"4161", "4162"}) || p.Profiles[0].Gone {
		t.Errorf("profiles %+v", p.Profiles)
	}
	plan := p.Plan()
	if len(plan.Profiles) != 1 || len(plan.Profiles[0].Table) != 1 || plan.Profiles[0].Table[0].Case != directory.NoAnswer {
		t.Errorf("profile then: %+v", plan.Profiles)
	}
	// 416 stands above them in the matrix; what they show stays.
	if plan.Defaults["s-armin.artmann.d-0"] != "4161" || plan.Defaults["s-armin.artmann.m-0"] != "4162" || len(plan.Defaults) != 2 {
		t.Errorf("default numbers %v", plan.Defaults)
	}
	for _, a := range p.Accounts[1:] {
		var kinds []TieKind
		for _, r := range a.Reasons {
			kinds = append(kinds, r.Kind)
		}
		if !slices.Equal(kinds, []TieKind{BySuffix, ByPrefix, ByPerson, ByParallel}) {
			t.Errorf("%s: %v", a.Username, a.Reasons)
		}
	}
	if was := c.Profiles["p-armin.artmann-0"]; len(was.Table) != 3 || len(was.Table[0].Action.Numbers) != 2 {
		t.Errorf("the snapshot was changed: %+v", was)
	}
}

func TestWhoBelongsTogether(t *testing.T) {
	type account struct{ name, first, last, email, number string }
	parallel := func(from, to string) func(company) {
		return func(c company) {
			c.profile(c.Users[c.Numbers[from].OwnerID], "P", parallelCall(directory.FromInside, to))
		}
	}
	for _, test := range []struct {
		name     string
		accounts []account
		more     func(company)
		want     string // certainty and accounts of each group
	}{
		{"suffix and person", []account{{"anna.alt", "Anna", "Alt", "", "20"}, {"anna.alt.d", "Anna", "Alt", "", "77"}}, nil, "certain anna.alt anna.alt.d"},
		{"suffix alone", []account{{"anna", "", "", "", "20"}, {"anna.d", "", "", "", "77"}}, nil, "likely anna anna.d"},
		{"two doubles and no main account", []account{{"anna.m", "Anna", "Alt", "", "20"}, {"anna.d", "Anna", "Alt", "", "21"}}, nil, "certain anna.m anna.d"},
		{"suffix of somebody else", []account{{"anna", "Anna", "Alt", "", "20"}, {"anna.m", "Anna", "Meier", "", "201"}}, nil, ""},
		{"device in the name", []account{{"anna", "Anna", "Müller", "", "20"}, {"anna.d", "Anna", "Mueller (DECT)", "", "77"}}, nil, "certain anna anna.d"},
		{"device word in the name", []account{{"aa", "Anna", "Alt", "", "20"}, {"ab", "Anna", "Alt Mobil", "", "201"}}, nil, "likely aa ab"},
		{"person and prefix", []account{{"aa", "Anna", "Alt", "", "20"}, {"ab", "Anna", "Alt", "", "201"}}, nil, "likely aa ab"},
		{"namesakes", []account{{"aa", "Anna", "Alt", "", "20"}, {"ab", "Anna", "Alt", "", "44"}}, nil, ""},
		{"person and address", []account{{"aa", "Anna", "Alt", "a@x.de", "20"}, {"ab", "Anna", "Alt", "A@x.de", "44"}}, nil, "likely aa ab"},
		{"address of a department", []account{{"aa", "Anna", "Alt", "info@x.de", "20"}, {"bb", "Bert", "Neu", "info@x.de", "201"}}, nil, ""},
		{"address of nobody in particular", []account{{"aa", "", "", "info@x.de", "20"}, {"bb", "", "", "info@x.de", "44"}}, nil, ""},
		{"address and prefix without names", []account{{"aa", "", "", "a@x.de", "20"}, {"ab", "", "", "a@x.de", "201"}}, nil, "likely aa ab"},
		{"prefix alone", []account{{"aa", "Anna", "Alt", "", "416"}, {"bb", "Bert", "Neu", "", "4161"}}, nil, ""},
		{"prefix alone, no names", []account{{"aa", "", "", "", "416"}, {"bb", "", "", "", "4161"}}, nil, ""},
		{"one digit is no prefix", []account{{"aa", "Anna", "Alt", "", "4"}, {"ab", "Anna", "Alt", "", "41"}}, nil, ""},
		{"person and parallel call", []account{{"aa", "Anna", "Alt", "", "20"}, {"ab", "Anna", "Alt", "", "44"}}, parallel("20", "44"), "likely aa ab"},
		{"parallel call of colleagues", []account{{"aa", "Anna", "Alt", "", "20"}, {"bb", "Bert", "Neu", "", "201"}}, parallel("20", "201"), ""},
		{"no bridge between strangers", []account{
			{"anna", "Anna", "Alt", "", "20"}, {"anna.d", "", "", "", "201"}, {"anna.m", "Anna", "Meier", "", "202"},
		}, nil, "certain anna anna.d"},
		{"an initial is no suffix", []account{{"anna-m", "", "", "", "20"}, {"anna", "", "", "", "77"}}, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCompany()
			for _, a := range test.accounts {
				c.person(a.name, a.first, a.last, a.number, directory.Desk).Email = a.email
			}
			if test.more != nil {
				test.more(c)
			}
			var got []string
			for _, g := range New(c.Snapshot).Find() {
				line := string(g.Certainty)
				for _, m := range g.Members {
					line += " " + m.Username
				}
				got = append(got, line)
			}
			if strings.Join(got, "; ") != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestOtherAccountStays(t *testing.T) {
	c, _ := artmann()
	p := c.propose(t, Choice{Kept: "armin.artmann.m", Without: []string{"armin.artmann.d"}})
	plan := p.Plan()
	if p.Kept != "armin.artmann.m" || !slices.Equal(plan.Rows, []string{"4162", "416"}) || len(plan.Gone) != 1 {
		t.Errorf("%+v", plan)
	}
	// The call to the account that is left out goes on.
	if got := plan.Profiles[0].Table[0].Action.Numbers; !slices.Equal(got, []string{"4161"}) {
		t.Errorf("parallel call then: %v", got)
	}
	if !p.Accounts[2].Left && !p.Accounts[1].Left {
		t.Errorf("%+v", p.Accounts)
	}
}

func TestChoicesThatDoNotFit(t *testing.T) {
	c, _ := artmann()
	c.person("berta", "Berta", "Neu", "30", directory.Desk)
	groups := New(c.Snapshot).Find()
	for _, test := range []struct {
		choice Choice
		field  string
	}{
		{Choice{Kept: "berta"}, "kept"},
		{Choice{Without: []string{"berta"}}, "without"},
		{Choice{Without: []string{"armin.artmann"}}, "without"},
		{Choice{Without: []string{"armin.artmann.d", "armin.artmann.m"}}, "without"},
		{Choice{Ticks: map[string][]string{"30": {}}}, "ticks"},
		{Choice{Ticks: map[string][]string{"416": {"s-berta-0"}}}, "ticks"},
	} {
		_, err := New(c.Snapshot).Propose(&groups[0], test.choice)
		if list := directory.Invalid(err); len(list) != 1 || list[0].Field != test.field {
			t.Errorf("%+v: %v", test.choice, err)
		}
	}
}

func TestChosenTicks(t *testing.T) {
	c, _ := artmann()
	p := c.propose(t, Choice{Ticks: map[string][]string{"416": {"s-armin.artmann-0"}, "4161": {}}})
	plan := p.Plan()
	if len(plan.Ticks["416"]) != 1 || len(plan.Ticks["4161"]) != 0 || len(plan.Ticks["4162"]) != 1 {
		t.Errorf("%v", plan.Ticks)
	}
	if _, set := plan.Defaults["s-armin.artmann.d-0"]; set {
		t.Errorf("a number that is not ticked is shown: %v", plan.Defaults)
	}
}

func TestProfileNamesThatCollide(t *testing.T) {
	c, armin := artmann()
	armin.DND = true
	d := c.ByName["armin.artmann.d"]
	c.profile(armin, "Urlaub")
	c.profile(d, "urlaub")
	c.profile(d, "Messe")
	c.profile(d, "Ruf alle", parallelCall(directory.FromInside, "416"))
	p := c.propose(t, Choice{})
	var got []string
	for _, m := range p.Profiles {
		got = append(got, fmt.Sprint(m.Name, " → ", m.As, " ", m.Gone))
	}
	want := []string{"Umleitung aus 4.5 → Umleitung aus 4.5 false", "Urlaub → Urlaub false", "urlaub → urlaub (4161) false", "Messe → Messe false", "Ruf alle → Ruf alle true"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if ticks := p.Plan().Ticks["4161"]; !slices.Equal(ticks, []string{"s-armin.artmann-0", "s-armin.artmann.d-0"}) {
		t.Errorf("4161 rings %v", ticks)
	}
	// Only one of them was on do not disturb: that is said of the slot then.
	if plan := p.Plan(); plan.DND || !slices.Equal(plan.QuietSlots, []string{"s-armin.artmann-0"}) {
		t.Errorf("%v %v", plan.DND, plan.QuietSlots)
	}
	if !slices.ContainsFunc(p.Notes, func(n Note) bool { return n.Kind == "parallel_inside" && n.From == "armin.artmann.d" }) {
		t.Errorf("nothing says that callers from outside ring more now: %+v", p.Notes)
	}
}

// TestWhatStoodBehindAParallelCallStaysThere: the rule that is taken away kept a forward from holding.
func TestWhatStoodBehindAParallelCallStaysThere(t *testing.T) {
	c, armin := artmann()
	p := c.Profiles[c.ProfilesOf[armin.ID][0]]
	p.Extended = []directory.ExtendedRule{{Action: directory.Action{Kind: directory.ToParallel, Numbers: []string{"4161"}}}}
	p.Table = []directory.CaseRule{{Case: directory.Always, Class: directory.FromInside, Action: directory.Action{Kind: directory.ToNumber, Number: "4162"}}}
	then := c.propose(t, Choice{}).Plan().Profiles[0]
	if len(then.Extended) != 1 || then.Extended[0].Action.Kind != directory.Allow || len(then.Table) != 1 {
		t.Errorf("%+v", then)
	}
	p.Table = nil
	p.Extended[0].When.Caller = &directory.Match{Kind: directory.MatchExact, Value: "417"}
	if got := c.propose(t, Choice{}); len(got.Profiles[0].Dropped) > 0 || len(got.Plan().Ticks["416"]) != 1 {
		t.Errorf("a call from 417 alone has become a tick for everybody: %+v", got)
	}
}

func TestRightsAddUp(t *testing.T) {
	c, armin := artmann()
	d := c.ByName["armin.artmann.d"]
	c.group("lager", d)
	c.group("firma", armin)
	c.Groups["alle"] = &directory.Group{ID: "g-alle", Name: "alle", Type: directory.GroupUser, Version: 1}
	c.Members["alle"] = []string{"g-lager"}
	c.IndexMembers()
	c.Grants = []directory.Grant{
		{Group: "alle", Permission: directory.MayPickUp, Objects: "firma"},
		{Group: "firma", Permission: directory.MayIntercom, Objects: "firma"},
		{Group: "lager", Permission: directory.MayIntercom, Objects: "firma"},
	}
	p := c.propose(t, Choice{})
	if !slices.Equal(p.Groups, []string{"lager"}) || len(p.Permissions) != 1 || p.Permissions[0] != (Gain{directory.MayPickUp, "firma", "armin.artmann.d"}) {
		t.Errorf("%v %+v", p.Groups, p.Permissions)
	}
}

func TestRejectedUntilSomethingChanges(t *testing.T) {
	c, armin := artmann()
	group := New(c.Snapshot).Find()[0]
	no := group.Reject()
	c.Apart[no.Mark] = &no
	if got := New(c.Snapshot).Find(); len(got) != 0 {
		t.Errorf("proposed again: %+v", got)
	}
	c.Slots["s-armin.artmann-0"].Name = "Telefon"
	if got := New(c.Snapshot).Find(); len(got) != 0 {
		t.Error("the name of a slot has nothing to do with it")
	}
	armin.Email = "a@x.de"
	if got := New(c.Snapshot).Find(); len(got) != 1 {
		t.Error("not proposed again although the address has changed")
	}
}

func TestFingerprintDiffersWithEverythingThatIsShown(t *testing.T) {
	for name, change := range map[string]func(company){
		"user":    func(c company) { c.ByName["armin.artmann.d"].Version++ },
		"matrix":  func(c company) { c.MatrixVersions[c.ByName["armin.artmann.m"].ID]++ },
		"number":  func(c company) { c.Numbers["4161"].Version++ },
		"slot":    func(c company) { c.Slots["s-armin.artmann.d-0"].Version++ },
		"profile": func(c company) { c.Profiles["p-armin.artmann-0"].Version++ },
		"group":   func(c company) { c.group("lager", c.ByName["armin.artmann.d"]) },
		"grant": func(c company) {
			c.Grants = []directory.Grant{{Group: "lager", Permission: directory.MayAdmin}}
			c.group("lager", c.ByName["armin.artmann.d"])
		},
		"pickup": func(c company) {
			c.PickupGroups["x"] = &directory.PickupGroup{ID: "x", Users: []string{c.ByName["armin.artmann.d"].ID}}
		},
		"hunt": func(c company) { c.HuntGroups["h"] = &directory.HuntGroup{ID: "h", Members: []string{"4161"}} },
	} {
		c, _ := artmann()
		before := c.propose(t, Choice{}).Mark
		if before != c.propose(t, Choice{Kept: "armin.artmann.d"}).Mark {
			t.Error("a choice changes the fingerprint")
		}
		if change(c); c.propose(t, Choice{}).Mark == before {
			t.Errorf("%s: the fingerprint is the same", name)
		}
	}
}

// TestOrderOfAccountsDoesNotMatter: maps come in any order.
func TestOrderOfAccountsDoesNotMatter(t *testing.T) {
	c, _ := artmann()
	for i := range 30 {
		c.person(fmt.Sprintf("u%d", i), "Anna", "Alt", fmt.Sprint(50+i), directory.Desk)
		c.person(fmt.Sprintf("u%d.d", i), "Anna", "Alt", fmt.Sprint(500+10*i), directory.DECT)
	}
	want := fmt.Sprint(New(c.Snapshot).Find())
	for range 20 {
		if got := fmt.Sprint(New(c.Snapshot).Find()); got != want {
			t.Fatalf("%s\n%s", got, want)
		}
	}
}

func BenchmarkFind10000(b *testing.B) {
	c := newCompany()
	for i := range 3334 {
		name, first, last := fmt.Sprintf("vor%d.nach%d", i, i), fmt.Sprintf("Vor%d", i), fmt.Sprintf("Nach%d", i)
		n := fmt.Sprint(10000 + i)
		u := c.person(name, first, last, n, directory.Desk)
		c.person(name+".d", first, last, n+"1", directory.DECT)
		c.person(name+".m", first, last, n+"2", directory.Mobile)
		c.profile(u, "Umleitung", parallelCall(directory.FromInside, n+"1", n+"2"))
		c.PickupGroups[n] = &directory.PickupGroup{ID: n, Users: []string{u.ID}}
	}
	c.group("alle", c.ByName["vor1.nach1"])
	b.Run("find", func(b *testing.B) {
		for b.Loop() {
			if got := len(New(c.Snapshot).Find()); got != 3334 {
				b.Fatal(got)
			}
		}
	})
	b.Run("propose", func(b *testing.B) {
		f := New(c.Snapshot)
		groups := f.Find()
		for b.Loop() {
			for i := range groups {
				if _, err := f.Propose(&groups[i], Choice{}); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
