package api

import (
	"context"
	"maps"
	"net/http"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// Calendar is a calendar that rules name. Its entries are the time it stands for, such as opening hours.
type Calendar struct {
	ID      string             `json:"id"`
	Name    string             `json:"name"`
	Zone    string             `json:"zone"`
	State   string             `json:"state"`
	Own     []calendar.Holiday `json:"own" nullable:"false"`
	Entries []calendar.Entry   `json:"entries" nullable:"false"`
}

// CalendarSpan is a time during which the same entry of a calendar holds.
type CalendarSpan struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until,omitzero" doc:"Left out when no change is to come within two years"`
	Entry *int      `json:"entry" doc:"Index of the entry, null when none holds"`
	Name  string    `json:"name" doc:"Name of the entry"`
}

// CalendarDay is a holiday.
type CalendarDay struct {
	Date string `json:"date" example:"2026-12-25"`
	Name string `json:"name"`
}

// CalendarPreview shows what a calendar does.
type CalendarPreview struct {
	Items     []CalendarSpan `json:"items" nullable:"false" doc:"The first one holds at the time asked for"`
	Holidays  []CalendarDay  `json:"holidays" nullable:"false" doc:"Holidays of those days"`
	Truncated bool           `json:"truncated" doc:"There are more changes than are listed"`
}

// Holiday is a public holiday of a state.
type Holiday struct {
	Date string `json:"date" example:"2026-12-25"`
	De   string `json:"de"`
	En   string `json:"en"`
}

type CalendarPath struct {
	ID string `path:"id" maxLength:"64"`
}

type createCalendarInput struct {
	Body struct {
		Name    string             `json:"name" minLength:"1" maxLength:"128" example:"Öffnungszeiten"`
		Zone    string             `json:"zone" maxLength:"64" doc:"Name of the time zone in the IANA list" example:"Europe/Berlin"`
		State   string             `json:"state,omitempty" maxLength:"2" doc:"German state whose public holidays count, empty for none" example:"HE"`
		Own     []calendar.Holiday `json:"own,omitempty" maxItems:"200" doc:"Holidays of one's own"`
		Entries []calendar.Entry   `json:"entries" maxItems:"200" doc:"At every moment the first one that matches holds"`
	}
}

type patchCalendarInput struct {
	CalendarPath
	Precondition
	Body struct {
		Name    Field[string]             `json:"name,omitempty" minLength:"1" maxLength:"128"`
		Zone    Field[string]             `json:"zone,omitempty" maxLength:"64"`
		State   Field[string]             `json:"state,omitempty" maxLength:"2"`
		Own     Field[[]calendar.Holiday] `json:"own,omitempty" maxItems:"200" doc:"Replaces all"`
		Entries Field[[]calendar.Entry]   `json:"entries,omitempty" maxItems:"200" doc:"Replaces all"`
	}
}

type calendarOutput = objectOutput[Calendar]

func calendarView(c *directory.Calendar) Calendar {
	return Calendar{ID: c.ID, Name: c.Name, Zone: c.Spec.Zone, State: c.Spec.State, Own: notNil(c.Spec.Own), Entries: notNil(c.Spec.Entries)}
}

func calendarAnswer(c *directory.Calendar) *calendarOutput {
	return &calendarOutput{ETag: etag(c.Version), Body: calendarView(c)}
}

func findCalendar(snap *directory.Snapshot, id string) (*directory.Calendar, error) {
	if c := snap.Calendars[id]; c != nil {
		return c, nil
	}
	return nil, notFound("calendar", id)
}

