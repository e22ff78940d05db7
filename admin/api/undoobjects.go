package api

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// undoable says how acts on objects of a type are taken back. What is nil is not.
type undoable struct {
	// version of the object as it is now, 0 when there is none.
	version func(snap *directory.Snapshot, e *AuditEntry) int64
	// used reports whether something hangs on an object that was made, and would be lost with it.
	used   func(snap *directory.Snapshot, e *AuditEntry) bool
	remove func(tx Tx, e *AuditEntry) error
	// was makes the object what it was before: in its place, or anew when it was removed.
	was func(snap *directory.Snapshot, e *AuditEntry) (put, error)
	// secret says that it had a secret, which the log does not have.
	secret bool
}

// put are the two ways to make something what it was, nil for one that there is not.
type put struct {
	change, restore func(Tx) error
}

// undoObject takes back that an object was made, changed or removed.
func undoObject(snap *directory.Snapshot, e *AuditEntry) (func(Tx) error, error) {
	kind := undoables(e.ObjectType)
	if kind.version == nil {
		return nil, errUndoKind
	}
	version := kind.version(snap, e)
	switch e.Action {
	case "create", "update":
		var made struct {
			Version int64 `json:"version"`
		}
		switch {
		case json.Unmarshal(e.After, &made) != nil:
			return nil, errUndoKind
		case version == 0:
			return nil, errUndoGone
		case version != made.Version:
			return nil, errUndoChanged
		case e.Action == "update":
			return way(snap, e, kind, func(p put) func(Tx) error { return p.change })
		case kind.remove == nil:
			return nil, errUndoKind
		case kind.used(snap, e):
			return nil, errUndoUsed
		}
		return func(tx Tx) error { return kind.remove(tx, e) }, nil
	case "delete":
		if kind.secret {
			return nil, errUndoSecret
		}
		if version != 0 {
			return nil, errUndoChanged // it is there again
		}
		return way(snap, e, kind, func(p put) func(Tx) error { return p.restore })
	}
	return nil, errUndoKind
}

func way(snap *directory.Snapshot, e *AuditEntry, kind undoable, choose func(put) func(Tx) error) (func(Tx) error, error) {
	if kind.was == nil {
		return nil, errUndoKind
	}
	p, err := kind.was(snap, e)
	if err != nil {
		return nil, err
	}
	if fn := choose(p); fn != nil {
		return fn, nil
	}
	return nil, errUndoKind
}

// undoables are the types whose making, changing or removing can be taken back here. Changes of users, numbers and slots have the way of a
// PATCH (undoPatch).
func undoables(objectType string) undoable {
	switch objectType {
	case "user":
		return undoableUser()
	case "slot":
		return undoableSlot()
	case "number":
		return undoableNumber()
	case "group":
		return undoableGroup()
	case "profile":
		return undoableProfile()
	case "forwarding_rule":
		return undoableRule()
	case "calendar":
		return undoableCalendar()
	case "hunt_group":
		return undoableHuntGroup()
	case "pickup_group":
		return undoablePickupGroup()
	case "code":
		return undoableCode()
	}
	return undoable{}
}

// before reads what the log has of the object before the act.
func before[T any](e *AuditEntry) (v T, err error) {
	if json.Unmarshal(e.Before, &v) != nil {
		return v, errUndoKind
	}
	return v, nil
}

func undoableUser() undoable {
	return undoable{
		secret: true,
		version: func(snap *directory.Snapshot, e *AuditEntry) int64 {
			if u := snap.Users[e.ObjectID]; u != nil {
				return u.Version
			}
			return 0
		},
		used: func(snap *directory.Snapshot, e *AuditEntry) bool {
			id := e.ObjectID
			for _, group := range snap.MemberOf[id] {
				if group != directory.VisibleUsers { // in which everybody begins
					return true
				}
			}
			return len(snap.Rows[id])+len(snap.Columns[id])+len(snap.ProfilesOf[id])+len(snap.Belongings(id).PickupGroups) > 0
		},
		remove: func(tx Tx, e *AuditEntry) error { _, err := tx.DeleteUser(e.ObjectID, 0); return err },
	}
}

