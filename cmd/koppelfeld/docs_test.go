package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// options lists the options of each command, such as "serve" or "upgrade check".
func options(t *testing.T) map[string][]*kong.Flag {
	t.Helper()
	parser, err := kong.New(&commands{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]*kong.Flag{}
	for _, c := range parser.Model.Leaves(true) {
		_, name, _ := strings.Cut(c.FullPath(), " ")
		out[name] = c.Flags
	}
	if len(out) < 6 {
		t.Fatalf("found %d commands", len(out))
	}
	return out
}

// TestManualListsEveryOption holds koppelfeld(1) to the program: nothing is missing and nothing is made up.
func TestManualListsEveryOption(t *testing.T) {
	page, err := os.ReadFile("../../packaging/man/koppelfeld.1")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(page), `\-`, "-")
	known := map[string]bool{"--config": true, "--help": true}
	for command, flags := range options(t) {
		_, part, ok := strings.Cut(text, "\n.SS "+command)
		if !ok {
			t.Errorf("the manual page does not know the command %s", command)
			continue
		}
		part, _, _ = strings.Cut(part, "\n.S")
		for _, f := range flags {
			known["--"+f.Name] = true
			if f.Name != "config" && f.Name != "help" && !regexp.MustCompile(`(?m)^\.BI? --`+f.Name+`\b`).MatchString(part) {
				t.Errorf("the manual page does not know --%s of %s", f.Name, command)
			}
		}
	}
	for _, name := range regexp.MustCompile(`--[a-z-]+`).FindAllString(text, -1) {
		if !known[name] {
			t.Errorf("the manual page has %s, which does not exist", name)
		}
	}
}

// complete is what the completion for bash offers for a line that ends with the last word.
func complete(t *testing.T, words ...string) []string {
	t.Helper()
	script := `source ../../packaging/completion/koppelfeld; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _koppelfeld; printf '%s\n' "${COMPREPLY[@]}"`
	out, err := exec.Command("bash", append([]string{"-c", script, "bash", "koppelfeld"}, words...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.Fields(string(out))
}

func TestCompletionKnowsEveryOption(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash")
	}
	all := options(t)
	names := []string{"--help"}
	for command, flags := range all {
		words := strings.Fields(command)
		if len(words) == 1 || !slices.Contains(names, words[0]) {
			names = append(names, words[0])
		}
		if len(words) > 1 && !slices.Contains(complete(t, words[0], ""), words[1]) {
			t.Errorf("%s is not offered", command)
		}
		want := []string{"--help"}
		for _, f := range flags {
			if f.Name == "help" {
				continue
			}
			want = append(want, "--"+f.Name)
			if f.Enum != "" {
				if got := complete(t, append(words, "--"+f.Name, "")...); fmt.Sprint(got) != fmt.Sprint(strings.Split(f.Enum, ",")) {
					t.Errorf("%s --%s: offers %v", command, f.Name, got)
				}
			}
		}
		got := complete(t, append(words, "--")...)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: offers %v, not %v", command, got, want)
		}
	}
	got := complete(t, "")
	slices.Sort(got)
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Errorf("offers the commands %v, not %v", got, names)
	}
	if got := complete(t, "pa"); !slices.Equal(got, []string{"passwd"}) {
		t.Errorf("pa: %v", got)
	}
}
