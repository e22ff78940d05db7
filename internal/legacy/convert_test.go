package legacy

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/merge"
)

func TestDecodeText(t *testing.T) {
	for _, test := range []struct{ name, raw, charset, want, problem string }{
		{"ASCII", "Meier", "latin1", "Meier", ""},
		{"UTF-8", "Müller", "utf8", "Müller", ""},
		{"latin1", "M\xfcller", "latin1", "Müller", ""},
		{"Windows-1252", "\x84quoted\x93 \x80", "latin1", "„quoted“ €", ""},
		{"UTF-8 in latin1", "M\xc3\xbcller", "latin1", "Müller", "UTF-8 in a column of latin1"},
		{"latin1 in UTF-8", "M\xfcller", "utf8", "Müller", "not UTF-8"},
		{"latin1 in bytes", "M\xfcller", "", "Müller", "not UTF-8"},
		{"encoded twice", "MÃ¼ller", "utf8", "Müller", "encoded twice"},
		{"twice with Windows-1252", "Ã„rger", "utf8", "Ärger", "encoded twice"},
		{"an honest A with tilde", "São", "utf8", "São", ""},
		{"control characters", "a\x00b\r\nc", "utf8", "abc", "control"},
		{"space around", "  x ", "utf8", "x", ""},
		{"too long", strings.Repeat("x", maxText) + "yz", "utf8", strings.Repeat("x", maxText), "too long"},
		{"cut in a character", strings.Repeat("x", maxText-1) + "ü", "utf8", strings.Repeat("x", maxText-1), "too long"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, problem := decodeText([]byte(test.raw), test.charset)
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
			if (problem == "") != (test.problem == "") || !strings.Contains(problem, test.problem) {
				t.Errorf("problem %q, want %q", problem, test.problem)
			}
		})
	}
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{"", "416", "M\xfcller", "MÃ¼ller", "08:00:00", "24:00:00", "23:59:59", "0000-00-00 00:00:00", "^0900", "^0(?!8)", "(.*)$", "0049 171/39", "armin.artmann.m", "\x00\xff"} {
		f.Add([]byte(s), "latin1")
		f.Add([]byte(s), "utf8")
	}
	corpus.Add(f)
	f.Fuzz(func(t *testing.T, raw []byte, charset string) {
		text, _ := decodeText(raw, charset)
		if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || strings.TrimSpace(text) != text {
			t.Errorf("%q is no clean text", text)
		}
		if m, ok := decodeClock(raw); ok && (m < 0 || m > 1440) {
			t.Errorf("%d minutes", m)
		}
		decodeInt(raw)
		zeroDate(text)
		if name, _ := username(text); name != "" {
			if err := (&directory.User{Username: name, Language: "de"}).Validate(); err != nil {
				t.Error(err)
			}
		}
		if n := international(text, "49"); n != "" {
			if err := (&directory.Slot{Type: directory.Mobile, Name: "x", MobileNumber: n}).Validate(); err != nil {
				t.Error(err)
			}
		}
		if m, problem := match(text); problem == "" {
			u := directory.User{Username: "x", Language: "de", Blocks: []directory.Block{{Match: m}}}
			if err := u.Validate(); err != nil {
				t.Errorf("%q: %v", text, err)
			}
			if m.Kind == directory.MatchPattern && !sameOn(text, m.Value) {
				t.Errorf("%q and %q are not the same", text, m.Value)
			}
		}
	})
}

func TestDecodeClock(t *testing.T) {
	for raw, want := range map[string]int{
		"00:00:00": 0, "08:30:00": 510, "8:05": 485, "23:59:59": 1440, "24:00:00": 1440, "12:00:00.5": 720,
		"": -1, "25:00:00": -1, "24:01:00": -1, "-1:00:00": -1, "08:60:00": -1, "8": -1, "838:59:59": -1, "aa:bb": -1,
	} {
		if got, ok := decodeClock([]byte(raw)); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %d %v, want %d", raw, got, ok, want)
		}
	}
}

