package api

import (
	"hash/fnv"
	"strconv"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// parametersPatch changes what a group gives to its members.
type parametersPatch struct {
	CallWaiting Field[bool]   `json:"call_waiting,omitempty"`
	BusyOnAny   Field[bool]   `json:"busy_on_any,omitempty"`
	MaxCalls    Field[int]    `json:"max_calls,omitempty" minimum:"0" maximum:"10000"`
	RingInside  Field[string] `json:"ring_inside,omitempty" pattern:"^(Bellcore-dr[1-8])?$" patternDescription:"empty or Bellcore-dr1 to Bellcore-dr8"`
	RingOutside Field[string] `json:"ring_outside,omitempty" pattern:"^(Bellcore-dr[1-8])?$" patternDescription:"empty or Bellcore-dr1 to Bellcore-dr8"`
	Language    Field[string] `json:"language,omitempty" enum:"de,en"`
	TimeZone    Field[string] `json:"time_zone,omitempty" maxLength:"64"`
	HideInside  Field[bool]   `json:"hide_number_inside,omitempty"`
	HideOutside Field[bool]   `json:"hide_number_outside,omitempty"`
}

// apply changes what the body names; null means that the group gives it no more.
func (b *parametersPatch) apply(p *directory.Parameters) {
	b.CallWaiting.applyGiven(&p.CallWaiting)
	b.BusyOnAny.applyGiven(&p.BusyOnAny)
	b.MaxCalls.applyGiven(&p.MaxCalls)
	b.RingInside.applyGiven(&p.RingInside)
	b.RingOutside.applyGiven(&p.RingOutside)
	b.Language.applyGiven(&p.Language)
	b.TimeZone.applyGiven(&p.TimeZone)
	b.HideInside.applyGiven(&p.HideInside)
	b.HideOutside.applyGiven(&p.HideOutside)
}

// applyGiven is apply for what a group gives or does not give.
func (f Field[T]) applyGiven(dst **T) {
	switch {
	case f.Null:
		*dst = nil
	case f.Set:
		*dst = new(f.Value)
	}
}

// Inherited tells of each setting that is not the object's own where it comes from, by name of the field.
type Inherited map[string]Giver

// Giver is the group that gives a setting.
type Giver struct {
	Group string `json:"group" doc:"Name of the group that gives it, empty when none does and the system's setting holds"`
	Title string `json:"title" doc:"Its title"`
}

// inherited are the settings of a kind that are not an object's own.
func inherited(snap *directory.Snapshot, kind, own directory.Settings, from directory.Sources) Inherited {
	v := Inherited{}
	for _, s := range (kind &^ own).Each() {
		var by Giver
		if g := snap.Groups[from.Of(s)]; g != nil {
			by = Giver{g.Name, g.Title}
		}
		v[s.String()] = by
	}
	return v
}

// fromTag adds to an entity tag what groups give, which changes without the object's version.
func fromTag(snap *directory.Snapshot, from directory.Sources, versions ...int64) string {
	if len(from) == 0 {
		return etag(versions...)
	}
	h := fnv.New64a()
	for _, f := range from {
		if g := snap.Groups[f.Group]; g != nil {
			h.Write([]byte(f.Setting.String() + " " + g.ID + " " + strconv.FormatInt(g.Version, 10) + "\n"))
		}
	}
	return etag(append(versions, int64(h.Sum64()>>1))...)
}
