package message

import (
	"bytes"
	"strings"
)

// Mask returns a copy of a message, acceptable or not, that may be shown to people: for the log, for messages kept to look
// at, for captures. Secrets are replaced by asterisks: what credentials hold beyond the parameters named in shownInAuth,
// passwords in URIs, keys in SDP (a=crypto, a=key-mgmt, k=) and ICE passwords. A body that is neither SDP nor a part of
// a message becomes asterisks whole, since it may be what somebody wrote or dialled. Bodies keep their length, so Content-Length
// holds. The cost is linear in the length.
func Mask(raw []byte) []byte { return mask(make([]byte, 0, len(raw)), raw, 0) }

// maxMaskDepth bounds the messages and multiparts inside of one another that are looked into.
const maxMaskDepth = 3

func mask(dst, raw []byte, depth int) []byte {
	for depth == 0 && len(raw) > 0 && isLineEnd(raw[0]) { // keep-alives before a message
		dst, raw = append(dst, raw[0]), raw[1:]
	}
	contentType := ""
	for len(raw) > 0 {
		n, blank := maskedLine(raw)
		l := raw[:n]
		raw = raw[n:]
		if blank {
			return maskBody(append(dst, l...), raw, contentType, depth)
		}
		colon := bytes.IndexByte(l, ':')
		if colon < 0 || isSDPLine(l) {
			dst = maskSDPLine(dst, l) // what looks like a header may be a body whose header was lost
			continue
		}
		switch id := Lookup(trim(view(l[:colon]))); id {
		case HAuthorization, HProxyAuthorization, HWWWAuthenticate, HProxyAuthenticate, HAuthenticationInfo:
			dst = append(dst, l[:colon+1]...)
			dst = maskCredentials(dst, l[colon+1:], id == HAuthenticationInfo)
		case HContentType, HContentEncoding:
			if id == HContentEncoding || contentType != "" {
				contentType = "unreadable" // two types are none
			} else {
				contentType = strings.NewReplacer("\r", " ", "\n", " ").Replace(view(l[colon+1:]))
			}
			dst = append(dst, l...)
		default:
			dst = maskURIs(dst, l)
		}
	}
	return dst
}

// maskedLine is the length of the first header line with all lines folded to it and its line end, and whether it is blank. A
// CR by itself ends a line as well: some reader may take it so.
func maskedLine(b []byte) (n int, blank bool) {
	for {
		i := bytes.IndexAny(b[n:], "\r\n")
		if i < 0 {
			return len(b), false
		}
		blank = n+i == 0
		n += i + 1
		if b[n-1] == '\r' && n < len(b) && b[n] == '\n' {
			n++
		}
		if blank || n >= len(b) || b[n] != ' ' && b[n] != '\t' {
			return n, blank
		}
	}
}

// shownInAuth are the parameters of credentials and challenges that are no secret.
var shownInAuth = [...]string{"username", "realm", "nonce", "uri", "algorithm", "qop", "nc", "opaque", "stale", "domain", "charset", "userhash"}

// maskCredentials appends the value of a header of authentication, line end included. bare is for one without a scheme.
func maskCredentials(dst, value []byte, bare bool) []byte {
	s := view(value)
	end := len(s)
	for end > 0 && isLineEnd(s[end-1]) {
		end--
	}
	s, lineEnd := s[:end], s[end:]
	if !bare {
		rest := strings.TrimLeft(s, " \t\r\n")
		n := strings.IndexAny(rest, " \t\r\n")
		if n < 0 || !equalFold(rest[:n], "Digest") {
			scheme := ""
			if n > 0 && isClass(rest[:n], classToken) {
				scheme = rest[:n] + " "
			}
			return append(append(append(append(dst, ' '), scheme...), "***"...), lineEnd...)
		}
		dst = append(append(dst, ' '), rest[:n]...)
		s = rest[n:]
	}
	for first := true; s != ""; first = false {
		var item string
		item, s = cutCredential(s)
		if !first {
			dst = append(dst, ',')
		}
		name, val, _ := strings.Cut(item, "=")
		name, val = strings.Trim(name, " \t\r\n"), strings.Trim(val, " \t\r\n")
		dst = append(dst, ' ')
		switch {
		case !isClass(name, classToken), name == "***":
			dst = append(dst, "***"...)
		case isShown(name, val):
			dst = append(append(append(dst, name...), '='), val...)
		default:
			dst = append(append(dst, name...), "=***"...)
		}
	}
	return append(dst, lineEnd...)
}

func isShown(name, value string) bool {
	if !isClass(value, classToken) {
		if value == "" || value[0] != '"' || quotedEnd(value) != len(value) || strings.ContainsAny(value, "\r\n") {
			return false
		}
	}
	for _, known := range shownInAuth {
		if equalFold(name, known) {
			return true
		}
	}
	return false
}

// cutCredential cuts off the first element of a list that may go over folded lines.
func cutCredential(s string) (item, rest string) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ',':
			return s[:i], s[i+1:]
		case '"':
			n := quotedEnd(s[i:])
			if n < 0 {
				return s, ""
			}
			i += n - 1
		}
	}
	return s, ""
}

