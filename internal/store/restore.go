package store

import "github.com/oklog/ulid/v2"

// identity says which ID and version a new object gets. Mostly both are made anew.
// An object that is to come back after it was removed names those that it had: then
// the ID stays and the version goes on, so that what stands in the audit log of
// before is never taken for what is there now. Errors: *InvalidError for something
// that is no ID, *TakenError when the object is there.
func identity(kind, id string, version int64, there bool) (string, int64, error) {
	if id == "" {
		return ulid.Make().String(), 1, nil
	}
	if _, err := ulid.ParseStrict(id); err != nil {
		return "", 0, invalid("id", "is none of a %s", kind)
	}
	if there {
		return "", 0, &TakenError{Kind: kind, Value: id}
	}
	return id, max(version, 0) + 1, nil
}
