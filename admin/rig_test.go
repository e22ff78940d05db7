package admin_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/admin"
	"github.com/koppelfeld/koppelfeld/admin/api"
	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/app"
	"github.com/koppelfeld/koppelfeld/internal/app/adminjoin"
	"github.com/koppelfeld/koppelfeld/internal/backup"
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/routing"
)

// rig is the API over a real store with the example people, and fakes for what
// lives in the daemon.
type rig struct {
	t       testing.TB
	st      *store.Store
	srv     *admin.Server
	deps    api.Deps
	table   *calls.Table
	bus     *calls.Bus
	log     *safeBuffer
	ready   error
	inside  *inside
	bans    fakeBans
	keeper  *backup.Keeper
	licence *fakeLicence
	tls     func() *tls.Config // of the server, nil for none
	// broken makes the store answer as if the database were away.
	broken func() error

	mu      sync.Mutex
	hungUp  []string
	dialled calls.Dial
	routes  *routing.Table
	names   map[string]string // ID to name, and back for paths
	tokens  map[string]string // by user name
	address string
}

// settings are what the routing table takes from the file.
var settings = config.Config{SIP: config.SIP{RingSeconds: 60}}

const password = "richtig-gut-1"

// people of the rig. armin is an ordinary user, adele an administrator.
var people = []struct {
	username string
	admin    bool
	numbers  []string
	slots    []directory.SlotType
}{
	{"adele.admin", true, nil, nil},
	{"armin.artmann", false, []string{"416", "417"}, []directory.SlotType{directory.Desk, directory.DECT, directory.Softphone}},
	{"iris.immsee", false, []string{"403"}, []directory.SlotType{directory.Desk}},
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, table: calls.NewTable(), bus: &calls.Bus{}, log: &safeBuffer{}, inside: &inside{}, names: map[string]string{}, tokens: map[string]string{}, address: "192.0.2.7:4711"}
	dir := t.TempDir()
	box, err := secret.OpenBox(dir)
	if err != nil {
		t.Fatal(err)
	}
	r.st, err = store.Open(t.Context(), store.Config{DataDir: dir, Secrets: box, Validate: app.Trial(settings)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.st.Close() })
	r.licence = &fakeLicence{st: r.st}
	r.route(nil, r.st.Snapshot(), store.Changed{})
	r.st.OnCommit(r.route)
	r.populate()
	door, err := auth.New(auth.Config{Sessions: adminjoin.Sessions{Store: r.st}, Factors: adminjoin.Factors{Store: r.st}, Passwords: secret.NewPasswords(2), Snapshot: r.st.Snapshot})
	if err != nil {
		t.Fatal(err)
	}
	r.deps = api.Deps{
		Store: adapter{adminjoin.Store{Store: r.st}, r}, Door: door, Passwords: secret.NewPasswords(2), Calls: r.table, Bindings: bindings(r), Events: r.bus, Debug: r.inside, System: fakeSystem{}, Bans: &r.bans, Licence: r.licence,
		Backups:  r.backups(dir),
		Transfer: adminjoin.Transfer{Store: r.st, DataDir: dir, Domain: settings.SIP.Domain},
		Routing: func() (*routing.Table, routing.Live) {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.routes, registered{}
		},
		Dial: func(_ context.Context, d calls.Dial) (string, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			plan := r.routes.Decide(routing.Request{
				Called: d.To, At: time.Now(), Caller: routing.Caller{Class: routing.Inside, SlotID: d.SlotID, UserID: d.UserID, Wanted: d.Show},
			}, registered{})
			if plan.Outcome != routing.Ring {
				return "", &calls.Refusal{Result: calls.Rejected, Status: 404, Cause: string(plan.Outcome), Reasons: plan.Trace()}
			}
			r.dialled = d
			return "01JD00000000000000000000C9", nil
		},
		Preview: func(next *directory.Snapshot, _ string) (*routing.Table, error) { return compile(next) },
		Ready:   func(context.Context) error { return r.ready }, Domain: "koppelfeld.example",
		Site: func(host string, _ bool) auth.Site {
			if host == here.ID {
				return here
			}
			return auth.Site{}
		},
	}
	r.serveOn(nil)
	return r
}

