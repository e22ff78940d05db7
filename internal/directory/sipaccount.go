package directory

// MaxSIPUsername and MaxSIPSecret bound the SIP account of a slot, in bytes.
const (
	MaxSIPUsername = 64
	MaxSIPSecret   = 128
)

// ValidSIPUsername reports whether a user name stands in a SIP URI and in digest as it is (RFC 3261 section 25.1, unreserved) and is not too long. An
// empty one is.
func ValidSIPUsername(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '-', c == '_', c == '.', c == '!', c == '~', c == '*', c == '+':
		default:
			return false
		}
	}
	return len(s) <= MaxSIPUsername
}

// ValidSIPSecret reports whether a password consists of ASCII that can be seen, and spaces, and is not too long: of all else telephones make
// different bytes. An empty one is.
func ValidSIPSecret(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(s) <= MaxSIPSecret
}
