package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// AuditItem is an act in the list, with whether it can be undone.
type AuditItem struct {
	AuditEntry
	Undoable bool   `json:"undoable" doc:"Whether POST /api/audit/{id}/undo would take it back"`
	Obstacle string `json:"obstacle,omitempty" enum:"kind,changed,gone,secret,used,taken" doc:"Why it cannot: acts of this kind are not undone, the object has been changed since, it or what it belonged to is gone, there was a secret that the log does not have, others need what was made, or its number, name or code belongs to another"`
}

// Obstacles to an undo.
var (
	errUndoKind    = errors.New("kind")
	errUndoChanged = errors.New("changed")
	errUndoGone    = errors.New("gone")
	errUndoSecret  = errors.New("secret")
	errUndoUsed    = errors.New("used")
	errUndoTaken   = errors.New("taken")
)

func (a *API) registerUndo() {
	register(a, operation{
		id: "undo", method: http.MethodPost, path: "/api/audit/{id}/undo", tag: "system", access: adminOnly, person: true,
		summary: "Undo what somebody changed",
		doc: "Changed settings, ticks, members, permissions and orders come back as long as nobody has changed the object since. What was made is removed as long as it is as it was made and " +
			"nothing needs it. What was removed comes back with its ID and what the log has of it: numbers, profiles, rules, calendars, groups, hunt groups and pickup groups. Users and slots " +
			"do not, because their secrets are not in the log; those who went when accounts were merged do, for 90 days. What went with something that was removed has entries of its own. An undo is a change of its own, with an entry in the audit log.",
		status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusConflict},
	}, a.undo)
}

func auditItem(snap *directory.Snapshot, e AuditEntry) AuditItem {
	v := AuditItem{AuditEntry: e, Undoable: true}
	if _, err := undoOf(snap, &e); err != nil {
		v.Undoable, v.Obstacle = false, err.Error()
	}
	return v
}

