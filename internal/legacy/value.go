package legacy

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText bounds a text that is read, in bytes.
const maxText = 4096

// windows1252 are the characters of the bytes 0x80 to 0x9f; what MySQL calls latin1 is Windows-1252. The five bytes without a
// character stand for themselves.
const windows1252 = "\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f" +
	"\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178"

// fromLatin1 decodes Windows-1252.
func fromLatin1(raw []byte) string {
	high := []rune(windows1252)
	var b strings.Builder
	for _, c := range raw {
		if c >= 0x80 && c < 0xa0 {
			b.WriteRune(high[c-0x80])
		} else {
			b.WriteRune(rune(c))
		}
	}
	return b.String()
}

// toLatin1 encodes as Windows-1252; ok is false for a text that has other characters.
func toLatin1(s string) (raw []byte, ok bool) {
	for _, r := range s {
		switch {
		case r < 0x80 || r >= 0xa0 && r <= 0xff:
			raw = append(raw, byte(r))
		default:
			at := 0x80
			for _, h := range windows1252 {
				if h == r {
					break
				}
				at++
			}
			if at == 0xa0 {
				return nil, false
			}
			raw = append(raw, byte(at))
		}
	}
	return raw, true
}

// decodeText makes text of what a column of the given character set holds, "" for a column of bytes. problem says what had to be
// guessed or taken away, "" when nothing had. The text is valid UTF-8 without control characters and without space around it.
func decodeText(raw []byte, charset string) (text, problem string) {
	if len(raw) > maxText {
		raw, problem = raw[:maxText], "is too long and was cut"
	}
	ascii := true
	for _, c := range raw {
		ascii = ascii && c < 0x80
	}
	switch valid := utf8.Valid(raw); {
	case ascii:
		text = string(raw)
	case charset == "latin1" && valid:
		text, problem = string(raw), "holds UTF-8 in a column of latin1; read as UTF-8"
	case charset == "latin1":
		text = fromLatin1(raw)
	case !valid && problem == "":
		text, problem = fromLatin1(raw), "holds bytes that are not UTF-8; read as latin1"
	case !valid: // cut in the middle of a character
		text = strings.ToValidUTF8(string(raw), "")
	default:
		text = string(raw)
		if twice, ok := toLatin1(text); ok && utf8.Valid(twice) {
			text, problem = string(twice), "was encoded twice; read as it was meant"
		}
	}
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
	if clean != text {
		problem = "holds control characters; they were left out"
	}
	return strings.TrimSpace(clean), problem
}

// decodeInt reads an integer.
func decodeInt(raw []byte) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64)
	return n, err == nil
}

// decodeClock reads a time of day, 0 to 1440 minutes. Seconds are cut; 23:59:59 is the end of the day.
func decodeClock(raw []byte) (minutes int, ok bool) {
	parts := strings.Split(strings.TrimSpace(string(raw)), ":")
	if len(parts) != 2 && len(parts) != 3 {
		return 0, false
	}
	var v [3]int
	for i, p := range parts {
		if i == 2 {
			p, _, _ = strings.Cut(p, ".")
		}
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 || len(p) > 2 || i > 0 && n > 59 {
			return 0, false
		}
		v[i] = n
	}
	minutes = v[0]*60 + v[1]
	if v[1] == 59 && v[2] == 59 {
		minutes++
	}
	return minutes, minutes <= 24*60
}

// zeroDate reports whether a date or time stamp is one of those that do not exist, such as 0000-00-00.
func zeroDate(raw string) bool {
	date, _, _ := strings.Cut(raw, " ")
	parts := strings.Split(date, "-")
	return len(parts) == 3 && (parts[0] == "0000" || parts[1] == "00" || parts[2] == "00")
}
