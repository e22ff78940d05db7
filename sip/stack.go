// Package sip assembles the SIP stack: transports, shards and their dispatch, and
// limits.
//
// A Shard is an executor that owns its transactions, timers, dialogs and calls:
// everything that happens to them runs in it, one at a time and in order of arrival.
// Messages find their shard by Call-ID; Call-IDs that the stack mints carry the
// number of the shard that minted them, so both legs of a call land in one shard.
package sip

import (
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Handler takes a request outside of any dialog. It runs in the shard and must not block.
// It must answer tx now or later.
type Handler func(sh *Shard, tx *transaction.Server)

// DialogUser takes requests inside a dialog.
type DialogUser interface {
	// Request takes an in-dialog request other than ACK; it must answer tx now or later.
	Request(tx *transaction.Server)
	// Ack takes the ACK for a 2xx.
	Ack(ack *message.Message)
}

// Shard owns a part of all calls.
type Shard struct{}

// Post runs fn in the shard, after everything posted before. Any goroutine may call
// it; it does not wait for fn.
func (sh *Shard) Post(fn func()) { panic("unimplemented") }

// Now is the shard's clock.
func (sh *Shard) Now() time.Time { panic("unimplemented") }

// After runs fn in the shard after d (resolution 10 ms). Call it in the shard only.
func (sh *Shard) After(d time.Duration, fn func()) *transaction.Timer { panic("unimplemented") }

// Tx is the shard's transaction layer.
func (sh *Shard) Tx() *transaction.Layer { panic("unimplemented") }

// NewCallID mints a Call-ID whose messages come back to this shard.
func (sh *Shard) NewCallID() string { panic("unimplemented") }

// NewTag mints a From or To tag (at least 64 random bits).
func (sh *Shard) NewTag() string { panic("unimplemented") }

// NewBranch mints a Via branch with the magic cookie.
func (sh *Shard) NewBranch() string { panic("unimplemented") }

// BindDialog makes in-dialog requests for Call-ID and local tag go to u.
func (sh *Shard) BindDialog(callID, localTag string, u DialogUser) { panic("unimplemented") }

// UnbindDialog ends that; later requests of the dialog are answered 481.
func (sh *Shard) UnbindDialog(callID, localTag string) { panic("unimplemented") }

// Stack is the assembled SIP stack.
type Stack struct{}

// Handle sets the handler for out-of-dialog requests of a method; to be called before Run.
// Methods without a handler are answered 405 with Allow, unknown ones 501.
func (s *Stack) Handle(m message.Method, h Handler) { panic("unimplemented") }

// FlowTo gives a flow for a target: UDP leaves from the listening socket of the target's
// address family, connections are reused or opened in the background (messages wait in the
// flow's queue; a failed connection reports through FlowClosed to the transactions on it).
func (s *Stack) FlowTo(t transport.Target) (*transport.Flow, error) { panic("unimplemented") }
