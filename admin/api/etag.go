package api

import (
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// etag makes a strong entity tag of version counters (RFC 9110 section 8.8.3).
func etag(versions ...int64) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, v := range versions {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.FormatInt(v, 10))
	}
	b.WriteByte('"')
	return b.String()
}

// listTag makes a strong entity tag of a list that can be changed as a whole. tag is that of an item; the list has them in its own order,
// whatever the order or the part of it that is shown.
func listTag[T any](list []T, tag func(T) (id, tag string)) string {
	h := fnv.New64a()
	for _, item := range list {
		id, t := tag(item)
		h.Write([]byte(id + t))
	}
	return etag(int64(h.Sum64() >> 1))
}

// Precondition is the part of a changing operation's input that guards against
// lost updates (RFC 9110 section 13.1.1).
type Precondition struct {
	IfMatch string `header:"If-Match" maxLength:"256" doc:"Entity tag that the object must still have. Without it the change is made whatever happened in between."`
}

// check returns a problem with status 412 when the client knows another version
// than the current one.
func (p Precondition) check(current string) error {
	if p.IfMatch == "" || listed(p.IfMatch, current) {
		return nil
	}
	return huma.ErrorWithHeaders(staleModel(current), http.Header{"Etag": {current}})
}

// Conditional is the part of a reading operation's input that spares sending
// what the client has (RFC 9110 section 13.1.2).
type Conditional struct {
	IfNoneMatch string `header:"If-None-Match" maxLength:"256"`
}

// fresh returns a 304 when the client has the current version.
func (c Conditional) fresh(current string) error {
	if c.IfNoneMatch == "" || !listed(strings.ReplaceAll(c.IfNoneMatch, "W/", ""), current) {
		return nil
	}
	return huma.ErrorWithHeaders(huma.Status304NotModified(), http.Header{"Etag": {current}})
}

// listed reports whether a list of entity tags holds the tag. Our tags contain
// no comma.
func listed(list, tag string) bool {
	for t := range strings.SplitSeq(list, ",") {
		if t = strings.TrimSpace(t); t == tag || t == "*" {
			return true
		}
	}
	return false
}
