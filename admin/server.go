// Package admin is the HTTP server for administrators and users. It puts the
// operations of admin/api behind what every request passes: recovery from
// panics, the access log, security headers, limits and cross-origin protection.
//
// Server.Run owns the goroutine that accepts; net/http owns those of requests,
// and Run returns after they have ended. The package may import leaves and
// domain packages, never sip or internal/store.
package admin

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/api"
	"github.com/koppelfeld/koppelfeld/admin/ui"
	"github.com/koppelfeld/koppelfeld/internal/fault"
)

// Limits of the server.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second // event streams set their own
	idleTimeout       = 2 * time.Minute
	maxHeader         = 16 << 10
	maxConnections    = 1024
	maxStreams        = 100             // requests at once in a connection of HTTP/2
	drain             = 2 * time.Second // requests that run when the server stops
)

// Config is what New needs.
type Config struct {
	// Listen is an address such as "127.0.0.1:8080". Listener takes its place when
	// it is set; Run closes it.
	Listen   string
	Listener net.Listener
	// TLS gives the configuration for a connection that comes in, which it does not change; nil means plain HTTP.
	TLS func() *tls.Config
	// MaxConnections bounds the connections at once; 0 means 1024.
	MaxConnections int
	Deps           api.Deps
	// Log also serves Deps when Deps.Log is nil.
	Log *slog.Logger
	// Faults counts faults of the program; nil means a new one.
	Faults *fault.Log
}

// Server serves the API.
type Server struct {
	log       *slog.Logger
	listener  net.Listener
	most      int // connections at once
	tls       func() *tls.Config
	api       *api.API
	handler   http.Handler
	strangers lineBudget
	faults    *fault.Log
}

// New builds the server and takes the address; it fails when another program
// has it.
func New(c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Faults == nil {
		c.Faults = fault.New(c.Log)
	}
	if c.Deps.Log == nil {
		c.Deps.Log = c.Log
	}
	a, err := api.New(c.Deps)
	if err != nil {
		return nil, err
	}
	s := &Server{log: c.Log, faults: c.Faults, api: a, listener: c.Listener, tls: c.TLS, most: cmp.Or(c.MaxConnections, maxConnections)}
	files, err := ui.Files()
	if err != nil {
		return nil, err
	}
	p, err := newPages(files)
	if err != nil {
		return nil, err
	}
	s.handler = s.wrap(routes(a, p))
	if s.listener == nil {
		if s.listener, err = net.Listen("tcp", c.Listen); err != nil {
			return nil, fmt.Errorf("listening for the API: %w", err)
		}
	}
	return s, nil
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Handler returns the handler behind the listener, for tests.
func (s *Server) Handler() http.Handler { return s.handler }

// place of faults in the metrics.
const place = "admin"

// errFault ends Run when it is not known any more whether anybody serves.
var errFault = errors.New("fault of the program")

// Run serves until ctx ends, gives running requests two seconds, and returns
// nil after a clean stop.
func (s *Server) Run(ctx context.Context) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	server.RegisterOnShutdown(s.faults.Guard(place, s.api.EndStreams))
	if a, ok := s.listener.Addr().(*net.TCPAddr); ok && s.tls == nil && !a.IP.IsLoopback() {
		s.log.Warn("the API is open to the network without TLS: passwords can be read on the way", "address", a.String())
	}
	failed := make(chan error, 1)
	go s.faults.Guard(place, func() { failed <- s.serve(server) }, func() { failed <- errFault })()
	select {
	case err := <-failed:
		return fmt.Errorf("serving the API: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	err := server.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("requests were cut off at the end")
		err = server.Close()
	}
	<-failed // Serve has returned
	if err != nil {
		return fmt.Errorf("stopping the API: %w", err)
	}
	return nil
}

// serve accepts until the server is shut down.
func (s *Server) serve(server *http.Server) error {
	l := LimitListener(s.listener, s.most)
	if s.tls == nil {
		return server.Serve(l)
	}
	server.TLSConfig = serverTLS(s.tls)
	server.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: maxStreams}
	return server.ServeTLS(hintListener{l}, "", "")
}

// routes joins the API and the pages.
func routes(a *api.API, p *pages) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/", a)
	mux.Handle("/healthz", a)
	mux.Handle("/readyz", a)
	mux.Handle("/", p)
	return mux
}

// EndStreams ends all event streams; Run does it when it stops.
func (s *Server) EndStreams() { s.api.EndStreams() }
