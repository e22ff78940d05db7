package store

import (
	"reflect"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// CreateUser adds a user and makes it a member of the group VisibleUsers. ID,
// Version and times are set. Settings that are not in Own and say nothing but what
// the system does, or nothing, follow the groups of the user. PasswordHash and
// MustChangePassword are taken as they are. Errors: *InvalidError, *TakenError.
func (tx *Tx) CreateUser(u directory.User) (*directory.User, error) {
	u.ID = ""
	return tx.createUser(u, true)
}

func (tx *Tx) createUser(u directory.User, visible bool) (*directory.User, error) {
	if u.Language == "" {
		u.Language = "de"
	}
	u.Claim(nil)
	u = *u.Kept() // what it takes from groups comes when it is in them
	if err := u.Validate(); err != nil {
		return nil, err
	}
	if err := tx.usernameFree(u.Username); err != nil {
		return nil, err
	}
	var err error
	if u.ID, u.Version, err = identity("user", u.ID, 0, tx.draft.snap.Users[u.ID] != nil); err != nil {
		return nil, err
	}
	u.Created, u.Updated = tx.now, tx.now
	if err := tx.insertUser(&u, 1); err != nil {
		return nil, err
	}
	if err := tx.record("create", "user", u.ID, u.Username, nil, userView(&u)); err != nil {
		return nil, err
	}
	if g := tx.draft.snap.Groups[directory.VisibleUsers]; g != nil && visible {
		if err := tx.insertMember(g, u.ID); err != nil {
			return nil, err
		}
	}
	tx.draft.follow(u.ID)
	return tx.draft.snap.Users[u.ID], nil
}

// insertUser writes a user that is not there yet. Its documents become copies that nobody else holds.
func (tx *Tx) insertUser(u *directory.User, matrixVersion int64) error {
	shownText, blocksText, err := userDocuments(u)
	if err != nil {
		return err
	}
	err = tx.exec(`INSERT INTO users (id, username, first_name, last_name, email, language, time_zone, dnd,
		password_hash, must_change_password, version, matrix_version, created_at, updated_at,
		hide_inside, hide_outside, shown_json, blocks_json, pin_sealed, status_private, url, own_settings)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		u.ID, u.Username, u.FirstName, u.LastName, u.Email, u.Language, u.TimeZone, u.DND,
		u.PasswordHash, u.MustChangePassword, u.Version, matrixVersion, micros(u.Created), micros(u.Updated),
		u.HideInside, u.HideOutside, shownText, blocksText, tx.sealedPIN(u), u.StatusPrivate, u.URL, u.Own)
	if err != nil {
		return err
	}
	tx.draft.putUser(u)
	tx.draft.setVersion(u.ID, matrixVersion)
	return nil
}

func (tx *Tx) usernameFree(name string) error {
	if first := tx.draft.snap.ByName[name]; first != nil {
		return &TakenError{Kind: "username", Value: name, OwnerType: directory.OwnerUser, OwnerID: first.ID, OwnerName: first.FullName()}
	}
	return nil
}

// UpdateUser lets edit change a copy of the user and stores it. version is the
// one the caller knows (If-Match); 0 matches any. ID, Version, times,
// PasswordHash, MustChangePassword and PINHash keep their values whatever edit does; see
// SetPassword and SetPIN. Settings become the user's own, or not, as in UpdateNumber. An edit that changes nothing leaves the version. Errors:
// ErrNotFound, ErrConflict, *InvalidError, *TakenError.
func (tx *Tx) UpdateUser(id string, version int64, edit func(*directory.User)) (*directory.User, error) {
	old, err := tx.user(id)
	if err != nil {
		return nil, err
	}
	if err := checkVersion("user", old.Username, old.Version, version); err != nil {
		return nil, err
	}
	u := *old
	u.ShownInside, u.ShownOutside, u.Blocks = slices.Clone(u.ShownInside), slices.Clone(u.ShownOutside), slices.Clone(u.Blocks)
	edit(&u)
	u.ID, u.Version, u.Created, u.Updated = old.ID, old.Version, old.Created, old.Updated
	u.PasswordHash, u.MustChangePassword, u.PINHash = old.PasswordHash, old.MustChangePassword, old.PINHash
	u.Claim(old)
	u = *u.Following(tx.draft.snap.Givers(id))
	if err := u.Validate(); err != nil {
		return nil, err
	}
	if _, _, err := userDocuments(&u); err != nil {
		return nil, err
	}
	if reflect.DeepEqual(u, *old) && !tx.draft.isDamaged("user", u.ID) {
		return old, nil
	}
	if u.Username != old.Username {
		if err := tx.usernameFree(u.Username); err != nil {
			return nil, err
		}
	}
	return tx.storeUser(old, u, "update")
}

// SetPassword sets the hash of the user's password (secret.Passwords makes it),
// clears MustChangePassword, and ends all sessions of the user. An empty hash
// means that the user cannot log in. Error: ErrNotFound.
func (tx *Tx) SetPassword(username, hash string) error {
	return tx.setPassword(username, hash, false)
}

// SetFirstPassword is SetPassword with a password that must be changed at the
// first login.
func (tx *Tx) SetFirstPassword(username, hash string) error {
	return tx.setPassword(username, hash, true)
}

func (tx *Tx) setPassword(username, hash string, mustChange bool) error {
	old := tx.draft.snap.ByName[username]
	if old == nil {
		return &NotFoundError{Kind: "user", ID: username}
	}
	u := *old
	u.PasswordHash, u.MustChangePassword = hash, mustChange
	if err := u.Validate(); err != nil {
		return err
	}
	if err := tx.exec("DELETE FROM sessions WHERE user_id = ? OR impersonator = ?", u.ID, u.ID); err != nil {
		return err
	}
	_, err := tx.storeUser(old, u, "set_password")
	return err
}

// SetPIN sets the hash of the user's PIN (secret.Passwords makes it), or removes
// the PIN when it is empty. Error: ErrNotFound.
func (tx *Tx) SetPIN(username, hash string) error {
	old := tx.draft.snap.ByName[username]
	if old == nil {
		return &NotFoundError{Kind: "user", ID: username}
	}
	if hash == "" && old.PINHash == "" {
		return nil
	}
	u := *old
	u.PINHash = hash
	if err := u.Validate(); err != nil {
		return err
	}
	_, err := tx.storeUser(old, u, "set_pin")
	return err
}

// sealedPIN is the hash of a PIN as it is kept.
func (tx *Tx) sealedPIN(u *directory.User) []byte {
	if u.PINHash == "" {
		return []byte{}
	}
	return tx.box.Seal([]byte(u.PINHash), pinPurpose(u.ID))
}

// storeUser writes u in place of old as its next version.
func (tx *Tx) storeUser(old *directory.User, u directory.User, action string) (*directory.User, error) {
	u.Version, u.Updated = old.Version+1, tx.now
	shownText, blocksText, err := userDocuments(&u)
	if err != nil {
		return nil, err
	}
	kept := u.Kept()
	err = tx.exec(`UPDATE users SET username = ?, first_name = ?, last_name = ?, email = ?, language = ?, time_zone = ?, dnd = ?,
		password_hash = ?, must_change_password = ?, version = ?, updated_at = ?,
		hide_inside = ?, hide_outside = ?, shown_json = ?, blocks_json = ?,
		pin_sealed = ?, status_private = ?, url = ?, own_settings = ? WHERE id = ?`,
		u.Username, u.FirstName, u.LastName, u.Email, kept.Language, kept.TimeZone, u.DND,
		u.PasswordHash, u.MustChangePassword, u.Version, micros(u.Updated),
		kept.HideInside, kept.HideOutside, shownText, blocksText, tx.sealedPIN(&u), u.StatusPrivate, u.URL, u.Own, u.ID)
	if err != nil {
		return nil, err
	}
	tx.draft.putUser(&u)
	return &u, tx.record(action, "user", u.ID, u.Username, userView(old), userView(&u))
}

// DeleteUser removes the user with numbers (which become free), slots, ticks,
// memberships, forwarding profiles, sessions, factors and API tokens, and returns what
// went. Hunt groups and pickup groups go on without them. version is as in
// UpdateUser. The last member of the group Admins cannot be removed. Errors:
// ErrNotFound, ErrConflict, *InvalidError.
func (tx *Tx) DeleteUser(id string, version int64) (directory.Belongings, error) {
	u, err := tx.user(id)
	if err != nil {
		return directory.Belongings{}, err
	}
	if err := checkVersion("user", u.Username, u.Version, version); err != nil {
		return directory.Belongings{}, err
	}
	gone := tx.draft.snap.Belongings(id)
	for _, name := range gone.Groups {
		if err := tx.keepsAdmin(name, id); err != nil {
			return directory.Belongings{}, err
		}
	}
	before := belongingsView(u, tx.draft.snap, gone)
	for _, name := range gone.Groups {
		if err := tx.deleteMember(tx.draft.snap.Groups[name], id); err != nil {
			return directory.Belongings{}, err
		}
	}
	if err := tx.leaveForwarding(u, gone); err != nil {
		return directory.Belongings{}, err
	}
	for _, number := range gone.Numbers {
		if err := tx.deleteNumber(tx.draft.snap.Numbers[number]); err != nil {
			return directory.Belongings{}, err
		}
	}
	for _, slot := range gone.Slots {
		if err := tx.deleteSlot(slot); err != nil {
			return directory.Belongings{}, err
		}
	}
	for _, query := range []string{
		"DELETE FROM sessions WHERE user_id = ?", "DELETE FROM api_tokens WHERE user_id = ?", "DELETE FROM login_factors WHERE user_id = ?",
		"DELETE FROM person_calls WHERE user_id = ?", "DELETE FROM person_seen WHERE user_id = ?", "DELETE FROM users WHERE id = ?",
	} {
		if err := tx.exec(query, id); err != nil {
			return directory.Belongings{}, err
		}
	}
	tx.draft.dropUser(u)
	return gone, tx.record("delete", "user", u.ID, u.Username, before, nil)
}

// shown is the document of the numbers that a user may show.
type shown struct {
	Inside  []string `json:"inside,omitempty"`
	Outside []string `json:"outside,omitempty"`
}

// userDocuments returns the parts of a user that are kept as JSON, and puts
// copies of them into u that nobody else holds.
func userDocuments(u *directory.User) (shownText, blocksText string, err error) {
	if len(u.ShownInside)+len(u.ShownOutside) > 0 {
		var kept shown
		if shownText, kept, err = document("shown_numbers_inside", shown{u.ShownInside, u.ShownOutside}); err != nil {
			return "", "", err
		}
		u.ShownInside, u.ShownOutside = kept.Inside, kept.Outside
	} else {
		u.ShownInside, u.ShownOutside = nil, nil
	}
	blocksText, u.Blocks, err = document("call_blocking", u.Blocks)
	return shownText, blocksText, err
}

// userDocuments reads what userDocuments made.
func (l *loader) userDocuments(u *directory.User, shownText, blocksText []byte) {
	var s shown
	l.document(shownText, &s, "user", u.ID, u.Username, "shown_numbers")
	u.ShownInside, u.ShownOutside = s.Inside, s.Outside
	if !l.document(blocksText, &u.Blocks, "user", u.ID, u.Username, "call_blocking") {
		u.Blocks = directory.SafeBlocks()
	}
}
