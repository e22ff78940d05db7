package sip

import (
	"strings"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// A dialog lives in the shard that its Call-ID names. When a call takes over a leg of a call in another shard, that leg's
// dialog moves there, and the shard of its Call-ID passes on what comes for it. Transactions stay where they were made:
// their repetitions and responses are not passed on.

// HandOver lets everything that comes for a Call-ID from now on, and belongs to no transaction here, go on to another
// shard. Call it in the shard that has the dialog, after Post has told the other one of it.
func (sh *Shard) HandOver(callID string, to *Shard) {
	if to == sh {
		return
	}
	callID = strings.Clone(callID)
	home := sh.stack.ShardFor(callID)
	if home == sh {
		sh.passTo(callID, to)
		return
	}
	sh.passTo(callID, to) // what is on its way from home
	sh.passNoMore(callID)
	home.Post(func() { home.passTo(callID, to) })
}

// Release ends what HandOver began, a little later, for repetitions may still come. Call it in the shard that has the dialog
// when the dialog has ended.
func (sh *Shard) Release(callID string) {
	home := sh.stack.ShardFor(callID)
	if home == sh {
		return
	}
	callID = strings.Clone(callID)
	home.Post(func() { home.passNoMore(callID) })
}

// pass lets a message that belongs to no transaction here go on to where its dialog is now.
func (sh *Shard) pass(m *message.Message, flow *transport.Flow) bool {
	if len(sh.passing) == 0 {
		return false
	}
	to := sh.passing[m.CallID()]
	if to == nil {
		return false
	}
	to.post(event{kind: eventMessage, msg: m, flow: flow}, false)
	return true
}

func (sh *Shard) passTo(callID string, to *Shard) {
	if to == sh {
		delete(sh.passing, callID)
		return
	}
	if sh.passing == nil {
		sh.passing = map[string]*Shard{}
	}
	sh.passing[callID] = to
}

// passNoMore ends the passing on after a transaction's lifetime, unless it has been given another way by then.
func (sh *Shard) passNoMore(callID string) {
	to := sh.passing[callID]
	if to == nil {
		return
	}
	sh.After(transaction.Lifetime, func() {
		if sh.passing[callID] == to {
			delete(sh.passing, callID)
		}
	})
}

// Seek runs fn in the shard that has the dialogs of a Call-ID, after everything that has come there before.
func (s *Stack) Seek(callID string, fn func(sh *Shard)) {
	s.ShardFor(callID).seek(callID, fn, maxPasses)
}

// maxPasses bounds how often a search follows a leg that moves meanwhile.
const maxPasses = 4

// Passing is the shard to which a Call-ID's dialogs have moved from this one, nil when there is none. Call it in the shard only.
func (sh *Shard) Passing(callID string) *Shard { return sh.passing[callID] }

func (sh *Shard) seek(callID string, fn func(*Shard), passes int) {
	sh.Post(func() {
		if to := sh.passing[callID]; to != nil && passes > 0 {
			to.seek(callID, fn, passes-1)
			return
		}
		fn(sh)
	})
}
