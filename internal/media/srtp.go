package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

const (
	// maxSources bounds the SSRCs for which one key keeps a state: the rollover counter
	// and the replay window. A call has a few; what is beyond is dropped.
	maxSources = 64
	// replayWindow is in packets; RFC 3711 section 3.3.2 asks for 64 at least.
	replayWindow = 128
	// sealed is what protection adds to a packet at most, in bytes: the tag, and the
	// index of SRTCP.
	sealed = 32
)

// cryptor protects or opens the packets of one direction with one key. It belongs to
// its endpoint and is guarded by Endpoint.mu.
type cryptor struct {
	keys   Keys
	ctx    *srtp.Context
	rtp    rtp.Header // scratch, spares an allocation
	rtcp   rtcp.Header
	stream [2]sources // by socket
}

// sources counts the SSRCs that a key has a state for.
type sources struct {
	last uint32
	n    int // 0: last means nothing
}

func newCryptor(k Keys) (*cryptor, error) {
	if !k.valid() {
		return nil, fmt.Errorf("%w: %d bytes of key for %q", ErrSecurity, len(k.Secret), k.Suite)
	}
	k.Secret = slices.Clone(k.Secret)
	info := k.Suite.info()
	ctx, err := srtp.CreateContext(k.Secret[:info.key], k.Secret[info.key:], info.profile,
		srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSecurity, err)
	}
	return &cryptor{keys: k, ctx: ctx}, nil
}

// room reports whether the state of ssrc is there, or may be made.
func (c *cryptor) room(sock int, ssrc uint32) (ok, known bool) {
	s := &c.stream[sock]
	if s.n > 0 && s.last == ssrc {
		return true, true
	}
	if sock == rtpSocket {
		_, known = c.ctx.ROC(ssrc)
	} else {
		_, known = c.ctx.Index(ssrc)
	}
	return known || s.n < maxSources, known
}

func (s *sources) note(ssrc uint32, known bool) {
	s.last = ssrc
	if !known {
		s.n++
	}
}

// ssrcOf reads the SSRC of a packet's sender; RTP and RTCP have it at different places.
func ssrcOf(sock int, b []byte) (ssrc uint32, ok bool) {
	at := 8
	if sock == rtcpSocket {
		at = 4
	}
	if len(b) < at+4 || b[0]>>6 != 2 {
		return 0, false
	}
	return binary.BigEndian.Uint32(b[at:]), true
}

// open checks and decrypts b to dst, which may be b[:0].
func (c *cryptor) open(sock int, dst, b []byte) ([]byte, Drop) {
	ssrc, ok := ssrcOf(sock, b)
	if !ok || len(b) < 12+c.keys.Suite.info().tag {
		return nil, DropMalformed
	}
	ok, known := c.room(sock, ssrc)
	if !ok {
		return nil, DropKey
	}
	var err error
	if sock == rtpSocket {
		dst, err = c.ctx.DecryptRTP(dst, b, &c.rtp)
	} else {
		dst, err = c.ctx.DecryptRTCP(dst, b, &c.rtcp)
	}
	switch {
	case err == nil:
		c.stream[sock].note(ssrc, known)
		return dst, relayed
	case errors.Is(err, srtp.ErrFailedToVerifyAuthTag):
		return nil, DropAuth
	case known:
		return nil, DropReplay // the only fault left of a source that has a state
	}
	return nil, DropMalformed
}

// seal encrypts b to dst, which must not overlap it.
func (c *cryptor) seal(sock int, dst, b []byte) ([]byte, Drop) {
	ssrc, ok := ssrcOf(sock, b)
	if !ok {
		return nil, DropMalformed
	}
	ok, known := c.room(sock, ssrc)
	if !ok {
		return nil, DropKey
	}
	var err error
	if sock == rtpSocket {
		dst, err = c.ctx.EncryptRTP(dst, b, &c.rtp)
	} else {
		dst, err = c.ctx.EncryptRTCP(dst, b, &c.rtcp)
	}
	if err != nil {
		return nil, DropKey // the key is used up (RFC 3711 section 9.2)
	}
	c.stream[sock].note(ssrc, known)
	return dst, relayed
}
