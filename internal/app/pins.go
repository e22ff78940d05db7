package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/secret"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/sip/b2bua"
)

// pins checks the PINs that users key in at telephones (SPEC G13), and slows guessing: a user has so many wrong PINs, whatever telephone
// they are keyed in at, and gets one back after a while. A PIN of four digits holds out for months on average.
type pins struct {
	store *store.Store
	hash  *secret.Passwords
	now   func() time.Time

	mu    sync.Mutex
	spent map[string]time.Time // by ID of a user who has guessed wrong: when all tries are there again
}

const (
	// wrongPINs is how many wrong PINs a user has at once, pinBack when one of them comes back.
	wrongPINs = 6
	pinBack   = 10 * time.Minute
)

var (
	errNoPIN   = errors.New("the user has no PIN")
	errGuessed = errors.New("too many wrong PINs of this user; it is taken again later")
)

func newPINs(s *store.Store) *pins {
	return &pins{store: s, hash: secret.NewPasswords(1), now: time.Now, spent: map[string]time.Time{}}
}

// CheckPIN implements b2bua.PINs.
func (p *pins) CheckPIN(ctx context.Context, userID, pin string) error {
	u := p.store.Snapshot().Users[userID]
	switch {
	case u == nil:
		return errUserGone
	case u.PINHash == "":
		return errNoPIN
	case !p.take(userID):
		return errGuessed
	}
	switch err := p.hash.Verify(ctx, u.PINHash, pin); {
	case err == nil:
		p.forget(userID)
		return nil
	case errors.Is(err, secret.ErrPassword):
		return b2bua.ErrPIN
	default:
		p.giveBack(userID)
		return fmt.Errorf("checking the PIN: %w", err)
	}
}

// take counts a try before it is looked at, so that many at once are no way around.
func (p *pins) take(userID string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	at := p.spent[userID]
	if at.Before(now) {
		at = now
	}
	if at.Sub(now) > (wrongPINs-1)*pinBack {
		return false
	}
	p.spent[userID] = at.Add(pinBack)
	return true
}

func (p *pins) giveBack(userID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spent[userID] = p.spent[userID].Add(-pinBack)
}

// forget gives a user who knows the PIN all tries again. Others are swept out with it once theirs are back: who is in the map is or was a
// user.
func (p *pins) forget(userID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.spent, userID)
	now := p.now()
	for id, at := range p.spent {
		if at.Before(now) {
			delete(p.spent, id)
		}
	}
}
