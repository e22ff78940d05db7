package routing

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

// FuzzCodes dials whatever comes after a code: no plan panics, no order carries what is no number, no code is for callers from outside, and none leads to a
// number that is blocked without it.
func FuzzCodes(f *testing.F) {
	c := company(3)
	c.Settings.Outside = true
	c.Users[0].Blocks = []Block{{Match: Match{Kind: MatchPrefix, Value: "0900"}}}
	for i, action := range codeActions {
		c.Globals.Codes = append(c.Globals.Codes, Code{Action: action, Code: fmt.Sprint("*", 10+i)}, Code{Action: action, Code: fmt.Sprint("#", 10+i, "#")})
	}
	table, err := Compile(c)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		"*10416", "*19200000#", "*20200000*200010", "*210900123", "*21110", "*20*", "#10#", "#20#2*3*4", "*10+49 (171)", "*13", "*", "#", "**", "*21*21110",
	} {
		f.Add(s)
	}
	caller := Caller{Class: Inside, SlotID: c.Users[0].Slots[0].ID}
	corpus.Add(f)
	f.Fuzz(func(t *testing.T, dialled string) {
		p := table.Decide(Request{Called: dialled, Caller: caller}, allFree{})
		p.Explain()
		p.Trace()
		if o := p.Command; o != nil && o.Argument != "" {
			if n, ok := Dialled(o.Argument); !ok || n != o.Argument || !TakesArgument(o.Action) {
				t.Fatalf("%q: argument %q", dialled, o.Argument)
			}
		}
		for _, target := range p.Targets {
			if strings.HasPrefix(target.Outside, "0900") || target.Emergency != emergency(target.Outside) {
				t.Fatalf("%q rings %+v", dialled, target)
			}
		}
		if p := table.Decide(Request{Called: dialled, Caller: Caller{Class: Outside}}, allFree{}); p.Command != nil {
			t.Fatalf("%q from outside: %+v", dialled, p.Command)
		}
	})
}

// FuzzPattern: a pattern that is taken says yes to whole numbers only, and at once, whatever is in it.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{"41[67]", "1)|(?:.*", "(a+)+$", "(?m)^4", "^416$", "4|1", "(?i)X", "((((((.{9}){9}){9}){9}){9}){9}", `\z|.*`, "(?=1)", ""} {
		f.Add(s, "4161")
	}
	corpus.Add(f)
	f.Fuzz(func(t *testing.T, pattern, number string) {
		m := compileMatch(Match{Kind: MatchPattern, Value: pattern})
		if m == nil || !digits(number) || len(number) > maxDialled {
			return
		}
		begin := time.Now()
		got := m.holds(number)
		if took := time.Since(begin); took > time.Second {
			t.Fatalf("%q on %q takes %s", pattern, number, took)
		}
		longest := regexp.MustCompile(pattern)
		longest.Longest()
		if at := longest.FindStringIndex(number); at != nil && at[0] == 0 && at[1] == len(number) && !got || got && at == nil {
			t.Fatalf("%q on %q says %t, and the longest match is %v", pattern, number, got, at)
		}
	})
}
