package event

import (
	"strconv"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/sip"
	"github.com/koppelfeld/koppelfeld/sip/dialog"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// contactUser is the user part of our Contact.
const contactUser = "koppelfeld"

// subscribe takes a SUBSCRIBE outside of any dialog, which screen has let pass.
func (s *Server) subscribe(sh *sip.Shard, in transport.Inbound) {
	account := s.authenticate(in)
	if account == nil {
		return
	}
	req := in.Msg
	name, _ := ParseName(req.Header(message.HEvent))
	pkg := s.find(name.Package)
	if pkg == nil { // cannot be: screen has looked
		s.refuse(in, 489, "", "Allow-Events: "+s.allow)
		return
	}
	accept, ok := pkg.acceptable(req)
	if !ok {
		s.refuse(in, 406, "", "Accept: "+strings.Join(pkg.Accept, ", "))
		return
	}
	d, tooBrief := pkg.grant(req.Expires())
	if tooBrief {
		s.refuse(in, 423, "", "Min-Expires: "+seconds(pkg.MinExpires))
		return
	}
	if _, ok := req.Contact(); !ok {
		s.refuse(in, 400, "Missing Contact")
		return
	}
	uri, err := message.ParseURI(req.URI())
	if err != nil {
		s.refuse(in, 400, "Unusable Request-URI")
		return
	}
	name.Package = pkg.Name
	res, status := pkg.Authorize(account, uri)
	if status != 0 {
		s.refuse(in, status, "")
		return
	}
	if !s.watchers.claim(account.SlotID, s.cfg.PerAccount, s.cfg.Total) {
		s.refuse(in, 503, "Too Many Subscriptions", "Retry-After: 60")
		return
	}
	tx := sh.Accept(in)
	if tx == nil {
		s.watchers.unclaim(account.SlotID)
		return
	}
	sub := &subscription{
		s: s, sh: sh, pkg: pkg, event: name.String(),
		dlg:   dialog.NewUAS(in.Flow, req, tx.Tag(), contactUser),
		watch: Watch{Account: account, Resource: strings.Clone(res), Accept: accept},
	}
	sh.Own(sub)
	sub.begin(tx, d)
}

// begin answers the first SUBSCRIBE and tells the state.
func (sub *subscription) begin(tx *transaction.Server, d time.Duration) {
	sub.sh.BindDialog(sub.dlg.CallID, sub.dlg.LocalTag, sub)
	sub.s.watchers.add(sub)
	sub.pkg.active.Add(1)
	sub.admit(tx, d)
}

// Request takes a request of the subscriber inside the dialog. It implements sip.DialogUser.
func (sub *subscription) Request(tx *transaction.Server) {
	sub.sh.Own(sub)
	req := tx.Request()
	switch {
	case !sub.dlg.Matches(req):
		_ = tx.Reply(481, "")
	case !sub.dlg.InOrder(req):
		_ = tx.Reply(500, "", "Retry-After: 1")
	case req.Method() != message.SUBSCRIBE:
		_ = tx.Reply(405, "", "Allow: SUBSCRIBE")
	default:
		sub.refresh(tx)
	}
}

// Ack implements sip.DialogUser: there is nothing to be acknowledged.
func (sub *subscription) Ack(*message.Message) {}

// refresh takes a SUBSCRIBE that prolongs or ends the subscription (RFC 6665 section 4.2.1.2).
func (sub *subscription) refresh(tx *transaction.Server) {
	s, req := sub.s, tx.Request()
	name, ok := ParseName(req.Header(message.HEvent))
	d, tooBrief := sub.pkg.grant(req.Expires())
	switch {
	case s.stopping.Load() && sub.state.open():
		_ = tx.Reply(503, "", "Retry-After: 10")
	case !sub.state.open() || !ok || name.String() != sub.event:
		_ = tx.Reply(481, "") // no such subscription in this dialog, or it has just ended
	case tooBrief:
		_ = tx.Reply(423, "", "Min-Expires: "+seconds(sub.pkg.MinExpires))
	default:
		if status := sub.authorize(req.URI()); status != 0 {
			_ = tx.Reply(status, "")
			sub.end(Rejected)
			return
		}
		if f := tx.Flow(); !f.Same(sub.dlg.Flow) {
			s.watchers.unbind(sub, sub.dlg.Flow)
			sub.dlg.Flow = f
			s.watchers.bind(sub, f)
		}
		sub.dlg.Refresh(req)
		sub.admit(tx, d)
	}
}

// admit answers a SUBSCRIBE with 200 and lets its NOTIFY follow.
func (sub *subscription) admit(tx *transaction.Server, d time.Duration) {
	req := tx.Request()
	b := message.NewResponse(req, 200, "", sub.dlg.LocalTag)
	b.Copy(req, message.HRecordRoute)
	b.Add("Contact", sub.dlg.Contact)
	b.Add("Expires", seconds(d))
	b.Add("Allow-Events", sub.s.allow)
	b.Add("Server", sub.s.cfg.Software)
	_ = tx.Respond(200, b.Finish("", nil)) // the subscriber repeats its request if this is lost
	sub.expires.Stop()
	if d == 0 {
		sub.end(Timeout)
		return
	}
	sub.until = sub.sh.Now().Add(d)
	sub.expires = sub.after(d, func() { sub.end(Timeout) })
	sub.apply(asked)
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// matches reports whether an Accept value, which may be a range, takes a media type.
func matches(accept, kind string) bool {
	accept, _, _ = strings.Cut(accept, ";")
	accept = strings.TrimSpace(accept)
	if accept == "*/*" || strings.EqualFold(accept, kind) {
		return true
	}
	main, ok := strings.CutSuffix(accept, "/*")
	return ok && len(kind) > len(main) && kind[len(main)] == '/' && strings.EqualFold(main, kind[:len(main)])
}