func (a *API) undo(ctx context.Context, in *struct {
	ID string `path:"id" maxLength:"64"`
},
) (*struct{}, error) {
	e, err := a.deps.Store.GetAudit(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	c := a.changeOf(ctx)
	c.Reason = "undoes " + e.ID
	_, err = a.deps.Store.Update(ctx, c, func(tx Tx) error {
		undo, err := undoOf(tx.Snapshot(), &e)
		if err == nil {
			err = undo(tx)
		}
		for _, known := range []error{errUndoKind, errUndoChanged, errUndoGone, errUndoSecret, errUndoUsed, errUndoTaken} {
			if errors.Is(err, known) {
				return fault(http.StatusConflict, problemPrefix+"undo-"+known.Error(), "this cannot be undone ("+known.Error()+")")
			}
		}
		return err
	})
	return nil, err
}

// undoOf says how an act is taken back, or what stands in the way.
func undoOf(snap *directory.Snapshot, e *AuditEntry) (func(Tx) error, error) {
	switch e.Action + " " + e.ObjectType {
	case "update user":
		u := snap.Users[e.ObjectID]
		if u == nil {
			return nil, errUndoGone
		}
		var in patchUserInput
		if err := undoPatch(e, u.Version, &in.Body); err != nil {
			return nil, err
		}
		return func(tx Tx) error { _, err := tx.UpdateUser(u.ID, u.Version, in.edit); return err }, nil
	case "update number":
		n := snap.Numbers[e.ObjectID]
		if n == nil {
			return nil, errUndoGone
		}
		var in patchNumberInput
		if err := undoPatch(e, n.Version, &in.Body); err != nil {
			return nil, err
		}
		return func(tx Tx) error { _, err := in.change(tx, n); return err }, nil
	case "update slot":
		s := snap.Slots[e.ObjectID]
		if s == nil {
			return nil, errUndoGone
		}
		var in patchSlotInput
		if err := undoPatch(e, s.Version, &in.Body); err != nil {
			return nil, err
		}
		return func(tx Tx) error { _, err := tx.UpdateSlot(s.ID, s.Version, in.edit); return err }, nil
	case "set_matrix user":
		return undoMatrix(snap, e)
	case "order user":
		return undoOrder(snap, e)
	case "order forwarding_rule", "order profile":
		return undoListOrder(snap, e)
	case "add_member group", "remove_member group":
		return undoMember(snap, e)
	case "add_grant group", "remove_grant group":
		return undoGrant(snap, e)
	case "merge user":
		return undoMerge(snap, e)
	case "keep_apart merge":
		if snap.Apart[e.ObjectID] == nil {
			return nil, errUndoChanged
		}
		return func(tx Tx) error { return tx.ForgetApart(e.ObjectID) }, nil
	case "set_password user", "set_pin user", "remove_pin user", "reset_secret slot":
		return nil, errUndoSecret
	}
	return undoObject(snap, e)
}

// undoPatch makes the body of a PATCH that takes the object back to what it was before, if it is still what it was after.
func undoPatch(e *AuditEntry, version int64, body any) error {
	var before, after map[string]json.RawMessage
	var was struct {
		Version int64 `json:"version"`
	}
	if json.Unmarshal(e.Before, &before) != nil || json.Unmarshal(e.After, &after) != nil || json.Unmarshal(e.After, &was) != nil {
		return errUndoKind
	}
	if was.Version != version {
		return errUndoChanged
	}
	patch := map[string]json.RawMessage{}
	for _, m := range []map[string]json.RawMessage{before, after} {
		for key := range m {
			if key == "version" || key == "forwarding_chosen" || bytes.Equal(before[key], after[key]) {
				continue
			}
			if key == "password" || key == "pin" || key == "sip_secret" || key == "must_change_password" {
				return errUndoSecret
			}
			if patch[key] = before[key]; before[key] == nil {
				patch[key] = json.RawMessage("null")
			}
		}
	}
	text, err := json.Marshal(patch)
	if err != nil {
		return errUndoKind
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if len(patch) == 0 || d.Decode(body) != nil {
		return errUndoKind
	}
	return nil
}

// undoMatrix takes ticks back, if the rows concerned are still as they were set.
func undoMatrix(snap *directory.Snapshot, e *AuditEntry) (func(Tx) error, error) {
	var before, after map[string][]string
	if json.Unmarshal(e.Before, &before) != nil || json.Unmarshal(e.After, &after) != nil {
		return nil, errUndoKind
	}
	if snap.Users[e.ObjectID] == nil {
		return nil, errUndoGone
	}
	matrix := snap.Matrix(e.ObjectID)
	for number, row := range before {
		have, ok := matrix[number]
		if !ok || slices.ContainsFunc(row, func(id string) bool { return snap.Slots[id] == nil }) {
			return nil, errUndoGone
		}
		if !sameSet(have, after[number]) { // the order is that of the columns, which may have changed
			return nil, errUndoChanged
		}
		matrix[number] = row
	}
	return func(tx Tx) error { _, err := tx.SetMatrix(e.ObjectID, matrix, 0); return err }, nil
}

// undoOrder puts rows and columns back, if they are still in the order they were put in.
func undoOrder(snap *directory.Snapshot, e *AuditEntry) (func(Tx) error, error) {
	var before, after struct{ Numbers, Slots []string }
	if json.Unmarshal(e.Before, &before) != nil || json.Unmarshal(e.After, &after) != nil {
		return nil, errUndoKind
	}
	if snap.Users[e.ObjectID] == nil {
		return nil, errUndoGone
	}
	for _, c := range []struct{ have, after []string }{{snap.Rows[e.ObjectID], after.Numbers}, {snap.Columns[e.ObjectID], after.Slots}} {
		if c.after != nil && !slices.Equal(c.have, c.after) {
			return nil, errUndoChanged
		}
	}
	return func(tx Tx) error { _, err := tx.OrderMatrix(e.ObjectID, before.Numbers, before.Slots, 0); return err }, nil
}

// sameSet compares lists without their order.
func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// undoListOrder puts rules, or the profiles of a user, back in their order.
func undoListOrder(snap *directory.Snapshot, e *AuditEntry) (func(Tx) error, error) {
	var before, after []string
	if json.Unmarshal(e.Before, &before) != nil || json.Unmarshal(e.After, &after) != nil {
		return nil, errUndoKind
	}
	if e.ObjectType == "forwarding_rule" {
		if !slices.Equal(ruleIDs(snap), after) {
			return nil, errUndoChanged
		}
		return func(tx Tx) error { return tx.OrderRules(before) }, nil
	}
	u := snap.ByName[e.ObjectName]
	switch {
	case u == nil:
		return nil, errUndoGone
	case !slices.Equal(snap.ProfilesOf[u.ID], after):
		return nil, errUndoChanged
	}
	return func(tx Tx) error { return tx.OrderProfiles(u.ID, before) }, nil
}

// undoMember takes a member of a group out again, or puts one back.
func undoMember(snap *directory.Snapshot, e *AuditEntry) (func(Tx) error, error) {
	text := e.After
	if e.Action == "remove_member" {
		text = e.Before
	}
	var m struct{ Member string } // user name, or ID of what else is a member
	if json.Unmarshal(text, &m) != nil {
		return nil, errUndoKind
	}
	g := snap.Groups[e.ObjectName]
	if g == nil || g.ID != e.ObjectID {
		return nil, errUndoGone
	}
	id := m.Member
	if u := snap.ByName[id]; u != nil && g.Type == directory.GroupUser {
		id = u.ID
	}
	if !canBeIn(snap, g.Type, id) {
		return nil, errUndoGone
	}
	if slices.Contains(snap.Members[g.Name], id) != (e.Action == "add_member") {
		return nil, errUndoChanged
	}
	if e.Action == "add_member" {
		return func(tx Tx) error { return tx.RemoveMember(g.Name, id) }, nil
	}
	return func(tx Tx) error { return tx.AddMember(g.Name, id) }, nil
}

// undoGrant takes a permission of a group back, or gives it again.
func undoGrant(snap *directory.Snapshot, e *AuditEntry) (func(Tx) error, error) {
	text := e.After
	if e.Action == "remove_grant" {
		text = e.Before
	}
	var v Grant
	if json.Unmarshal(text, &v) != nil {
		return nil, errUndoKind
	}
	if g := snap.Groups[v.Group]; g == nil || g.ID != e.ObjectID || v.Objects != "" && snap.Groups[v.Objects] == nil {
		return nil, errUndoGone
	}
	grant := directory.Grant{Group: v.Group, Permission: v.Permission, Objects: v.Objects}
	if slices.Contains(snap.Grants, grant) != (e.Action == "add_grant") {
		return nil, errUndoChanged
	}
	if e.Action == "add_grant" {
		return func(tx Tx) error { return tx.RemoveGrant(grant) }, nil
	}
	return func(tx Tx) error { return tx.AddGrant(grant) }, nil
}
