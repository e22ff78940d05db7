package directory

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// CheckPIN says, as *InvalidError of field pin, why a user's new PIN cannot be used, nil when it can: it has 4 to 12 digits, and is nothing
// that somebody who stands before the telephone would try first.
func (s *Snapshot) CheckPIN(userID, pin string) error {
	problem := ""
	switch {
	case len(pin) < secret.MinPIN || len(pin) > secret.MaxPIN || strings.Trim(pin, "0123456789") != "":
		problem = fmt.Sprintf("must be %d to %d digits", secret.MinPIN, secret.MaxPIN)
	case strings.Trim(pin, pin[:1]) == "":
		problem = "is one digit over and over"
	case counts(pin, 1) || counts(pin, 9):
		problem = "counts up or down"
	}
	for _, n := range s.Rows[userID] {
		if problem == "" && strings.TrimLeft(pin, "0") == strings.TrimLeft(n, "0") {
			problem = "is a number of the user"
		}
	}
	if problem != "" {
		return &InvalidError{"pin", problem}
	}
	return nil
}

// counts reports whether each digit is the one before plus step, of which the last digit counts.
func counts(digits string, step byte) bool {
	for i := 1; i < len(digits); i++ {
		if digits[i]-'0' != (digits[i-1]-'0'+step)%10 {
			return false
		}
	}
	return true
}

// MaxURL bounds an address, in bytes.
const MaxURL = 500

// url checks an address that pages are to fetch: http or https alone, as others could run a script.
func (f *faults) url(field, value string) {
	if value == "" {
		return
	}
	f.text(field, value, MaxURL)
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		f.add(field, "must be an address that begins with http:// or https://")
	} else if u.User != nil {
		f.add(field, "must not hold a user name or password: everybody who sees the page could read it")
	}
}
