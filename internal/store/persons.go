package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// Direction says what a call was to one person.
type Direction string

// Directions. The string is stored.
const (
	CallOut       Direction = "out"       // made by the person
	CallIn        Direction = "in"        // taken or declined by the person
	CallMissed    Direction = "missed"    // was for the person; nobody took it
	CallForwarded Direction = "forwarded" // was for the person and went on to somebody else
	CallElsewhere Direction = "elsewhere" // rang at the person's; somebody else took it
)

// PersonCall is a call as one person sees it.
type PersonCall struct {
	Direction Direction
	Unseen    bool // missed, and not seen yet
	Record    calls.Record
}

// personRow is a row of person_calls in the making.
type personRow struct {
	userID    string
	direction Direction
}

// persons says to whom a finished call belongs, each once: caller, callee, those at whose slots it rang, and those whose numbers
// passed it on. Numbers and slots are looked up in the configuration of now.
func persons(snap *directory.Snapshot, c *calls.Record) []personRow {
	if c.End.IsZero() {
		return nil
	}
	var rows []personRow
	add := func(userID string, d Direction) {
		if userID != "" && len(userID) <= 26 && !slices.ContainsFunc(rows, func(r personRow) bool { return r.userID == userID }) {
			rows = append(rows, personRow{userID, d})
		}
	}
	answered := !c.AnswerAt.IsZero()
	add(c.FromUser, CallOut)
	if answered {
		add(c.ToUser, CallIn)
	}
	rung := map[string]bool{}
	for i := range c.Legs {
		l := &c.Legs[i]
		s := snap.Slots[l.SlotID]
		if s == nil {
			continue
		}
		rung[s.UserID] = true
		if l.Result == "declined" && !answered {
			add(s.UserID, CallIn)
		}
	}
	for _, f := range c.Forwards {
		n := snap.Numbers[f.From]
		if n == nil || n.OwnerType != directory.OwnerUser {
			continue
		}
		// Who sent a call on at once has not missed it, whatever became of it.
		if answered || f.Why == string(directory.Always) || f.Why == "system" {
			add(n.OwnerID, CallForwarded)
		} else {
			add(n.OwnerID, CallMissed)
		}
	}
	for _, userID := range slices.Sorted(maps.Keys(rung)) {
		if answered {
			add(userID, CallElsewhere)
		} else {
			add(userID, CallMissed)
		}
	}
	// A call that was refused before it got anywhere is nobody's but the caller's.
	if !answered && c.Result != calls.Rejected {
		add(c.ToUser, CallMissed)
	}
	return rows
}

// personRows is the count of rows written by one statement.
const personRows = 200

// personBatch gathers rows of person_calls, which are written in as few statements as can be.
type personBatch struct {
	ctx  context.Context
	tx   *sql.Tx
	snap *directory.Snapshot
	args []any
}

func (r *Records) newPersons(ctx context.Context, tx *sql.Tx) *personBatch {
	return &personBatch{ctx: ctx, tx: tx, snap: r.snapshot()}
}

// add notes to whom a record belongs that is stored as seq.
func (b *personBatch) add(seq int64, c *calls.Record) error {
	for _, p := range persons(b.snap, c) {
		b.args = append(b.args, p.userID, seq, string(p.direction))
	}
	if len(b.args) < 3*personRows {
		return nil
	}
	return b.flush()
}

func (b *personBatch) flush() error {
	if len(b.args) == 0 {
		return nil
	}
	_, err := b.tx.ExecContext(b.ctx, "INSERT INTO person_calls (user_id, seq, direction) VALUES "+rowsOf(len(b.args)/3, 3), b.args...)
	b.args = b.args[:0]
	return err
}

// PersonFilter selects the calls of a person.
type PersonFilter struct {
	UserID    string
	Direction Direction // empty for all
	Limit     int       // 1 to 1000, 0 means 100
	Cursor    string    // next of the page before
}

