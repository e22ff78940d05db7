package admin_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/admin/auth/authtest"
)

// here is where the rig's requests go.
var here = auth.Site{ID: "kf.example", Origin: "http://kf.example", Name: "Koppelfeld"}

// secondNeeded is the problem document of a login that needs more.
type secondNeeded struct {
	Type, Ticket string
	Factors      []string
}

// first logs in with the password and returns what else is needed.
func (r *rig) first(username string) secondNeeded {
	r.t.Helper()
	var p secondNeeded
	r.want(401, "", "POST", "/api/session", fmt.Sprintf(`{"username":%q,"password":%q}`, username, password)).decode(&p)
	if p.Type != "urn:koppelfeld:problem:second-factor" || p.Ticket == "" {
		r.t.Fatalf("login: %+v", p)
	}
	return p
}

func TestSecondFactor(t *testing.T) {
	r := newRig(t)
	const path = "/api/users/adele.admin/factors"
	var made struct{ Secret, URI string }
	a := r.want(200, "adele.admin", "POST", path+"/totp", "")
	a.decode(&made)
	if a.Header().Get("Cache-Control") != "no-store" || !strings.HasPrefix(made.URI, "otpauth://totp/") || !strings.Contains(made.URI, made.Secret) {
		t.Errorf("%v %+v", a.Header(), made)
	}
	r.want(422, "adele.admin", "PUT", path+"/totp", `{"code":"000000"}`)
	now := time.Now()
	code, err := totp.GenerateCode(made.Secret, now)
	if err != nil {
		t.Fatal(err)
	}
	var codes struct {
		Recovery []string `json:"recovery_codes"`
	}
	r.want(200, "adele.admin", "PUT", path+"/totp", `{"code":"`+code+`"}`).decode(&codes)
	if len(codes.Recovery) != 10 {
		t.Fatalf("recovery codes: %v", codes)
	}
	var v struct {
		Factors []string
		Token   string
	}
	r.want(200, "adele.admin", "GET", "/api/session", "").decode(&v)
	if !slices.Equal(v.Factors, []string{"totp", "recovery"}) {
		t.Errorf("session tells %v", v.Factors)
	}
	p := r.first("adele.admin")
	second := func(status int, proof string) {
		t.Helper()
		r.want(status, "", "POST", "/api/session/second", fmt.Sprintf(`{"ticket":%q,%s}`, p.Ticket, proof)).decode(&v)
	}
	second(401, `"totp":"000000"`)
	second(422, `"totp":"000000","recovery":"x"`)
	next, err := totp.GenerateCode(made.Secret, now.Add(30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	second(200, `"totp":"`+next+`"`)
	r.want(200, "", "GET", "/api/users", "", "Authorization", "Bearer "+v.Token)
	p = r.first("adele.admin")
	second(200, `"recovery":"`+codes.Recovery[3]+`"`)
	var again struct {
		Recovery []string `json:"recovery_codes"`
	}
	r.want(200, "adele.admin", "POST", path+"/recovery", "").decode(&again)
	p = r.first("adele.admin")
	second(401, `"recovery":"`+codes.Recovery[4]+`"`)
	second(200, `"recovery":"`+again.Recovery[4]+`"`)
	r.want(204, "supervisor", "DELETE", path+"/totp", "") // by another administrator
	r.want(200, "", "POST", "/api/session", `{"username":"adele.admin","password":"`+password+`"}`)
	audit := r.want(200, "supervisor", "GET", "/api/audit?limit=100", "").Body.String()
	for _, want := range []string{`"remove_factor"`, `"confirm_factor"`, `"login_totp"`, `"login_recovery"`} {
		if !strings.Contains(audit, want) {
			t.Errorf("the audit log lacks %s", want)
		}
	}
	for _, secret := range append([]string{made.Secret, v.Token}, again.Recovery...) {
		if strings.Contains(audit+r.log.String(), secret) {
			t.Error("a secret is in the log or the audit log")
		}
	}
}

// question is what a passkey is asked.
type question struct {
	ID        string
	PublicKey json.RawMessage
}

func TestPasskeys(t *testing.T) {
	r := newRig(t)
	const path = "/api/users/armin.artmann/factors"
	var q question
	r.want(200, "armin.artmann", "POST", path+"/passkeys/options", "").decode(&q)
	key, answer := authtest.Make(t, q.PublicKey, here.Origin)
	var made struct {
		ID, Name string
		Codes    []string `json:"recovery_codes"`
	}
	r.want(201, "armin.artmann", "POST", path+"/passkeys", fmt.Sprintf(`{"question":%q,"name":"Laptop","credential":%s}`, q.ID, answer)).decode(&made)
	if made.Name != "Laptop" || len(made.Codes) != 10 {
		t.Errorf("made %+v", made)
	}
	r.want(422, "armin.artmann", "POST", path+"/passkeys", fmt.Sprintf(`{"question":%q,"credential":%s}`, q.ID, answer))
	var v struct{ Username, Token string }

	r.want(200, "", "POST", "/api/session/passkey/options", `{}`).decode(&q) // alone
	r.want(200, "", "POST", "/api/session/passkey", fmt.Sprintf(`{"question":%q,"credential":%s}`, q.ID, key.Sign(q.PublicKey))).decode(&v)
	r.want(200, "", "GET", path, "", "Authorization", "Bearer "+v.Token)
	if v.Username != "armin.artmann" {
		t.Errorf("session of %s", v.Username)
	}

	p := r.first("armin.artmann") // after the password
	r.want(200, "", "POST", "/api/session/passkey/options", fmt.Sprintf(`{"ticket":%q}`, p.Ticket)).decode(&q)
	r.want(200, "", "POST", "/api/session/second", fmt.Sprintf(`{"ticket":%q,"question":%q,"passkey":%s}`, p.Ticket, q.ID, key.Sign(q.PublicKey)))

	p = r.first("armin.artmann")
	r.want(200, "", "POST", "/api/session/passkey/options", fmt.Sprintf(`{"ticket":%q}`, p.Ticket)).decode(&q)
	key.Origin = "http://evil.example"
	r.want(401, "", "POST", "/api/session/second", fmt.Sprintf(`{"ticket":%q,"question":%q,"passkey":%s}`, p.Ticket, q.ID, key.Sign(q.PublicKey)))
	r.want(204, "armin.artmann", "DELETE", path+"/passkeys/"+made.ID, "")
	r.want(404, "armin.artmann", "DELETE", path+"/passkeys/"+made.ID, "")
}

func TestSessionsOfOneself(t *testing.T) {
	r := newRig(t)
	r.token("armin.artmann")
	other := r.want(200, "", "POST", "/api/session", `{"username":"armin.artmann","password":"`+password+`"}`, "User-Agent", "Laptop/1")
	var v struct{ Token string }
	other.decode(&v)
	type entry struct {
		ID, Agent, Address string
		Current            bool
	}
	var list struct{ Items []entry }
	r.want(200, "armin.artmann", "GET", "/api/users/armin.artmann/sessions", "").decode(&list)
	i := slices.IndexFunc(list.Items, func(e entry) bool { return e.Agent == "Laptop/1" })
	if len(list.Items) != 2 || i < 0 || list.Items[i].Current || !list.Items[1-i].Current || list.Items[i].Address != "192.0.2.7" {
		t.Fatalf("sessions %+v", list.Items)
	}
	r.want(204, "armin.artmann", "DELETE", "/api/users/armin.artmann/sessions/"+list.Items[i].ID, "")
	r.want(401, "", "GET", "/api/session", "", "Authorization", "Bearer "+v.Token)
	r.want(200, "", "POST", "/api/session", `{"username":"armin.artmann","password":"`+password+`"}`).decode(&v)
	r.want(204, "armin.artmann", "DELETE", "/api/users/armin.artmann/sessions", "")
	r.want(401, "", "GET", "/api/session", "", "Authorization", "Bearer "+v.Token)
	r.want(200, "armin.artmann", "GET", "/api/session", "")
}
