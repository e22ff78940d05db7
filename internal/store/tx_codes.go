package store

import (
	"fmt"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// standardCodes are the function codes of a new installation (SPEC G10).
var standardCodes = []directory.Code{
	{Action: directory.CodeForwardTo, Code: "*21*"},
	{Action: directory.CodeForwardOn, Code: "*21"},
	{Action: directory.CodeForwardOff, Code: "#21"},
	{Action: directory.CodeProfile, Code: "*22*"},
	{Action: directory.CodeDNDOn, Code: "*26"},
	{Action: directory.CodeDNDOff, Code: "#26"},
	{Action: directory.CodeWaitingOn, Code: "*43"},
	{Action: directory.CodeWaitingOff, Code: "#43"},
	{Action: directory.CodePickupGroup, Code: "*8"},
	{Action: directory.CodePickupNumber, Code: "*8*"},
	{Action: directory.CodeShowNumber, Code: "*41*"},
	{Action: directory.CodeHideNumber, Code: "*31*"},
	{Action: directory.CodeHideNumbersOn, Code: "*32"},
	{Action: directory.CodeHideNumbersOff, Code: "#32"},
	{Action: directory.CodeEcho, Code: "*99"},
	{Action: directory.CodeOwnNumber, Code: "*98"},
}

// seedCodes makes the function codes that are not there yet: all in a new
// database, and those that a newer version has learnt. One whose code an
// administrator has given to another action comes switched off.
func (tx *Tx) seedCodes() error {
	for _, c := range standardCodes {
		if tx.draft.snap.Codes[c.Action] != nil {
			continue
		}
		c.Enabled, c.Version = true, 1
		if c.Check(tx.draft.snap) != nil {
			c.Enabled = false
		}
		err := tx.exec("INSERT INTO function_codes (action, code, enabled, version) VALUES (?, ?, ?, ?)", c.Action, c.Code, c.Enabled, c.Version)
		if err != nil {
			return err
		}
		tx.draft.putCode(&c)
		if err := tx.record("create", "code", string(c.Action), string(c.Action), nil, codeView(&c)); err != nil {
			return err
		}
	}
	return nil
}

// UpdateCode lets edit change a copy of the function code of an action and stores
// it. version is as in UpdateUser. Action and Version keep their values whatever
// edit does. Errors: ErrNotFound, ErrConflict, *InvalidError.
func (tx *Tx) UpdateCode(action directory.CodeAction, version int64, edit func(*directory.Code)) (*directory.Code, error) {
	old := tx.draft.snap.Codes[action]
	if old == nil {
		return nil, &NotFoundError{Kind: "code", ID: clip(string(action), 32)}
	}
	if err := checkVersion("code", string(action), old.Version, version); err != nil {
		return nil, err
	}
	c := *old
	edit(&c)
	c.Action, c.Version = old.Action, old.Version
	if c == *old {
		return old, nil
	}
	if err := c.Check(tx.draft.snap); err != nil {
		return nil, err
	}
	c.Version++
	if err := tx.exec("UPDATE function_codes SET code = ?, enabled = ?, version = ? WHERE action = ?", c.Code, c.Enabled, c.Version, c.Action); err != nil {
		return nil, err
	}
	tx.draft.putCode(&c)
	return &c, tx.record("update", "code", string(c.Action), string(c.Action), codeView(old), codeView(&c))
}

// SetCodes stores several function codes in one step, so that two of them can change places: each is checked against the others as
// they are afterwards. Only Action, Code and Enabled are read; actions that are not named stay. An error is of type *CodeError and
// says which it is about, or is ErrNotFound for an action that does not exist.
func (tx *Tx) SetCodes(list []directory.Code) error {
	olds := make([]*directory.Code, len(list))
	for i := range list {
		old := tx.draft.snap.Codes[list[i].Action]
		if old == nil {
			return &CodeError{i, &NotFoundError{Kind: "code", ID: clip(string(list[i].Action), 32)}}
		}
		c := *old
		if c.Code, c.Enabled = list[i].Code, list[i].Enabled; c == *old {
			continue
		}
		c.Version++
		olds[i] = old
		tx.draft.putCode(&c)
	}
	for i, old := range olds {
		if old == nil {
			continue
		}
		c := tx.draft.snap.Codes[old.Action]
		if err := c.Check(tx.draft.snap); err != nil {
			return &CodeError{i, err}
		}
		if err := tx.exec("UPDATE function_codes SET code = ?, enabled = ?, version = ? WHERE action = ?", c.Code, c.Enabled, c.Version, c.Action); err != nil {
			return err
		}
		if err := tx.record("update", "code", string(c.Action), string(c.Action), codeView(old), codeView(c)); err != nil {
			return err
		}
	}
	return nil
}

// CodeError says which code of a list is wrong, counted from 0.
type CodeError struct {
	Index int
	Err   error
}

// Error implements error.
func (e *CodeError) Error() string { return fmt.Sprintf("codes[%d]: %v", e.Index, e.Err) }

// At is Index.
func (e *CodeError) At() int { return e.Index }

// Unwrap returns what is wrong.
func (e *CodeError) Unwrap() error { return e.Err }
