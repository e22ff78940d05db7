package api

import (
	"encoding/json"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func TestField(t *testing.T) {
	for _, c := range []struct {
		body string
		want string
	}{
		{`{}`, "before"},
		{`{"name":"after"}`, "after"},
		{`{"name":""}`, ""},
		{`{"name":null}`, "reset"},
	} {
		var v struct {
			Name Field[string] `json:"name"`
		}
		if err := json.Unmarshal([]byte(c.body), &v); err != nil {
			t.Fatal(err)
		}
		got := "before"
		v.Name.apply(&got, "reset")
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.body, got, c.want)
		}
	}
}

func TestEntityTags(t *testing.T) {
	tag := etag(3, 12)
	if tag != `"3.12"` {
		t.Fatalf("tag %s", tag)
	}
	for _, c := range []struct {
		header           string
		matches, isFresh bool
	}{
		{"", true, false},
		{`"3.12"`, true, true},
		{`"1", "3.12"`, true, true},
		{"*", true, true},
		{`"3.1"`, false, false},
		{`3.12`, false, false},
		{`W/"3.12"`, false, true}, // weak tags never match If-Match (RFC 9110 section 13.1.1)
		{`"`, false, false},
		{`,,,`, false, false},
	} {
		if got := (Precondition{c.header}).check(tag) == nil; got != c.matches {
			t.Errorf("If-Match %s: %v", c.header, got)
		}
		if got := (Conditional{c.header}).fresh(tag) != nil; got != c.isFresh {
			t.Errorf("If-None-Match %s: %v", c.header, got)
		}
	}
}

func FuzzCursor(f *testing.F) {
	corpus.Add(f)
	f.Add(cursor("armin.artmann"))
	f.Add("%")
	f.Add("_w")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := Page{Cursor: text}.key()
		if err != nil {
			return
		}
		if back, err := (Page{Cursor: cursor(key)}).key(); err != nil || back != key {
			t.Errorf("%q: %q, %v", text, back, err)
		}
	})
}