func (a *API) registerCalendars() {
	const path, one = "/api/calendars", "/api/calendars/{id}"
	register(a, operation{
		id: "list-calendars", method: http.MethodGet, path: path, tag: "forwarding", access: ownOnly,
		summary: "List calendars", doc: "Everybody sees them, since everybody's rules may name them.",
	}, a.listCalendars)
	register(a, operation{
		id: "create-calendar", method: http.MethodPost, path: path, tag: "forwarding", access: adminOnly,
		summary: "Create a calendar", status: http.StatusCreated, errors: []int{http.StatusConflict},
	}, a.createCalendar)
	register(a, operation{
		id: "get-calendar", method: http.MethodGet, path: one, tag: "forwarding", access: ownOnly,
		summary: "Show a calendar", errors: []int{http.StatusNotFound},
	}, a.getCalendar)
	register(a, operation{
		id: "patch-calendar", method: http.MethodPatch, path: one, tag: "forwarding", access: adminOnly,
		summary: "Change a calendar", doc: "The change is in force for the next call.",
		errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, a.patchCalendar)
	register(a, operation{
		id: "delete-calendar", method: http.MethodDelete, path: one, tag: "forwarding", access: adminOnly,
		summary: "Delete a calendar", doc: "One that a rule names is kept.",
		status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, a.deleteCalendar)
	register(a, operation{
		id: "preview-calendar", method: http.MethodGet, path: one + "/preview", tag: "forwarding", access: ownOnly,
		summary: "Show which entry of a calendar holds when", doc: "Bounded to 200 changes.", errors: []int{http.StatusNotFound},
	}, a.previewCalendar)
	register(a, operation{
		id: "list-holidays", method: http.MethodGet, path: "/api/holidays", tag: "forwarding", access: ownOnly,
		summary: "List the public holidays of a German state", doc: "By the laws of 2026.",
	}, a.listHolidays)
}

type listCalendarsInput struct {
	Listing
	Sort string `query:"sort" enum:"name,-name,zone,-zone,state,-state" default:"name"`
}

func (a *API) listCalendars(_ context.Context, in *listCalendarsInput) (*listOutput[Calendar], error) {
	all := catalogue[*directory.Calendar]{
		id:   func(c *directory.Calendar) string { return c.ID },
		text: func(c *directory.Calendar) string { return c.Name + "\n" + c.Spec.Zone + "\n" + c.Spec.State },
		order: map[string]func(*directory.Calendar) string{
			"name":  func(c *directory.Calendar) string { return byText(c.Name) },
			"zone":  func(c *directory.Calendar) string { return byText(c.Spec.Zone) },
			"state": func(c *directory.Calendar) string { return byText(c.Spec.State) },
		},
	}
	return pageOf(all.find(in.Filter, in.Sort, maps.Values(a.deps.Store.Snapshot().Calendars)), &in.Listing, calendarView)
}

func (a *API) createCalendar(ctx context.Context, in *createCalendarInput) (*calendarOutput, error) {
	b := &in.Body
	var out *calendarOutput
	err := a.change(ctx, func(tx Tx) error {
		c, err := tx.CreateCalendar(directory.Calendar{Name: b.Name, Spec: calendar.Spec{Zone: b.Zone, State: b.State, Own: b.Own, Entries: b.Entries}})
		if err != nil {
			return err
		}
		out = calendarAnswer(c)
		out.Location = "/api/calendars/" + c.ID
		return nil
	})
	return out, err
}

func (a *API) getCalendar(_ context.Context, in *struct {
	CalendarPath
	Conditional
},
) (*calendarOutput, error) {
	c, err := findCalendar(a.deps.Store.Snapshot(), in.ID)
	if err != nil {
		return nil, err
	}
	return calendarAnswer(c), in.fresh(etag(c.Version))
}

func (a *API) patchCalendar(ctx context.Context, in *patchCalendarInput) (*calendarOutput, error) {
	b := &in.Body
	var out *calendarOutput
	err := a.change(ctx, func(tx Tx) error {
		c, err := findCalendar(tx.Snapshot(), in.ID)
		if err != nil {
			return err
		}
		if err := in.check(etag(c.Version)); err != nil {
			return err
		}
		changed, err := tx.UpdateCalendar(c.ID, c.Version, func(c *directory.Calendar) {
			b.Name.apply(&c.Name, c.Name)
			b.Zone.apply(&c.Spec.Zone, c.Spec.Zone)
			b.State.apply(&c.Spec.State, "")
			b.Own.apply(&c.Spec.Own, nil)
			b.Entries.apply(&c.Spec.Entries, nil)
		})
		if err != nil {
			return err
		}
		out = calendarAnswer(changed)
		return nil
	})
	return out, err
}

func (a *API) deleteCalendar(ctx context.Context, in *struct {
	CalendarPath
	Precondition
},
) (*struct{}, error) {
	return nil, a.change(ctx, func(tx Tx) error {
		snap := tx.Snapshot()
		c, err := findCalendar(snap, in.ID)
		if err != nil {
			return err
		}
		if err := in.check(etag(c.Version)); err != nil {
			return err
		}
		if refs := snap.ReferencesToCalendar(c.ID); len(refs) > 0 {
			return needed("calendar "+c.Name, snap, refs)
		}
		return tx.DeleteCalendar(c.ID, c.Version)
	})
}

// needed refuses to remove what rules name, and names some of them.
func needed(what string, snap *directory.Snapshot, refs []directory.Reference) error {
	const most = 10
	p := fault(http.StatusConflict, problemNeeded, what+" is needed by "+snap.In(refs[0])+": change that first")
	for _, r := range refs[:min(len(refs), most)] {
		p.Errors = append(p.Errors, problemDetail(r.Kind+"["+r.ID+"]."+r.Field, "names it: "+snap.In(r)))
	}
	return p
}

func (a *API) previewCalendar(_ context.Context, in *struct {
	CalendarPath
	From time.Time `query:"from" doc:"From when on; now if left out"`
	Days int       `query:"days" minimum:"1" maximum:"366" default:"14"`
},
) (*struct{ Body CalendarPreview }, error) {
	c, err := findCalendar(a.deps.Store.Snapshot(), in.ID)
	if err != nil {
		return nil, err
	}
	at := in.From
	if at.IsZero() {
		at = time.Now()
	}
	if err := inTime("query.from", at); err != nil {
		return nil, err
	}
	compiled, problems := calendar.Compile(c.Spec)
	if len(problems) > 0 { // only old data can have them
		return nil, fault(http.StatusConflict, problemConfiguration, "this calendar cannot be used: "+problems[0].Error())
	}
	return &struct{ Body CalendarPreview }{preview(compiled, c.Spec.Entries, at, in.Days)}, nil
}

func preview(c *calendar.Calendar, entries []calendar.Entry, at time.Time, days int) CalendarPreview {
	v := CalendarPreview{Items: []CalendarSpan{}, Holidays: []CalendarDay{}}
	at = at.In(c.Location())
	end := at.AddDate(0, 0, days)
	noon := time.Date(at.Year(), at.Month(), at.Day(), 12, 0, 0, 0, c.Location())
	for d := 0; d < days; d++ {
		day := noon.AddDate(0, 0, d)
		if name, ok := c.Holiday(day); ok {
			v.Holidays = append(v.Holidays, CalendarDay{day.Format(time.DateOnly), name})
		}
	}
	for at.Before(end) {
		if len(v.Items) == maxAhead {
			v.Truncated = true
			break
		}
		span := CalendarSpan{From: at}
		if i := c.At(at); i >= 0 {
			span.Entry, span.Name = &i, entries[i].Name
		}
		next, changes := c.Next(at)
		if changes {
			span.Until = next
		}
		v.Items = append(v.Items, span)
		if at = next; !changes {
			break
		}
	}
	return v
}

func (a *API) listHolidays(_ context.Context, in *struct {
	State string `query:"state" required:"true" maxLength:"2" enum:"BB,BE,BW,BY,HB,HE,HH,MV,NI,NW,RP,SH,SL,SN,ST,TH" example:"HE"`
	Year  int    `query:"year" required:"true" minimum:"1970" maximum:"2999" example:"2026"`
},
) (*listOutput[Holiday], error) {
	var out []Holiday
	for _, h := range calendar.Holidays(in.State, in.Year) {
		out = append(out, Holiday{h.Date.String(), h.De, h.En})
	}
	return whole(out), nil
}
