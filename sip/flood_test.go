package sip_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// TestFlood offers five times as much new work as the system can do while a call is up and somebody calls for help. Work is time
// that the handler sleeps.
func TestFlood(t *testing.T) {
	const work, perMS, lasts = time.Millisecond, 5, 3 * time.Second
	for _, method := range []message.Method{message.INVITE, message.REGISTER, message.MESSAGE} {
		for _, proto := range []transport.Proto{transport.UDP, transport.TCP} {
			t.Run(string(method)+" over "+string(proto), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := siptest.NewNetwork(t, 1)
					var served atomic.Int64
					s, err := sip.New(sip.Config{
						Shards: 1, Urgent: func(uri string) bool { return strings.HasPrefix(uri, "sip:112@") },
						Transport: transport.Config{Listen: []string{"udp://10.0.0.1:5060", "tcp://10.0.0.1:5060"}, Network: n.Host(server.Addr())},
					})
					if err != nil {
						t.Fatal(err)
					}
					handler := func(sh *sip.Shard, tx *transaction.Server) {
						time.Sleep(work)
						served.Add(1)
						if tx.Request().Method() != message.INVITE {
							_ = tx.Reply(200, "")
							return
						}
						if !strings.HasPrefix(tx.Request().URI(), "sip:4") && !strings.HasPrefix(tx.Request().URI(), "sip:112@") {
							_ = tx.Reply(404, "")
							return
						}
						u := &uas{sh: sh, tx: tx, ended: new(int)}
						sh.BindDialog(tx.Request().CallID(), tx.Tag(), u)
						_ = tx.Reply(200, "", "Contact: <"+sh.Contact(tx.Flow())+">")
					}
					for _, m := range []message.Method{message.INVITE, message.REGISTER, message.MESSAGE} {
						s.Handle(m, handler)
					}
					ctx, cancel := context.WithCancel(context.Background())
					done := make(chan error, 1)
					go func() { done <- s.Run(ctx) }()
					t.Cleanup(func() { cancel(); <-done })
					synctest.Wait()
					up := n.NewPhone(t, siptest.PhoneConfig{Name: "up", Addr: phone, Server: server, Proto: proto, User: "up", Domain: "x"})
					help := n.NewPhone(t, siptest.PhoneConfig{Name: "help", Addr: netip.MustParseAddrPort("10.0.0.3:5060"), Server: server, Proto: proto, User: "help", Domain: "x"})
					call := up.Invite("416", "")
					call.Expect(t, 200)
					call.Ack()

					stop := make(chan struct{})
					sent := flood(t, n, proto, method, perMS, stop)
					time.Sleep(lasts / 2)
					begun := time.Now()
					call.Bye(t)
					bye := time.Since(begun)
					begun = time.Now()
					urgent := help.Invite("112", "")
					urgent.Expect(t, 200)
					answered := time.Since(begun)
					urgent.Ack()
					time.Sleep(lasts / 2)
					close(stop)
					synctest.Wait()
					st := s.Stats()
					t.Logf("%d sent, %d served, BYE answered after %v, emergency call after %v, drops %v %v", sent.Load(), served.Load(), bye, answered, st.Drops, st.Transport.Drops)
					if bye > 500*time.Millisecond || answered > 500*time.Millisecond || proto == transport.TCP && bye+answered > 10*time.Millisecond {
						t.Errorf("BYE answered after %v, emergency call after %v", bye, answered)
					}
					if n := served.Load(); n < 500 {
						t.Errorf("%d requests served in %v", n, lasts)
					}
					if st.Drops[sip.DropOverload] == 0 {
						t.Error("nothing was refused")
					}
					time.Sleep(time.Minute)
				})
			})
		}
	}
}

// flood sends requests of a method from fifty sources.
func flood(t *testing.T, n *siptest.Network, proto transport.Proto, method message.Method, perMS int, stop <-chan struct{}) *atomic.Int64 {
	t.Helper()
	var sent atomic.Int64
	var send []func([]byte)
	for i := range 50 {
		addr := netip.AddrFrom4([4]byte{10, 1, 0, byte(i + 1)})
		host := n.Host(addr)
		if proto == transport.UDP {
			c, err := host.ListenPacket(netip.AddrPortFrom(addr, 5060), 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			send = append(send, func(b []byte) { _ = c.WriteTo(b, server) })
			continue
		}
		c, err := host.Dial(context.Background(), addr, server)
		if err != nil {
			t.Fatal(err)
		}
		go func() { // reads what it is told
			b := make([]byte, 4096)
			for {
				if _, err := c.Read(b); err != nil {
					return
				}
			}
		}()
		t.Cleanup(func() { c.Close() })
		_ = c.SetWriteDeadline(time.Time{})
		queue := make(chan []byte, 10000)
		go func() {
			for b := range queue {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		}()
		t.Cleanup(func() { close(queue) })
		send = append(send, func(b []byte) {
			select {
			case queue <- b:
			default:
			}
		})
	}
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			for range perMS {
				i := int(sent.Add(1))
				send[i%len(send)](fmt.Appendf(nil, "%s sip:9%d@x SIP/2.0\r\nVia: SIP/2.0/%s 10.1.0.%d;branch=z9hG4bKf%d\r\nMax-Forwards: 70\r\n"+
					"From: <sip:f@x>;tag=f%d\r\nTo: <sip:9%d@x>\r\nCall-ID: f%d\r\nCSeq: 1 %s\r\nContact: <sip:f@10.1.0.1>\r\nContent-Length: 0\r\n\r\n", method, i, proto, i%len(send)+1, i, i, i, i, method))
			}
		}
	}()
	return &sent
}