// maskURIs appends a line without the passwords of the SIP URIs in it and the credentials among their headers.
func maskURIs(dst, l []byte) []byte {
	at := len(dst)
	for len(l) > 0 {
		i := bytes.IndexByte(l, ':')
		if i < 0 {
			dst = append(dst, l...)
			break
		}
		dst = append(dst, l[:i+1]...)
		scheme := l[:i]
		l = l[i+1:]
		if !endsFold(scheme, "sip") && !endsFold(scheme, "sips") {
			continue
		}
		end := bytes.IndexAny(l, "@<>\" \t\r\n")
		if end < 0 {
			end = len(l)
		}
		if end == len(l) || l[end] != '@' {
			dst, l = append(dst, l[:end]...), l[end:]
			continue
		}
		user, _, found := bytes.Cut(l[:end], []byte{':'})
		dst = append(dst, user...)
		if found {
			dst = append(dst, ":***"...)
		}
		l = l[end:]
	}
	const header = "authorization="
	for i := at; i+len(header) <= len(dst); i++ {
		if lower(dst[i]) != header[0] || !hasPrefixFold(dst[i:], header) {
			continue
		}
		for i += len(header); i < len(dst) && bytes.IndexByte([]byte("&<> \t\r\n"), dst[i]) < 0; i++ {
			dst[i] = '*'
		}
	}
	return dst
}

func endsFold(b []byte, suffix string) bool {
	return len(b) >= len(suffix) && equalFold(view(b[len(b)-len(suffix):]), suffix)
}

func isSDPLine(l []byte) bool { return len(l) > 2 && l[1] == '=' && lower(l[0])-'a' < 26 }

// maskBody appends a body by its type.
func maskBody(dst, body []byte, contentType string, depth int) []byte {
	media, params, _ := strings.Cut(contentType, ";")
	media = strings.TrimSpace(media)
	switch {
	case equalFold(media, "application/sdp"):
		for len(body) > 0 {
			n, _ := maskedLine(body)
			dst = maskSDPLine(dst, body[:n])
			body = body[n:]
		}
		return dst
	case depth < maxMaskDepth && equalFold(media, "message/sipfrag"):
		at := len(dst)
		if dst = mask(dst, body, depth+1); len(dst)-at == len(body) {
			return dst // nothing in it to hide, such as "SIP/2.0 200 OK"
		}
		dst = dst[:at]
	case depth < maxMaskDepth && len(media) > len("multipart/") && equalFold(media[:len("multipart/")], "multipart/"):
		if boundary, ok := Param(params, "boundary"); ok && boundary != "" {
			return maskParts(dst, body, "--"+boundary, depth)
		}
	}
	return append(dst, bytes.Repeat([]byte{'*'}, len(body))...)
}

// maskParts appends a multipart body: the headers of its parts, and their bodies by type.
func maskParts(dst, body []byte, boundary string, depth int) []byte {
	within := false
	for len(body) > 0 {
		next := nextBoundary(body, boundary)
		part := body[:next]
		if next < len(body) { // the line end before a boundary belongs to it
			part = bytes.TrimSuffix(bytes.TrimSuffix(part, []byte{'\n'}), []byte{'\r'})
		}
		lineEnd := body[len(part):next]
		if within {
			at := len(dst)
			if dst = mask(dst, part, depth+1); len(dst)-at != len(part) {
				dst = append(dst[:at], bytes.Repeat([]byte{'*'}, len(part))...)
			}
		} else {
			dst = append(dst, bytes.Repeat([]byte{'*'}, len(part))...)
		}
		dst = append(dst, lineEnd...)
		body = body[next:]
		n := bytes.IndexByte(body, '\n') + 1
		if n == 0 {
			n = len(body)
		}
		rest := min(n, len(boundary))
		dst = append(dst, body[:rest]...)
		for _, c := range body[rest:n] {
			if c != '-' && c != ' ' && c != '\t' && !isLineEnd(c) {
				c = '*'
			}
			dst = append(dst, c)
		}
		body = body[n:]
		within = true
	}
	return dst
}

// nextBoundary is where the next line begins that starts with boundary, the length of body when there is none.
func nextBoundary(body []byte, boundary string) int {
	for at := 0; at < len(body); {
		if bytes.HasPrefix(body[at:], []byte(boundary)) {
			return at
		}
		n := bytes.IndexByte(body[at:], '\n')
		if n < 0 {
			break
		}
		at += n + 1
	}
	return len(body)
}

// maskSDPLine appends a line of SDP without keys and passwords, at its old length.
func maskSDPLine(dst, l []byte) []byte {
	at := len(dst)
	dst = append(dst, l...)
	l = dst[at:]
	end := len(bytes.TrimRight(l, "\r\n"))
	l = l[:end]
	switch {
	case hasPrefixFold(l, "a=crypto:"):
		if !starKeys(l) {
			stars(l[len("a=crypto:"):])
		}
	case hasPrefixFold(l, "a=ice-pwd:"):
		stars(l[len("a=ice-pwd:"):])
	case hasPrefixFold(l, "a=key-mgmt:"):
		stars(l[len("a=key-mgmt:"):])
	case hasPrefixFold(l, "k="):
		stars(l[len("k="):])
	}
	return dst
}

// starKeys covers the keys of an a=crypto line (RFC 4568 section 9.2) and reports whether it found any.
func starKeys(l []byte) (found bool) {
	const inline = "inline:"
	for i := 0; i+len(inline) <= len(l); i++ {
		if !hasPrefixFold(l[i:], inline) {
			continue
		}
		found = true
		for i += len(inline); i < len(l) && l[i] != '|' && l[i] != ';' && l[i] != ' ' && l[i] != '\t'; i++ {
			l[i] = '*'
		}
	}
	return found
}

func stars(b []byte) {
	for i := range b {
		b[i] = '*'
	}
}

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && equalFold(view(b[:len(prefix)]), prefix)
}
