package admin

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/api"
)

// maxRequests bounds the requests that are answered at once, event streams
// included.
const maxRequests = 512

// wrap puts what every request passes around the routes, outermost first: log
// and recovery, headers, the limit, cross-origin protection, the limit of bodies.
func (s *Server) wrap(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		api.WriteProblem(w, http.StatusForbidden, "requests that change something must come from this server's own pages, or from a program")
	}))
	next = limitBodies(next)
	next = guard.Handler(next)
	next = limitRequests(next, maxRequests)
	next = secureHeaders(next)
	return s.logged(next)
}

// secureHeaders tells browsers to be careful. Answers of the API are data and
// never a page.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache, private")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// limitBodies bounds what is read of a request.
func limitBodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, api.MaxBodyOf(r))
		next.ServeHTTP(w, r)
	})
}

func limitRequests(next http.Handler, most int) http.Handler {
	slots := make(chan struct{}, most)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r)
		default:
			w.Header().Set("Retry-After", "1")
			api.WriteProblem(w, http.StatusServiceUnavailable, "too many requests at once")
		}
	})
}

// logged writes the access log and turns a panic into a problem document.
// Neither query, headers nor bodies are logged: they may hold secrets.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ctx, who := api.WithWho(r.Context())
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.faults.Note(place, p, "method", r.Method, "path", r.URL.Path)
				if rec.status == 0 {
					api.WriteProblem(rec, http.StatusInternalServerError, "something went wrong inside; the log says what")
				}
			}
			s.access(ctx, r, rec, who, start)
		}()
		next.ServeHTTP(rec, r.WithContext(ctx))
	})
}

// access writes one line of the access log. Requests of strangers may be left out when there are many; the
// next line says how many were.
func (s *Server) access(ctx context.Context, r *http.Request, rec *recorder, who *api.Who, start time.Time) {
	level := slog.LevelInfo
	if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
		level = slog.LevelDebug
	}
	if !s.log.Enabled(ctx, level) {
		return
	}
	left := s.strangers.leftOut(who.Username != "" || level == slog.LevelDebug, time.Now())
	if left < 0 {
		return
	}
	attrs := []any{
		"method", r.Method, "path", r.URL.Path, "status", rec.code(), "bytes", rec.bytes,
		"took", time.Since(start).Round(time.Microsecond), "remote", r.RemoteAddr, "user", who.Username, "operation", who.Operation,
	}
	if left > 0 {
		attrs = append(attrs, "left_out", left)
	}
	s.log.Log(ctx, level, "http request", attrs...)
}

// strangerLines is how many requests without a user are logged per second.
const strangerLines = 10

// lineBudget bounds the lines that strangers can cause.
type lineBudget struct {
	mu     sync.Mutex
	second int64
	used   int
	left   int
}

// leftOut counts a line and returns how many were left out before it, or -1 when it is to be left out itself. Known
// users always get theirs.
func (b *lineBudget) leftOut(known bool, now time.Time) int {
	if known {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := now.Unix(); s != b.second {
		b.second, b.used = s, 0
	}
	if b.used++; b.used > strangerLines {
		b.left++
		return -1
	}
	left := b.left
	b.left = 0
	return left
}

// recorder notes status and size of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach flush and deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}
