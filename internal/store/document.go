package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// maxDocument bounds a structured part that is kept as JSON. The limits of
// internal/directory keep well below it.
const maxDocument = 1 << 20

// document returns v as it is kept, "" for nothing, and what a load will make of
// it: a copy that shares nothing with the caller's. field is for errors.
func document[T any](field string, v T) (text string, kept T, err error) {
	r := reflect.ValueOf(&v).Elem()
	if r.IsZero() || r.Kind() == reflect.Slice && r.Len() == 0 {
		return "", kept, nil
	}
	b, err := json.Marshal(v)
	switch {
	case err != nil:
		return "", kept, invalid(field, "cannot be kept: %v", err)
	case len(b) > maxDocument:
		return "", kept, invalid(field, "is longer than %d bytes", maxDocument)
	}
	if err := json.Unmarshal(b, &kept); err != nil {
		return "", kept, invalid(field, "cannot be kept: %v", err)
	}
	return string(b), kept, nil
}

// document reads what document wrote into to. What cannot be read leaves to empty and is noted under the object's type, ID and name: one damaged
// part must not keep everything else out of force.
func (l *loader) document(text []byte, to any, typ, id, name, field string) bool {
	if len(text) == 0 {
		return true
	}
	err := json.Unmarshal(text, to)
	if err == nil {
		return true
	}
	reflect.ValueOf(to).Elem().SetZero() // some of it may have been read
	l.snap.Damaged = append(l.snap.Damaged, directory.Damage{Type: typ, ID: id, Name: name, Field: field, Problem: clip(err.Error(), 200)})
	return false
}

// isDamaged reports whether a part of an object could not be read. Saving such an object writes it even when nothing else changes.
func (d *draft) isDamaged(typ, id string) bool {
	return slices.ContainsFunc(d.snap.Damaged, func(x directory.Damage) bool { return x.Type == typ && x.ID == id })
}

// repaired takes an object that has been written anew, or removed, off the list of the damaged.
func (d *draft) repaired(typ, id string) {
	if d.isDamaged(typ, id) {
		d.snap.Damaged = slices.DeleteFunc(slices.Clone(d.snap.Damaged), func(x directory.Damage) bool { return x.Type == typ && x.ID == id })
	}
}

// copied is a copy of v that shares nothing with it, for editing. v was read by
// loader.document or made by document.
func copied[T any](v T) T {
	_, kept, err := document("", v)
	if err != nil {
		panic(fmt.Sprintf("copying %T: %v", v, err)) // it has been JSON before
	}
	return kept
}
