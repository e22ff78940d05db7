package sip

import (
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transaction"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

type dialogKey struct{ callID, tag string }

// BindDialog makes in-dialog requests for Call-ID and local tag go to u. Call it in the shard of that Call-ID.
func (sh *Shard) BindDialog(callID, localTag string, u DialogUser) {
	sh.dialogs[dialogKey{strings.Clone(callID), strings.Clone(localTag)}] = u
}

// UnbindDialog ends that; later requests of the dialog are answered 481.
func (sh *Shard) UnbindDialog(callID, localTag string) {
	delete(sh.dialogs, dialogKey{callID, localTag})
}

// Dialog finds the user of a dialog, nil when there is none.
func (sh *Shard) Dialog(callID, localTag string) DialogUser {
	return sh.dialogs[dialogKey{callID, localTag}]
}

// Via is the value of the Via header for a request on flow.
func (sh *Shard) Via(flow *transport.Flow, branch string) string {
	return "SIP/2.0/" + string(flow.Proto()) + " " + flow.Local().String() + ";branch=" + branch + ";rport"
}

// Contact is the URI at which requests reach us on the way of flow, without angle brackets.
func (sh *Shard) Contact(flow *transport.Flow) string { return contactURI(flow.Proto(), flow.Local()) }

func contactURI(p transport.Proto, local netip.AddrPort) string {
	uri := "sip:" + local.String()
	if t := p.URIParam(); t != "" {
		uri += ";transport=" + t
	}
	return uri
}

// receive dispatches one message.
func (sh *Shard) receive(m *message.Message, flow *transport.Flow) {
	if !m.IsRequest() {
		if manyVias(m) {
			sh.stack.counters.drop(DropVias)
			return
		}
		if !sh.tx.Response(m) {
			sh.pass(m, flow)
		}
		return
	}
	if sh.tx.Known(m) || sh.pass(m, flow) {
		return
	}
	in := transport.Inbound{Msg: m, Flow: flow}
	switch m.Method() {
	case message.ACK:
		sh.ack(m)
		return
	case message.CANCEL:
		sh.tx.Cancel(flow, m)
		return
	}
	if m.ToTag() == "" {
		sh.outside(in)
		return
	}
	u := sh.Dialog(m.CallID(), m.ToTag())
	if u == nil {
		sh.stack.refuse(in, DropNoDialog, 481, "")
		return
	}
	if tx := sh.Accept(in); tx != nil {
		u.Request(tx)
	}
}

// manyVias reports whether a response is for somebody behind us: there is nobody (RFC 3261 section 8.1.3.3).
func manyVias(m *message.Message) bool {
	n := 0
	for range m.Values(message.HVia) {
		if n++; n > 1 {
			return true
		}
	}
	return false
}

// ack gives the ACK for a 2xx to its dialog.
func (sh *Shard) ack(m *message.Message) {
	if u := sh.Dialog(m.CallID(), m.ToTag()); u != nil {
		u.Ack(m)
		return
	}
	sh.stack.counters.drop(DropAck)
}

// outside gives a request outside of any dialog to its handler.
func (sh *Shard) outside(in transport.Inbound) {
	h := sh.stack.handlers[in.Msg.Method()]
	if h == nil {
		status := 405
		switch in.Msg.Method() {
		case message.BYE, message.UPDATE, message.PRACK, message.INFO:
			if slices.Contains(sh.stack.cfg.InDialog, in.Msg.Method()) {
				status = 481
			}
		}
		sh.stack.refuse(in, DropMethod, status, "", "Allow: "+sh.stack.allow)
		return
	}
	h(sh, in)
}

// Accept makes the transaction of a new request, or answers it statelessly and returns nil. Call it in the shard
// only, from an InboundHandler.
func (sh *Shard) Accept(in transport.Inbound) *transaction.Server {
	tx, err := sh.tx.NewServer(in.Flow, in.Msg)
	switch {
	case err == nil:
		sh.request = tx
		return tx
	case errors.Is(err, transaction.ErrTooMany):
		sh.stack.refuse(in, DropOverload, 503, "", retryAfter(in.Msg))
	case errors.Is(err, transaction.ErrMerged):
		sh.stack.refuse(in, DropMerged, 482, "")
	case errors.Is(err, transaction.ErrKey):
		sh.stack.refuse(in, DropVia, 400, "Unusable Via")
	}
	return nil
}

// check inspects a request as RFC 3261 section 8.2 asks, before anything is made for it. status is 0 when it may pass.
func (s *Stack) check(m *message.Message, flow *transport.Flow) (status int, phrase string, extra []string) {
	method := m.Method()
	if !slices.Contains(methods[:], method) {
		return 501, "", []string{"Allow: " + s.allow}
	}
	switch uri := m.URI(); {
	case hasScheme(uri, "sip:"), hasScheme(uri, "tel:"):
	case !hasScheme(uri, "sips:"), !s.tls: // without TLS the scheme means nothing here
		return 416, "", nil
	case !flow.Secure():
		return 403, "SIPS over an Insecure Hop", nil
	}
	if m.MaxForwards() == 0 && method != message.OPTIONS && m.ToTag() == "" {
		return 483, "", nil
	}
	if m.Has(message.HRequire) {
		var unknown []string
		for tag := range m.Values(message.HRequire) {
			if !slices.ContainsFunc(s.cfg.Supported, func(have string) bool { return strings.EqualFold(have, tag) }) {
				unknown = append(unknown, tag)
			}
			if len(unknown) == maxUnsupported {
				break
			}
		}
		if len(unknown) > 0 {
			return 420, "", []string{"Unsupported: " + strings.Join(unknown, ", ")}
		}
	}
	return 0, "", nil
}

// maxUnsupported bounds how many unknown option tags an answer lists.
const maxUnsupported = 16

func hasScheme(uri, scheme string) bool {
	return len(uri) >= len(scheme) && strings.EqualFold(uri[:len(scheme)], scheme)
}

// options answers OPTIONS with what we can do (RFC 3261 section 11.2).
func (s *Stack) options(in transport.Inbound) bool {
	extra := []string{"Allow: " + s.allow, "Accept: " + strings.Join(s.cfg.Accept, ", ")}
	if len(s.cfg.Supported) > 0 {
		extra = append(extra, "Supported: "+s.Supported())
	}
	_ = transaction.Reply(in.Flow, in.Msg, 200, "", extra...)
	return true
}
