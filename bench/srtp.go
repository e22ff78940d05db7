package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/media/mediatest"
)

// protectedSession is the session of a generator as a phone with SRTP describes it.
func protectedSession(plain string, s *mediatest.Sealer) string {
	return strings.Replace(plain, "RTP/AVP", "RTP/SAVP", 1) + "a=crypto:" + s.Crypto() + "\r\n"
}

// srtpKoppelfeld sets up calls from phones with SRTP to phones without.
func (b *bench) srtpKoppelfeld(ctx context.Context, calls int) (*relay, error) {
	gen, err := newGenerator()
	if err != nil {
		return nil, err
	}
	var sealers []*mediatest.Sealer
	offer := func() string {
		s, err := mediatest.NewSealer(len(sealers))
		if err != nil {
			return gen.session() // is refused below: the answer will be plain
		}
		sealers = append(sealers, s)
		return protectedSession(gen.session(), s)
	}
	s, held, stop, err := b.holdCalls(ctx, calls, offer, gen.session)
	if err != nil {
		return nil, errors.Join(err, gen.conn.Close())
	}
	r := &relay{process: s.process, gen: gen, stop: func() { stop(); _ = gen.conn.Close() }}
	for i, t := range held.talks {
		if err := gen.addPair(t.body, held.offers[t.id], sealers[i]); err != nil {
			r.stop()
			return nil, err
		}
	}
	return r, nil
}

// srtpRTPengine does the same by offer and answer.
func (b *bench) srtpRTPengine(ctx context.Context, calls int) (*relay, error) {
	gen, err := newGenerator()
	if err != nil {
		return nil, err
	}
	r, err := b.startRTPengine(ctx)
	if err != nil {
		return nil, errors.Join(err, gen.conn.Close())
	}
	stop := func() { r.stop(); _ = gen.conn.Close() }
	for i := range calls {
		id := fmt.Sprintf("call-%d", i)
		s, err := mediatest.NewSealer(i)
		var offered, answer []byte
		if err == nil {
			offered, err = r.describe("offer", id, protectedSession(gen.session(), s), "transport-protocol", "RTP/AVP")
		}
		if err == nil {
			answer, err = r.describe("answer", id, gen.session(), "to-tag", "b")
		}
		if err == nil {
			err = gen.addPair(answer, offered, s)
		}
		if err != nil {
			stop()
			return nil, err
		}
	}
	return &relay{process: r.process, gen: gen, stop: stop}, nil
}

// addPair begins both streams of a call: the protected one to where the answer says, the plain one to where the
// callee was told.
func (g *generator) addPair(answer, offered []byte, s *mediatest.Sealer) error {
	if !strings.Contains(string(answer), "RTP/SAVP") || strings.Contains(string(offered), "RTP/SAVP") {
		return fmt.Errorf("the call is not protected on its first side alone:\n%s\n%s", answer, offered)
	}
	to, err := mediaIn(answer)
	if err != nil {
		return err
	}
	g.add(to)
	g.sealers[len(g.streams)-1] = s
	return addStreams(g, offered)
}

// measureSRTP compares the CPU per packet between a phone with SRTP and one without: half of the packets are opened,
// half are sealed.
func (b *bench) measureSRTP(ctx context.Context) error {
	return b.measureRelaying(ctx, 100, "packet between SRTP and RTP", "ratio at most 0.9", b.srtpKoppelfeld, b.srtpRTPengine)
}