func undoableSlot() undoable {
	return undoable{
		secret: true,
		version: func(snap *directory.Snapshot, e *AuditEntry) int64 {
			if s := snap.Slots[e.ObjectID]; s != nil {
				return s.Version
			}
			return 0
		},
		used: func(snap *directory.Snapshot, e *AuditEntry) bool {
			return len(snap.TickedNumbers(e.ObjectID))+len(snap.MemberOf[e.ObjectID]) > 0
		},
		remove: func(tx Tx, e *AuditEntry) error { return tx.DeleteSlot(e.ObjectID, 0) },
	}
}

func undoableNumber() undoable {
	type state struct {
		OwnerType   directory.OwnerType `json:"owner_type"`
		OwnerID     string              `json:"owner_id"`
		CallWaiting *bool               `json:"call_waiting"`
		BusyOnAny   *bool               `json:"busy_on_any"`
		MaxCalls    *int                `json:"max_calls"`
		RingInside  *string             `json:"ring_inside"`
		RingOutside *string             `json:"ring_outside"`
		DisplayName string              `json:"display_name"`
		Schedule    *directory.Schedule `json:"schedule"`
		Version     int64               `json:"version"`
		Ticks       []string            `json:"ticks"`
	}
	return undoable{
		version: func(snap *directory.Snapshot, e *AuditEntry) int64 {
			if n := snap.Numbers[e.ObjectID]; n != nil {
				return n.Version
			}
			return 0
		},
		used: func(snap *directory.Snapshot, e *AuditEntry) bool {
			n := snap.Numbers[e.ObjectID] // that of a hunt group goes with the group
			return n.OwnerType == directory.OwnerHuntGroup || len(snap.Ticks[n.Number])+len(snap.HuntGroupsWith(n.Number)) > 0
		},
		remove: func(tx Tx, e *AuditEntry) error { return tx.RemoveNumber(e.ObjectID, 0) },
		was: func(snap *directory.Snapshot, e *AuditEntry) (put, error) {
			v, err := before[state](e)
			switch {
			case err != nil || v.OwnerType != directory.OwnerUser:
				return put{}, errUndoKind // comes back with its hunt group
			case snap.Users[v.OwnerID] == nil:
				return put{}, errUndoGone
			}
			n := directory.Number{Number: e.ObjectID, OwnerType: v.OwnerType, OwnerID: v.OwnerID, DisplayName: v.DisplayName, Schedule: v.Schedule, Version: v.Version}
			wasOwn(&n, directory.SettingCallWaiting, &n.CallWaiting, v.CallWaiting)
			wasOwn(&n, directory.SettingBusyOnAny, &n.BusyOnAny, v.BusyOnAny)
			wasOwn(&n, directory.SettingMaxCalls, &n.MaxCalls, v.MaxCalls)
			wasOwn(&n, directory.SettingRingInside, &n.RingInside, v.RingInside)
			wasOwn(&n, directory.SettingRingOutside, &n.RingOutside, v.RingOutside)
			ticks := slices.DeleteFunc(v.Ticks, func(id string) bool { return snap.Slots[id] == nil })
			return put{restore: func(tx Tx) error {
				if _, err := tx.AddNumber(n); err != nil {
					return err
				}
				matrix := tx.Snapshot().Matrix(n.OwnerID)
				matrix[n.Number] = ticks
				_, err := tx.SetMatrix(n.OwnerID, matrix, 0)
				return err
			}}, nil
		},
	}
}

// wasOwn sets a setting of a number that was its own.
func wasOwn[T any](n *directory.Number, setting directory.Settings, field, was *T) {
	if was != nil {
		*field, n.Own = *was, n.Own|setting
	}
}

