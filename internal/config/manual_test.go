package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// keys lists the keys of a section and those of the sections in it, as headings of the manual page.
func keys(t reflect.Type, section string, out map[string][]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("toml")
		kind := f.Type
		list := kind.Kind() == reflect.Slice
		if list {
			kind = kind.Elem()
		}
		if kind.Kind() != reflect.Struct {
			out[section] = append(out[section], name)
			continue
		}
		full := strings.TrimPrefix(strings.Trim(section, "[]")+"."+name, ".")
		if list {
			keys(kind, "[["+full+"]]", out)
		} else {
			keys(kind, "["+full+"]", out)
		}
	}
}

var manualKey = regexp.MustCompile(`(?m)^\.TP\n\.B ([a-z0-9_]+)$`)

// TestManualListsEveryKey holds koppelfeld.toml(5) to the configuration: no key is missing and none is made up.
func TestManualListsEveryKey(t *testing.T) {
	page, err := os.ReadFile("../../packaging/man/koppelfeld.toml.5")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	keys(reflect.TypeFor[Config](), "", want)
	got := map[string][]string{}
	for _, part := range strings.Split(string(page), "\n.SS ")[1:] {
		heading, text, _ := strings.Cut(part, "\n")
		if heading == "Without a section" {
			heading = ""
		}
		for _, m := range manualKey.FindAllStringSubmatch(text, -1) {
			got[heading] = append(got[heading], m[1])
		}
	}
	for section, names := range want {
		for _, name := range names {
			if !slices.Contains(got[section], name) {
				t.Errorf("the manual page does not know %q of %q", name, section)
			}
		}
	}
	for section, names := range got {
		for _, name := range names {
			if !slices.Contains(want[section], name) {
				t.Errorf("the manual page has %q of %q, which does not exist", name, section)
			}
		}
	}
}

// TestInstalledConfigurationIsValid also with everything in it that is commented out.
func TestInstalledConfigurationIsValid(t *testing.T) {
	text, err := os.ReadFile("../../packaging/config/koppelfeld.toml")
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := filepath.Abs("../../packaging/config/defaults.toml")
	if err != nil {
		t.Fatal(err)
	}
	here := strings.ReplaceAll(string(text), "/usr/share/koppelfeld/defaults.toml", defaults)
	if here == string(text) {
		t.Error("it does not name what the package sets")
	}
	path := filepath.Join(t.TempDir(), "koppelfeld.toml")
	if err := os.WriteFile(path, []byte(here), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Media.Address != AddressAuto || !c.Admin.TLSOn() || c.DataDir != "/var/lib/koppelfeld" {
		t.Errorf("unfit for a machine of its own: %+v", c)
	}
	all := regexp.MustCompile(`(?m)^# ([a-z0-9_]+ += |\[)`).ReplaceAllString(string(text), "$1")
	if all == string(text) {
		t.Fatal("nothing is commented out")
	}
	if _, err := Parse(all); err != nil {
		t.Errorf("with everything commented in: %v", err)
	}
}
