package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/calls"
)

const (
	heartbeat       = 15 * time.Second
	streamWrite     = 10 * time.Second // how long one write to a client may take
	streamQueue     = 256              // events that may wait for a client
	streamsPerUser  = 8
	streamsTogether = 256
)

// Event is one thing that happened; the name of the event stands beside it.
type Event struct {
	Type     calls.EventType `json:"type" doc:"call.started, call.ringing, call.answered, call.ended, slot.registered, slot.unregistered or config.changed"`
	At       time.Time       `json:"at"`
	Call     *Call           `json:"call,omitempty"`
	SlotID   string          `json:"slot_id,omitempty"`
	Result   calls.Result    `json:"result,omitempty" doc:"How the call ended, as in its record"`
	Cause    string          `json:"cause,omitempty" doc:"Why, in words"`
	Revision int64           `json:"revision,omitempty" doc:"Revision of the configuration now in force"`
}

// Gap tells a client that events were lost because it read too slowly.
type Gap struct {
	Lost uint64 `json:"lost"`
}

func (a *API) registerEvents() {
	o := operation{
		id: "events", method: http.MethodGet, path: "/api/events", tag: "calls", access: ownOnly,
		summary: "Listen to what happens",
		doc: "Server-sent events, named by their type; data is an Event. Users hear of their own calls and slots. " +
			"colleague.state, whose data is a user name and a state, tells what colleagues do; list-colleagues says who they are. " +
			"An event named gap, with the count of lost events, says that the client read too slowly and should read lists again. " +
			"A comment is sent every 15 seconds. The stream ends with the session.",
		errors: []int{http.StatusTooManyRequests},
	}
	op := o.huma()
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A stream of events that does not end",
		Content: map[string]*huma.MediaType{"text/event-stream": {
			Schema: a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Event](), true, "Event"),
		}},
	}}
	huma.Register(a.huma, op, func(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
		id := who(ctx)
		if !a.streams.enter(id.UserID) {
			return nil, fault(http.StatusTooManyRequests, "", "too many event streams are open")
		}
		return &huma.StreamResponse{Body: func(hctx huma.Context) {
			defer a.streams.leave(id.UserID)
			r, w := humago.Unwrap(hctx)
			s := stream{api: a, id: id, w: w, control: http.NewResponseController(w)}
			if err := s.run(r.Context()); err != nil {
				a.log.DebugContext(ctx, "event stream ended", "user", id.Username, "err", err)
			}
		}}, nil
	})
}

// streams counts open event streams.
type streams struct {
	mu     sync.Mutex
	all    int
	byUser map[string]int
}

func (s *streams) enter(userID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= streamsTogether || s.byUser[userID] >= streamsPerUser {
		return false
	}
	if s.byUser == nil {
		s.byUser = make(map[string]int)
	}
	s.all++
	s.byUser[userID]++
	return true
}

func (s *streams) leave(userID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.byUser[userID]--; s.byUser[userID] == 0 {
		delete(s.byUser, userID)
	}
}

// stream is one client that listens.
type stream struct {
	api     *API
	id      auth.Identity
	w       http.ResponseWriter
	control *http.ResponseController
	seen    watched
}

// run sends events until the client goes, the session ends or the API closes.
func (s *stream) run(ctx context.Context) error {
	sub := s.api.deps.Events.Subscribe("api", streamQueue)
	defer sub.Cancel()
	s.watch()
	s.w.Header().Set("Content-Type", "text/event-stream")
	s.w.Header().Set("Cache-Control", "no-store")
	s.w.Header().Set("X-Accel-Buffering", "no")
	if err := s.send(": listening\n\n"); err != nil {
		return err
	}
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	var lost uint64
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.api.closing:
			return nil
		case <-tick.C:
			id, err := s.api.deps.Door.Recheck(ctx, s.id)
			if errors.Is(err, auth.ErrNoSession) {
				return s.send("event: end\ndata: {}\n\n")
			}
			if err == nil { // while sessions cannot be checked, the last answer holds
				s.id = id
			}
			if err := s.send(":\n\n"); err != nil {
				return err
			}
		case e, ok := <-sub.C:
			if !ok {
				return nil
			}
			if n := sub.Dropped(); n != lost {
				if err := s.sendJSON("gap", Gap{n - lost}); err != nil {
					return err
				}
				lost = n
				s.watch() // the client reads the list again
			}
			if err := s.event(&e); err != nil {
				return err
			}
		}
	}
}

func (s *stream) event(e *calls.Event) error {
	snap := s.api.deps.Store.Snapshot()
	if err := s.colleagues(snap, e); err != nil || !mayEvent(s.id, snap, e) {
		return err
	}
	v := Event{Type: e.Type, At: e.At, SlotID: e.SlotID, Revision: e.Revision}
	if e.Call != nil {
		c := callView(s.id, snap, e.Call)
		v.Call = &c
	}
	if e.Type == calls.CallEnded && e.Record != nil {
		v.Result, v.Cause = e.Record.Result, e.Record.Cause
	}
	return s.sendJSON(string(e.Type), v)
}

func (s *stream) sendJSON(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding an event: %w", err)
	}
	return s.send("event: " + name + "\ndata: " + string(data) + "\n\n")
}

// send writes within a bounded time. Between writes there is no deadline: HTTP/2 resets a stream whose deadline passes
// even when nothing is being written.
func (s *stream) send(text string) error {
	if err := s.deadline(time.Now().Add(streamWrite)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	if err := s.control.Flush(); err != nil {
		return err
	}
	return s.deadline(time.Time{})
}

func (s *stream) deadline(at time.Time) error {
	if err := s.control.SetWriteDeadline(at); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
