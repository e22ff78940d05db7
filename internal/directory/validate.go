package directory

import (
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// Limits on what a field may hold, in bytes unless said otherwise. They equal
// the widths of the columns in internal/store.
const (
	MaxName     = 128 // first name, last name, title, slot name, display name
	MaxEmail    = 254 // RFC 5321 section 4.5.3.1.3
	MaxCalls    = 10000
	MaxPosition = 9999
)

// InvalidError says which field of an object is wrong and why. Field is named
// as in the HTTP API (snake_case).
type InvalidError struct {
	Field   string
	Problem string
}

// Error returns "field: problem".
func (e *InvalidError) Error() string { return e.Field + ": " + e.Problem }

// Invalid collects every *InvalidError inside err, also from errors.Join, in
// order. It returns nil when there is none.
func Invalid(err error) []*InvalidError {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*InvalidError
		for _, e := range joined.Unwrap() {
			all = append(all, Invalid(e)...)
		}
		return all
	}
	if e, ok := err.(*InvalidError); ok {
		return []*InvalidError{e}
	}
	return Invalid(errors.Unwrap(err))
}

// faults gathers the problems of one object.
type faults []error

func (f *faults) add(field, format string, args ...any) {
	*f = append(*f, &InvalidError{Field: field, Problem: fmt.Sprintf(format, args...)})
}

// text checks a free text field: valid UTF-8, no control characters, no
// surrounding space, at most limit bytes.
func (f *faults) text(field, value string, limit int) {
	switch {
	case len(value) > limit:
		f.add(field, "is longer than %d bytes", limit)
	case !utf8.ValidString(value):
		f.add(field, "is not valid UTF-8")
	case strings.ContainsFunc(value, unicode.IsControl):
		f.add(field, "contains a control character")
	case strings.TrimSpace(value) != value:
		f.add(field, "begins or ends with a space")
	}
}

var (
	usernamePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	numberPattern   = regexp.MustCompile(`^[0-9]{1,15}$`)
	e164Pattern     = regexp.MustCompile(`^\+[1-9][0-9]{3,14}$`)
	groupPattern    = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	ringPattern     = regexp.MustCompile(`^(Bellcore-dr[1-8])?$`)
)

// ValidNumber reports whether s can be an internal number: 1 to 15 digits.
func ValidNumber(s string) bool { return numberPattern.MatchString(s) }

// CheckPassword says, as *InvalidError of field password, why a new password is
// too weak or cannot be used, nil when it can: its length must be within
// the bounds of internal/secret, and it must not be one character over and over
// (NIST SP 800-63B section 5.1.1.2).
func CheckPassword(password string) error {
	switch first, _ := utf8.DecodeRuneInString(password); {
	case utf8.RuneCountInString(password) < secret.MinPassword:
		return &InvalidError{"password", fmt.Sprintf("is shorter than %d characters", secret.MinPassword)}
	case len(password) > secret.MaxPassword:
		return &InvalidError{"password", fmt.Sprintf("is longer than %d bytes", secret.MaxPassword)}
	case !utf8.ValidString(password):
		return &InvalidError{"password", "is not valid UTF-8"}
	case strings.Trim(password, string(first)) == "":
		return &InvalidError{"password", "is one character over and over"}
	}
	return nil
}

// Validate reports every wrong field of the user as *InvalidError values joined
// by errors.Join, nil when all are right. ID, Version and times are not looked at.
func (u *User) Validate() error {
	var f faults
	if !usernamePattern.MatchString(u.Username) {
		f.add("username", "must be 1 to 64 of a-z, 0-9, dot, underscore and hyphen, and begin with a letter or digit")
	}
	f.text("first_name", u.FirstName, MaxName)
	f.text("last_name", u.LastName, MaxName)
	if u.Email != "" {
		if a, err := mail.ParseAddress(u.Email); len(u.Email) > MaxEmail || err != nil || a.Address != u.Email {
			f.add("email", "is not an e-mail address of at most %d bytes", MaxEmail)
		}
	}
	u.checkSettings(&f, "")
	f.shown("shown_numbers_inside", u.ShownInside, false)
	f.shown("shown_numbers_outside", u.ShownOutside, true)
	f.blocks(u.Blocks)
	f.url("url", u.URL)
	if len(u.PasswordHash) > 255 {
		f.add("password", "hash is longer than 255 bytes")
	}
	if len(u.PINHash) > 255 {
		f.add("pin", "hash is longer than 255 bytes")
	}
	return errors.Join(f...)
}