func TestMatch(t *testing.T) {
	for pattern, want := range map[string]directory.Match{
		"^0900":          {Kind: directory.MatchPrefix, Value: "0900"},
		"^0900$":         {Kind: directory.MatchExact, Value: "0900"},
		"^0190[0-9]{3}$": {Kind: directory.MatchPattern, Value: "0190[0-9]{3}"},
		"^0[89]":         {Kind: directory.MatchPattern, Value: "0[89].*"},
		"118$":           {Kind: directory.MatchPattern, Value: ".*118"},
		"0900":           {Kind: directory.MatchPattern, Value: ".*(?:0900).*"},
		"^0900|^0190":    {Kind: directory.MatchPattern, Value: ".*(?:^0900|^0190).*"},
		"^(00|0900)":     {Kind: directory.MatchPattern, Value: "(00|0900).*"},
		`1\$`:            {Kind: directory.MatchPattern, Value: `.*(?:1\$).*`},
	} {
		got, problem := match(pattern)
		if problem != "" || got != want {
			t.Errorf("%s: %+v %s, want %+v", pattern, got, problem, want)
		}
	}
	for pattern, says := range map[string]string{"^0(?!8)": "at character 3", `(.)\1`: "backreferences", "(": "", "^$": "no number", "a++": "", strings.Repeat("9", 300): "longer"} {
		if _, problem := match(pattern); problem == "" || !strings.Contains(problem, says) {
			t.Errorf("%.20s: %q does not say %q", pattern, problem, says)
		}
	}
}

func TestInternational(t *testing.T) {
	for n, want := range map[string]string{
		"01713920001": "+491713920001", "+49 171 392": "+49171392", "0049171392": "+49171392", "0171/39-20 00": "+49171392000",
		"+49 (0)661 123": "+49661123", "416": "", "": "", "+0": "", "0171abc": "", "+4912345678901234567": "",
	} {
		if got := international(n, "49"); got != want {
			t.Errorf("%q: %q, want %q", n, got, want)
		}
	}
	if got := international("0171392", ""); got != "" {
		t.Errorf("without a country: %q", got)
	}
}

