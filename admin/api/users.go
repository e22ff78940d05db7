package api

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// User is a person with an account.
type User struct {
	ID        string `json:"id"`
	Username  string `json:"username"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Email     string `json:"email"`
	Language  string `json:"language" enum:"de,en"`
	TimeZone  string `json:"time_zone" doc:"IANA name, empty for the server's"`
	DND       bool   `json:"dnd" doc:"Do not disturb, for all slots"`
	// StatusPrivate is for the pages: colleagues do not see what the user does.
	StatusPrivate bool   `json:"status_private" doc:"Colleagues do not see whether the user is free, talks or is away"`
	URL           string `json:"url" doc:"Address of a picture, such as that of a camera; mostly empty"`
	Calling
	Admin              bool       `json:"admin" doc:"Whether the user may do everything"`
	HasPassword        bool       `json:"has_password" doc:"Whether the user can log in"`
	MustChangePassword bool       `json:"must_change_password"`
	HasPIN             bool       `json:"has_pin" doc:"Whether the user has a PIN for telephones"`
	Numbers            []string   `json:"numbers" nullable:"false" doc:"Rows of the matrix in their order"`
	Slots              []UserSlot `json:"slots" nullable:"false" doc:"Columns of the matrix in their order"`
	Inherited          Inherited  `json:"inherited,omitempty" readOnly:"true" doc:"Settings that are not the user's own, each with the group that gives it"`
	Created            time.Time  `json:"created"`
	Updated            time.Time  `json:"updated"`
}

// Calling is what a user shows to others, and what must not be dialled.
type Calling struct {
	ShownInside  []string          `json:"shown_numbers_inside" nullable:"false" doc:"Numbers that may be shown to callees inside beyond the ticked ones"`
	ShownOutside []string          `json:"shown_numbers_outside" nullable:"false" doc:"The same for callees outside"`
	HideInside   bool              `json:"hide_number_inside" doc:"No number is shown to callees inside"`
	HideOutside  bool              `json:"hide_number_outside" doc:"No number is shown to callees outside; emergency calls always show one"`
	Blocks       []directory.Block `json:"call_blocking" nullable:"false" doc:"Numbers that must not be dialled; emergency calls always may"`
}

// UserSlot names a slot of a user.
type UserSlot struct {
	ID   string             `json:"id"`
	Type directory.SlotType `json:"type"`
	Name string             `json:"name"`
}

// Belongings is what is removed together with a user.
type Belongings struct {
	Username string     `json:"username"`
	Deleted  bool       `json:"deleted" doc:"False in a preview"`
	Numbers  []string   `json:"numbers" nullable:"false" doc:"Numbers that become free"`
	Slots    []UserSlot `json:"slots" nullable:"false"`
	Ticks    int        `json:"ticks"`
	Groups   []string   `json:"groups" nullable:"false" doc:"Groups that list the user"`
}

type UserPath struct {
	Username string `path:"username" maxLength:"64" example:"armin.artmann"`
}

type userOutput struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     User
}

type createUserInput struct {
	Body struct {
		Username           string `json:"username" minLength:"1" maxLength:"64" example:"armin.artmann"`
		FirstName          string `json:"first_name,omitempty" maxLength:"128"`
		LastName           string `json:"last_name,omitempty" maxLength:"128"`
		Email              string `json:"email,omitempty" maxLength:"254"`
		Language           string `json:"language,omitempty" enum:"de,en" doc:"Without one it follows the groups of the user"`
		TimeZone           string `json:"time_zone,omitempty" maxLength:"64" example:"Europe/Berlin" doc:"Without one it follows the groups of the user"`
		DND                bool   `json:"dnd,omitempty"`
		StatusPrivate      bool   `json:"status_private,omitempty"`
		URL                string `json:"url,omitempty" maxLength:"500" example:"https://camera.example/picture.jpg"`
		Password           string `json:"password,omitempty" maxLength:"1024" doc:"Without one the user cannot log in"`
		MustChangePassword bool   `json:"must_change_password,omitempty" doc:"Makes the user change the password at the first login"`
	}
}

type patchUserInput struct {
	UserPath
	Precondition
	Body struct {
		Username  Field[string] `json:"username,omitempty" minLength:"1" maxLength:"64"`
		FirstName Field[string] `json:"first_name,omitempty" maxLength:"128"`
		LastName  Field[string] `json:"last_name,omitempty" maxLength:"128"`
		Email     Field[string] `json:"email,omitempty" maxLength:"254"`
		Language  Field[string] `json:"language,omitempty" enum:"de,en"`
		TimeZone  Field[string] `json:"time_zone,omitempty" maxLength:"64"`
		DND       Field[bool]   `json:"dnd,omitempty"`

		StatusPrivate Field[bool]   `json:"status_private,omitempty"`
		URL           Field[string] `json:"url,omitempty" maxLength:"500"`

		ShownInside  Field[[]string]          `json:"shown_numbers_inside,omitempty" maxItems:"50" maxLength:"16" doc:"Replaces all"`
		ShownOutside Field[[]string]          `json:"shown_numbers_outside,omitempty" maxItems:"50" maxLength:"16" doc:"Replaces all"`
		HideInside   Field[bool]              `json:"hide_number_inside,omitempty"`
		HideOutside  Field[bool]              `json:"hide_number_outside,omitempty"`
		Blocks       Field[[]directory.Block] `json:"call_blocking,omitempty" maxItems:"100" doc:"Replaces all"`
	}
}

type passwordInput struct {
	Conn
	UserPath
	Body struct {
		Password    string `json:"password" minLength:"8" maxLength:"1024"`
		OldPassword string `json:"old_password,omitempty" maxLength:"1024" doc:"Needed for one's own password"`
		MustChange  bool   `json:"must_change_password,omitempty" doc:"Makes the user change it at the first login; not for one's own"`
	}
}

type passwordOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      struct {
		Session *NewSession `json:"session,omitempty" doc:"All sessions of the user have ended; this one takes the place of the caller's own"`
	}
}

type deleteUserInput struct {
	UserPath
	Precondition
	Preview bool `query:"preview" doc:"Only tell what would go"`
}

func userView(snap *directory.Snapshot, u *directory.User) User {
	v := User{
		ID: u.ID, Username: u.Username, FirstName: u.FirstName, LastName: u.LastName, Email: u.Email,
		Language: u.Language, TimeZone: u.TimeZone, DND: u.DND, Admin: auth.IsAdmin(snap, u),
		HasPassword: u.PasswordHash != "", MustChangePassword: u.MustChangePassword, HasPIN: u.PINHash != "",
		StatusPrivate: u.StatusPrivate, URL: u.URL,
		Calling: Calling{notNil(u.ShownInside), notNil(u.ShownOutside), u.HideInside, u.HideOutside, notNil(u.Blocks)},
		Numbers: notNil(slices.Clone(snap.Rows[u.ID])), Slots: []UserSlot{}, Created: u.Created, Updated: u.Updated,
		Inherited: inherited(snap, directory.UserSettings, u.Own, u.From),
	}
	for _, id := range snap.Columns[u.ID] {
		v.Slots = append(v.Slots, userSlot(snap.Slots[id]))
	}
	return v
}

func userSlot(s *directory.Slot) UserSlot { return UserSlot{ID: s.ID, Type: s.Type, Name: s.Name} }

// userTag covers all that userView shows.
func userTag(snap *directory.Snapshot, u *directory.User) string {
	var slots, admin int64
	for _, id := range snap.Columns[u.ID] {
		slots += snap.Slots[id].Version
	}
	if auth.IsAdmin(snap, u) {
		admin = 1
	}
	return fromTag(snap, u.From, u.Version, snap.MatrixVersions[u.ID], slots, admin)
}

func userAnswer(snap *directory.Snapshot, u *directory.User) *userOutput {
	return &userOutput{ETag: userTag(snap, u), Body: userView(snap, u)}
}

func (a *API) registerUsers() {
	const path, one = "/api/users", "/api/users/{username}"
	register(a, operation{
		id: "list-users", method: http.MethodGet, path: path, tag: "users", access: adminOnly, summary: "List users",
	}, a.listUsers)
	register(a, operation{
		id: "create-user", method: http.MethodPost, path: path, tag: "users", access: adminOnly,
		summary: "Create a user", status: http.StatusCreated, errors: []int{http.StatusConflict},
	}, a.createUser)
	register(a, operation{
		id: "get-user", method: http.MethodGet, path: one, tag: "users", access: ownOnly,
		summary: "Show a user", errors: []int{http.StatusNotFound},
	}, a.getUser)
	register(a, operation{
		id: "patch-user", method: http.MethodPatch, path: one, tag: "users", access: ownOnly,
		summary: "Change a user", doc: "Users may change dnd, status_private, language, time_zone and hide_number_… of their own account; administrators everything. Null lets a setting follow the groups of the user.",
		errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, a.patchUser)
	register(a, operation{
		id: "set-password", method: http.MethodPut, path: one + "/password", tag: "users", access: session, person: true,
		summary: "Set a user's password",
		doc:     "One's own password needs the old one. All sessions of the user end.",
		errors:  []int{http.StatusNotFound, http.StatusTooManyRequests},
	}, a.setPassword)
	a.registerPIN()
	register(a, operation{
		id: "delete-user", method: http.MethodDelete, path: one, tag: "users", access: adminOnly,
		summary: "Delete a user", doc: "Answers what goes, or would go, with the user.",
		errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, a.deleteUser)
}

func (a *API) createUser(ctx context.Context, in *createUserInput) (*userOutput, error) {
	b := &in.Body
	u := directory.User{
		Username: b.Username, FirstName: b.FirstName, LastName: b.LastName, Email: b.Email, Language: b.Language,
		TimeZone: b.TimeZone, DND: b.DND, StatusPrivate: b.StatusPrivate, URL: b.URL, MustChangePassword: b.MustChangePassword && b.Password != "",
	}
	if b.Language != "" { // even if it is the system's
		u.Own |= directory.SettingLanguage
	}
	if b.Password != "" {
		err := checkPassword(b.Password, b.Username)
		if err != nil {
			return nil, err
		}
		if u.PasswordHash, err = a.deps.Passwords.Hash(ctx, b.Password); err != nil {
			return nil, err
		}
	}
	var out *userOutput
	err := a.change(ctx, func(tx Tx) error {
		if err := a.mayCreateUsers(tx, 1); err != nil {
			return err
		}
		made, err := tx.CreateUser(u)
		if err != nil {
			return err
		}
		out = userAnswer(tx.Snapshot(), made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Location = "/api/users/" + out.Body.Username
	return out, nil
}

func (a *API) getUser(ctx context.Context, in *struct {
	UserPath
	Conditional
},
) (*userOutput, error) {
	snap := a.deps.Store.Snapshot()
	u, err := mayUser(who(ctx), snap, in.Username)
	if err != nil {
		return nil, err
	}
	if err := in.fresh(userTag(snap, u)); err != nil {
		return nil, err
	}
	return userAnswer(snap, u), nil
}

func (a *API) patchUser(ctx context.Context, in *patchUserInput) (*userOutput, error) {
	b := &in.Body
	err := adminFields(who(ctx), map[string]bool{
		"username": b.Username.Set, "first_name": b.FirstName.Set, "last_name": b.LastName.Set, "email": b.Email.Set,
		"shown_numbers_inside": b.ShownInside.Set, "shown_numbers_outside": b.ShownOutside.Set, "call_blocking": b.Blocks.Set,
		"url": b.URL.Set,
	})
	if err != nil {
		return nil, err
	}
	var out *userOutput
	err = a.change(ctx, func(tx Tx) error {
		u, err := mayUser(who(ctx), tx.Snapshot(), in.Username)
		if err != nil {
			return err
		}
		if err := in.check(userTag(tx.Snapshot(), u)); err != nil {
			return err
		}
		if u.Username == auth.Supervisor && b.Username.Set && b.Username.Value != auth.Supervisor {
			return fault(http.StatusConflict, "", "the user supervisor is the first administrator by name and keeps it")
		}
		changed, err := tx.UpdateUser(u.ID, u.Version, in.edit)
		if err != nil {
			return err
		}
		out = userAnswer(tx.Snapshot(), changed)
		return nil
	})
	return out, err
}

// edit changes what the body names.
func (in *patchUserInput) edit(u *directory.User) {
	b := &in.Body
	b.Username.apply(&u.Username, u.Username)
	b.FirstName.apply(&u.FirstName, "")
	b.LastName.apply(&u.LastName, "")
	b.Email.apply(&u.Email, "")
	b.Language.applyOwn(&u.Language, &u.Own, directory.SettingLanguage)
	b.TimeZone.applyOwn(&u.TimeZone, &u.Own, directory.SettingTimeZone)
	b.DND.apply(&u.DND, false)
	b.StatusPrivate.apply(&u.StatusPrivate, false)
	b.URL.apply(&u.URL, "")
	b.ShownInside.apply(&u.ShownInside, nil)
	b.ShownOutside.apply(&u.ShownOutside, nil)
	b.HideInside.applyOwn(&u.HideInside, &u.Own, directory.SettingHideInside)
	b.HideOutside.applyOwn(&u.HideOutside, &u.Own, directory.SettingHideOutside)
	b.Blocks.apply(&u.Blocks, nil)
}

func (a *API) setPassword(ctx context.Context, in *passwordInput) (*passwordOutput, error) {
	id := who(ctx)
	own := in.Username == id.Username
	if !own && id.MustChangePassword {
		return nil, forbidden("the first password has to be changed before anything else")
	}
	if _, err := mayUser(id, a.deps.Store.Snapshot(), in.Username); err != nil {
		return nil, err
	}
	if own {
		err := a.deps.Door.Verify(ctx, id.Username, in.Body.OldPassword, client(ctx))
		if err != nil {
			return nil, oldPasswordProblem(err)
		}
		if in.Body.MustChange {
			return nil, invalid("body.must_change_password", "is not for one's own password")
		}
	}
	if err := checkPassword(in.Body.Password, in.Username); err != nil {
		return nil, err
	}
	hash, err := a.deps.Passwords.Hash(ctx, in.Body.Password)
	if err != nil {
		return nil, err
	}
	err = a.change(ctx, func(tx Tx) error {
		u, err := mayUser(id, tx.Snapshot(), in.Username)
		if err != nil {
			return err
		}
		if in.Body.MustChange {
			return tx.SetFirstPassword(u.Username, hash)
		}
		return tx.SetPassword(u.Username, hash)
	})
	if err != nil {
		return nil, err
	}
	out := &passwordOutput{}
	if own {
		token, id, err := a.deps.Door.Open(ctx, id.UserID, client(ctx))
		if err != nil {
			return nil, err
		}
		view, err := a.sessionView(ctx, id)
		if err != nil {
			return nil, err
		}
		out.Body.Session = &NewSession{token, view}
		out.SetCookie = []http.Cookie{in.cookie(token)}
	}
	return out, nil
}

func (a *API) deleteUser(ctx context.Context, in *deleteUserInput) (*struct{ Body Belongings }, error) {
	if in.Preview {
		snap := a.deps.Store.Snapshot()
		u, err := mayUser(who(ctx), snap, in.Username)
		if err != nil {
			return nil, err
		}
		return &struct{ Body Belongings }{belongingsView(u, snap.Belongings(u.ID))}, nil
	}
	var out Belongings
	err := a.change(ctx, func(tx Tx) error {
		snap := tx.Snapshot()
		u, err := mayUser(who(ctx), snap, in.Username)
		if err != nil {
			return err
		}
		switch {
		case u.ID == who(ctx).UserID:
			return fault(http.StatusConflict, "", "nobody deletes the account that is logged in")
		case u.Username == auth.Supervisor:
			return fault(http.StatusConflict, "", "the user supervisor is the first administrator and cannot be deleted")
		}
		if err := in.check(userTag(snap, u)); err != nil {
			return err
		}
		gone, err := tx.DeleteUser(u.ID, u.Version)
		if err != nil {
			return err
		}
		out = belongingsView(u, gone)
		out.Deleted = true
		return nil
	})
	return &struct{ Body Belongings }{out}, err
}

func belongingsView(u *directory.User, b directory.Belongings) Belongings {
	v := Belongings{Username: u.Username, Numbers: notNil(b.Numbers), Slots: []UserSlot{}, Ticks: b.Ticks, Groups: notNil(b.Groups)}
	for _, s := range b.Slots {
		v.Slots = append(v.Slots, userSlot(s))
	}
	return v
}

func notNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
