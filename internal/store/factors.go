package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// Factors keeps what proves a login besides the password. Like sessions they are no configuration: they have no revision, and
// go with their user. What they hold is sealed with the master key.
type Factors struct {
	eng *engine
	box *secret.Box
	now func() time.Time
}

// Factor is one of them.
type Factor struct {
	ID     string // ULID, set by AddFactors
	UserID string
	Kind   string // as admin/auth defines it
	Name   string // for people, at most 128 characters
	Secret []byte // at most 16,000 bytes
	// Confirmed is set once the user has shown that he has it.
	Confirmed bool
	// Step is that of the last code taken; UseFactor takes none twice.
	Step    int64
	Created time.Time
	Used    time.Time // zero: never
}

// recoveryKind is the kind of which new ones replace all others.
const recoveryKind = "recovery"

const (
	maxFactor     = 16000
	factorColumns = "id, user_id, kind, name, sealed, confirmed, step, created_at, used_at"
)

func factorPurpose(id string) string { return "factor:" + id }

// ListFactors returns those of a user, oldest first.
func (f *Factors) ListFactors(ctx context.Context, userID string) ([]Factor, error) {
	rows, err := f.eng.read.QueryContext(ctx, "SELECT "+factorColumns+" FROM login_factors WHERE user_id = ? ORDER BY id", userID)
	if err != nil {
		return nil, dbError("reading factors", err)
	}
	defer rows.Close()
	var out []Factor
	for rows.Next() {
		var x Factor
		var sealed []byte
		var created, used int64
		if err := rows.Scan(&x.ID, &x.UserID, &x.Kind, &x.Name, &sealed, &x.Confirmed, &x.Step, &created, &used); err != nil {
			return nil, dbError("reading factors", err)
		}
		if x.Secret, err = f.box.Open(sealed, factorPurpose(x.ID)); err != nil {
			return nil, fmt.Errorf("reading factor %s: %w", x.ID, err)
		}
		x.Created, x.Used = fromMicros(created), fromMicros(used)
		out = append(out, x)
	}
	return out, dbError("reading factors", rows.Err())
}

// AddFactors stores factors of one kind of one user and notes them in the audit log in the same transaction. Those of the
// same kind that were never confirmed go, and recovery codes take the place of all before. An unknown user gives ErrNotFound.
func (f *Factors) AddFactors(ctx context.Context, change Change, list ...Factor) ([]Factor, error) {
	if len(list) == 0 {
		return nil, errors.New("adding factors: none given")
	}
	first := list[0]
	list = append([]Factor(nil), list...)
	for i := range list {
		x := &list[i]
		if clip(x.Name, 128) != x.Name {
			return nil, invalid("name", "must have at most 128 characters")
		}
		if len(x.Secret) > maxFactor || x.UserID != first.UserID || x.Kind != first.Kind {
			return nil, errors.New("adding factors: too long, or of several users or kinds")
		}
		x.ID, x.Created = ulid.Make().String(), f.now().UTC().Truncate(time.Microsecond)
	}
	_, after, err := marshalBoth(nil, map[string]any{"kind": first.Kind, "name": first.Name, "count": len(list), "confirmed": first.Confirmed})
	if err != nil {
		return nil, err
	}
	act := ulid.Make().String()
	err = f.eng.inTx(ctx, func(tx *sql.Tx) error {
		name, err := username(ctx, tx, first.UserID)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM login_factors WHERE user_id = ? AND kind = ? AND (confirmed = 0 OR kind = ?)", first.UserID, first.Kind, recoveryKind); err != nil {
			return err
		}
		for i := range list {
			x := &list[i]
			_, err := tx.ExecContext(ctx, "INSERT INTO login_factors ("+factorColumns+") VALUES "+rowsOf(1, 9), x.ID, x.UserID, x.Kind, x.Name,
				f.box.Seal(x.Secret, factorPurpose(x.ID)), x.Confirmed, x.Step, micros(x.Created), micros(x.Used))
			if err != nil {
				return err
			}
		}
		return insertAct(ctx, tx, act, f.now(), change, auditRow{"add_factor", "user", first.UserID, name, "", after})
	})
	if err := ignoreDuplicate(err); err != nil {
		return nil, dbError("adding factors", err)
	}
	return list, nil
}

