package reading

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
	"github.com/koppelfeld/koppelfeld/internal/transfer"
)

// sample is the file of the first format, and its entries.
func sample(t testing.TB) ([]byte, map[string][]byte) {
	t.Helper()
	file, err := os.ReadFile("../testdata/format1.zip")
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if entries[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return file, entries
}

// FuzzOpen looks for archives that harm the reader.
func FuzzOpen(f *testing.F) {
	corpus.Add(f)
	file, _ := sample(f)
	f.Add(file)
	f.Add(file[:len(file)/2])
	f.Add([]byte("PK\x05\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, file []byte) { open(t, file) })
}

// FuzzParts looks for contents that harm it, in an archive that is whole.
func FuzzParts(f *testing.F) {
	corpus.Add(f)
	_, e := sample(f)
	f.Add(e["users.json"], e["phones.json"], e["groups.json"], e["system.json"])
	f.Add([]byte(`{"users":[{"id":"","username":"a","numbers":[{"number":"1","chosen":"2026-11-27T00:00:00Z"}]}]}`), []byte(`{"slots":[]}`), []byte(`{"groups":[],"hunt_groups":[],"pickup_groups":[]}`), []byte(`{"calendars":[],"rules":[],"codes":[],"fax_lines":[]}`))
	f.Fuzz(func(t *testing.T, users, phones, groups, system []byte) {
		parts := []string{"users.json", "phones.json", "groups.json", "system.json"}
		m := transfer.Manifest{
			Format: transfer.Format, FormatVersion: 1, Counts: counted(users, phones, groups, system),
			What: []transfer.What{transfer.WhatUsers, transfer.WhatPhones, transfer.WhatGroups, transfer.WhatSystem},
		}
		texts := [][]byte{users, phones, groups, system}
		for i, name := range parts {
			sum := sha256.Sum256(texts[i])
			m.Parts = append(m.Parts, transfer.Part{Name: name, Bytes: int64(len(texts[i])), SHA256: hex.EncodeToString(sum[:])})
		}
		manifest, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		for i, name := range append(parts, "manifest.json") {
			w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
			if err != nil {
				t.Fatal(err)
			}
			w.Write(append(texts, manifest)[i])
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		open(t, out.Bytes())
	})
}

// counted counts objects as the manifest does, as far as the parts can be read.
func counted(parts ...[]byte) transfer.Counts {
	var all struct {
		Users                                  []struct{ Numbers, Profiles []json.RawMessage }
		Slots, Groups, Calendars, Rules, Codes []json.RawMessage

		Hunts   []json.RawMessage `json:"hunt_groups"`
		Pickups []json.RawMessage `json:"pickup_groups"`
		Faxes   []json.RawMessage `json:"fax_lines"`
	}
	for _, p := range parts {
		_ = json.Unmarshal(p, &all) // what cannot be read is refused, which is to be seen
	}
	n := transfer.Counts{
		Users: len(all.Users), Slots: len(all.Slots), Groups: len(all.Groups), Calendars: len(all.Calendars), Rules: len(all.Rules), Codes: len(all.Codes),
		HuntGroups: len(all.Hunts), PickupGroups: len(all.Pickups), FaxLines: len(all.Faxes),
	}
	for _, u := range all.Users {
		n.Numbers += len(u.Numbers)
		n.Profiles += len(u.Profiles)
	}
	return n
}

// open opens a file that may be anything.
func open(t *testing.T, file []byte) {
	t.Helper()
	_, err := transfer.Open(bytes.NewReader(file), int64(len(file)), "")
	var r *transfer.Refusal
	if err != nil && (!errors.As(err, &r) || r.En == "" || r.De == "") {
		t.Errorf("an error without a sentence: %v", err)
	}
}

// TestSeedsAreRead keeps the seeds from being refused at the door.
func TestSeedsAreRead(t *testing.T) {
	file, e := sample(t)
	if _, err := transfer.Open(bytes.NewReader(file), int64(len(file)), ""); err != nil {
		t.Error(err)
	}
	var m transfer.Manifest
	if err := json.Unmarshal(e["manifest.json"], &m); err != nil {
		t.Fatal(err)
	}
	if got := counted(e["users.json"], e["phones.json"], e["groups.json"], e["system.json"]); got != m.Counts {
		t.Errorf("counted %+v, the manifest says %+v", got, m.Counts)
	}
}
