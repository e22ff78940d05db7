package transaction

import (
	"errors"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/trace"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

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

// Client is a client transaction.
type Client struct {
	timer    Timer
	layer    *Layer
	flow     *transport.Flow
	ring     *trace.Ring
	user     ClientUser // nil when nobody wants to hear any more
	key      clientKey
	bytes    []byte        // the request while it may be repeated or cancelled, then the ACK of an INVITE
	deadline time.Duration // timer B or F, on the wheel's clock
	interval time.Duration
	err      error // to be reported by the timer
	cancel   []string

	flowNext, flowPrev *Client // client transactions on one connection

	state     state
	cancelled bool // CANCEL was asked for
	status    int16
}

type clientKey struct {
	branch string
	method message.Method
}

// Status is the last status received, 0 for none.
func (c *Client) Status() int { return int(c.status) }

// Flow is the flow the request was sent on.
func (c *Client) Flow() *transport.Flow { return c.flow }

// Branch is the branch of the request's Via.
func (c *Client) Branch() string { return c.key.branch }

// Ended reports whether a final response or a failure has been reported.
func (c *Client) Ended() bool { return c.state >= stateCompleted }

// Forget ends the reports: nothing is called any more, though the transaction runs on to
// its end by itself. 2xx to an INVITE that come later are dropped.
func (c *Client) Forget() { c.user = nil }

func (c *Client) invite() bool { return c.key.method == message.INVITE }

func (c *Client) reliable() bool { return c.flow.Proto().Reliable() }

// Send starts a client transaction: b is the finished request whose topmost Via has
// the given branch, sent on flow; b must not be changed afterwards. It may call u.Failed only later, never
// before it returns. u may be nil.
//
// When u has a method Trace() *trace.Ring, all messages of the transaction are noted there.
func (l *Layer) Send(flow *transport.Flow, method message.Method, branch string, b []byte, u ClientUser) *Client {
	return l.start(flow, method, branch, b, u, ringOf(u))
}

// ringOf is where the messages of a user's transactions are noted, nil when nowhere.
func ringOf(u any) *trace.Ring {
	if t, ok := u.(interface{ Trace() *trace.Ring }); ok {
		return t.Trace()
	}
	return nil
}

func (l *Layer) start(flow *transport.Flow, method message.Method, branch string, b []byte, u ClientUser, ring *trace.Ring) *Client {
	c := &Client{
		layer: l, flow: flow, ring: ring, user: u, bytes: b, interval: T1,
		key:      clientKey{branch, method},
		deadline: l.wheel.elapsed() + Lifetime,
	}
	if l.Len() >= l.limit*2 || l.clients[c.key] != nil {
		l.counts.Refused++
		c.failLater(ErrTooMany)
		return c
	}
	l.clients[c.key] = c
	l.counts.Clients++
	if c.reliable() {
		l.bindFlow(c)
	}
	if err := c.transmit(b); err != nil {
		c.failLater(err)
		return c
	}
	c.armTrying()
	return c
}

// transmit sends b and returns the error if it is one that ends the transaction: on an
// unreliable transport only a closed socket does, all else is a lost packet.
func (c *Client) transmit(b []byte) error {
	err := c.send(b)
	if err == nil || !c.reliable() && !errors.Is(err, transport.ErrFlowClosed) {
		return nil
	}
	return err
}

// send sends b and notes it.
func (c *Client) send(b []byte) error {
	c.ring.Out(c.layer.wheel.now, c.flow, b)
	return c.flow.Send(b)
}

// failLater lets the timer report err.
func (c *Client) failLater(err error) {
	c.err = err
	c.layer.wheel.arm(&c.timer, 0, c)
}

// armTrying sets the timer to the next retransmission (A, E) or the end (B, F), whichever is first.
func (c *Client) armTrying() {
	d := c.deadline - c.layer.wheel.elapsed()
	if !c.reliable() {
		d = min(d, c.interval)
	}
	c.layer.wheel.arm(&c.timer, d, c)
}

// Events of a client transaction.
const (
	clientTimer     = iota
	client1xx       // provisional response
	client2xx       // success
	client3xx       // any other final response
	clientTransport // the flow failed
	clientCancel    // the user wants it cancelled
	numClientEvents
)

// input is an event with its data.
type input struct {
	kind   int
	status int    // of the response that the user sends
	bytes  []byte // that response
	msg    *message.Message
	err    error
}

func (c *Client) expired() {
	if c.err != nil {
		c.handle(input{kind: clientTransport, err: c.err})
		return
	}
	c.handle(input{kind: clientTimer})
}

func (c *Client) response(res *message.Message) {
	c.ring.In(c.layer.wheel.now, c.flow, res)
	in := input{kind: client3xx, msg: res}
	switch status := res.Status(); {
	case status < 200:
		in.kind = client1xx
	case status < 300:
		in.kind = client2xx
	}
	c.handle(in)
}

func (c *Client) handle(in input) {
	if c.invite() {
		switch c.state {
		case stateTrying:
			c.inviteCalling(in)
		case stateProceeding:
			c.inviteProceeding(in)
		case stateCompleted:
			c.inviteCompleted(in)
		case stateAccepted:
			c.inviteAccepted(in)
		}
		return
	}
	switch c.state {
	case stateTrying:
		c.otherTrying(in)
	case stateProceeding:
		c.otherProceeding(in)
	case stateCompleted:
		c.otherCompleted(in)
	}
}

// report hands a response to the user.
func (c *Client) report(res *message.Message) {
	c.status = int16(res.Status())
	if c.user != nil {
		c.user.Response(c, res)
	}
}

// fail ends the transaction without a final response.
func (c *Client) fail(err error) {
	u := c.user
	c.terminate()
	if errors.Is(err, ErrTimeout) {
		c.layer.counts.Timeouts++
	}
	if u != nil {
		u.Failed(c, err)
	}
}

// linger arms the timer that ends a transaction whose work is done.
func (c *Client) linger(s state, d time.Duration) {
	c.state = s
	if d == 0 {
		c.terminate()
		return
	}
	c.layer.wheel.arm(&c.timer, d, c)
}

func (c *Client) terminate() {
	if c.state == stateTerminated && c.layer.clients[c.key] != c {
		return
	}
	c.state = stateTerminated
	c.timer.Stop()
	c.user, c.bytes, c.cancel = nil, nil, nil
	if c.layer.clients[c.key] == c {
		delete(c.layer.clients, c.key)
		c.layer.unbindFlow(c)
	}
}
