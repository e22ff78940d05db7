package api

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// undoMerge brings back the users who were merged into one, as long as nothing has changed of what was put together.
func undoMerge(snap *directory.Snapshot, e *AuditEntry) (func(Tx) error, error) {
	var v struct {
		Merge, Mark string
		Removed     []string
	}
	if json.Unmarshal(e.After, &v) != nil || v.Merge == "" {
		return nil, errUndoKind
	}
	switch {
	case snap.Users[e.ObjectID] == nil, time.Since(e.At) > directory.MergeUndo:
		return nil, errUndoGone
	case snap.Mark(e.ObjectID) != v.Mark:
		return nil, errUndoChanged
	}
	for _, name := range v.Removed {
		if snap.ByName[name] != nil {
			return nil, errUndoTaken
		}
	}
	return func(tx Tx) error {
		switch err := tx.UnmergeUsers(v.Merge); {
		case errors.Is(err, ErrConflict):
			return errUndoChanged
		case errors.Is(err, ErrNotFound):
			return errUndoGone
		default:
			return err
		}
	}, nil
}
