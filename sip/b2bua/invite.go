package b2bua

import (
	"hash/maphash"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// pathHeader carries the loop marker: one "process/number" for each time a call went
// through a system of this kind.
const pathHeader = "X-Koppelfeld-Path"

// maxHops bounds how often one call may go through such systems (SPEC F5).
const maxHops = 10

// maxPath bounds the loop marker, in bytes.
const maxPath = 1024

// screen answers, before anything is kept for it, an INVITE that cannot become a call: one
// without credentials, one that went in a circle, and every one while we stop.
func (u *UA) screen(in transport.Inbound) bool {
	req := in.Msg
	switch {
	case u.stopping.Load():
		_ = transaction.Reply(in.Flow, req, 503, "", "Retry-After: 10")
	case u.looped(req):
		_ = transaction.Reply(in.Flow, req, 482, "")
	case u.comesIn(in):
		return false
	case !req.Has(message.HAuthorization) && !req.Has(message.HProxyAuthorization):
		u.challenge(in, false)
	case u.cfg.Brake != nil && !u.cfg.Brake.Admit(req, in.Flow.Remote().Addr()):
		// Without a word, like a REGISTER: an answer would tell the guesser to go on.
	default:
		return false
	}
	return true // what was lost is asked for again by the phone's repeated INVITE
}

// statelessTag is the same for a repeated request.
func (u *UA) statelessTag(req *message.Message) string {
	var h maphash.Hash
	h.SetSeed(u.seed)
	_, _ = h.WriteString(req.CallID()) // never fails
	_, _ = h.WriteString(req.Branch())
	return strconv.FormatUint(h.Sum64(), 36)
}

// authenticate finds out who sent an INVITE, or refuses it. That is stateless, so that nothing is kept for those
// who do not know a password.
func (u *UA) authenticate(in transport.Inbound) *auth.Account {
	req := in.Msg
	account, verdict := u.cfg.Auth.Check(req)
	if u.cfg.Brake != nil {
		u.cfg.Brake.Judge(req, in.Flow.Remote().Addr(), verdict)
	}
	switch {
	case verdict == auth.OK && account != nil && account.SlotID != "":
		in.Flow.Prove()
		return account
	case verdict == auth.Malformed:
		_ = transaction.Reply(in.Flow, req, 400, "Malformed Credentials")
	case verdict == auth.OK:
		_ = transaction.Reply(in.Flow, req, 403, "")
	default:
		u.challenge(in, verdict.IsStale())
	}
	return nil
}

// challenge answers 401.
func (u *UA) challenge(in transport.Inbound, stale bool) {
	b := message.NewResponse(in.Msg, 401, "", u.statelessTag(in.Msg))
	u.cfg.Auth.Challenge(b, false, stale)
	_ = b.Send(in.Flow) // no Server: strangers need not know it
}

// invite takes an INVITE outside of any dialog.
func (u *UA) invite(sh *sip.Shard, in transport.Inbound) {
	number, caller, trunk := u.fromTrunk(in)
	account, urgent := stranger, false
	if trunk {
		in.Flow.Prove()
		u.cfg.Trunks.Came(in.Flow.Remote().Addr(), sh.Now())
	} else {
		if account = u.authenticate(in); account == nil {
			return
		}
		var ok bool
		if urgent, ok = u.mayCall(account.SlotID, in, sh.Now()); !ok {
			return
		}
	}
	if in.Msg.Has(message.HReplaces) || in.Msg.Has(message.HJoin) {
		u.inviteWith(sh, in, account)
		return
	}
	tx := sh.Accept(in)
	if tx == nil {
		return
	}
	defer func() {
		if fault := recover(); fault != nil {
			u.caught(sh, fault, "")
			if !tx.Answered() {
				u.respond(tx, 500)
			}
		}
	}()
	req := tx.Request()
	called, only := u.dialled(req)
	timers, refused := u.negotiate(req)
	if refused {
		u.respond(tx, 422, "Min-SE", itoa(u.cfg.Timers.Min))
		return
	}
	if trunk {
		called, only = printable(number), device{}
	}
	c := u.newCall(sh, tx, account, called)
	if c.only = only; trunk {
		c.comesFrom(caller)
	}
	defer c.guard()
	c.urgent = urgent
	c.a.deal = timers
	c.start()
}

// newCall makes the call of an authenticated INVITE and counts it.
func (u *UA) newCall(sh *sip.Shard, tx *transaction.Server, account *auth.Account, called string) *call {
	req, flow := tx.Request(), tx.Flow()
	now := sh.Now()
	c := &call{
		u: u, sh: sh, id: newID(now), tx: tx, account: account, called: called,
		source: sourceOf(flow.Remote().Addr()), forward: 70,
	}
	if n := req.MaxForwards(); n > 0 {
		c.forward = min(n-1, 70)
	}
	c.a = leg{c: c, side: callerSide, dlg: dialog.NewUAS(flow, req, tx.Tag(), contactUser)}
	c.a.dlg.Kept = len(c.a.dlg.Routes) > 0 && hidden(req, flow)
	c.sips = message.Secure(req.URI())
	c.a.sdp.Origin = newOrigin(now.Unix())
	c.a.allowUpdate = req.HasToken(message.HAllow, "UPDATE")
	if u.wantsReliable(req) {
		c.rel = c.newReliable(req)
	}
	c.wanted = wantedNumber(req, account.Username)
	c.path = strings.TrimPrefix(req.HeaderNamed(pathHeader)+", "+u.marker+"/"+called, ", ")
	c.rec = calls.Record{
		ID: c.id, Start: now, Class: string(routing.Inside), From: c.wanted,
		FromUser: account.UserID, FromSlot: account.SlotID, To: called, SIPCallID: c.a.dlg.CallID,
	}
	c.kept = sh.OpenTrace(c.id)
	tx.Trace(c.kept)
	u.open.Add(1)
	u.active.Add(1)
	c.held.active = true
	tx.SetUser(c)
	return c
}

// start decides and rings, or refuses.
func (c *call) start() {
	req := c.tx.Request()
	if e, extra := c.unfit(req); e.status != 0 {
		c.reject(e, extra...)
		return
	}
	if e := c.overLimit(); e.status != 0 {
		c.reject(e)
		return
	}
	c.decide()
	if c.plan.Command != nil {
		c.treat()
		return
	}
	if c.plan.Outcome != routing.Ring {
		c.reject(planned(c.plan.Outcome))
		return
	}
	if err := c.openStreams(c.offer, nil); err != nil {
		c.noMedia(err)
		c.reject(ending{result: calls.Failed, status: 503, by: bySystem, cause: "no media port is free"})
		return
	}
	c.sh.BindDialog(c.a.dlg.CallID, c.a.dlg.LocalTag, &c.a)
	c.a.bound = true
	c.enter()
	if c.offerless() {
		c.offerFirst()
		return
	}
	c.prepare(req)
	c.ringAll()
}

// reject refuses a call that has not rung anyone.
func (c *call) reject(e ending, extra ...string) {
	c.u.respond(c.tx, e.status, append(extra, c.causeOf(e)...)...)
	c.a.close()
	c.end(e)
}

// unfit checks what the INVITE asks of us and reads its offer.
func (c *call) unfit(req *message.Message) (e ending, extra []string) {
	e = ending{result: calls.Rejected, by: bySystem}
	if _, ok := req.Contact(); !ok {
		e.status, e.cause = 400, "the phone's INVITE has no Contact"
		return e, nil
	}
	if !c.consistent(req) {
		e.status, e.cause = 400, "the phone's Contact is not as secure as the address that it calls"
		return e, nil
	}
	if !takesSDP(req) {
		e.status, e.cause = 406, "the phone's INVITE takes no SDP in the answer"
		return e, nil
	}
	d, status := describe(req)
	if status != 0 {
		e.status, e.cause = status, "the phone's offer cannot be read"
		if status == 415 {
			extra = []string{"Accept", "application/sdp"}
		}
		return e, extra
	}
	if d == nil && c.unwilling() {
		e.status, e.cause = 420, "the phone requires an offer of ours, and there is no relay of audio to make one"
		return e, []string{"Unsupported", reliably}
	}
	if d != nil {
		c.offer = d
		c.a.exchange, _ = c.a.exchange.Next(dialog.ReceiveOffer)
		c.a.remote = d
		var ok bool
		if c.a.shield, ok = c.agree(&c.a, d); !ok {
			e.status, e.cause = 488, "the phone's offer protects its media in a way that is not accepted here"
			return e, nil
		}
	}
	return ending{}, nil
}

// takesSDP reports whether an INVITE's Accept, if there is one, allows the body that every answer has (RFC 4475 section 3.3.15).
func takesSDP(req *message.Message) bool {
	if !req.Has(message.HAccept) {
		return true
	}
	for v := range req.Values(message.HAccept) {
		kind, _, _ := strings.Cut(v, ";")
		switch kind = strings.TrimSpace(kind); {
		case strings.EqualFold(kind, "application/sdp"), strings.EqualFold(kind, "application/*"), kind == "*/*":
			return true
		}
	}
	return false
}

// overLimit counts the call against the limits.
func (c *call) overLimit() ending {
	u := c.u
	e := ending{result: calls.Rejected, by: bySystem, status: 503}
	switch {
	case c.urgent: // no limit stands in the way of an emergency call
		u.sources.add(c.source, math.MaxInt)
		c.held.source = true
		return ending{}
	case u.Active() > u.cfg.Limits.Total:
		e.cause = "limit of calls of the system reached"
		return e
	case !u.sources.add(c.source, u.cfg.Limits.PerSource):
		e.cause = "limit of calls from this address reached"
		return e
	}
	c.held.source = true
	if u.cfg.Live.SlotCalls(c.account.SlotID) >= u.cfg.Limits.PerSlot {
		e.status, e.cause = 486, "limit of calls of this phone reached"
		return e
	}
	return ending{}
}

// decide asks the routing table and reserves what the plan takes, in one step for the
// called number.
func (c *call) decide() {
	r := routing.Request{
		Called: c.called,
		Caller: routing.Caller{Class: routing.Inside, SlotID: c.account.SlotID, UserID: c.account.UserID, Wanted: c.wanted},
		At:     c.sh.Now(), Diverted: diverted(c.tx.Request()),
	}
	if c.outside != nil {
		r.Caller = *c.outside
	} else {
		c.claimed = len(r.Diverted)
	}
	number, _ := routing.Dialled(c.called)
	c.plan = c.reserve(number, func() routing.Plan { return c.u.cfg.Router.Decide(r, c.u.live) }, func(p *routing.Plan) {
		c.runsOver(p)
		c.callsAs(p.CallerNumber, c.account.SlotID)
		c.u.cfg.Live.TakeTurn(p.Turn)
	})
	c.showFrom(c.plan.Shown, c.plan.CallerNumber)
	c.follow()
}

// prepare makes what all forks share.
func (c *call) prepare(req *message.Message) {
	u := c.u
	c.from = identity(c.plan.Shown, u.cfg.Domain)
	c.address()
	if c.offer != nil {
		c.plumb(&c.a)
		c.forkSDP.Origin = newOrigin(c.sh.Now().Unix())
		c.offerBody = c.write(&c.forkSDP, nil, seat{side: calleeSide}, c.a.localAddr(), c.offer, c.forkDirection())
	}
	c.ringFrom(c.sh.Now())
}

// ringFrom starts the ring time of the plan.
func (c *call) ringFrom(now time.Time) {
	timeout := c.plan.RingTimeout
	if timeout <= 0 {
		timeout = c.u.cfg.RingTimeout
	}
	c.ringTimer.Stop()
	c.ringEnd = now.Add(timeout)
	c.ringTimer = c.after(timeout, c.ringTimeout)
}

// ringTimeout ends ringing that nobody answered, or lets it go on elsewhere.
func (c *call) ringTimeout() {
	if c.phase != ringing {
		return
	}
	e := ending{result: calls.NoAnswer, status: 480, by: bySystem, cause: "nobody answered in time"}
	if !c.rang() {
		e = ending{result: calls.Unreachable, status: 480, by: bySystem, cause: "no phone answered at all"}
		if rank(c.best) > rank(e) {
			e = c.best
		}
	}
	if c.goOn(e) {
		c.checkForks()
		return
	}
	for _, f := range c.forks {
		f.cancel("", "timeout")
	}
	c.refuse(e)
}

// identity is a name-addr of ours.
func identity(id routing.Identity, domain string) string {
	if id.Number == "" {
		return `"Anonymous" <sip:anonymous@anonymous.invalid>`
	}
	return message.FormatAddr(id.Name, "sip:"+message.EscapeUser(id.Number)+"@"+domain)
}

// contactUser is the user part of our Contact.
const contactUser = "koppelfeld"

// calledNumber is what was dialled: the user part of the Request-URI.
func calledNumber(req *message.Message) string {
	u, err := message.ParseURI(req.URI())
	if err != nil {
		return ""
	}
	return printable(userOf(u))
}

// maxCalled bounds what is kept of a dialled text, in bytes.
const maxCalled = 128

// printable makes a text fit for records: short, valid, without control characters. Those are
// replaced and not left out, which could make a number of what was none.
func printable(s string) string {
	if len(s) > maxCalled {
		s = s[:maxCalled]
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return strings.Map(func(r rune) rune {
				if unicode.IsControl(r) {
					return utf8.RuneError
				}
				return r
			}, s)
		}
	}
	return s
}

