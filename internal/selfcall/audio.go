package selfcall

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/koppelfeld/koppelfeld/internal/media/mediatest"
)

// audio is the voice of one phone: it sends a tone and listens.
type audio struct {
	peer  *mediatest.Peer
	local netip.AddrPort
	to    netip.AddrPort
}

func newAudio(ctx context.Context, group *errgroup.Group, local netip.Addr, hz float64) (*audio, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	if err != nil {
		return nil, err
	}
	peer, err := mediatest.NewPeer(mediatest.PeerConfig{Conn: conn, Codec: mediatest.PCMU, Tone: hz})
	if err != nil {
		conn.Close()
		return nil, err
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	group.Go(func() error {
		defer ticker.Stop()
		defer conn.Close()
		return peer.Run(ctx, ticker.C)
	})
	return &audio{peer: peer, local: conn.LocalAddr().(*net.UDPAddr).AddrPort()}, nil
}

// sdp is our offer or answer: PCMU only.
func (a *audio) sdp() []byte {
	family := "IP4"
	if a.local.Addr().Is6() {
		family = "IP6"
	}
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN %[1]s %[2]s\r\ns=self-call\r\nc=IN %[1]s %[2]s\r\nt=0 0\r\nm=audio %[3]d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n",
		family, a.local.Addr(), a.local.Port())
}

// remote reads the other side's address from its SDP.
func (a *audio) remote(sdp []byte) error {
	var addr netip.Addr
	port := 0
	for line := range strings.Lines(string(sdp)) {
		f := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "c=") && len(f) == 3:
			addr, _ = netip.ParseAddr(f[2])
		case strings.HasPrefix(line, "m=audio ") && len(f) > 1:
			port, _ = strconv.Atoi(f[1])
		}
	}
	if !addr.IsValid() || port <= 0 || port > 65535 {
		return fmt.Errorf("the SDP has no usable address:\n%s", sdp)
	}
	a.to = netip.AddrPortFrom(addr, uint16(port))
	return nil
}

// start begins to send.
func (a *audio) start() { a.peer.SetRemote(a.to) }

// listen waits until the last span of what was heard is mostly a tone of hz, and returns how much of it is.
func (a *audio) listen(ctx context.Context, span time.Duration, hz float64) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, span+5*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		share := a.peer.Hears(hz, span)
		if share >= minPurity {
			return share, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return share, fmt.Errorf("only %.0f %% of what it heard is the expected tone (%+v)", share*100, a.peer.Stats())
		}
	}
}
