package api

import (
	"cmp"
	"encoding/base64"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// List is a page of a list. Next is the cursor of the following page, empty at the end.
type List[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Total int    `json:"total" doc:"Items on all pages together"`
	Next  string `json:"next" doc:"Cursor of the following page, empty at the end"`
}

// listOutput is a page as the answer of an operation.
type listOutput[T any] struct{ Body List[T] }

// taggedList is a page of a list that can be changed as a whole.
type taggedList[T any] struct {
	ETag string `header:"ETag"`
	Body List[T]
}

// tagged adds an entity tag to a list.
func tagged[T any](l *listOutput[T], tag string) *taggedList[T] { return &taggedList[T]{tag, l.Body} }

// LogPage is a page of what is kept in the order in which it happened.
type LogPage[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Total *int   `json:"total,omitempty" nullable:"false" doc:"Items on all pages together; left out when counting them would take long"`
	Next  string `json:"next" doc:"Cursor of the following page, empty at the end"`
}

type logOutput[T any] struct{ Body LogPage[T] }

// whole answers a list that is short enough for one page.
func whole[T any](items []T) *listOutput[T] {
	return &listOutput[T]{List[T]{Items: notNil(items), Total: len(items)}}
}

// Page is the part of a listing operation's input that says which page.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Items on a page"`
	Cursor string `query:"cursor" maxLength:"512" doc:"Where the page begins, from next of the page before. It stays right while items come and go"`
}

// key is what the cursor stands for: the place of the last item of the page before.
func (p Page) key() (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil || !utf8.Valid(b) {
		return "", invalid("query.cursor", "is not a cursor of this list")
	}
	return string(b), nil
}

func cursor(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// Listing is the part of the input of an operation whose list can be searched. The order is beside it, since its columns are those of the list.
type Listing struct {
	Page
	Offset int    `query:"offset" minimum:"0" maximum:"10000000" doc:"Where the page begins, as a count of items; not together with cursor"`
	Filter string `query:"filter" maxLength:"100" doc:"Words that must all occur in an item. Case and accents do not count"`
}

// catalogue says how the items of a list are searched and put in order.
type catalogue[T any] struct {
	// id is what no two items share. It decides where the order leaves two items equal.
	id func(T) string
	// text is what the filter looks in.
	text func(T) string
	// order holds, by column, what items are sorted by: see byText and its like. Its names stand in the enum of the operation.
	order map[string]func(T) string
}

// placed is an item with its place in the order.
type placed[T any] struct {
	key, id string
	item    T
}

func (p *placed[T]) compare(key, id string) int {
	return cmp.Or(cmp.Compare(p.key, key), cmp.Compare(p.id, id))
}

// found are the items that the filter selects, in order.
type found[T any] struct {
	items []placed[T]
	order string // the column, with "-" before it for the other way round
}

// find selects and sorts.
func (c *catalogue[T]) find(filter, order string, items iter.Seq[T]) found[T] {
	words := strings.Fields(fold(filter))
	column, down := strings.CutPrefix(order, "-")
	by := c.order[column]
	if by == nil { // the enum lets no other name through
		by = func(T) string { return "" }
	}
	out := found[T]{order: order}
	for item := range items {
		if len(words) == 0 || contains(fold(c.text(item)), words) {
			out.items = append(out.items, placed[T]{by(item), c.id(item), item})
		}
	}
	slices.SortFunc(out.items, func(x, y placed[T]) int {
		if down {
			return y.compare(x.key, x.id)
		}
		return x.compare(y.key, y.id)
	})
	return out
}

func contains(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// begin is the index of the first item of a page.
func (f *found[T]) begin(in *Listing) (int, error) {
	if in.Cursor == "" {
		return min(in.Offset, len(f.items)), nil
	}
	if in.Offset > 0 {
		return 0, invalid("query.offset", "does not go together with cursor")
	}
	place, err := in.key()
	if err != nil {
		return 0, err
	}
	part := strings.SplitN(place, "\n", 3)
	if len(part) != 3 || part[0] != f.order {
		return 0, invalid("query.cursor", "is not a cursor of this list in this order")
	}
	down := strings.HasPrefix(f.order, "-")
	i, same := slices.BinarySearchFunc(f.items, part, func(p placed[T], part []string) int {
		if down {
			return -p.compare(part[1], part[2])
		}
		return p.compare(part[1], part[2])
	})
	if same {
		i++
	}
	return i, nil
}

// pageOf makes a page of what was found.
func pageOf[T, V any](f found[T], in *Listing, view func(T) V) (*listOutput[V], error) {
	begin, err := f.begin(in)
	if err != nil {
		return nil, err
	}
	end := min(begin+in.Limit, len(f.items))
	out := &listOutput[V]{List[V]{Items: make([]V, 0, end-begin), Total: len(f.items)}}
	for _, p := range f.items[begin:end] {
		out.Body.Items = append(out.Body.Items, view(p.item))
	}
	if end < len(f.items) {
		last := &f.items[end-1]
		out.Body.Next = cursor(f.order + "\n" + last.key + "\n" + last.id)
	}
	return out, nil
}

// objectOutput is one object as the answer of an operation.
type objectOutput[T any] struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     T
}