// ConfirmFactor notes that the user has shown a code of that step. Others of the same kind go. A factor that is confirmed
// already, or is not there, gives ErrNotFound.
func (f *Factors) ConfirmFactor(ctx context.Context, change Change, id string, step int64) error {
	act := ulid.Make().String()
	err := f.eng.inTx(ctx, func(tx *sql.Tx) error {
		var user, kind, name string
		err := tx.QueryRowContext(ctx, "SELECT user_id, kind, name FROM login_factors WHERE id = ? AND confirmed = 0", id).Scan(&user, &kind, &name)
		if errors.Is(err, sql.ErrNoRows) {
			return &NotFoundError{Kind: "factor", ID: clip(id, 32)}
		}
		if err != nil {
			return err
		}
		who, err := username(ctx, tx, user)
		if err != nil {
			return err
		}
		now := micros(f.now())
		if _, err := tx.ExecContext(ctx, "UPDATE login_factors SET confirmed = 1, step = ?, used_at = ? WHERE id = ?", step, now, id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM login_factors WHERE user_id = ? AND kind = ? AND id <> ?", user, kind, id); err != nil {
			return err
		}
		_, after, err := marshalBoth(nil, map[string]any{"kind": kind, "name": name})
		if err != nil {
			return err
		}
		return insertAct(ctx, tx, act, f.now(), change, auditRow{"confirm_factor", "user", user, who, "", after})
	})
	return dbError("confirming factor", ignoreDuplicate(err))
}

// UseFactor notes a use. With a step it takes none that is not later than the last one, and says ErrNotFound then; with a
// secret it puts it in place of the one before.
func (f *Factors) UseFactor(ctx context.Context, id string, step int64, secret []byte) error {
	query, args := "UPDATE login_factors SET used_at = ?", []any{micros(f.now())}
	if secret != nil {
		if len(secret) > maxFactor {
			return errors.New("using a factor: too long")
		}
		query, args = query+", sealed = ?", append(args, f.box.Seal(secret, factorPurpose(id)))
	}
	if step != 0 {
		query, args = query+", step = ?", append(args, step)
	}
	query, args = query+" WHERE id = ?", append(args, id)
	if step != 0 {
		query, args = query+" AND step < ?", append(args, step)
	}
	return f.one(ctx, query, args...)
}

// SpendFactor removes one that is good for one use; only one of those who do it at the same time succeeds, the others get ErrNotFound.
func (f *Factors) SpendFactor(ctx context.Context, id string) error {
	return f.one(ctx, "DELETE FROM login_factors WHERE id = ?", id)
}

func (f *Factors) one(ctx context.Context, query string, args ...any) error {
	err := f.eng.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return &NotFoundError{Kind: "factor"}
		}
		return nil
	})
	return dbError("using factor", err)
}

// DeleteFactors removes factors of a user, those named and those of the kinds named, and notes it in the audit log in the same transaction.
// When nothing is there to remove that is ErrNotFound.
func (f *Factors) DeleteFactors(ctx context.Context, change Change, userID string, ids, kinds []string) error {
	act := ulid.Make().String()
	err := f.eng.inTx(ctx, func(tx *sql.Tx) error {
		name, err := username(ctx, tx, userID)
		if err != nil {
			return err
		}
		var gone int64
		for column, values := range map[string][]string{"id": ids, "kind": kinds} {
			for _, v := range values {
				res, err := tx.ExecContext(ctx, "DELETE FROM login_factors WHERE user_id = ? AND "+column+" = ?", userID, v)
				if err != nil {
					return err
				}
				n, err := res.RowsAffected()
				if err != nil {
					return err
				}
				gone += n
			}
		}
		if gone == 0 {
			return &NotFoundError{Kind: "factor"}
		}
		before, _, err := marshalBoth(map[string]any{"factors": ids, "kinds": kinds, "count": gone}, nil)
		if err != nil {
			return err
		}
		return insertAct(ctx, tx, act, f.now(), change, auditRow{"remove_factor", "user", userID, name, before, ""})
	})
	return dbError("removing factors", ignoreDuplicate(err))
}

func username(ctx context.Context, tx *sql.Tx, id string) (string, error) {
	var name string
	err := tx.QueryRowContext(ctx, "SELECT username FROM users WHERE id = ?", id).Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return "", &NotFoundError{Kind: "user", ID: clip(id, 32)}
	}
	return name, err
}
