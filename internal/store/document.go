package store

import (
	"encoding/json"
	"fmt"
	"reflect"
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

// readDocument reads what document wrote. what and id name the place for errors.
func readDocument(text []byte, to any, what, id string) error {
	if len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, to); err != nil {
		return fmt.Errorf("database is damaged: %s %s: %w", what, id, err)
	}
	return nil
}

// copied is a copy of v that shares nothing with it, for editing. v was read by
// readDocument or made by document.
func copied[T any](v T) T {
	_, kept, err := document("", v)
	if err != nil {
		panic(fmt.Sprintf("copying %T: %v", v, err)) // it has been JSON before
	}
	return kept
}
