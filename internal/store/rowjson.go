package store

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Kind is what a column holds, in words that mean the same on every engine.
type Kind string

// Kinds of columns.
const (
	Integer Kind = "integer" // 64 bits, signed
	Text    Kind = "text"
	Bytes   Kind = "bytes"
)

// A row of a dump is a JSON array with one value for each column: null, a number, or a string; bytes are a string in base64 (RFC 4648
// section 4). Text that is not UTF-8, which only SQLite can hold, is an object {"bytes":"…"} with base64 in it.

var errRow = errors.New("is no row of this table")

// appendRow appends a row as JSON. Values are those that database/sql gives for columns of these kinds.
func appendRow(b []byte, columns []Column, values []any) ([]byte, error) {
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendValue(b, columns[i].Kind, v); err != nil {
			return b, fmt.Errorf("column %s: %w", columns[i].Name, err)
		}
	}
	return append(b, ']'), nil
}

func appendValue(b []byte, kind Kind, v any) ([]byte, error) {
	var raw []byte
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case int64:
		if kind != Integer {
			return b, fmt.Errorf("holds a number, not %s", kind)
		}
		return strconv.AppendInt(b, v, 10), nil
	case []byte:
		raw = v
	case string:
		raw = []byte(v)
	default:
		return b, fmt.Errorf("holds a %T", v)
	}
	switch {
	case kind == Integer: // MySQL's text protocol
		n, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil {
			return b, errors.New("holds no number")
		}
		return strconv.AppendInt(b, n, 10), nil
	case kind == Bytes:
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, raw)
		return append(b, '"'), nil
	case !utf8.Valid(raw):
		b = append(b, `{"bytes":"`...)
		b = base64.StdEncoding.AppendEncode(b, raw)
		return append(b, `"}`...), nil
	}
	return appendJSONText(b, raw), nil
}

// appendJSONText appends valid UTF-8 as a JSON string.
func appendJSONText(b, text []byte) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i, c := range text {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, text[from:i]...)
		from = i + 1
		if c >= ' ' {
			b = append(b, '\\', c)
		} else {
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, text[from:]...), '"')
}

// parseRow reads a row. It appends the values to into, as database/sql takes them: nil, int64, string, []byte.
func parseRow(line []byte, columns []Column, into []any) ([]any, error) {
	if len(line) < 2 || line[0] != '[' || line[len(line)-1] != ']' {
		return into, errRow
	}
	rest := line[1:]
	for i := range columns {
		v, after, err := parseValue(rest, columns[i].Kind)
		if err != nil {
			return into, fmt.Errorf("column %s: %w", columns[i].Name, err)
		}
		end := byte(',')
		if i == len(columns)-1 {
			end = ']'
		}
		if len(after) == 0 || after[0] != end {
			return into, errRow
		}
		into, rest = append(into, v), after[1:]
	}
	if len(rest) != 0 {
		return into, errRow
	}
	return into, nil
}

var errValue = errors.New("holds something else than it should")

// parseValue reads one value and returns what follows it.
func parseValue(b []byte, kind Kind) (any, []byte, error) {
	if after, ok := bytes.CutPrefix(b, []byte("null")); ok {
		return nil, after, nil
	}
	if kind == Integer {
		end := bytes.IndexAny(b, ",]")
		if end < 0 {
			return nil, nil, errValue
		}
		n, err := strconv.ParseInt(string(b[:end]), 10, 64)
		if err != nil {
			return nil, nil, errValue
		}
		return n, b[end:], nil
	}
	raw := kind == Bytes
	if after, ok := bytes.CutPrefix(b, []byte(`{"bytes":`)); ok && kind == Text {
		b, raw = after, true
	}
	text, after, err := parseText(b)
	if err != nil || !raw {
		return string(text), after, err
	}
	out, err := base64.StdEncoding.Strict().AppendDecode(make([]byte, 0, len(text)), text)
	if err != nil || bytes.ContainsAny(text, "\r\n") {
		return nil, nil, errValue
	}
	if kind == Bytes {
		return out, after, nil
	}
	if len(after) == 0 || after[0] != '}' || utf8.Valid(out) {
		return nil, nil, errValue
	}
	return string(out), after[1:], nil
}

// parseText reads a JSON string.
func parseText(b []byte) (text, after []byte, err error) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, errValue
	}
	escaped := false
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			if !escaped {
				if text = b[1:i]; !utf8.Valid(text) {
					return nil, nil, errValue
				}
				return text, b[i+1:], nil
			}
			var s string
			if err := json.Unmarshal(b[:i+1], &s); err != nil {
				return nil, nil, errValue
			}
			return []byte(s), b[i+1:], nil
		}
	}
	return nil, nil, errValue
}
