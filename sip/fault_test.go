package sip

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// TestPanics lets code of ours panic at every door through which something comes in. The daemon goes on, the fault is counted, and
// the log shows the message without its secrets, once.
func TestPanics(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	creds := `Authorization: Digest username="iris", response="` + secret + "\"\n"
	for _, c := range []struct {
		name   string
		setup  func(*Stack)
		method string
		want   []string
		shown  string // in the log
	}{
		{"handler", func(s *Stack) {
			s.Handle(message.MESSAGE, func(*Shard, *transaction.Server) { panic("fault of ours") })
		}, "MESSAGE", []string{"500 MESSAGE"}, `username=\"iris\"`},
		{"handler before the transaction", func(s *Stack) {
			s.HandleInbound(message.INVITE, func(*Shard, transport.Inbound) { panic("fault of ours") })
		}, "INVITE", nil, `username=\"iris\"`},
		{"handler in the reader", func(s *Stack) {
			s.HandleStateless(message.REGISTER, func(transport.Inbound) bool { panic("fault of ours") })
		}, "REGISTER", []string{"500 REGISTER"}, `username=\"iris\"`},
		{"emergency numbers", func(s *Stack) {
			s.cfg.Urgent = func(string) bool { panic("fault of ours") }
		}, "INVITE", []string{"500 INVITE"}, `username=\"iris\"`},
		{"end of a connection", func(s *Stack) {
			s.OnFlowClosed(func(*transport.Flow, error) { panic("fault of ours") })
		}, "", nil, "place=dispatch"},
		{"timer", func(s *Stack) {
			s.Handle(message.MESSAGE, func(sh *Shard, tx *transaction.Server) {
				_ = tx.Reply(200, "")
				sh.After(time.Second, func() { panic("fault of ours") })
			})
		}, "MESSAGE", []string{"200 MESSAGE"}, "fault of ours"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				f := start(t, Config{Shards: 1, Log: slog.New(slog.NewTextHandler(&log, nil))}, c.setup)
				again := func(id string) {
					if c.method == "" {
						f.FlowClosed(f.flow, nil)
						return
					}
					f.in(req{method: c.method, callID: id, extra: creds}.String())
				}
				for n := range 50 {
					again(strings.Repeat("x", n+1))
					f.expect(c.want...)
				}
				time.Sleep(2 * time.Second)
				f.in(req{method: "OPTIONS", callID: "after"}.String())
				f.expect("200 OPTIONS")
				if n := f.Stats().Panics + f.Stats().Shards[0].Panics; n != 50 {
					t.Errorf("%d panics counted", n)
				}
				text := log.String()
				if n := strings.Count(text, "level=ERROR"); n < 1 || n > 2 || !strings.Contains(text, c.shown) || strings.Contains(text, secret) {
					t.Errorf("%d lines of log:\n%s", n, text)
				}
			})
		})
	}
}
