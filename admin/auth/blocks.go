package auth

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Block is a user name or a source that has no attempt left.
type Block struct {
	// Account is a user name as it was typed; with Source it is that user at a source from which he has logged in before. Source alone
	// stands for everybody there.
	Account, Source string
	Until           time.Time // when there is an attempt again
}

// maxBlocks bounds what Blocks lists.
const maxBlocks = 1000

// Blocks lists who has no attempt to log in left, those that last longest first.
func (d *Door) Blocks(now time.Time) []Block {
	var out []Block
	for key, until := range d.users.blocked(now) {
		account, source, _ := strings.Cut(key, " ")
		out = append(out, Block{account, source, until})
	}
	for source, until := range d.sources.blocked(now) {
		out = append(out, Block{"", source, until})
	}
	slices.SortFunc(out, func(a, b Block) int {
		return cmp.Or(b.Until.Compare(a.Until), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Source, b.Source))
	})
	return out[:min(len(out), maxBlocks)]
}

// Release gives a blocked user name or source all its attempts back. It reports whether it was blocked.
func (d *Door) Release(account, source string, now time.Time) bool {
	if account == "" {
		return d.sources.release(source, now)
	}
	return d.users.release(strings.TrimSuffix(account+" "+source, " "), now)
}

// blocked lists the keys that have no attempt, and when they have one again.
func (b *brake) blocked(now time.Time) map[string]time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]time.Time{}
	for key, full := range b.full {
		if until := full.Add(-time.Duration(b.burst-1) * b.every); until.After(now) {
			out[key] = until
		}
	}
	return out
}

func (b *brake) release(key string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	full, known := b.full[key]
	if !known || !full.Add(-time.Duration(b.burst-1)*b.every).After(now) {
		return false
	}
	delete(b.full, key)
	return true
}
