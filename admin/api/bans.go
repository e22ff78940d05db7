package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// SIPBans is what the SIP side does not listen to now, because too many wrong passwords came.
type SIPBans interface {
	Blocked() []SIPBan
	// Release lets a source, or an account, try again; the other of the two is empty. It reports whether it was blocked.
	Release(source, account string) bool
}

// SIPBan is a source or an account whose passwords are not looked at.
type SIPBan struct {
	Source, Account string // one of the two
	Failures        int
	Until           time.Time
}

// Ban is somebody whose passwords are not looked at for a while, because too many were wrong.
type Ban struct {
	ID       string    `json:"id"`
	Where    string    `json:"where" enum:"sip,login" doc:"Telephones, or logins to these pages and the API"`
	Source   string    `json:"source,omitempty" doc:"Address, or network of an IPv6 address; alone it stands for everybody there"`
	Account  string    `json:"account,omitempty" doc:"SIP user name, or user name as it was typed"`
	Username string    `json:"username,omitempty" doc:"Whose account it is, when there is one"`
	SlotID   string    `json:"slot_id,omitempty" doc:"Which slot it is"`
	Failures int       `json:"failures,omitempty" doc:"Wrong passwords that count"`
	Until    time.Time `json:"until" doc:"When the next one is looked at, if no further wrong one comes"`
}

// banID names a ban. It holds what is banned, so nothing has to be kept.
func banID(where, source, account string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(where + "\n" + source + "\n" + account))
}

// Where bans are.
const (
	banSIP   = "sip"
	banLogin = "login"
)

func (a *API) registerBans() {
	register(a, operation{
		id: "list-bans", method: http.MethodGet, path: "/api/bans", tag: "system", access: adminOnly,
		summary: "List whose passwords are not looked at now, because too many were wrong", doc: "What lasts longest stands first.",
	}, a.listBans)
	register(a, operation{
		id: "delete-ban", method: http.MethodDelete, path: "/api/bans/{id}", tag: "system", access: adminOnly,
		summary: "Let somebody try again at once", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, a.deleteBan)
}

func (a *API) bans() []Ban {
	snap := a.deps.Store.Snapshot()
	var out []Ban
	for _, b := range a.deps.Bans.Blocked() {
		v := Ban{ID: banID(banSIP, b.Source, b.Account), Where: banSIP, Source: b.Source, Account: b.Account, Failures: b.Failures, Until: b.Until}
		if s := slotOf(snap, b.Account); s != nil {
			v.SlotID, v.Username = s.ID, username(snap, s.UserID)
		}
		out = append(out, v)
	}
	for _, b := range a.deps.Door.Blocks(time.Now()) {
		v := Ban{ID: banID(banLogin, b.Source, b.Account), Where: banLogin, Source: b.Source, Account: b.Account, Until: b.Until}
		if u := snap.ByName[b.Account]; u != nil {
			v.Username = u.Username
		}
		out = append(out, v)
	}
	slices.SortStableFunc(out, func(x, y Ban) int { return cmp.Or(y.Until.Compare(x.Until), cmp.Compare(x.ID, y.ID)) })
	return out
}

// slotOf finds the slot of a SIP account.
func slotOf(snap *directory.Snapshot, account string) *directory.Slot {
	if account == "" {
		return nil
	}
	for _, s := range snap.Slots {
		if s.SIPUsername == account {
			return s
		}
	}
	return nil
}

func (a *API) listBans(_ context.Context, in *struct {
	Listing
	Where string `query:"where" enum:"sip,login"`
	Sort  string `query:"sort" enum:"until,-until,where,-where,source,-source,account,-account,failures,-failures" default:"-until"`
},
) (*listOutput[Ban], error) {
	all := catalogue[Ban]{
		id:   func(b Ban) string { return b.ID },
		text: func(b Ban) string { return strings.Join([]string{b.Source, b.Account, b.Username}, "\n") },
		order: map[string]func(Ban) string{
			"until":    func(b Ban) string { return byTime(b.Until) },
			"where":    func(b Ban) string { return b.Where },
			"source":   func(b Ban) string { return byText(b.Source) },
			"account":  func(b Ban) string { return byText(b.Account) },
			"failures": func(b Ban) string { return byCount(b.Failures) },
		},
	}
	items := func(yield func(Ban) bool) {
		for _, b := range a.bans() {
			if (in.Where == "" || b.Where == in.Where) && !yield(b) {
				return
			}
		}
	}
	return pageOf(all.find(in.Filter, in.Sort, items), &in.Listing, func(b Ban) Ban { return b })
}

func (a *API) deleteBan(ctx context.Context, in *struct {
	ID string `path:"id" maxLength:"400"`
},
) (*struct{}, error) {
	text, _ := base64.RawURLEncoding.DecodeString(in.ID)
	part := strings.SplitN(string(text), "\n", 3)
	released := false
	if len(part) == 3 {
		switch part[0] {
		case banSIP:
			released = a.deps.Bans.Release(part[1], part[2])
		case banLogin:
			released = a.deps.Door.Release(part[2], part[1], time.Now())
		}
	}
	if !released {
		return nil, fault(http.StatusNotFound, "", "nothing of that kind is banned (any more)")
	}
	a.act(ctx, "release", "ban", part[0], strings.TrimSpace(part[2]+" "+part[1]))
	return nil, nil
}
