package auth

import (
	_ "embed"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// MinPassword is the shortest new password in characters.
const MinPassword = 10

// Rule is one that a new password breaks.
type Rule struct {
	Code    string `json:"code" enum:"length,too_long,user_name,common,repeated"`
	English string `json:"en"`
	German  string `json:"de"`
}

// RulesError lists the rules that a new password breaks.
type RulesError struct{ Rules []Rule }

// Error says it in English.
func (e *RulesError) Error() string {
	var parts []string
	for _, r := range e.Rules {
		parts = append(parts, r.English)
	}
	return "password " + strings.Join(parts, ", ")
}

// commonPasswords are those that guessers try first and that are long enough, in lower case.
//
//go:embed common.txt
var commonPasswords string

// CheckPassword says which rules a new password breaks, nil for none. The rules ask for length rather than for kinds of characters, and refuse
// what guessers try first (NIST SP 800-63B section 5.1.1.2). names are what the password must not be made of: user name, and other names of the user.
func CheckPassword(password string, names ...string) error {
	var broken []Rule
	add := func(code, en, de string) { broken = append(broken, Rule{code, en, de}) }
	if utf8.RuneCountInString(password) < MinPassword {
		add("length", fmt.Sprintf("must have at least %d characters", MinPassword), fmt.Sprintf("muss mindestens %d Zeichen haben", MinPassword))
	}
	if len(password) > secret.MaxPassword {
		add("too_long", fmt.Sprintf("must have at most %d bytes", secret.MaxPassword), fmt.Sprintf("darf höchstens %d Bytes haben", secret.MaxPassword))
		return &RulesError{broken}
	}
	lower := strings.ToLower(password)
	for _, name := range names {
		name = strings.ToLower(name)
		if rest := strings.Trim(strings.Replace(lower, name, "", 1), "0123456789!?.-_ "); len(name) > 2 && strings.Contains(lower, name) && len(rest) < 4 {
			add("user_name", "must not be the user name with little added", "darf nicht der Benutzername mit wenig Zusatz sein")
			break
		}
	}
	if common(lower) {
		add("common", "is one that is tried first by those who guess", "gehört zu denen, die beim Raten zuerst versucht werden")
	}
	if different(password) < 5 {
		add("repeated", "must have at least five different characters", "muss mindestens fünf verschiedene Zeichen haben")
	}
	if broken == nil {
		return nil
	}
	return &RulesError{broken}
}

// common reports whether the password, or what is left of it without digits and marks around, is in the list.
func common(lower string) bool {
	core := strings.Trim(lower, "0123456789!?.-_#*$%& ")
	for line := range strings.Lines(commonPasswords) {
		line = strings.TrimSpace(line)
		if line != "" && (line == lower || line == core) {
			return true
		}
	}
	return false
}

// different counts the different characters, up to five.
func different(password string) int {
	seen := map[rune]bool{}
	for _, r := range password {
		if seen[r] = true; len(seen) == 5 {
			break
		}
	}
	return len(seen)
}
