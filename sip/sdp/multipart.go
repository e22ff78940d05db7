package sdp

import (
	"bytes"
	"mime"
	"strings"
)

// ContentType is the media type of a description.
const ContentType = "application/sdp"

// FromBody finds the description in a message's body: the body itself, or the part of
// type application/sdp in a multipart body (RFC 5621). ok is false when there is none.
func FromBody(contentType string, body []byte) (sdp []byte, ok bool) {
	if len(body) == 0 {
		return nil, false
	}
	base, _, _ := strings.Cut(contentType, ";")
	if base = strings.TrimSpace(base); strings.EqualFold(base, ContentType) {
		return body, true
	}
	if len(base) < 10 || !strings.EqualFold(base[:10], "multipart/") {
		return nil, false
	}
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return nil, false
	}
	sep := []byte("\n--" + params["boundary"])
	if first := sep[1:]; bytes.HasPrefix(body, first) {
		body = body[len(first):]
	} else if _, body, ok = bytes.Cut(body, sep); !ok {
		return nil, false
	}
	for !bytes.HasPrefix(body, []byte("--")) {
		part, rest, closed := bytes.Cut(body, sep)
		if !closed {
			return nil, false
		}
		if sdp, ok = sdpPart(part); ok {
			return sdp, true
		}
		body = rest
	}
	return nil, false
}

// sdpPart takes one part, which begins behind its boundary, with the rest of that line.
func sdpPart(part []byte) (content []byte, ok bool) {
	_, part, _ = bytes.Cut(part, []byte("\n"))
	for {
		line, rest, more := bytes.Cut(part, []byte("\n"))
		if !more {
			return nil, false
		}
		part = rest
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			return bytes.TrimSuffix(part, []byte("\r")), ok
		}
		name, value, _ := strings.Cut(string(line), ":")
		if strings.EqualFold(strings.TrimSpace(name), "Content-Type") {
			base, _, _ := strings.Cut(value, ";")
			ok = strings.EqualFold(strings.TrimSpace(base), ContentType)
		}
	}
}
