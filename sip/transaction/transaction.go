// Package transaction is the transaction layer of one shard: the four state
// machines of RFC 3261 section 17 with the corrections of RFC 6026, on a timing
// wheel. Retransmission sends stored bytes and never re-enters the user.
//
// A Layer belongs to one shard. All its methods and all callbacks run in that
// shard, one at a time; nothing here locks or starts a goroutine.
package transaction

import (
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Timer values of RFC 3261 section 17 (table 4).
const (
	T1 = 500 * time.Millisecond
	T2 = 4 * time.Second
	T4 = 5 * time.Second
)

// Server is a server transaction. For an INVITE the user answers with any number
// of provisional responses and one final one; a second final response is refused.
type Server struct{}

// Request is the request that made the transaction.
func (s *Server) Request() *message.Message { panic("unimplemented") }

// Flow is the flow the request came on; responses leave on it.
func (s *Server) Flow() *transport.Flow { panic("unimplemented") }

// Respond sends a finished response (made with message.NewResponse) and stores it
// for retransmission. It returns ErrAnswered when a final response was sent before.
// A 2xx to INVITE moves to Accepted (RFC 6026): repeated INVITEs are absorbed, and the
// user repeats the 2xx itself with Resend until its ACK comes.
func (s *Server) Respond(status int, b []byte) error { panic("unimplemented") }

// Resend sends the stored final response again (2xx to INVITE only).
func (s *Server) Resend() error { panic("unimplemented") }

// Answered reports whether a final response was sent.
func (s *Server) Answered() bool { panic("unimplemented") }

// SetUser sets who hears of CANCEL and failure of this INVITE transaction.
func (s *Server) SetUser(u ServerUser) { panic("unimplemented") }

// ServerUser hears what happens to an INVITE server transaction after its request.
type ServerUser interface {
	// Cancelled: a matching CANCEL came and was answered with 200. The user decides
	// and sends 487 itself if it has not answered before.
	Cancelled(s *Server, cancel *message.Message)
	// Unacknowledged: no ACK for a 3xx-6xx within 64*T1, or sending failed.
	Unacknowledged(s *Server, err error)
}

// Client is a client transaction.
type Client struct{}

// ClientUser hears what comes back.
type ClientUser interface {
	// Response is called for each provisional response, for the first final response, and for every 2xx to
	// INVITE (also repeated ones and those of other forks, until 64*T1 after the first; RFC 6026).
	// 3xx-6xx to INVITE have been acknowledged by the layer.
	Response(c *Client, res *message.Message)
	// Failed is called at most once instead of a final response: ErrTimeout (Timer B or F) or
	// a transport error.
	Failed(c *Client, err error)
}

// Layer is the transaction layer of one shard.
type Layer struct{}

// Send starts a client transaction: b is the finished request whose topmost Via has
// the given branch, sent on flow. It may call u.Failed only later, never before it returns.
func (l *Layer) Send(flow *transport.Flow, method message.Method, branch string, b []byte, u ClientUser) *Client {
	panic("unimplemented")
}

// Cancel sends CANCEL for an INVITE client transaction: at once when a provisional
// response has come, else as soon as the first comes (RFC 3261 section 9.1). extra holds
// further header lines such as Reason. Repeated calls have no effect. When no final
// response follows within 64*T1 the user hears Failed(ErrTimeout).
func (c *Client) Cancel(extra ...string) { panic("unimplemented") }

// Status is the last status received, 0 for none.
func (c *Client) Status() int { panic("unimplemented") }

// Timer is a pending wheel entry.
type Timer struct{}

// Stop prevents a timer from firing and reports whether it did. A nil Timer may be stopped.
func (t *Timer) Stop() bool { panic("unimplemented") }
