package trace

import (
	"bytes"
	"compress/flate"
	"io"
	"time"
)

const (
	// packAfter is how long a call runs before its messages are compressed: most of what is signalled is signalled at its
	// beginning, and short calls do not pay for it.
	packAfter = 10 * time.Second
	// PackEvery is how often Pack wants to be called while it says so.
	PackEvery = 5 * time.Second
	// packsAtOnce bounds the work of one Pack; a ring takes some 50 µs.
	packsAtOnce = 50
	// packWorth is the least size that is worth it.
	packWorth = 2 << 10
)

// packer is reused by all rings of a Book.
type packer struct {
	w   *flate.Writer
	in  []byte
	out bytes.Buffer
}

// Pack compresses what calls that have been running for a while have said. more says that there is more to do now,
// again that it is to be called again after PackEvery.
func (b *Book) Pack(now time.Time) (more, again bool) {
	if b == nil {
		return false, false
	}
	done := 0
	for r := b.running.first; r != nil; r = r.next {
		if !r.worthPacking() {
			continue
		}
		if now.Sub(time.Unix(0, r.entries[len(r.entries)-1].at)) < packAfter {
			again = true
			continue
		}
		if done++; done > packsAtOnce {
			return true, true
		}
		b.pack(r)
	}
	return false, again
}

// worthPacking reports whether enough lies about unpacked.
func (r *Ring) worthPacking() bool { return r.bytes-len(r.packed)-overhead*len(r.entries) >= packWorth }

// pack puts all texts of a ring into one compressed block.
func (b *Book) pack(r *Ring) {
	p := &b.packer
	if p.w == nil {
		p.w, _ = flate.NewWriter(nil, flate.BestSpeed) // the level is valid
	}
	p.in = r.unpack(p.in[:0])
	p.out.Reset()
	p.w.Reset(&p.out)
	_, _ = p.w.Write(p.in) // to memory
	_ = p.w.Close()
	r.packed = append(make([]byte, 0, p.out.Len()), p.out.Bytes()...)
	for i := range r.entries {
		r.entries[i].text = nil
	}
	r.count(len(r.packed) + overhead*len(r.entries) - r.bytes)
	if cap(p.in) > 128<<10 {
		p.in = nil
	}
}

// restore undoes pack.
func (r *Ring) restore() {
	if r.packed == nil {
		return
	}
	all := r.unpack(nil)
	for i := range r.entries {
		e := &r.entries[i]
		e.text, all = all[:e.size:e.size], all[e.size:]
	}
	r.packed = nil
	r.count(r.plain - r.bytes)
}

// unpack appends all texts to dst.
func (r *Ring) unpack(dst []byte) []byte { return unpacked(dst, r.packed, r.entries) }

func unpacked(dst, packed []byte, entries []entry) []byte {
	if len(packed) > 0 {
		buf := bytes.NewBuffer(dst)
		_, _ = io.Copy(buf, flate.NewReader(bytes.NewReader(packed))) // our own, in memory
		dst = buf.Bytes()
	}
	for i := range entries {
		dst = append(dst, entries[i].text...)
	}
	return dst
}
