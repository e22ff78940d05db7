package b2bua

import (
	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
)

// elsewhere makes phones count no missed call (SPEC M4).
const elsewhere = `Reason: SIP;cause=200;text="Call completed elsewhere"`

// Cancelled implements transaction.ServerUser for the caller's INVITE. When an answer of
// ours is already on its way the CANCEL has no effect; the caller has to send BYE.
func (c *call) Cancelled(tx *transaction.Server, cancel *message.Message) {
	defer c.guard()
	if c.phase > holding || tx.Answered() {
		return
	}
	reason := ""
	if r := cancel.Header(message.HReason); r != "" {
		reason = "Reason: " + r
	}
	c.early = nil
	for _, f := range c.forks {
		f.cancel(reason, "cancelled")
	}
	c.b.leave() // one that has answered while the caller did not know yet
	c.refuse(ending{result: calls.Cancelled, status: 487, by: byCaller, cause: "the caller gave up"})
}

// Unacknowledged implements transaction.ServerUser: the caller will have noticed otherwise.
func (c *call) Unacknowledged(*transaction.Server, error) {}

// Cancelled implements transaction.ServerUser for a re-INVITE that is being carried across.
func (l *leg) Cancelled(tx *transaction.Server, _ *message.Message) {
	c := l.c
	defer c.guard()
	if l.in != tx || tx.Answered() {
		return
	}
	l.in = nil
	l.reject(tx, 487)
	if peer := c.other(l); peer != nil && peer.out != nil {
		peer.out.withdraw()
	}
}

// Unacknowledged implements transaction.ServerUser.
func (l *leg) Unacknowledged(*transaction.Server, error) {}