func TestTooOld(t *testing.T) {
	for version, want := range map[string]bool{
		"4.5.0.10": false, "4.5.0.10-1~deb12": false, "4.5.0.11": false, "4.5.1": false, "4.5.0.9": true, "4.4.9.99": true,
		"4.5": true, "3.0": true, "4.10.0.0": false, "": false, "unknown": false, "5.0.0": false,
	} {
		if got := TooOld(version); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
}

// small is a system of a few accounts; change alters it.
func small(change func(*Data)) *Conversion {
	d := &Data{settings: map[int64]*settings{}, places: map[int64]place{}, counts: map[string]int64{}}
	d.accounts = []account{{id: 1, user: "anna", first: "Anna", last: "Alt", pin: "582913"}, {id: 2, user: "anna.d", first: "Anna", last: "Alt"}, {id: 3, user: "bernd", first: "Bernd", last: "Bau"}}
	d.friends = []friend{{account: 1, number: "20", secret: "a"}, {account: 2, number: "201", secret: "b"}, {account: 3, number: "30", secret: "c"}}
	if change != nil {
		change(d)
	}
	return Convert(d, Options{Country: "49", Zone: "Europe/Berlin"})
}

func TestAccountBecomesUserNumberSlot(t *testing.T) {
	c := small(func(d *Data) {
		d.settings[1] = &settings{waiting: true, hideOutside: "yes", ringInside: 2}
	})
	u := c.Users[0]
	if diff := cmp.Diff(&directory.Number{Number: "20", OwnerType: directory.OwnerUser, CallWaiting: true, RingInside: "Bellcore-dr2"}, u.Number); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(&directory.Slot{Type: directory.Desk, Name: "Tischtelefon", SIPUsername: "20", SIPSecret: "a"}, u.Slot); diff != "" {
		t.Error(diff)
	}
	if u.PIN != "582913" || !u.HideOutside || u.HideInside || c.Users[1].Slot.Type != directory.DECT {
		t.Errorf("%+v", u)
	}
}

func TestProfiles(t *testing.T) {
	for _, test := range []struct {
		name     string
		forward  forward
		want     *directory.CaseRule // nil when there is none
		problem  string
		switched bool // in the profile of what was off
	}{
		{"number", forward{kase: "busy", source: "internal", active: "std", std: "30"}, &directory.CaseRule{Case: directory.WhenBusy, Class: directory.FromInside, Action: directory.Action{Kind: directory.ToNumber, Number: "30"}}, "", false},
		{"variable number", forward{kase: "always", source: "external", active: "var", std: "30", vary: "0661 123"}, &directory.CaseRule{Case: directory.Always, Class: directory.FromOutside, Action: directory.Action{Kind: directory.ToNumber, Number: "0661123"}}, "", false},
		{"no answer, twenty seconds by default", forward{kase: "unavail", source: "internal", active: "std", std: "30"}, &directory.CaseRule{Case: directory.NoAnswer, Class: directory.FromInside, After: 20, Action: directory.Action{Kind: directory.ToNumber, Number: "30"}}, "", false},
		{"too long a time", forward{kase: "unavail", source: "internal", active: "std", std: "30", seconds: 255}, &directory.CaseRule{Case: directory.NoAnswer, Class: directory.FromInside, After: 180, Action: directory.Action{Kind: directory.ToNumber, Number: "30"}}, "", false},
		{"voicemail", forward{kase: "offline", source: "external", active: "vml"}, &directory.CaseRule{Case: directory.NotRegistered, Class: directory.FromOutside, Action: directory.Action{Kind: directory.ToVoicemail}}, "", false},
		{"parallel", forward{kase: "always", source: "internal", active: "par"}, &directory.CaseRule{Case: directory.Always, Class: directory.FromInside, Action: directory.Action{Kind: directory.ToParallel, Numbers: []string{"201"}}}, "", false},
		{"off with a number", forward{kase: "busy", source: "internal", active: "no", std: "30"}, &directory.CaseRule{Case: directory.WhenBusy, Class: directory.FromInside, Action: directory.Action{Kind: directory.ToNumber, Number: "30"}}, "", true},
		{"off without", forward{kase: "busy", source: "internal", active: "no"}, nil, "", false},
		{"emergency", forward{kase: "busy", source: "internal", active: "std", std: "112"}, nil, "emergency", false},
		{"to nobody", forward{kase: "busy", source: "internal", active: "std", std: "99"}, nil, "there is no number 99", false},
		{"to nothing", forward{kase: "busy", source: "internal", active: "std"}, nil, "is empty", false},
		{"unknown kind", forward{kase: "busy", source: "internal", active: "xyz"}, nil, `"xyz" is not known`, false},
		{"unknown case", forward{kase: "never", source: "internal", active: "std", std: "30"}, nil, "no case", false},
		{"times without rules", forward{kase: "busy", source: "internal", active: "trl"}, nil, "there are none", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := small(func(d *Data) {
				test.forward.account = 1
				d.forwards = []forward{test.forward}
				d.parallel = []userNumber{{key: 1, account: 1, number: "201"}}
			})
			profiles := c.Users[0].Profiles
			switch {
			case test.want == nil && len(profiles) > 0:
				t.Errorf("%+v", profiles)
			case test.want != nil && len(profiles) != 1:
				t.Fatalf("%+v", profiles)
			case test.want != nil:
				if diff := cmp.Diff([]directory.CaseRule{*test.want}, profiles[0].Table); diff != "" {
					t.Error(diff)
				}
				if off := strings.Contains(profiles[0].Name, "war aus"); off != test.switched {
					t.Errorf("is in %s", profiles[0].Name)
				}
			}
			if n := c.Users[0].Number; n.ProfileID != "" || n.Schedule != nil {
				t.Error("a profile is active")
			}
			if test.problem == "" && len(c.Problems) > 0 || test.problem != "" && (len(c.Problems) != 1 || !strings.Contains(c.Problems[0].Message, test.problem)) {
				t.Errorf("%+v", c.Problems)
			}
		})
	}
}

func TestTimes(t *testing.T) {
	week := [7]bool{false, true, true, true, true, true, false}
	for _, test := range []struct {
		name string
		rule timeRule
		want string // entries as they are shown
	}{
		{"office", timeRule{days: week, from: 480, to: 1020}, "[{Days:62 From:480 To:1020}]"},
		{"whole day", timeRule{days: week, from: 0, to: 1440}, "[{Days:62 From:0 To:0}]"},
		{"until midnight", timeRule{days: week, from: 1080, to: 0}, "[{Days:62 From:1080 To:1440}]"},
		{"over midnight", timeRule{days: week, from: 1080, to: 360}, "[{Days:62 From:1080 To:1440} {Days:124 From:0 To:360}]"},
		{"no day", timeRule{from: 480, to: 1020}, "[]"},
		{"no time", timeRule{days: week, from: 480, to: 480}, "[]"},
	} {
		spec, _, _ := times(test.rule, "Europe/Berlin")
		var parts []string
		for _, e := range spec.Entries {
			parts = append(parts, strings.Join([]string{"{Days:" + key(int64(e.Days)), "From:" + key(int64(e.From)), "To:" + key(int64(e.To)) + "}"}, " "))
		}
		if got := "[" + strings.Join(parts, " ") + "]"; got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		if problems := spec.Check(); len(problems) > 0 {
			t.Errorf("%s: %+v", test.name, problems)
		}
	}
}