func undoableGroup() undoable {
	type state struct {
		Title      string               `json:"title"`
		Type       directory.GroupType  `json:"type"`
		Version    int64                `json:"version"`
		Members    []string             `json:"members"`
		Parameters directory.Parameters `json:"parameters"`
	}
	return undoable{
		version: func(snap *directory.Snapshot, e *AuditEntry) int64 {
			if g := snap.Groups[e.ObjectName]; g != nil && g.ID == e.ObjectID {
				return g.Version
			}
			return 0
		},
		used: func(snap *directory.Snapshot, e *AuditEntry) bool {
			granted := slices.ContainsFunc(snap.Grants, func(g directory.Grant) bool { return g.Group == e.ObjectName || g.Objects == e.ObjectName })
			return granted || len(snap.Members[e.ObjectName])+len(snap.MemberOf[e.ObjectID])+len(snap.ReferencesToGroup(e.ObjectName)) > 0
		},
		remove: func(tx Tx, e *AuditEntry) error { return tx.DeleteGroup(e.ObjectName, 0) },
		was: func(snap *directory.Snapshot, e *AuditEntry) (put, error) {
			v, err := before[state](e)
			if err != nil {
				return put{}, err
			}
			if g := snap.Groups[e.ObjectName]; g != nil && g.ID != e.ObjectID {
				return put{}, errUndoTaken
			}
			return put{
				change: func(tx Tx) error {
					_, err := tx.UpdateGroup(e.ObjectName, 0, func(g *directory.Group) { g.Title, g.Parameters = v.Title, v.Parameters })
					return err
				},
				restore: func(tx Tx) error {
					g := directory.Group{ID: e.ObjectID, Name: e.ObjectName, Title: v.Title, Type: v.Type, Parameters: v.Parameters, Version: v.Version}
					if _, err := tx.CreateGroup(g); err != nil {
						return err
					}
					for _, id := range v.Members {
						if !canBeIn(tx.Snapshot(), v.Type, id) {
							continue // has gone since
						}
						if err := tx.AddMember(g.Name, id); err != nil {
							return err
						}
					}
					return nil
				},
			}, nil
		},
	}
}

// canBeIn reports whether there is something with the ID that can be in a group of the type.
func canBeIn(snap *directory.Snapshot, typ directory.GroupType, id string) bool {
	switch {
	case isGroup(snap, id):
		return true
	case typ == directory.GroupUser:
		return snap.Users[id] != nil
	case typ == directory.GroupSlot:
		return snap.Slots[id] != nil
	}
	return false
}

func undoableCode() undoable {
	type state struct {
		Code    string `json:"code"`
		Enabled bool   `json:"enabled"`
	}
	return undoable{
		version: func(snap *directory.Snapshot, e *AuditEntry) int64 {
			if c := snap.Codes[directory.CodeAction(e.ObjectID)]; c != nil {
				return c.Version
			}
			return 0
		},
		was: func(snap *directory.Snapshot, e *AuditEntry) (put, error) {
			v, err := before[state](e)
			if err != nil {
				return put{}, err
			}
			for _, c := range snap.Codes {
				if v.Enabled && c.Enabled && c.Code == v.Code && string(c.Action) != e.ObjectID {
					return put{}, errUndoTaken
				}
			}
			return put{change: func(tx Tx) error {
				_, err := tx.UpdateCode(directory.CodeAction(e.ObjectID), 0, func(c *directory.Code) { c.Code, c.Enabled = v.Code, v.Enabled })
				return err
			}}, nil
		},
	}
}

func undoablePickupGroup() undoable {
	type state struct {
		Name    string   `json:"name"`
		Users   []string `json:"users"`
		Version int64    `json:"version"`
	}
	return undoable{
		version: func(snap *directory.Snapshot, e *AuditEntry) int64 {
			if g := snap.PickupGroups[e.ObjectID]; g != nil {
				return g.Version
			}
			return 0
		},
		used:   func(snap *directory.Snapshot, e *AuditEntry) bool { return false }, // its users are its own setting
		remove: func(tx Tx, e *AuditEntry) error { return tx.DeletePickupGroup(e.ObjectID, 0) },
		was: func(snap *directory.Snapshot, e *AuditEntry) (put, error) {
			v, err := before[state](e)
			if err != nil {
				return put{}, err
			}
			var users []string // but for those who have gone since
			for _, name := range v.Users {
				if u := snap.ByName[name]; u != nil {
					users = append(users, u.ID)
				}
			}
			for _, g := range snap.PickupGroups {
				if g.ID != e.ObjectID && strings.EqualFold(g.Name, v.Name) {
					return put{}, errUndoTaken
				}
			}
			return put{
				change: func(tx Tx) error {
					_, err := tx.UpdatePickupGroup(e.ObjectID, 0, func(g *directory.PickupGroup) { g.Name, g.Users = v.Name, users })
					return err
				},
				restore: func(tx Tx) error {
					_, err := tx.CreatePickupGroup(directory.PickupGroup{ID: e.ObjectID, Name: v.Name, Users: users, Version: v.Version})
					return err
				},
			}, nil
		},
	}
}