// ListPersonCalls returns the calls of a person, those that ended last first, and the cursor of the next page.
func (r *Records) ListPersonCalls(ctx context.Context, f PersonFilter) (page []PersonCall, next string, err error) {
	before, limit := int64(math.MaxInt64), pageSize(f.Limit)
	if f.Cursor != "" {
		if before, err = strconv.ParseInt(f.Cursor, 10, 64); err != nil {
			return nil, "", invalid("cursor", "%q is no cursor of a call list", clip(f.Cursor, 32))
		}
	}
	var w where
	w.add(true, "p.user_id = ?", f.UserID)
	w.add(true, "p.seq < ?", before)
	w.add(f.Direction != "", "p.direction = ?", string(f.Direction))
	seen, err := r.personSeen(ctx, f.UserID)
	if err != nil {
		return nil, "", err
	}
	rows, err := r.eng.read.QueryContext(ctx, "SELECT p.seq, p.direction, r.doc FROM person_calls AS p JOIN records AS r ON r.seq = p.seq"+
		w.sql()+" ORDER BY p.seq DESC LIMIT ?", append(w.args, limit+1)...)
	if err != nil {
		return nil, "", dbError("reading call list", err)
	}
	defer rows.Close()
	for rows.Next() {
		if len(page) == limit {
			return page, strconv.FormatInt(before, 10), nil
		}
		var c PersonCall
		var doc []byte
		if err := rows.Scan(&before, &c.Direction, &doc); err != nil {
			return nil, "", dbError("reading call list", err)
		}
		if err := json.Unmarshal(doc, &c.Record); err != nil {
			return nil, "", fmt.Errorf("reading call record %d: %w", before, err)
		}
		c.Unseen = c.Direction == CallMissed && before > seen
		page = append(page, c)
	}
	return page, "", dbError("reading call list", rows.Err())
}

// maxUnseen bounds what UnseenCalls counts.
const maxUnseen = 1000

// UnseenCalls counts the missed calls that a person has not seen yet, up to 1000.
func (r *Records) UnseenCalls(ctx context.Context, userID string) (int, error) {
	seen, err := r.personSeen(ctx, userID)
	if err != nil {
		return 0, err
	}
	var count int
	err = r.eng.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM (SELECT seq FROM person_calls WHERE user_id = ? AND direction = ? AND seq > ? LIMIT ?) AS unseen",
		userID, string(CallMissed), seen, maxUnseen).Scan(&count)
	return count, dbError("counting missed calls", err)
}

// personSeen is the last record up to which a person has seen missed calls.
func (r *Records) personSeen(ctx context.Context, userID string) (int64, error) {
	var seen int64
	err := r.eng.read.QueryRowContext(ctx, "SELECT seq FROM person_seen WHERE user_id = ?", userID).Scan(&seen)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return seen, dbError("reading call list", err)
}

// SeeCalls notes that a person has seen the missed calls up to a record, which must be in the person's list, and those before it.
// A record that is not there gives ErrNotFound.
func (r *Records) SeeCalls(ctx context.Context, userID, recordID string) error {
	err := r.eng.inTx(ctx, func(tx *sql.Tx) error {
		var seq int64
		err := tx.QueryRowContext(ctx, "SELECT p.seq FROM records AS r JOIN person_calls AS p ON p.seq = r.seq WHERE r.id = ? AND p.user_id = ?", recordID, userID).Scan(&seq)
		if errors.Is(err, sql.ErrNoRows) {
			return &NotFoundError{Kind: "record", ID: clip(recordID, 32)}
		}
		if err != nil {
			return err
		}
		var have int64
		switch err := tx.QueryRowContext(ctx, "SELECT seq FROM person_seen WHERE user_id = ?", userID).Scan(&have); {
		case errors.Is(err, sql.ErrNoRows):
			_, err := tx.ExecContext(ctx, "INSERT INTO person_seen (user_id, seq) VALUES (?, ?)", userID, seq)
			return err
		case err != nil || have >= seq:
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE person_seen SET seq = ? WHERE user_id = ?", seq, userID)
		return err
	})
	return dbError("noting calls as seen", ignoreDuplicate(err))
}
