package api

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// fold puts text into the form in which it is searched and sorted: small letters without accents, so that "Müller" stands
// beside "Muller" and is found as either.
func fold(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return foldFrom(s, i)
		}
	}
	return s
}

// foldFrom folds s, whose first plain bytes need no change.
func foldFrom(s string, plain int) string {
	var b strings.Builder
	b.Grow(len(s) + 4)
	b.WriteString(s[:plain])
	for _, r := range s[plain:] {
		switch {
		case 'A' <= r && r <= 'Z':
			b.WriteByte(byte(r) + 'a' - 'A')
		case r < utf8.RuneSelf:
			b.WriteByte(byte(r))
		default:
			r = unicode.ToLower(r)
			if base, ok := bases[r]; ok {
				b.WriteString(base)
			} else if !unicode.Is(unicode.Mn, r) { // an accent of its own (NFD)
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}

// bases are the letters of European names without what stands above or below them.
var bases = map[rune]string{
	'ä': "a", 'à': "a", 'á': "a", 'â': "a", 'ã': "a", 'å': "a", 'ā': "a", 'ă': "a", 'ą': "a", 'æ': "ae",
	'ç': "c", 'ć': "c", 'č': "c", 'ď': "d", 'đ': "d", 'ð': "d", 'è': "e", 'é': "e", 'ê': "e", 'ë': "e", 'ē': "e", 'ė': "e", 'ę': "e", 'ě': "e",
	'ğ': "g", 'ģ': "g", 'ì': "i", 'í': "i", 'î': "i", 'ï': "i", 'ī': "i", 'į': "i", 'ı': "i", 'ķ': "k", 'ľ': "l", 'ļ': "l", 'ł': "l",
	'ñ': "n", 'ń': "n", 'ň': "n", 'ņ': "n", 'ö': "o", 'ò': "o", 'ó': "o", 'ô': "o", 'õ': "o", 'ø': "o", 'ő': "o", 'œ': "oe", 'ř': "r",
	'ß': "ss", 'ś': "s", 'š': "s", 'ş': "s", 'ș': "s", 'ť': "t", 'ţ': "t", 'ț': "t", 'þ': "th",
	'ü': "u", 'ù': "u", 'ú': "u", 'û': "u", 'ū': "u", 'ů': "u", 'ű': "u", 'ų': "u", 'ý': "y", 'ÿ': "y", 'ź': "z", 'ż': "z", 'ž': "z",
}

// sortable bounds a sort key, which stands in cursors.
const sortable = 80

// byText is the sort key of text.
func byText(s string) string {
	s = strings.ReplaceAll(fold(s), "\n", " ")
	if len(s) > sortable {
		s = strings.ToValidUTF8(s[:sortable], "")
	}
	return s
}

// byCount is the sort key of a count.
func byCount(n int) string {
	s := strconv.Itoa(n)
	return "0000000000"[min(len(s), 10):] + s
}

// byFlag is the sort key of what is so or not so: what is so stands first.
func byFlag(yes bool) string {
	if yes {
		return "0"
	}
	return "1"
}

// byTime is the sort key of a time.
func byTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000") }
