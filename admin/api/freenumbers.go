package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
)

// maxFreeDistance bounds how far from the wish free numbers are searched.
const maxFreeDistance = 100_000

// FreeNumbers are numbers that nobody has.
type FreeNumbers struct {
	Items []string `json:"items" nullable:"false" doc:"The nearest ones, in ascending order"`
}

type freeNumbersInput struct {
	Near  string `query:"near" pattern:"^[0-9]{1,15}$" patternDescription:"1 to 15 digits" doc:"Numbers of as many digits near this one; without it near the numbers that are in use" example:"416"`
	Count int    `query:"count" minimum:"1" maximum:"100" default:"10"`
}

func (a *API) registerFreeNumbers() {
	register(a, operation{
		id: "list-free-numbers", method: http.MethodGet, path: "/api/numbers/free", tag: "users", access: adminOnly,
		summary: "List free numbers", doc: "Numbers without an owner that no emergency number and no function code stands in the way of.",
	}, a.freeNumbers)
}

func (a *API) freeNumbers(_ context.Context, in *freeNumbersInput) (*struct{ Body FreeNumbers }, error) {
	near := in.Near
	if near == "" {
		near = a.commonNumber()
	}
	table, _ := a.deps.Routing()
	out := &struct{ Body FreeNumbers }{FreeNumbers{Items: []string{}}}
	found := &out.Body.Items
	up, down := near, near
	if table.Free(near) {
		*found = append(*found, near)
	}
	for range maxFreeDistance {
		up, down = following(up), previous(down)
		for _, n := range []string{up, down} {
			if n != "" && len(*found) < in.Count && table.Free(n) {
				*found = append(*found, n)
			}
		}
		if len(*found) >= in.Count || up == "" && down == "" {
			break
		}
	}
	slices.Sort(*found)
	return out, nil
}

// commonNumber is the highest number of the commonest length, near which the plan grows.
func (a *API) commonNumber() string {
	var count [16]int
	var highest [16]string
	for n := range a.deps.Store.Snapshot().Numbers {
		count[len(n)%16]++
		highest[len(n)%16] = max(highest[len(n)%16], n)
	}
	best := 0
	for i := range count {
		if count[i] > count[best] {
			best = i
		}
	}
	if highest[best] == "" {
		return "200" // an empty plan begins somewhere
	}
	return highest[best]
}

// following is the next number of as many digits, empty at the end; an empty number has none.
func following(number string) string { return neighbour(number, 1) }

// previous is the number before.
func previous(number string) string { return neighbour(number, -1) }

func neighbour(number string, step int64) string {
	v, err := strconv.ParseInt(number, 10, 64)
	if v += step; err != nil || v < 0 {
		return ""
	}
	text := strconv.FormatInt(v, 10)
	for len(text) < len(number) {
		text = "0" + text
	}
	if len(text) > len(number) {
		return ""
	}
	return text
}
