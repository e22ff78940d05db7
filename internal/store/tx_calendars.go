package store

import (
	"reflect"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// CreateCalendar adds a calendar that rules can name. ID and Version are set; with the
// ID and Version of one that was removed it is that one that comes back.
// Errors: *InvalidError, *TakenError for the name.
func (tx *Tx) CreateCalendar(c directory.Calendar) (*directory.Calendar, error) {
	if n := len(tx.draft.snap.Calendars); n >= directory.MaxCalendars {
		return nil, invalid("name", "there are %d calendars already", n)
	}
	var err error
	if c.ID, c.Version, err = identity("calendar", c.ID, c.Version, tx.draft.snap.Calendars[c.ID] != nil); err != nil {
		return nil, err
	}
	spec, err := tx.checkCalendar(&c)
	if err != nil {
		return nil, err
	}
	if err := tx.exec("INSERT INTO calendars (id, name, spec_json, version) VALUES (?, ?, ?, ?)", c.ID, c.Name, spec, c.Version); err != nil {
		return nil, err
	}
	tx.draft.putCalendar(&c)
	return &c, tx.record("create", "calendar", c.ID, c.Name, nil, calendarView(&c))
}

// checkCalendar checks a calendar and returns its times as they are kept.
func (tx *Tx) checkCalendar(c *directory.Calendar) (spec string, err error) {
	if err := c.Check(tx.draft.snap); err != nil {
		return "", err
	}
	for _, other := range tx.draft.snap.Calendars {
		if other.ID != c.ID && strings.EqualFold(other.Name, c.Name) {
			return "", &TakenError{Kind: "calendar", Value: c.Name}
		}
	}
	spec, c.Spec, err = document("entries", c.Spec)
	return spec, err
}

func (tx *Tx) calendar(id string, version int64) (*directory.Calendar, error) {
	c := tx.draft.snap.Calendars[id]
	if c == nil {
		return nil, &NotFoundError{Kind: "calendar", ID: clip(id, 32)}
	}
	return c, checkVersion("calendar", c.Name, c.Version, version)
}

// UpdateCalendar lets edit change a copy of the calendar and stores it. version
// is as in UpdateUser. ID and Version keep their values whatever edit does.
// Errors: ErrNotFound, ErrConflict, *InvalidError, *TakenError.
func (tx *Tx) UpdateCalendar(id string, version int64, edit func(*directory.Calendar)) (*directory.Calendar, error) {
	old, err := tx.calendar(id, version)
	if err != nil {
		return nil, err
	}
	c := *old
	c.Spec = copied(old.Spec)
	edit(&c)
	c.ID, c.Version = old.ID, old.Version
	spec, err := tx.checkCalendar(&c)
	if err != nil {
		return nil, err
	}
	if reflect.DeepEqual(c, *old) && !tx.draft.isDamaged("calendar", c.ID) {
		return old, nil
	}
	c.Version++
	if err := tx.exec("UPDATE calendars SET name = ?, spec_json = ?, version = ? WHERE id = ?", c.Name, spec, c.Version, c.ID); err != nil {
		return nil, err
	}
	tx.draft.putCalendar(&c)
	return &c, tx.record("update", "calendar", c.ID, c.Name, calendarView(old), calendarView(&c))
}

// DeleteCalendar removes a calendar that no rule names. version is as in
// UpdateUser. Errors: ErrNotFound, ErrConflict, *InvalidError with the first rule.
func (tx *Tx) DeleteCalendar(id string, version int64) error {
	c, err := tx.calendar(id, version)
	if err != nil {
		return err
	}
	if users := tx.draft.snap.ReferencesToCalendar(id); len(users) > 0 {
		return invalid("id", "calendar %s is needed by %s", c.Name, tx.draft.snap.In(users[0]))
	}
	if err := tx.exec("DELETE FROM calendars WHERE id = ?", id); err != nil {
		return err
	}
	tx.draft.dropCalendar(c)
	return tx.record("delete", "calendar", c.ID, c.Name, calendarView(c), nil)
}
