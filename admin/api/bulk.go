package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// BulkResult says what became of each object of a change of many.
type BulkResult struct {
	Items   []BulkItem `json:"items" nullable:"false" doc:"In the order of the request"`
	Changed int        `json:"changed" doc:"How many are different now"`
}

// BulkItem is one of them.
type BulkItem struct {
	ID      string `json:"id" doc:"Number or user name"`
	Changed bool   `json:"changed" doc:"False when it was so already"`
}

type bulkTicksInput struct {
	Body struct {
		Ticks Matrix `json:"ticks" doc:"For each number the IDs of slots of its user"`
		On    bool   `json:"on" doc:"Whether they get a tick or lose it; other ticks stay"`
	}
}

type bulkUsersInput struct {
	Body struct {
		Usernames []string `json:"usernames" minItems:"1" maxItems:"1000" uniqueItems:"true" nullable:"false"`
		Set       struct {
			Language      Field[string] `json:"language,omitempty" enum:"de,en"`
			TimeZone      Field[string] `json:"time_zone,omitempty" maxLength:"64"`
			DND           Field[bool]   `json:"dnd,omitempty"`
			StatusPrivate Field[bool]   `json:"status_private,omitempty"`
			HideInside    Field[bool]   `json:"hide_number_inside,omitempty"`
			HideOutside   Field[bool]   `json:"hide_number_outside,omitempty"`
			GroupsAdd     []string      `json:"groups_add,omitempty" maxItems:"50" nullable:"false"`
			GroupsRemove  []string      `json:"groups_remove,omitempty" maxItems:"50" nullable:"false"`
		} `json:"set"`
	}
}

func (a *API) registerBulk() {
	register(a, operation{
		id: "bulk-ticks", method: http.MethodPost, path: "/api/bulk/ticks", tag: "matrix", access: adminOnly,
		summary: "Set or clear many ticks", doc: "For numbers of many users at once, all or nothing.",
	}, a.bulkTicks)
	register(a, operation{
		id: "bulk-users", method: http.MethodPost, path: "/api/bulk/users", tag: "users", access: adminOnly,
		summary: "Change many users", doc: "All or nothing; what is not named stays. A user who does not exist, or what is not valid for one of them, refuses the whole.",
	}, a.bulkUsers)
}

func (a *API) bulkTicks(ctx context.Context, in *bulkTicksInput) (*struct{ Body BulkResult }, error) {
	out := &struct{ Body BulkResult }{}
	err := a.change(ctx, func(tx Tx) error {
		out.Body = BulkResult{Items: []BulkItem{}}
		snap := tx.Snapshot()
		p := fault(http.StatusUnprocessableEntity, problemInvalid, "validation failed")
		matrices := map[string]map[string][]string{} // by user
		for _, number := range sortedKeys(in.Body.Ticks) {
			n := snap.Numbers[number]
			if n == nil || n.OwnerType != directory.OwnerUser {
				p.Errors = append(p.Errors, problemDetail("body.ticks."+number, "is not the number of a user"))
				continue
			}
			m := matrices[n.OwnerID]
			if m == nil {
				m = snap.Matrix(n.OwnerID)
				matrices[n.OwnerID] = m
			}
			row := slices.Clone(m[number])
			for _, id := range in.Body.Ticks[number] {
				row = slices.DeleteFunc(row, func(have string) bool { return have == id })
				if s := snap.Slots[id]; s == nil || s.UserID != n.OwnerID {
					p.Errors = append(p.Errors, problemDetail("body.ticks."+number, "is not given a slot of its user"))
				} else if in.Body.On {
					row = append(row, id)
				}
			}
			changed := len(row) != len(m[number])
			m[number] = row
			out.Body.add(number, changed)
		}
		if len(p.Errors) > 0 {
			return p
		}
		for _, userID := range sortedKeys(matrices) {
			if _, err := tx.SetMatrix(userID, matrices[userID], 0); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func (b *BulkResult) add(id string, changed bool) {
	b.Items = append(b.Items, BulkItem{id, changed})
	if changed {
		b.Changed++
	}
}

func (a *API) bulkUsers(ctx context.Context, in *bulkUsersInput) (*struct{ Body BulkResult }, error) {
	out := &struct{ Body BulkResult }{}
	set := &in.Body.Set
	err := a.change(ctx, func(tx Tx) error {
		out.Body = BulkResult{Items: []BulkItem{}}
		p := fault(http.StatusUnprocessableEntity, problemInvalid, "validation failed")
		for i, name := range in.Body.Usernames {
			snap := tx.Snapshot()
			at := "body.usernames[" + strconv.Itoa(i) + "]"
			u := snap.ByName[name]
			if u == nil {
				p.Errors = append(p.Errors, problemDetail(at, "does not exist"))
				continue
			}
			after, err := tx.UpdateUser(u.ID, 0, func(u *directory.User) {
				set.Language.applyOwn(&u.Language, &u.Own, directory.SettingLanguage)
				set.TimeZone.applyOwn(&u.TimeZone, &u.Own, directory.SettingTimeZone)
				set.DND.apply(&u.DND, false)
				set.StatusPrivate.apply(&u.StatusPrivate, false)
				set.HideInside.applyOwn(&u.HideInside, &u.Own, directory.SettingHideInside)
				set.HideOutside.applyOwn(&u.HideOutside, &u.Own, directory.SettingHideOutside)
			})
			if err != nil {
				if list := directory.Invalid(err); len(list) > 0 {
					p.Errors = append(p.Errors, invalidDetails("body.set.", list)...)
					continue
				}
				return err
			}
			moved, err := regroup(tx, u.ID, set.GroupsAdd, set.GroupsRemove)
			if err != nil {
				return err
			}
			out.Body.add(name, after.Version != u.Version || moved)
		}
		if len(p.Errors) > 0 {
			return p
		}
		return nil
	})
	return out, err
}

func invalidDetails(path string, list []*directory.InvalidError) (out []*huma.ErrorDetail) {
	for _, e := range list {
		out = append(out, problemDetail(path+e.Field, e.Problem))
	}
	return out
}

// regroup puts a user into groups and takes him out of others, and reports whether that changed anything.
func regroup(tx Tx, userID string, add, remove []string) (changed bool, err error) {
	is := func(group string) bool { return slices.Contains(tx.Snapshot().Members[group], userID) }
	for _, g := range add {
		if tx.Snapshot().Groups[g] == nil {
			return false, invalid("body.set.groups_add", "there is no group "+g)
		}
		if is(g) {
			continue
		}
		if err := tx.AddMember(g, userID); err != nil {
			return false, err
		}
		changed = true
	}
	for _, g := range remove {
		if !is(g) {
			continue
		}
		if err := tx.RemoveMember(g, userID); err != nil {
			return false, err
		}
		changed = true
	}
	return changed, nil
}
