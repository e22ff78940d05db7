package transaction

import (
	"hash/maphash"
	"strconv"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

const (
	cookie = "z9hG4bK"
	// maxKey bounds what a request can make us keep: branch and sent-by.
	maxKey = 384
)

// Config sets up a Layer.
type Config struct {
	Wheel *Wheel
	// NewTag mints To tags.
	NewTag func() string
	// Limit is how many transactions may exist before new requests are refused; default 100,000. Our own
	// requests are refused at twice the number.
	Limit int
}

// Counts count what happened since New.
type Counts struct {
	Clients, Servers uint64 // transactions made
	Retransmissions  uint64 // messages sent again, both roles
	Absorbed         uint64 // repeated requests and ACKs that went no further
	Stray            uint64 // responses without a transaction
	Timeouts         uint64 // ErrTimeout reported
	Unanswered       uint64 // non-INVITE requests that got no final response from the user
	Refused          uint64 // over the limit
	Merged           uint64 // 482
	Orphans          uint64 // CANCEL without INVITE
}

// Layer is the transaction layer of one shard.
type Layer struct {
	wheel   *Wheel
	newTag  func() string
	limit   int
	seed    maphash.Seed
	clients map[clientKey]*Client
	servers map[string]*Server
	merges  map[uint64]*Server
	flows   map[*transport.Flow]*Client // heads of the lists of clients on connections
	orphans orphans
	spent   []*Server // answered in this event
	scratch []byte
	counts  Counts
}

// New makes a Layer.
func New(cfg Config) *Layer {
	if cfg.Limit <= 0 {
		cfg.Limit = 100_000
	}
	return &Layer{
		wheel: cfg.Wheel, newTag: cfg.NewTag, limit: cfg.Limit, seed: maphash.MakeSeed(),
		clients: map[clientKey]*Client{}, servers: map[string]*Server{}, merges: map[uint64]*Server{},
		flows: map[*transport.Flow]*Client{}, scratch: make([]byte, 0, maxKey),
	}
}

// Len is the number of transactions, lingering ones included.
func (l *Layer) Len() int { return len(l.clients) + len(l.servers) }

// Counts returns the counters.
func (l *Layer) Counts() Counts { return l.counts }

// Sweep is called by the shard after each event: it lets go of the requests of the transactions that were answered in it.
func (l *Layer) Sweep() {
	for i, s := range l.spent {
		s.req = nil
		l.spent[i] = nil
	}
	l.spent = l.spent[:0]
}

// Response gives a response to its client transaction; without one it is dropped and false returned.
func (l *Layer) Response(res *message.Message) bool {
	c := l.clients[clientKey{res.Via().Branch(), res.Method()}]
	if c == nil {
		l.counts.Stray++
		return false
	}
	c.response(res)
	return true
}

// Known gives a request to the server transaction it repeats, or an ACK to the one it acknowledges. It reports
// whether it was for one and needs no more attention. An ACK that matches an accepted INVITE is the
// dialog's: false.
func (l *Layer) Known(req *message.Message) bool {
	method := req.Method()
	if method == message.CANCEL || !l.makeKey(req, method) {
		return false
	}
	s := l.servers[string(l.scratch)]
	if s == nil {
		return false
	}
	in := input{kind: serverRequest, msg: req}
	if method == message.ACK {
		if s.state == stateAccepted {
			return false
		}
		in.kind = serverAck
	}
	l.counts.Absorbed++
	s.handle(in)
	return true
}

// Cancel takes a CANCEL: it is answered with 200 and told to the user of its INVITE, or answered with 481 and
// remembered for a while, since on UDP it may have overtaken its INVITE. The answer needs no transaction: a repeated CANCEL gets it again.
func (l *Layer) Cancel(flow *transport.Flow, req *message.Message) {
	if !l.makeKey(req, message.INVITE) {
		_ = Reply(flow, req, 400, "Unusable Via")
		return
	}
	s := l.servers[string(l.scratch)]
	if s == nil {
		l.counts.Orphans++
		l.orphans.add(l.orphanKey(req), l.wheel.now)
		_ = Reply(flow, req, 481, "")
		return
	}
	ok := build(req, 200, "", s.tagInUse(), nil)
	s.ring.In(l.wheel.now, flow, req)
	s.ring.Out(l.wheel.now, flow, ok)
	_ = flow.Send(ok)
	s.handle(input{kind: serverCancel, msg: req})
}

// NewServer makes the transaction of a request that Known does not know. An INVITE is answered
// with 100 when nothing else is said within 200 ms (RFC 3261 section 17.2.1). The errors are ErrTooMany, ErrMerged and ErrKey, which the
// caller answers statelessly (503, 482, 400), and ErrCancelled, which is all done.
func (l *Layer) NewServer(flow *transport.Flow, req *message.Message) (*Server, error) {
	method := req.Method()
	if !l.makeKey(req, method) {
		return nil, ErrKey
	}
	if l.Len() >= l.limit {
		l.counts.Refused++
		return nil, ErrTooMany
	}
	var merge uint64
	if req.ToTag() == "" && method != message.REGISTER && method != message.OPTIONS {
		merge = l.mergeKey(req)
		if l.merges[merge] != nil {
			l.counts.Merged++
			return nil, ErrMerged
		}
	}
	s := &Server{
		layer: l, flow: flow, req: req, key: string(l.scratch), merge: merge,
		invite: method == message.INVITE,
	}
	l.servers[s.key] = s
	if merge != 0 {
		l.merges[merge] = s
	}
	l.counts.Servers++
	if !s.invite {
		l.wheel.arm(&s.timer, Lifetime, s)
		return s, nil
	}
	s.state = stateProceeding
	if l.orphans.take(func() uint64 { return l.orphanKey(req) }, l.wheel.now) {
		s.cancelled = true
		_ = s.Reply(487, "")
		return nil, ErrCancelled
	}
	l.wheel.arm(&s.timer, tryingAfter, s)
	return s, nil
}

// FlowClosed fails the client transactions of a connection that has ended. Server transactions stay: their
// requests have been taken in, and what is answered is for their user to know.
func (l *Layer) FlowClosed(f *transport.Flow, err error) {
	if err == nil {
		err = transport.ErrFlowClosed
	}
	for c := l.flows[f]; c != nil; {
		next := c.flowNext
		c.handle(input{kind: clientTransport, err: err})
		if c = next; c != nil && c.state == stateTerminated { // ended by a callback: begin again
			c = l.flows[f]
		}
	}
}

// bindFlow puts c into the list of its connection.
func (l *Layer) bindFlow(c *Client) {
	if head := l.flows[c.flow]; head != nil {
		c.flowNext, head.flowPrev = head, c
	}
	l.flows[c.flow] = c
}

func (l *Layer) unbindFlow(c *Client) {
	if !c.reliable() {
		return
	}
	switch {
	case c.flowPrev != nil:
		c.flowPrev.flowNext = c.flowNext
	case c.flowNext != nil:
		l.flows[c.flow] = c.flowNext
	default:
		delete(l.flows, c.flow)
	}
	if c.flowNext != nil {
		c.flowNext.flowPrev = c.flowPrev
	}
	c.flowNext, c.flowPrev = nil, nil
}

// makeKey writes the key of the server transaction that req belongs to into l.scratch: branch, sent-by and method
// (RFC 3261 section 17.2.3; ACK has its INVITE's). A branch without the magic cookie, from before RFC 3261,
// names nothing, and Call-ID, From tag and CSeq join it.
func (l *Layer) makeKey(req *message.Message, method message.Method) bool {
	via := req.Via()
	branch := via.Branch()
	if method == message.ACK {
		method = message.INVITE
	}
	b := append(l.scratch[:0], method...)
	b = append(b, ' ')
	b = append(b, branch...)
	b = append(b, ' ')
	b = append(b, via.Host...)
	b = append(b, ':')
	b = strconv.AppendInt(b, int64(via.Port), 10)
	if len(branch) <= len(cookie) || !strings.EqualFold(branch[:len(cookie)], cookie) {
		b = append(b, ' ')
		b = append(b, req.CallID()...)
		b = append(b, ' ')
		b = append(b, req.FromTag()...)
		b = append(b, ' ')
		b = strconv.AppendUint(b, uint64(req.CSeq()), 10)
	}
	if len(b) > maxKey {
		return false
	}
	l.scratch = b
	return true
}

// mergeKey hashes what makes two requests the same one (RFC 3261 section 8.2.2.2). Never 0.
func (l *Layer) mergeKey(req *message.Message) uint64 {
	var seq [4]byte
	n := req.CSeq()
	seq[0], seq[1], seq[2], seq[3] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	var h maphash.Hash
	h.SetSeed(l.seed)
	h.WriteString(req.CallID())
	h.WriteByte(0)
	h.WriteString(req.FromTag())
	h.WriteByte(0)
	h.WriteString(string(req.Method()))
	h.Write(seq[:])
	return h.Sum64() | 1
}

// orphanKey hashes what a CANCEL shares with its INVITE; l.scratch holds the INVITE's key.
func (l *Layer) orphanKey(req *message.Message) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	h.Write(l.scratch)
	h.WriteByte(0)
	h.WriteString(req.CallID())
	return h.Sum64()
}

