package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"sync"
	"time"
)

// A nonce is 4 bytes of time (seconds), 10 random bytes, and 16 bytes of HMAC-SHA256 over
// both and the realm, in base64url: 40 characters.
const (
	nonceBody = 14
	nonceSize = nonceBody + 16
	nonceText = nonceSize / 3 * 4
)

// nonceKey is a nonce without its MAC.
type nonceKey [nonceBody]byte

func (k nonceKey) issued() int64 { return int64(binary.BigEndian.Uint32(k[:4])) }

func (d *Digest) newNonce() string {
	sc := d.scratch.Get().(*scratch)
	defer d.scratch.Put(sc)
	var raw [nonceSize]byte
	binary.BigEndian.PutUint32(raw[:4], uint32(d.cfg.Now().Unix()))
	_, _ = rand.Read(raw[4:nonceBody]) // never fails, see crypto/rand
	d.sign(sc, raw[:nonceBody], raw[nonceBody:])
	var text [nonceText]byte
	base64.URLEncoding.Encode(text[:], raw[:])
	return string(text[:])
}

// sign writes the truncated MAC of body to dst.
func (d *Digest) sign(sc *scratch, body, dst []byte) {
	sc.mac.Reset()
	sc.buf = append(append(sc.buf[:0], body...), d.cfg.Realm...)
	sc.mac.Write(sc.buf)
	sc.buf = sc.mac.Sum(sc.buf[:0])
	copy(dst, sc.buf)
}

// openNonce checks that a nonce is ours and of age.
func (d *Digest) openNonce(sc *scratch, s string, now time.Time) (key nonceKey, ok bool) {
	if len(s) != nonceText {
		return key, false
	}
	var text [nonceText]byte
	var raw [nonceSize]byte
	copy(text[:], s)
	if n, err := base64.URLEncoding.Strict().Decode(raw[:], text[:]); err != nil || n != nonceSize {
		return key, false
	}
	var mac [nonceSize - nonceBody]byte
	d.sign(sc, raw[:nonceBody], mac[:])
	if subtle.ConstantTimeCompare(mac[:], raw[nonceBody:]) != 1 {
		return key, false
	}
	key = nonceKey(raw[:nonceBody])
	return key, d.fresh(key, now)
}

func (d *Digest) fresh(key nonceKey, now time.Time) bool {
	age := now.Unix() - key.issued()
	return age >= -60 && age <= int64(d.cfg.NonceLifetime/time.Second)
}

// stripes is how many parts of the table can be used at once.
const stripes = 32

// nonceTable remembers which nonce counts were used. It holds at most a fixed number of
// nonces; of those pushed out it remembers the time, so that they cannot come back.
type nonceTable struct {
	stripe [stripes]nonceStripe
}

type nonceStripe struct {
	mu     sync.Mutex
	limit  int
	index  map[nonceKey]int64 // number of the nonce in the order of first use
	first  int64              // number of window[0]
	window []nonceWindow      // in order of first use
	floor  int64              // nonces issued at or before it and not in the table may have been used
}

// nonceWindow is the highest count used and a bit for each of the 64 below, because
// datagrams overtake one another.
type nonceWindow struct {
	key  nonceKey
	high uint32
	used uint64
}

func (t *nonceTable) init(limit int) {
	for i := range t.stripe {
		t.stripe[i].limit = max(1, limit/stripes)
		t.stripe[i].index = map[nonceKey]int64{}
	}
}

// use marks a count as used: OK, Replayed, or Stale when the table no longer knows.
func (t *nonceTable) use(key nonceKey, nc uint32, now time.Time, lifetime time.Duration) Verdict {
	s := &t.stripe[key[nonceBody-1]%stripes]
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.index[key]; ok {
		return s.window[i-s.first].use(nc)
	}
	if key.issued() <= s.floor {
		return Stale
	}
	s.insert(nonceWindow{key: key, high: nc, used: 1}, now.Unix()-int64(lifetime/time.Second))
	return OK
}

func (w *nonceWindow) use(nc uint32) Verdict {
	switch {
	case nc > w.high:
		if shift := nc - w.high; shift < 64 {
			w.used = w.used<<shift | 1
		} else {
			w.used = 1
		}
		w.high = nc
		return OK
	case w.high-nc >= 64 || w.used&(1<<(w.high-nc)) != 0:
		return Replayed
	}
	w.used |= 1 << (w.high - nc)
	return OK
}

// insert adds a nonce. Those go that have expired (were issued before oldest), and the
// oldest when the table is full.
func (s *nonceStripe) insert(w nonceWindow, oldest int64) {
	for len(s.window) > 0 {
		old := s.window[0].key
		if old.issued() >= oldest {
			if len(s.window) < s.limit {
				break
			}
			s.floor = max(s.floor, old.issued())
		}
		delete(s.index, old)
		s.window = s.window[1:]
		s.first++
	}
	s.index[w.key] = s.first + int64(len(s.window))
	s.window = append(s.window, w)
}

// size is the number of nonces remembered.
func (t *nonceTable) size() (n int) {
	for i := range t.stripe {
		s := &t.stripe[i]
		s.mu.Lock()
		n += len(s.index)
		s.mu.Unlock()
	}
	return n
}