// serveOn makes the server anew, on a listener or on a free port.
func (r *rig) serveOn(l net.Listener) {
	r.t.Helper()
	var err error
	if l == nil {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(func() { l.Close() })
	}
	r.srv, err = admin.New(admin.Config{
		Listener: l, Deps: r.deps, TLS: r.tls,
		Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) route(_, next *directory.Snapshot, _ store.Changed) {
	table, err := compile(next)
	if err != nil {
		r.t.Error(err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.routes = table
}

func (r *rig) populate() {
	r.t.Helper()
	hash, err := secret.NewPasswords(1).Hash(r.t.Context(), password)
	if err != nil {
		r.t.Fatal(err)
	}
	_, err = r.st.Update(r.t.Context(), store.Change{Actor: "test"}, func(tx *store.Tx) error {
		for _, p := range people {
			first, last, _ := strings.Cut(p.username, ".")
			u, err := tx.CreateUser(directory.User{Username: p.username, FirstName: strings.ToUpper(first[:1]) + first[1:], LastName: strings.ToUpper(last[:1]) + last[1:], PasswordHash: hash})
			if err != nil {
				return err
			}
			r.name(u.ID, p.username)
			if p.admin {
				if err := tx.AddMember(directory.Admins, u.ID); err != nil {
					return err
				}
			}
			ticks := map[string][]string{}
			for _, n := range p.numbers {
				if _, err := tx.AddNumber(directory.Number{Number: n, OwnerType: directory.OwnerUser, OwnerID: u.ID}); err != nil {
					return err
				}
				ticks[n] = []string{}
			}
			for _, typ := range p.slots {
				s, err := tx.CreateSlot(directory.Slot{UserID: u.ID, Type: typ})
				if err != nil {
					return err
				}
				r.name(s.ID, first+"/"+string(typ))
				ticks[p.numbers[0]] = append(ticks[p.numbers[0]], s.ID)
			}
			if _, err := tx.SetMatrix(u.ID, ticks, 0); err != nil {
				return err
			}
		}
		return tx.SetPassword(store.Supervisor, hash)
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.name(r.st.Snapshot().ByName[store.Supervisor].ID, store.Supervisor)
}

// name gives an ID a name for paths, bodies and golden files.
func (r *rig) name(id, name string) { r.names[id], r.names["<"+name+">"] = name, id }

// id returns the ID behind a name.
func (r *rig) id(name string) string {
	id, ok := r.names["<"+name+">"]
	if !ok {
		r.t.Fatalf("nothing is named %s", name)
	}
	return id
}

// forwarding gives people what belongs to forwarding.
func (r *rig) forwarding() {
	r.t.Helper()
	for _, username := range []string{"armin.artmann", "iris.immsee"} {
		first, _, _ := strings.Cut(username, ".")
		var v struct{ ID string }
		r.want(201, "adele.admin", "POST", "/api/users/"+username+"/profiles", `{"name":"Urlaub"}`).decode(&v)
		r.name(v.ID, "profile/"+first)
	}
}

// call puts a live call into the table.
func (r *rig) call(id, fromUser, toUser string) {
	r.table.Put(calls.Call{
		ID: id, State: calls.Ringing, Class: "inside", From: "403", FromUser: r.id(fromUser), FromSlot: r.id("iris/desk"),
		To: "416", Number: "416", ToUser: r.id(toUser), Ringing: []string{r.id("armin/desk")}, Start: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
	}, func(cause string) { r.mu.Lock(); defer r.mu.Unlock(); r.hungUp = append(r.hungUp, id+": "+cause) })
	r.name(id, "call")
}

// record stores a call record.
func (r *rig) record(id, fromUser, toUser string) {
	r.t.Helper()
	start := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	err := r.st.InsertRecords(r.t.Context(), []calls.Record{{
		ID: id, Start: start, RingAt: start.Add(100 * time.Millisecond), AnswerAt: start.Add(5 * time.Second), End: start.Add(time.Minute),
		Class: "inside", From: "403", FromUser: r.id(fromUser), FromSlot: r.id("iris/desk"), To: "416", Number: "416", ToUser: r.id(toUser),
		ToSlot: r.id("armin/desk"), Result: calls.Answered, Status: 200, HangupBy: "caller", SIPCallID: "abc@192.0.2.9",
		Reasons:     json.RawMessage(`[{"c":"row","n":"416","o":"Armin Artmann (armin.artmann)","w":"armin.artmann","x":[{"l":"Büro"},{"t":"dect"}]}]`),
		Legs:        []calls.Leg{{SlotID: r.id("armin/desk"), Contact: "sip:x@192.0.2.1:5062", Start: start, Status: 200, Result: "answered"}},
		MediaCaller: &calls.Media{Codec: "PCMA", Packets: 3000, Source: "192.0.2.9:20002"},
	}})
	if err != nil {
		r.t.Fatal(err)
	}
}

// registered says that every slot has a contact and none is in a call.
type registered struct{}

func (registered) SlotCalls(string) int   { return 0 }
func (registered) NumberCalls(string) int { return 0 }
func (registered) HuntTurn(string) int    { return 0 }
func (registered) Registered(string) bool { return true }

func bindings(r *rig) func(string) []api.Binding {
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	return func(slotID string) []api.Binding {
		if slotID != r.id("armin/desk") {
			return nil
		}
		return []api.Binding{{Contact: "sip:x@192.0.2.1:5062", Received: "192.0.2.1:5062", Transport: "udp", UserAgent: "Test/1", Registered: at, Expires: at.Add(time.Hour)}}
	}
}

// compile makes the table that the daemon would have.
func compile(s *directory.Snapshot) (*routing.Table, error) { return app.Table(settings, s) }

// token logs a user in once.
func (r *rig) token(username string) string {
	r.t.Helper()
	if username == "" {
		return ""
	}
	if t, ok := r.tokens[username]; ok {
		return t
	}
	a := r.do("", "POST", "/api/session", fmt.Sprintf(`{"username":%q,"password":%q}`, username, password))
	if a.Code != http.StatusOK {
		r.t.Fatalf("login of %s: %d %s", username, a.Code, a.Body)
	}
	var v struct{ Token string }
	a.decode(&v)
	r.tokens[username] = v.Token
	return v.Token
}

type answer struct {
	*httptest.ResponseRecorder
	t testing.TB
}

func (a answer) decode(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.Body.Bytes(), v); err != nil {
		a.t.Fatalf("%v in %s", err, a.Body)
	}
}

// do sends a request as a user, or as nobody. Names in <> stand for IDs.
// header holds pairs of name and value.
func (r *rig) do(as, method, path, body string, header ...string) answer {
	r.t.Helper()
	var b io.Reader
	if body != "" {
		b = strings.NewReader(r.expand(body))
	}
	req := httptest.NewRequest(method, "http://kf.example"+r.expand(path), b)
	req.RemoteAddr = r.address
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if as != "" {
		req.Header.Set("Authorization", "Bearer "+r.token(as))
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	r.srv.Handler().ServeHTTP(rec, req)
	return answer{rec, r.t}
}

// want is do with the status that must come.
func (r *rig) want(status int, as, method, path, body string, header ...string) answer {
	r.t.Helper()
	a := r.do(as, method, path, body, header...)
	if a.Code != status {
		r.t.Fatalf("%s %s as %q: got %d, want %d: %s", method, path, as, a.Code, status, a.Body)
	}
	return a
}

var inBrackets = regexp.MustCompile(`<[a-z./-]+>`)

func (r *rig) expand(s string) string {
	return inBrackets.ReplaceAllStringFunc(s, func(name string) string { return r.id(strings.Trim(name, "<>")) })
}

// safeBuffer is a log that goroutines may write to.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