// orphans remembers the CANCELs of the last two seconds that found no INVITE.
type orphans struct {
	at    map[uint64]time.Time
	order []uint64
}

const (
	orphanLife = 2 * time.Second
	maxOrphans = 1024
)

func (o *orphans) add(key uint64, now time.Time) {
	if o.at == nil {
		o.at = map[uint64]time.Time{}
	}
	o.expire(now)
	if _, ok := o.at[key]; ok {
		return
	}
	if len(o.order) >= maxOrphans {
		delete(o.at, o.order[0])
		o.order = o.order[1:]
	}
	o.at[key] = now
	o.order = append(o.order, key)
}

// take reports whether key is remembered and forgets it. It costs nothing when nothing is remembered.
func (o *orphans) take(key func() uint64, now time.Time) bool {
	if len(o.at) == 0 {
		return false
	}
	o.expire(now)
	k := key()
	if _, ok := o.at[k]; !ok {
		return false
	}
	delete(o.at, k)
	return true
}

func (o *orphans) expire(now time.Time) {
	for len(o.order) > 0 {
		at, ok := o.at[o.order[0]]
		if ok && now.Sub(at) < orphanLife {
			return
		}
		delete(o.at, o.order[0])
		o.order = o.order[1:]
	}
	clear(o.at)
	o.order = nil
}

// Reply answers a request without a transaction; extra holds further header lines ("Name: value"). The To tag
// comes from the request, so that a repeated request gets the same answer.
func Reply(flow *transport.Flow, req *message.Message, status int, phrase string, extra ...string) error {
	tag := ""
	if status > 100 {
		tag = statelessTag(req)
	}
	return begin(req, status, phrase, tag, extra).Send(flow)
}

// statelessTag is FNV-1a over what names the request.
func statelessTag(req *message.Message) string {
	h := uint64(14695981039346656037)
	for _, s := range [...]string{req.CallID(), req.Via().Branch(), req.FromTag()} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
	}
	return strconv.FormatUint(h, 36)
}

func build(req *message.Message, status int, phrase, tag string, extra []string) []byte {
	return begin(req, status, phrase, tag, extra).Finish("", nil)
}

func begin(req *message.Message, status int, phrase, tag string, extra []string) *message.Builder {
	b := message.NewResponse(req, status, phrase, tag)
	for _, line := range extra {
		if name, value, ok := strings.Cut(line, ":"); ok {
			b.Add(name, strings.TrimSpace(value))
		}
	}
	return b
}
