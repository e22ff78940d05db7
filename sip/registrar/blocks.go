package registrar

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Block is a source or an account whose credentials are not looked at, because too many wrong ones came.
type Block struct {
	Source   netip.Addr // an IPv4 address or the first of an IPv6 /64; invalid for an account
	Account  string     // SIP user name, cut to 64 bytes
	Failures int        // wrong passwords that count
	Until    time.Time
}

// maxName bounds a name that is kept to be shown, in bytes.
const maxName = 64

// cutName is an account for people, cut so that a stranger cannot fill the memory.
func cutName(s string) string {
	if len(s) > maxName {
		s = strings.ToValidUTF8(s[:maxName], "")
	}
	return strings.Clone(s)
}

// Blocks lists what is blocked now, what lasts longest first.
func (r *Registrar) Blocks() []Block {
	b, now := r.brake, r.cfg.Now()
	var out []Block
	b.mu.Lock()
	for _, table := range []*failures{&b.sources, &b.names} {
		for i := range table {
			for _, f := range &table[i] {
				if f.until.After(now) {
					out = append(out, Block{f.source, f.name, f.count, f.until})
				}
			}
		}
	}
	b.mu.Unlock()
	slices.SortFunc(out, func(x, y Block) int {
		return cmp.Or(y.Until.Compare(x.Until), x.Source.Compare(y.Source), cmp.Compare(x.Account, y.Account))
	})
	return out
}

// Release forgets the wrong passwords of a source, or of an account when it is not valid. It reports whether it was blocked.
func (r *Registrar) Release(from netip.Addr, account string) bool {
	b, now := r.brake, r.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	table := &b.names
	if from.IsValid() {
		table = &b.sources
	}
	for i := range table {
		for j := range table[i] {
			f := &table[i][j]
			if f.until.After(now) && f.source == source(from) && f.name == account {
				*f = failure{}
				return true
			}
		}
	}
	return false
}
