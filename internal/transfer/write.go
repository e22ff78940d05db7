package transfer

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Options say how a file is written.
type Options struct {
	Choice
	Passphrase string // locks the secrets; empty leaves them out
	Source     string // SIP domain of this server
	Program    string // version of this program
	MadeAt     time.Time
}

// Export writes what is chosen of a snapshot. Errors: *Refusal, and those of w.
func Export(w io.Writer, snap *directory.Snapshot, o Options) (Manifest, error) {
	f, err := Prepare(snap, o)
	if err != nil {
		return Manifest{}, err
	}
	return f.Manifest, f.Write(w)
}

// File is an export that is ready to be written.
type File struct {
	Manifest Manifest
	parts    [][]byte // in the order of the manifest
}

// Prepare makes a file of what is chosen of a snapshot. The same configuration gives the same file, but for the time and for what is encrypted.
// Error: *Refusal.
func Prepare(snap *directory.Snapshot, o Options) (*File, error) {
	c, err := Choose(snap, o.Choice)
	if err != nil {
		return nil, err
	}
	m := &c.Manifest
	m.Program, m.Source, m.MadeAt, m.Secrets = o.Program, o.Source, o.MadeAt.UTC().Truncate(time.Second), o.Passphrase != ""
	f := &File{}
	for _, p := range []struct {
		name   string
		data   func() ([]byte, error)
		wanted bool
	}{
		{partSchema, func() ([]byte, error) { return Schema(), nil }, true},
		{partUsers, document(filled(&c.usersPart)), has(m.What, WhatUsers)},
		{partPhones, document(filled(&c.phonesPart)), has(m.What, WhatPhones)},
		{partGroups, document(filled(&c.groupsPart)), has(m.What, WhatGroups) || len(c.Groups) > 0},
		{partSystem, document(filled(&c.systemPart)), has(m.What, WhatSystem) || len(c.Calendars) > 0},
		{partSecrets, func() ([]byte, error) { return secretsOf(snap, c).lock(o.Passphrase) }, m.Secrets},
	} {
		if !p.wanted {
			continue
		}
		text, err := p.data()
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		m.Parts = append(m.Parts, Part{p.name, int64(len(text)), hex.EncodeToString(sum[:])})
		f.parts = append(f.parts, text)
	}
	f.Manifest = *m
	return f, nil
}

// Write writes the file.
func (f *File) Write(w io.Writer) error {
	first, err := document(&f.Manifest)()
	if err != nil {
		return err
	}
	z := zip.NewWriter(w)
	if err := entry(z, partManifest, first); err != nil {
		return err
	}
	for i, text := range f.parts {
		if err := entry(z, f.Manifest.Parts[i].Name, text); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("writing the export: %w", err)
	}
	return nil
}

func has(list []What, w What) bool {
	for _, x := range list {
		if x == w {
			return true
		}
	}
	return false
}

// entry writes a file of the archive, without a time, so that equal contents are equal bytes.
func entry(z *zip.Writer, name string, text []byte) error {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate}
	h.SetMode(0o600)
	if name == partSecrets {
		h.Method = zip.Store // what is encrypted does not shrink
	}
	w, err := z.CreateHeader(h)
	if err == nil {
		_, err = w.Write(text)
	}
	if err != nil {
		return fmt.Errorf("writing %s of the export: %w", name, err)
	}
	return nil
}

// document writes v as JSON that people can read.
func document(v any) func() ([]byte, error) {
	return func() ([]byte, error) {
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetIndent("", " ")
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			return nil, fmt.Errorf("writing the export: %w", err)
		}
		return out.Bytes(), nil
	}
}

// filled has empty lists in place of none.
func filled[T any](p *T) *T {
	switch p := any(p).(type) {
	case *usersPart:
		none(&p.Users)
	case *phonesPart:
		none(&p.Slots)
	case *groupsPart:
		none(&p.Groups)
		none(&p.HuntGroups)
		none(&p.PickupGroups)
	case *systemPart:
		none(&p.Calendars)
		none(&p.Rules)
		none(&p.Codes)
		none(&p.FaxLines)
	}
	return p
}

func none[T any](list *[]T) {
	if *list == nil {
		*list = []T{}
	}
}
