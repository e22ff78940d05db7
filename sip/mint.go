package sip

import (
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"sync"
)

// lowercase base32: fit for tokens, and nothing is lost where case is folded.
const alphabet = "abcdefghijklmnopqrstuvwxyz234567"

// randomChars is the length of the random part of minted names: 80 bits.
const randomChars = 16

// minter makes names that nobody can guess, for one shard. Any goroutine may use it.
type minter struct {
	prefix string // of Call-IDs
	mu     sync.Mutex
	rand   *rand.ChaCha8
}

func (m *minter) init(mark string, shard int) {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails
	m.rand = rand.NewChaCha8(seed)
	m.prefix = fmt.Sprintf("%s%04x-", mark, shard)
}

func (m *minter) name(prefix string) string {
	m.mu.Lock()
	hi, lo := m.rand.Uint64(), m.rand.Uint64()
	m.mu.Unlock()
	var buf [48]byte
	b := append(buf[:0], prefix...)
	for range randomChars / 2 {
		b = append(b, alphabet[hi&31], alphabet[lo&31])
		hi, lo = hi>>5, lo>>5
	}
	return string(b)
}

// NewCallID mints a Call-ID whose messages come back to this shard. Any goroutine may call it.
func (sh *Shard) NewCallID() string { return sh.mint.name(sh.mint.prefix) }

// NewTag mints a From or To tag (80 random bits). Any goroutine may call it.
func (sh *Shard) NewTag() string { return sh.mint.name("") }

// NewBranch mints a Via branch with the magic cookie. Any goroutine may call it.
func (sh *Shard) NewBranch() string { return sh.mint.name("z9hG4bK") }

// newMark mints the mark that Call-IDs of this process begin with.
func newMark() string {
	var m minter
	m.init("", 0)
	return m.name("")[:8]
}
