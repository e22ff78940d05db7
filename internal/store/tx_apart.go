package store

import (
	"database/sql"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// apartAudit is what the audit log shows of users that are not to be merged.
type apartAudit struct {
	Users []string `json:"users"` // user names
}

// KeepApart notes that users are not one person's accounts, so that they are not proposed to be merged again. Errors: *InvalidError, ErrNotFound for
// a user.
func (tx *Tx) KeepApart(a directory.Apart) error {
	if a.Mark == "" || len(a.Mark) > 64 || len(a.Users) < 2 || len(a.Users) > 100 {
		return invalid("fingerprint", "is none of a proposal")
	}
	if tx.draft.snap.Apart[a.Mark] != nil {
		return nil
	}
	var view apartAudit
	for _, id := range a.Users {
		u, err := tx.user(id)
		if err != nil {
			return err
		}
		view.Users = append(view.Users, u.Username)
	}
	if err := tx.dropStaleApart(); err != nil {
		return err
	}
	a.Users = slices.Sorted(slices.Values(a.Users))
	a.Actor, a.At = tx.change.Actor, tx.now
	text, users, err := document("users", a.Users)
	if err != nil {
		return err
	}
	a.Users = users
	if err := tx.exec("INSERT INTO apart (mark, users_json, actor, at) VALUES (?, ?, ?, ?)", a.Mark, text, a.Actor, micros(a.At)); err != nil {
		return err
	}
	own(&tx.draft.ours.apart, &tx.draft.snap.Apart)[a.Mark] = &a
	return tx.record("keep_apart", "merge", a.Mark, view.Users[0], nil, view)
}

// dropStaleApart forgets what is about users who are gone.
func (tx *Tx) dropStaleApart() error {
	for mark, a := range tx.draft.snap.Apart {
		if !slices.ContainsFunc(a.Users, func(id string) bool { return tx.draft.snap.Users[id] == nil }) {
			continue
		}
		if err := tx.exec("DELETE FROM apart WHERE mark = ?", mark); err != nil {
			return err
		}
		delete(own(&tx.draft.ours.apart, &tx.draft.snap.Apart), mark)
	}
	return nil
}

// ForgetApart takes KeepApart back: the users may be proposed again. Errors: ErrNotFound.
func (tx *Tx) ForgetApart(mark string) error {
	a := tx.draft.snap.Apart[mark]
	if a == nil {
		return &NotFoundError{Kind: "rejected proposal", ID: clip(mark, 64)}
	}
	var view apartAudit
	for _, id := range a.Users {
		view.Users = append(view.Users, tx.memberName(id))
	}
	if err := tx.exec("DELETE FROM apart WHERE mark = ?", mark); err != nil {
		return err
	}
	delete(own(&tx.draft.ours.apart, &tx.draft.snap.Apart), mark)
	return tx.record("forget_apart", "merge", mark, view.Users[0], view, nil)
}

func (l *loader) apart() error {
	return l.each("SELECT mark, users_json, actor, at FROM apart", func(rows *sql.Rows) error {
		var a directory.Apart
		var users sql.RawBytes
		var at int64
		if err := rows.Scan(&a.Mark, &users, &a.Actor, &at); err != nil {
			return err
		}
		l.document(users, &a.Users, "merge", a.Mark, a.Mark, "users")
		a.At = fromMicros(at)
		l.snap.Apart[a.Mark] = &a
		return nil
	})
}
