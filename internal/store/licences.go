package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

const (
	licenceColumns = "id, document, company, users, valid_until, serial, installed_at, installed_by, ended_at, ended_by"
	maxLicence     = 16 << 10
	// licenceHistory bounds how many are listed.
	licenceHistory = 100
)

// InstallLicence puts a licence in the place of the one before, if there is one. Whether it is genuine has been found out by the caller.
// ID, Installed and By are set. The same file again changes nothing.
func (tx *Tx) InstallLicence(l directory.Licence) (*directory.Licence, error) {
	old := tx.draft.snap.Licence
	if old != nil && old.Document == l.Document {
		return old, nil
	}
	if l.Document == "" || len(l.Document) > maxLicence {
		return nil, invalid("licence", "is empty or too long")
	}
	if err := tx.endLicence(); err != nil {
		return nil, err
	}
	l.ID, l.Installed, l.By, l.Ended, l.EndedBy = ulid.Make().String(), tx.now, clip(tx.change.Actor, 128), time.Time{}, ""
	err := tx.exec("INSERT INTO licences ("+licenceColumns+") VALUES "+rowsOf(1, 10), l.ID, l.Document, l.Company, l.Users, l.ValidUntil, l.Serial,
		micros(l.Installed), l.By, 0, "")
	if err != nil {
		return nil, err
	}
	tx.draft.snap.Licence = &l
	return &l, tx.record("install", "licence", l.ID, l.Company, licenceView(old), licenceView(&l))
}

// RemoveLicence takes the licence away. When there is none that is ErrNotFound.
func (tx *Tx) RemoveLicence() error {
	old := tx.draft.snap.Licence
	if old == nil {
		return &NotFoundError{Kind: "licence"}
	}
	if err := tx.endLicence(); err != nil {
		return err
	}
	tx.draft.snap.Licence = nil
	return tx.record("remove", "licence", old.ID, old.Company, licenceView(old), nil)
}

// endLicence ends the one that counts.
func (tx *Tx) endLicence() error {
	if tx.draft.snap.Licence == nil {
		return nil
	}
	return tx.exec("UPDATE licences SET ended_at = ?, ended_by = ? WHERE ended_at = 0", micros(tx.now), clip(tx.change.Actor, 128))
}

// licenceView is what the audit log shows.
func licenceView(l *directory.Licence) any {
	if l == nil {
		return nil
	}
	return map[string]any{"company": l.Company, "users": l.Users, "valid_until": l.ValidUntil, "serial": l.Serial}
}

func (l *loader) licence() error {
	return l.each("SELECT "+licenceColumns+" FROM licences WHERE ended_at = 0 ORDER BY id", func(rows *sql.Rows) error {
		v, err := scanLicence(rows)
		l.snap.Licence = v
		return err
	})
}

func scanLicence(rows *sql.Rows) (*directory.Licence, error) {
	var v directory.Licence
	var installed, ended int64
	err := rows.Scan(&v.ID, &v.Document, &v.Company, &v.Users, &v.ValidUntil, &v.Serial, &installed, &v.By, &ended, &v.EndedBy)
	v.Installed, v.Ended = fromMicros(installed), fromMicros(ended)
	return &v, err
}

// Licences reads what the snapshot has not of licences.
type Licences struct {
	eng *engine
	now func() time.Time
}

// ListLicences returns the installed licences and those of before, the latest first, at most the last hundred.
func (l *Licences) ListLicences(ctx context.Context) ([]directory.Licence, error) {
	rows, err := l.eng.read.QueryContext(ctx, "SELECT "+licenceColumns+" FROM licences ORDER BY id DESC LIMIT ?", licenceHistory)
	if err != nil {
		return nil, dbError("reading licences", err)
	}
	defer rows.Close()
	var out []directory.Licence
	for rows.Next() {
		v, err := scanLicence(rows)
		if err != nil {
			return nil, dbError("reading licences", err)
		}
		out = append(out, *v)
	}
	return out, dbError("reading licences", rows.Err())
}

// Trial is how long the system has run since it was first started.
type Trial struct {
	Began time.Time
	Ran   time.Duration
}

const (
	// trialStep bounds what counts of the time between two calls of PassTrial: a clock that was wrong, or a machine that was off, costs a day at most.
	trialStep = 24 * time.Hour
	// trialEnd is where counting ends: nobody asks for more.
	trialEnd = 90 * 24 * time.Hour
)

// Trial reads it. It is zero as long as PassTrial was never called.
func (l *Licences) Trial(ctx context.Context) (Trial, error) {
	var began, ran int64
	err := l.eng.read.QueryRowContext(ctx, "SELECT began_at, ran_s FROM licence_trial WHERE id = 1").Scan(&began, &ran)
	if errors.Is(err, sql.ErrNoRows) {
		return Trial{}, nil
	}
	return Trial{fromMicros(began), time.Duration(ran) * time.Second}, dbError("reading the trial", err)
}

// PassTrial adds the time since the last call, of whatever process on whatever node. It never takes any away: a clock that is set back
// begins nothing anew.
func (l *Licences) PassTrial(ctx context.Context) (Trial, error) {
	var t Trial
	err := l.eng.inTx(ctx, func(tx *sql.Tx) error {
		now := l.now().UTC().Truncate(time.Second)
		var began, seen, ran int64
		err := tx.QueryRowContext(ctx, "SELECT began_at, seen_at, ran_s FROM licence_trial WHERE id = 1").Scan(&began, &seen, &ran)
		if errors.Is(err, sql.ErrNoRows) {
			t = Trial{Began: now}
			_, err = tx.ExecContext(ctx, "INSERT INTO licence_trial (id, began_at, seen_at, ran_s) VALUES (1, ?, ?, 0)", micros(now), micros(now))
			return err
		}
		if err != nil {
			return err
		}
		t = Trial{fromMicros(began), time.Duration(ran) * time.Second}
		if t.Ran >= trialEnd {
			return nil
		}
		t.Ran += min(max(now.Sub(fromMicros(seen)), 0), trialStep)
		// The row as it was read: what another node has counted in the meantime is not counted twice.
		_, err = tx.ExecContext(ctx, "UPDATE licence_trial SET seen_at = ?, ran_s = ? WHERE id = 1 AND seen_at = ?", micros(now), int64(t.Ran/time.Second), seen)
		return err
	})
	return t, dbError("counting the trial", ignoreDuplicate(err))
}