func TestProposals(t *testing.T) {
	for _, test := range []struct {
		name      string
		change    func(*Data)
		kept      string // "" for no proposal
		certainty merge.Certainty
	}{
		{"suffix and person", nil, "anna", merge.Certain},
		{"suffix, no name", func(d *Data) { d.accounts[1].first, d.friends[1].number = "", "77" }, "anna", merge.Likely},
		{"suffix of somebody else", func(d *Data) { d.accounts[1].last = "Neu" }, "", ""},
		{"person and prefix", func(d *Data) { d.accounts[1].user = "annazwei" }, "anna", merge.Likely},
		{"person alone", func(d *Data) { d.accounts[1].user, d.friends[1].number = "annazwei", "44" }, "", ""},
		{"person and parallel call", func(d *Data) {
			d.accounts[1].user, d.friends[1].number = "annazwei", "44"
			d.parallel = []userNumber{{account: 1, number: "44"}}
		}, "anna", merge.Likely},
		{"parallel call of colleagues", func(d *Data) {
			d.accounts[1].user, d.accounts[1].last = "annazwei", "Neu"
			d.parallel = []userNumber{{account: 1, number: "201"}, {account: 3, number: "20"}}
		}, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := small(test.change).Proposals()
			if test.kept == "" {
				if len(got) > 0 {
					t.Errorf("%+v", got)
				}
				return
			}
			if len(got) != 1 || got[0].Kept != test.kept || got[0].Certainty != test.certainty || len(got[0].Accounts) != 2 || len(got[0].Accounts[1].Reasons) == 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestPageEscapes(t *testing.T) {
	c := small(func(d *Data) {
		d.accounts[0].last = `<script>alert("x")</script>`
		d.forwards = []forward{{account: 1, kase: "busy", source: "internal", active: "std", std: "30"}}
		d.personal = []personal{{kindCallList, 1, 7}}
		d.faxes = []named{{id: 1, number: "50", name: "<b>Fax"}}
		d.unknown = []Unknown{{Table: "<i>", Rows: 2}}
		d.problems.add("t", "<u>", "c", "m")
		d.phones = []phone{{id: 1, model: "aastra-57i", mac: "00085D000414", account: 1}}
	})
	r := NewReport(c, "root@x/asterisk", "5", time.Now(), 0)
	var out bytes.Buffer
	if err := r.WriteHTML(&out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, bad := range []string{"<script", "<b>", "<i>", "<u>", "http://", "https://", "ZgotmplZ"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, want := range []string{"Guten Tag Anna", "Dear Anna", "Einträge in Anruflisten: 7", "entries of call lists: 7", "Umleitung aus 4.5", "aastra-57i", "Bitte ersetzen oder hinnehmen", "Replace them, or accept", `lang="de"`, `lang="en"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, german := range []bool{true, false} {
		out.Reset()
		if err := r.WriteSummary(&out, german); err != nil || !strings.Contains(out.String(), "aastra-57i") {
			t.Errorf("%v %s", err, out.String())
		}
		if strings.Contains(out.String(), "%!") {
			t.Error(out.String())
		}
	}
}

// TestEveryKindHasWords: what is counted must be said in both languages.
func TestEveryKindHasWords(t *testing.T) {
	words := wordings()
	for table, kind := range systemTables() {
		if words[kind].name == "" {
			t.Errorf("%s: no words for %s", table, kind)
		}
	}
	for kind, w := range words {
		if w.name == "" || w.reason == "" || w.nameDE == "" || w.reasonDE == "" {
			t.Errorf("%s lacks words", kind)
		}
	}
}