func userOf(u message.URI) string {
	user := u.User
	if user == "" && u.Scheme == "tel" {
		user = u.Host
	}
	user, _, _ = strings.Cut(user, ";") // parameters of a telephone subscriber
	if strings.IndexByte(user, '%') >= 0 {
		user = message.Unescape(user)
	}
	return strings.Clone(user)
}

// wantedNumber is the number that the caller asks to show (SPEC M5).
func wantedNumber(req *message.Message, username string) string {
	uri := req.From().URI
	if p := req.Header(message.HPPreferredIdentity); p != "" {
		if a, err := message.ParseAddr(p); err == nil {
			uri = a.URI
		}
	}
	u, err := message.ParseURI(uri)
	if err != nil {
		return ""
	}
	user := userOf(u)
	if user == username {
		return ""
	}
	if _, ok := routing.Dialled(user); !ok {
		return ""
	}
	return user
}

// looped reports whether the call came by here for the same number before, or through too many systems.
func (u *UA) looped(req *message.Message) bool {
	path := req.HeaderNamed(pathHeader)
	if path == "" {
		return false
	}
	if len(path) > maxPath {
		return true
	}
	called, hops := calledNumber(req), 0
	for hop := range strings.SplitSeq(path, ",") {
		process, number, _ := strings.Cut(strings.TrimSpace(hop), "/")
		if hops++; hops >= maxHops || process == u.marker && number == called {
			return true
		}
	}
	return false
}

// sourceOf is for limits: IPv6 counts by /64.
func sourceOf(a netip.Addr) netip.Addr {
	if a.Is6() && !a.Is4In6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a.Unmap()
}
