package media

import "strings"

// recoder turns the packets that one side sends into what the other side takes, packet by packet: SSRC,
// sequence numbers and timestamps stay, since all codecs that we speak count a timestamp
// unit for each byte. It is there only where signalling has asked for it by Remote.Sends.
type recoder struct {
	sends, takes Formats
	to           [128]conversion // by payload type
	current      codec           // that dec and enc are for, of what comes in
	dec, enc     coder
	fir          *resampler
	pcm, other   [maxSamples]int16
}

// conversion says what becomes of a payload type.
type conversion struct {
	known bool
	pt    uint8
	from  codec // noCodec: the payload stays as it is
	into  codec
}

// newRecoder makes what is needed between a side that sends these formats and one that takes those;
// nil when signalling has not asked for it.
func newRecoder(sends, takes *Formats) *recoder {
	if *sends == (Formats{}) {
		return nil
	}
	r := &recoder{sends: *sends, takes: *takes}
	for i := range sends {
		f := &sends[i]
		if f.Name == "" || f.PayloadType < 0 || f.PayloadType > 127 || r.to[f.PayloadType].known {
			continue
		}
		c := &r.to[f.PayloadType]
		for k := range takes {
			if t := &takes[k]; t.same(f) && t.PayloadType >= 0 && t.PayloadType <= 127 {
				*c = conversion{known: true, pt: uint8(t.PayloadType)}
				break
			}
		}
		if from := codecOf(f); !c.known && from != noCodec {
			for k := range takes {
				if into := codecOf(&takes[k]); into != noCodec {
					*c = conversion{known: true, pt: uint8(takes[k].PayloadType), from: from, into: into}
					if r.fir == nil && from.perByte() != into.perByte() {
						r.fir = &resampler{}
					}
					break
				}
			}
		}
	}
	return r
}

// same reports whether two formats are the same encoding.
func (f *Format) same(g *Format) bool {
	clock := func(f *Format) int {
		if f.ClockRate == 0 {
			return 8000
		}
		return f.ClockRate
	}
	return strings.EqualFold(f.Name, g.Name) && clock(f) == clock(g)
}

// recode changes a packet in place.
func (r *recoder) recode(b []byte) Drop {
	h, ok := parseRTP(b)
	if !ok {
		return DropMalformed
	}
	c := &r.to[h.payloadType]
	if !c.known || c.from != noCodec && len(h.payload) > maxPayload {
		return DropCodec
	}
	b[1] = b[1]&0x80 | c.pt
	if c.from == noCodec || len(h.payload) == 0 {
		return relayed
	}
	if c.from != r.current {
		r.current = c.from
		r.dec, r.enc = newCoder(c.from), newCoder(c.into)
		if r.fir != nil {
			*r.fir = resampler{}
		}
	}
	n := len(h.payload)
	pcm := r.pcm[:n*c.from.perByte()]
	r.dec.decode(pcm, h.payload)
	if len(pcm) != n*c.into.perByte() {
		other := r.other[:n*c.into.perByte()]
		if len(other) > len(pcm) {
			r.fir.up(other, pcm)
		} else {
			r.fir.down(other, pcm)
		}
		pcm = other
	}
	r.enc.encode(h.payload, pcm)
	return relayed
}

// events is the payload type of telephone events in a list, or else what is given.
func (f *Formats) events(otherwise int) int {
	for i := range f {
		if strings.EqualFold(f[i].Name, "telephone-event") {
			return f[i].PayloadType
		}
	}
	return otherwise
}

// match makes the recoders between e and its peer anew. The caller holds the topology, and neither of the two.
func (e *Endpoint) match() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p := e.peer; p != nil && p != e {
		p.mu.Lock()
		defer p.mu.Unlock()
		match(e, p)
	}
}

// match makes the recoders between two endpoints where their formats have changed. The caller holds both.
func match(a, b *Endpoint) {
	for _, way := range [...][2]*Endpoint{{a, b}, {b, a}} {
		from, to := way[0], way[1]
		if r := to.recoder; r == nil || r.sends != from.remote.Sends || r.takes != to.remote.Formats {
			to.recoder = newRecoder(&from.remote.Sends, &to.remote.Formats)
		}
	}
	if a.recoder != nil || b.recoder != nil {
		a.stream.anchor(b)
		b.stream.anchor(a)
	}
}
