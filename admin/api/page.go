package api

import (
	"cmp"
	"encoding/base64"
	"iter"
	"slices"
	"unicode/utf8"
)

// List is a page of a list. Next is the cursor of the following page, empty at
// the end.
type List[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next" doc:"Cursor of the following page, empty at the end"`
}

// Page is the part of a listing operation's input that says which page.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Items on a page"`
	Cursor string `query:"cursor" maxLength:"256" doc:"Where the page begins, from next of the page before"`
}

// key is what the cursor stands for: the key of the last item of the page before.
func (p Page) key() (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil || !utf8.Valid(b) {
		return "", invalid("query.cursor", "is not a cursor of this list")
	}
	return string(b), nil
}

func cursor(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// cutPage takes the first limit of items, which are one more if there is a
// following page.
func cutPage[T any](items []T, limit int, key func(T) string) List[T] {
	l := List[T]{Items: items}
	if l.Items == nil {
		l.Items = []T{}
	}
	if len(items) > limit {
		l.Items = items[:limit]
		l.Next = cursor(key(items[limit-1]))
	}
	return l
}

// pageBy makes the page of a list that is ordered by a key, which no two items share.
func pageBy[T, V any](in *Page, items iter.Seq[T], key func(T) string, view func(T) V) (*listOutput[V], error) {
	after, err := in.key()
	if err != nil {
		return nil, err
	}
	rest := slices.SortedFunc(func(yield func(T) bool) {
		for item := range items {
			if key(item) > after && !yield(item) {
				return
			}
		}
	}, func(x, y T) int { return cmp.Compare(key(x), key(y)) })
	page := cutPage(rest[:min(len(rest), in.Limit+1)], in.Limit, key)
	out := &listOutput[V]{List[V]{Items: make([]V, len(page.Items)), Next: page.Next}}
	for i, item := range page.Items {
		out.Body.Items[i] = view(item)
	}
	return out, nil
}

// objectOutput is one object as the answer of an operation.
type objectOutput[T any] struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     T
}
