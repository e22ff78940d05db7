package api

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Field is one member of a PATCH body (RFC 7396): left out, null, or a value.
// Null puts the setting back to what it is on a new object: one that groups can give follows them again.
type Field[T any] struct {
	Set   bool // the body names the member
	Null  bool
	Value T
}

// UnmarshalJSON is called only for members that the body names.
func (f *Field[T]) UnmarshalJSON(text []byte) error {
	f.Set = true
	if bytes.Equal(text, []byte("null")) {
		f.Null = true
		return nil
	}
	return json.Unmarshal(text, &f.Value)
}

// Schema is that of T or null.
func (f Field[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), false, "") // of an object, which is shared
	s.Nullable = true
	return &s
}

// apply changes dst if the body names the member.
func (f Field[T]) apply(dst *T, reset T) {
	switch {
	case f.Null:
		*dst = reset
	case f.Set:
		*dst = f.Value
	}
}

// applyOwn is apply for a setting that groups can give: a value, whatever it is, makes it the object's own.
func (f Field[T]) applyOwn(dst *T, own *directory.Settings, s directory.Settings) {
	switch {
	case f.Null:
		*own &^= s
	case f.Set:
		*dst = f.Value
		*own |= s
	}
}
