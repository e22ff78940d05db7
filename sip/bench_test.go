package sip

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// BenchmarkReceive is a request from the reader through shard and transaction to its answer, parsing included.
func BenchmarkReceive(b *testing.B) {
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	s, err := New(Config{
		Transport: transport.Config{Listen: []string{"udp://192.0.2.1:5060"}, Network: silent{}},
		Now:       func() time.Time { now = now.Add(time.Millisecond); return now },
	})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	s.Handle(message.MESSAGE, func(_ *Shard, tx *transaction.Server) { _ = tx.Reply(200, "") })
	flow := transport.NewFlow(nowhere{}, netip.MustParseAddrPort("198.51.100.7:5062"))
	text := func(method string, i int) []byte {
		return fmt.Appendf(nil, "%s sip:416@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK%08d\r\nMax-Forwards: 70\r\n"+
			"From: <sip:a@example.com>;tag=f1\r\nTo: <sip:416@example.com>\r\nCall-ID: c%08d\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n", method, i, i, method)
	}
	for _, method := range []string{"MESSAGE", "OPTIONS"} {
		b.Run(method, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				m, err := message.Parse(text(method, i))
				if err != nil {
					b.Fatal(err)
				}
				s.Receive(transport.Inbound{Msg: m, Flow: flow})
			}
		})
	}
}
