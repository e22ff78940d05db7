package registrar

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Saved reads the snapshot at path without a running Registrar and returns the slots
// that have a contact at the given time. A file that does not exist gives an empty set.
func Saved(path string, at time.Time) (map[string]bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading locations: %w", err)
	}
	defer f.Close()
	list, err := decode(f)
	if err != nil {
		return nil, fmt.Errorf("reading locations: %w", err)
	}
	slots := map[string]bool{}
	for _, b := range list {
		if b.Expires.After(at) {
			slots[b.SlotID] = true
		}
	}
	return slots, nil
}
