package siptest_test

import (
	"context"
	"io"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

var (
	hostA = netip.MustParseAddr("10.0.0.2")
	hostB = netip.MustParseAddr("10.0.0.3")
)

// pair makes two phones that speak to each other directly.
func pair(t *testing.T, n *siptest.Network) (*siptest.Phone, *siptest.Phone) {
	a, b := netip.AddrPortFrom(hostA, 5060), netip.AddrPortFrom(hostB, 5060)
	return n.NewPhone(t, siptest.PhoneConfig{Name: "armin", Addr: a, Server: b, User: "armin", Domain: "x"}),
		n.NewPhone(t, siptest.PhoneConfig{Name: "iris", Addr: b, Server: a, User: "iris", Domain: "x"})
}

func TestPhones(t *testing.T) {
	for name, link := range map[string]siptest.Link{
		"perfect": {},
		"slow":    {Delay: 80 * time.Millisecond, Jitter: 40 * time.Millisecond},
		"awful":   {Delay: 20 * time.Millisecond, Loss: 0.3, Duplicate: 0.2, Reorder: 0.2},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				synctest.Test(t, func(t *testing.T) {
					n := siptest.NewNetwork(t, seed)
					n.SetDefault(link)
					armin, iris := pair(t, n)
					call := armin.Invite("416", "v=0\r\n")
					in := iris.Expect(t, message.INVITE)
					in.Ring()
					up := in.Answer("v=0\r\n")
					call.Expect(t, 200)
					call.Ack()
					in.ExpectAck(t)
					bye := up.SendBye()
					call.ExpectBye(t)
					bye.Expect(t, 200)

					call = armin.Invite("417", "")
					in = iris.Expect(t, message.INVITE)
					in.Respond(180, "")
					call.Expect(t, 180)
					call.Cancel(t)
					call.Expect(t, 487)
					in.ExpectAck(t)
				})
			}
		})
	}
}

func TestLinkLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 7)
		n.SetDefault(siptest.Link{Loss: 0.25, Duplicate: 0.1, Delay: time.Second})
		a, _ := n.Host(hostA).ListenPacket(netip.AddrPortFrom(hostA, 0), 0)
		b, _ := n.Host(hostB).ListenPacket(netip.AddrPortFrom(hostB, 9), 0)
		defer a.Close()
		for range 1000 {
			if err := a.WriteTo([]byte("x"), b.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		began, got := time.Now(), make(chan int)
		go func() {
			k := 0
			for {
				if _, err := b.ReadBatch([]transport.Datagram{{Buf: make([]byte, 10)}}); err != nil {
					got <- k
					return
				}
				if d := time.Since(began); d != time.Second {
					t.Errorf("arrived after %v", d)
				}
				k++
			}
		}()
		time.Sleep(2 * time.Second) // virtual
		b.Close()
		if k := <-got; k < 770 || k > 880 {
			t.Errorf("%d of 1000 arrived, want about 825", k)
		}
		if n.Open() != 1 {
			t.Errorf("%v", n)
		}
	})
}

func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 7)
		n.SetDefault(siptest.Link{Delay: time.Second, Jitter: time.Second})
		ln, err := n.Host(hostB).Listen(netip.AddrPortFrom(hostB, 5060))
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		c, err := n.Host(hostA).Dial(context.Background(), hostA, netip.AddrPortFrom(hostB, 5060))
		if err != nil {
			t.Fatal(err)
		}
		s, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for i := range 256 {
				_, _ = c.Write([]byte{byte(i)})
			}
			c.Close()
		}()
		b, err := io.ReadAll(s)
		if err != nil || len(b) != 256 {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		for i := range b {
			if b[i] != byte(i) {
				t.Fatalf("byte %d came in place %d", b[i], i)
			}
		}
		s.Close()
		if n.Open() != 1 {
			t.Errorf("%v", n)
		}
	})
}