// checkSettings checks those settings of a user that groups can give; path stands before the names of the fields.
func (u *User) checkSettings(f *faults, path string) {
	if u.Language != "de" && u.Language != "en" {
		f.add(path+"language", `must be "de" or "en"`)
	}
	if u.TimeZone != "" {
		if _, err := time.LoadLocation(u.TimeZone); err != nil || len(u.TimeZone) > 64 || u.TimeZone == "Local" {
			f.add(path+"time_zone", "is not the name of a time zone, such as Europe/Berlin")
		}
	}
}

// Validate is to Number what User.Validate is to User.
func (n *Number) Validate() error {
	var f faults
	if !ValidNumber(n.Number) {
		f.add("number", "must be 1 to 15 digits")
	}
	switch n.OwnerType {
	case OwnerUser, OwnerFaxLine, OwnerHuntGroup:
		if n.OwnerID == "" {
			f.add("owner_id", "is missing")
		}
	default:
		f.add("owner_type", "is not known: %q", n.OwnerType)
	}
	f.text("owner_id", n.OwnerID, MaxName)
	n.checkSettings(&f, "")
	f.text("display_name", n.DisplayName, MaxName)
	return errors.Join(f...)
}

// checkSettings is to Number what User.checkSettings is to User.
func (n *Number) checkSettings(f *faults, path string) {
	if n.MaxCalls < 0 || n.MaxCalls > MaxCalls {
		f.add(path+"max_calls", "must be 0 (no limit) to %d", MaxCalls)
	}
	if !ringPattern.MatchString(n.RingInside) {
		f.add(path+"ring_inside", "must be empty or Bellcore-dr1 to Bellcore-dr8")
	}
	if !ringPattern.MatchString(n.RingOutside) {
		f.add(path+"ring_outside", "must be empty or Bellcore-dr1 to Bellcore-dr8")
	}
}

// Validate is to Slot what User.Validate is to User. That the default number is
// ticked for the slot is checked by internal/store, which knows the ticks.
func (s *Slot) Validate() error {
	var f faults
	if !slices.Contains(SlotTypes, s.Type) {
		f.add("type", "must be desk, dect, mobile, softphone or ucc")
	}
	if s.Name == "" {
		f.add("name", "is missing")
	}
	f.text("name", s.Name, MaxName)
	if s.DefaultNumber != "" && !ValidNumber(s.DefaultNumber) {
		f.add("default_number", "must be empty or 1 to 15 digits")
	}
	switch {
	case s.Type == Mobile && !e164Pattern.MatchString(s.MobileNumber):
		f.add("mobile_number", "must be an outside number of 4 to 15 digits that begins with + and the country code")
	case s.Type != Mobile && s.MobileNumber != "":
		f.add("mobile_number", "belongs to slots of type mobile only")
	}
	return errors.Join(f...)
}

// Validate is to Group what User.Validate is to User.
func (g *Group) Validate() error {
	var f faults
	if !groupPattern.MatchString(g.Name) {
		f.add("name", "must be 1 to 64 of a-z, 0-9, dot, underscore and hyphen, and begin with a letter or digit")
	}
	if g.Title == "" {
		f.add("title", "is missing")
	}
	f.text("title", g.Title, MaxName)
	switch g.Type {
	case GroupUser, GroupSlot, GroupQueue, GroupFax, GroupPhonebook:
	default:
		f.add("type", "must be user, slot, queue, fax or phonebook")
	}
	g.Parameters.check(&f, g.Type)
	return errors.Join(f...)
}
