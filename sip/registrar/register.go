package registrar

import (
	"cmp"
	"hash/maphash"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/auth"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Bounds on what a REGISTER may make us keep, in bytes.
const (
	maxContactURI = 512
	maxCallID     = 256
	maxInstance   = 128
	maxRegID      = 10
	maxUserAgent  = 128 // cut
	maxPath       = 1024
	maxPathHops   = 8
)

// retryOften is when a phone that registers too often may try again, in seconds.
const retryOften = 10

// Receive answers a REGISTER statelessly; it is a sip.StatelessHandler.
func (r *Registrar) Receive(in transport.Inbound) bool {
	if !r.Admit(in.Msg, in.Flow.Remote().Addr()) {
		r.cfg.Recent.Refused("braked", r.cfg.Now(), in.Flow, in.Msg, 0)
		return true
	}
	b, status := r.register(in.Msg, in.Flow)
	r.count.status(status)
	_ = b.Send(in.Flow) // the phone repeats its request when the answer is lost
	return true
}

// register looks at the password, and notes what came of the request.
func (r *Registrar) register(req *message.Message, flow *transport.Flow) (*message.Builder, int) {
	if b := r.unsupported(req); b != nil {
		return b, 420
	}
	acc, verdict := r.cfg.Auth.Check(req)
	switch verdict {
	case auth.OK:
		b, status := r.registerAs(acc, req, flow)
		r.cfg.Recent.Registered(acc.SlotID, r.cfg.Now(), flow, req, status)
		return b, status
	case auth.Wrong:
		r.cfg.Recent.Refused("wrong_password", r.cfg.Now(), flow, req, 401)
	case auth.Unknown:
		r.cfg.Recent.Refused("unknown_account", r.cfg.Now(), flow, req, 401)
	}
	r.Judge(req, flow.Remote().Addr(), verdict)
	if verdict == auth.Malformed {
		return r.response(req, 400, "Malformed Credentials"), 400
	}
	b := r.response(req, 401, "")
	r.cfg.Auth.Challenge(b, false, verdict.IsStale())
	return b, 401
}

// registerAs handles a REGISTER of an account in the order of RFC 3261 section 10.3.
func (r *Registrar) registerAs(acc *auth.Account, req *message.Message, flow *transport.Flow) (*message.Builder, int) {
	fail := func(status int, phrase string) (*message.Builder, int) {
		return r.response(req, status, phrase), status
	}
	to, err := message.ParseURI(req.To().URI)
	if err != nil {
		return fail(400, "Malformed To")
	}
	r.Judge(req, flow.Remote().Addr(), auth.OK)
	flow.Prove()
	if message.Unescape(to.User) != acc.Username {
		return fail(403, "Not Your Address")
	}
	if len(req.CallID()) > maxCallID {
		return fail(400, "Call-ID Too Long")
	}
	now := r.cfg.Now()
	if !r.often.Take(acc.SlotID, now) {
		r.count.often.Add(1)
		return r.response(req, 503, "").AddInt("Retry-After", retryOften), 503
	}
	var list []Binding
	var f refusal
	flows := false
	switch {
	case !req.Has(message.HContact): // a query
		list = r.Bindings(acc.SlotID)
	case req.ContactStar():
		list, f = r.removeAll(acc.SlotID, req, now)
	default:
		list, flows, f = r.update(acc.SlotID, req, flow, now)
	}
	if f.status != 0 {
		b := r.response(req, f.status, f.phrase)
		switch f.status {
		case 423:
			b.AddInt("Min-Expires", r.cfg.MinExpires)
		case 503:
			b.AddInt("Retry-After", 60)
		}
		return b, f.status
	}
	b := r.accepted(req, acc.Username, list, now)
	if flows {
		addOutbound(b, flow)
	}
	return b, 200
}

// refusal is why a request is refused; the zero value is none.
type refusal struct {
	status int
	phrase string
}

// unsupported refuses extensions that we do not know (RFC 3261 section 8.2.2.3). Path is taken also from phones that do not
// say that they understand it (RFC 3327 section 5.3 leaves that to us): hardly any does, and edge proxies need it.
func (r *Registrar) unsupported(req *message.Message) *message.Builder {
	var unknown []string
	for tag := range req.Values(message.HRequire) {
		if !strings.EqualFold(tag, "path") && !strings.EqualFold(tag, "outbound") && !strings.EqualFold(tag, "gruu") {
			unknown = append(unknown, tag)
		}
	}
	if len(unknown) > 0 {
		return r.response(req, 420, "").Add("Unsupported", strings.Join(unknown, ", "))
	}
	return nil
}

// response starts a response. The To tag follows from the request, so that a repeated one gets the same.
func (r *Registrar) response(req *message.Message, status int, phrase string) *message.Builder {
	h := maphash.String(r.seed, req.CallID()) ^ maphash.String(r.seed, req.FromTag())
	return message.NewResponse(req, status, phrase, strconv.FormatUint(h, 36))
}

// accepted is the 200 with all bindings.
func (r *Registrar) accepted(req *message.Message, username string, list []Binding, now time.Time) *message.Builder {
	b := r.response(req, 200, "")
	gruu := req.HasToken(message.HSupported, "gruu")
	for i := range list {
		c := &list[i]
		left := int(c.Expires.Sub(now).Round(time.Second) / time.Second)
		q, instance, regID, quote := "", "", "", ""
		if c.Q != 1 {
			q = ";q=" + strconv.FormatFloat(float64(c.Q), 'f', -1, 32)
		}
		if c.Instance != "" {
			instance, quote = `;+sip.instance="`, `"`
		}
		if c.RegID != "" {
			regID = ";reg-id="
		}
		grs := ""
		if gruu && c.Instance != "" {
			scheme := "sip" // that of the Contact (RFC 5630 section 5.2.1)
			if message.Secure(c.Contact) {
				scheme = "sips"
			}
			grs = `;pub-gruu="` + scheme + r.gruus.public(username, c.Instance) + `"`
			if t := r.gruus.temporary(c.SlotID, c.Instance, c.CallID); t != "" {
				grs += `;temp-gruu="` + scheme + t + `"`
			}
		}
		b.AddParts("Contact", "<", c.Contact, ">;expires=", strconv.Itoa(left), q, instance, c.Instance, quote, regID, c.RegID, grs)
	}
	if req.Has(message.HPath) && (req.HasToken(message.HSupported, "path") || req.HasToken(message.HRequire, "path")) {
		b.Copy(req, message.HPath)
	}
	return b.Add("Date", r.dateHeader(now))
}

// dateText is the value of Date for a second.
type dateText struct {
	second int64
	text   string
}

func (r *Registrar) dateHeader(now time.Time) string {
	d := r.date.Load()
	if d == nil || d.second != now.Unix() {
		d = &dateText{now.Unix(), now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")}
		r.date.Store(d)
	}
	return d.text
}

// removeAll handles Contact: * (RFC 3261 section 10.2.2).
func (r *Registrar) removeAll(slotID string, req *message.Message, now time.Time) ([]Binding, refusal) {
	contacts := 0
	for range req.Values(message.HContact) {
		contacts++
	}
	if secs, ok := req.Expires(); !ok || secs != 0 || contacts != 1 {
		return nil, refusal{400, `Contact "*" Needs Expires 0 and No Other Contact`}
	}
	s := r.stripe(slotID)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range live(s.slots[slotID], now) {
		if b.CallID == req.CallID() && req.CSeq() <= b.CSeq {
			return nil, refusal{500, "CSeq Out of Order"}
		}
	}
	r.set(s, slotID, nil, true)
	return nil, refusal{}
}

// update adds, refreshes and removes the contacts that the request names, all or none. flows says that one of them is a flow
// in the sense of RFC 5626.
func (r *Registrar) update(slotID string, req *message.Message, flow *transport.Flow, now time.Time) (list []Binding, flows bool, f refusal) {
	var room [4]wish
	wishes, f := r.wishes(room[:0], req)
	if f.status != 0 {
		return nil, false, f
	}
	if flows, f = outbound(req, wishes); f.status != 0 {
		return nil, false, f
	}
	hops, f := path(req)
	if f.status != 0 {
		return nil, false, f
	}
	if f = secured(req, wishes, hops, flow); f.status != 0 {
		return nil, false, f
	}
	list, bound, f := r.apply(slotID, wishes, req, flow, hops, now)
	if bound {
		r.bindFlow(flow, slotID)
	}
	return list, flows, f
}

// apply does that to the table. bound says that a binding has come to depend on a connection.
func (r *Registrar) apply(slotID string, wishes []wish, req *message.Message, flow *transport.Flow, hops []string, now time.Time) (list []Binding, bound bool, f refusal) {
	s := r.stripe(slotID)
	s.mu.Lock()
	defer s.mu.Unlock()
	old := live(s.slots[slotID], now)
	list = append(make([]Binding, 0, len(old)+newcomers(old, wishes)), old...)
	changed, touched := len(old) != len(s.slots[slotID]), false
	for i := range wishes {
		w := &wishes[i]
		at := find(list, w)
		// A phone whose connection has ended may have started anew, with its numbers too.
		if at >= 0 && list[at].Flow != nil && list[at].CallID == req.CallID() && req.CSeq() <= list[at].CSeq {
			if req.CSeq() < list[at].CSeq {
				return nil, false, refusal{500, "CSeq Out of Order"}
			}
			continue // this very request again, or a contact named twice
		}
		touched = true
		switch {
		case w.expires == 0 && at >= 0:
			list = slices.Delete(list, at, at+1)
			changed = true
			continue
		case w.expires == 0:
			continue
		case at < 0 && r.bindings.Load() >= int64(r.cfg.MaxBindings):
			return nil, false, refusal{503, "Too Many Registrations"}
		case at < 0:
			list = append(list, Binding{SlotID: strings.Clone(slotID)})
			at = len(list) - 1
		}
		other := list[at].Flow != flow
		changed = r.renew(&list[at], w, req, flow, hops, now) || changed
		bound = bound || other && flow.Proto().Reliable()
	}
	if !touched {
		return old, false, refusal{}
	}
	list = r.crowd(list)
	if len(list) > 1 {
		slices.SortStableFunc(list, func(a, b Binding) int {
			return cmp.Or(cmp.Compare(b.Q, a.Q), b.Expires.Compare(a.Expires))
		})
	}
	r.set(s, slotID, list, changed)
	return list, bound, refusal{}
}

// newcomers is how many places the wishes need besides the old ones: mostly none.
func newcomers(old []Binding, wishes []wish) int {
	n := 0
	for i := range wishes {
		if find(old, &wishes[i]) < 0 {
			n++
		}
	}
	return n
}

// crowd drops those that would expire first until the slot holds no more than it may.
func (r *Registrar) crowd(list []Binding) []Binding {
	for len(list) > r.cfg.MaxContacts {
		first := 0
		for i := range list {
			if list[i].Expires.Before(list[first].Expires) {
				first = i
			}
		}
		list = slices.Delete(list, first, first+1)
	}
	return list
}

// find is the binding that a Contact means: the same URI (RFC 3261 section 19.1.4), or the same phone
// by +sip.instance and reg-id, which alone count for flows (RFC 5626 section 6). -1 when there is none.
func find(list []Binding, w *wish) int {
	if !w.flow {
		for i := range list {
			if list[i].Contact == w.uri {
				return i
			}
		}
	}
	if w.instance != "" {
		for i := range list {
			if list[i].Instance == w.instance && list[i].RegID == w.regID {
				return i
			}
		}
	}
	if w.flow { // flows of one device may well have one URI
		return slices.IndexFunc(list, func(b Binding) bool { return b.Contact == w.uri && !b.isFlow() })
	}
	if len(list) == 0 {
		return -1
	}
	u, err := message.ParseURI(w.uri)
	if err != nil {
		return -1
	}
	for i := range list {
		if v, err := message.ParseURI(list[i].Contact); err == nil && u.Equal(v) {
			return i
		}
	}
	return -1
}

// renew writes a Contact into a binding and reports whether more than its expiry changed. The binding
// keeps its strings where they are the same, and never a view into the message.
func (r *Registrar) renew(b *Binding, w *wish, req *message.Message, flow *transport.Flow, hops []string, now time.Time) bool {
	keep := func(dst *string, v string) bool {
		if *dst == v {
			return false
		}
		*dst = strings.Clone(v)
		return true
	}
	changed := keep(&b.Contact, w.uri)
	changed = keep(&b.Instance, w.instance) || changed
	changed = keep(&b.RegID, w.regID) || changed
	keep(&b.CallID, req.CallID()) // of use only while the phone runs: no reason to write the file at once
	ua := req.Header(message.HUserAgent)
	keep(&b.UserAgent, strings.ToValidUTF8(ua[:min(len(ua), maxUserAgent)], "?"))
	if !slices.Equal(b.Path, hops) {
		b.Path, changed = hops, true
	}
	b.Refreshed, b.Expires = now, now.Add(time.Duration(w.expires)*time.Second)
	b.CSeq, b.Q = req.CSeq(), w.q
	if b.Outbound != w.flow {
		b.Outbound, changed = w.flow, true
	}
	if b.Flow == nil || !b.Flow.Same(flow) {
		b.Flow, changed = flow, true
		b.Received, b.proto, b.local = flow.Remote(), flow.Proto(), flow.Local()
		b.pulse = nil
	}
	if changed {
		b.nat, b.named = behindNAT(b.Contact, b.Received, b.proto), namesHost(b.Contact)
		if !b.nat || b.proto.Reliable() || len(b.Path) > 0 {
			b.pulse = nil
		} else if b.pulse == nil {
			b.pulse = newPulse(now, r.cfg.KeepAlive)
		}
	}
	b.pulse.alive()
	return changed
}

// namesHost reports whether a contact names a host that may be found in the DNS.
func namesHost(contact string) bool {
	u, err := message.ParseURI(contact)
	if err != nil {
		return false
	}
	if _, err := netip.ParseAddr(u.Host); err == nil {
		return false
	}
	host := strings.ToLower(strings.TrimSuffix(u.Host, "."))
	dot := strings.LastIndexByte(host, '.')
	switch host[dot+1:] {
	case "invalid", "local", "localhost", "localdomain", "lan", "internal":
		return false
	}
	return dot > 0
}

// behindNAT reports whether a contact names another address than the one its REGISTER came from. On
// a connection the port does not count: clients connect from any.
func behindNAT(contact string, from netip.AddrPort, proto transport.Proto) bool {
	u, err := message.ParseURI(contact)
	if err != nil {
		return true
	}
	host, err := netip.ParseAddr(u.Host)
	if err != nil || host.Unmap() != from.Addr() {
		return true
	}
	if proto.Reliable() {
		return false
	}
	return uint16(cmp.Or(u.Port, 5060)) != from.Port()
}
