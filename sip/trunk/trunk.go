// Package trunk leads calls outside, and takes those that come from there. See DESIGN.md.
package trunk

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/b2bua"
	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// Trunk is one way outside.
type Trunk struct {
	Name  string
	Proxy string         // SIP URI without user
	From  []netip.Prefix // where calls come from; empty: the proxy's address
	Base  string         // "+" and digits before inside numbers, or empty
}

// Trunks are all ways outside, in the order in which they are tried. They are immutable but for what they count.
type Trunks struct {
	list     []line
	country  string
	counters []counters // of each trunk
}

type line struct {
	Trunk
	uri message.URI
}

// New makes the ways outside. country is the country code that numbers without one have here, "" when it is not known. An error names the trunk whose proxy is no SIP URI, or who has no addresses.
func New(trunks []Trunk, country string) (*Trunks, error) {
	t := &Trunks{country: country}
	for _, c := range trunks {
		l := line{Trunk: c}
		var err error
		if l.uri, err = message.ParseURI(c.Proxy); err != nil || l.uri.Host == "" || l.uri.User != "" {
			return nil, fmt.Errorf("trunk %s: %q is no SIP URI of a proxy", c.Name, c.Proxy)
		}
		if len(l.From) == 0 {
			a, err := netip.ParseAddr(l.uri.Host)
			if err != nil {
				return nil, fmt.Errorf("trunk %s: nothing says from which addresses its calls come", c.Name)
			}
			l.From = []netip.Prefix{netip.PrefixFrom(a, a.BitLen())}
		}
		t.list = append(t.list, l)
	}
	t.counters = make([]counters, len(t.list))
	return t, nil
}

// Ways implements b2bua.Outside. Emergency calls take the same ways.
func (t *Trunks) Ways(buf []b2bua.Contact, number string, _ bool) []b2bua.Contact {
	for i := range t.list {
		buf = append(buf, b2bua.Contact{URI: t.list[i].to(number)})
	}
	return buf
}

// to is the Request-URI for a number.
func (l *line) to(number string) string {
	u := l.uri
	host := u.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	out := u.Scheme + ":" + message.EscapeUser(number) + "@" + host
	if u.Port != 0 {
		out = fmt.Sprintf("%s:%d", out, u.Port)
	}
	if u.Params != "" {
		out += ";" + u.Params
	}
	return out
}

// Shown implements b2bua.Outside: how an inside number is shown outside. What begins with "+" or "0" is outside already.
func (t *Trunks) Shown(number string) string {
	if number == "" || number[0] == '+' || number[0] == '0' || len(t.list) == 0 {
		return number
	}
	return t.list[0].Base + number
}

// Incoming implements b2bua.Trunks. What it returns holds no memory of the message.
func (t *Trunks) Incoming(in transport.Inbound) (called string, caller routing.Caller, ok bool) {
	i := t.from(in.Flow.Remote().Addr().Unmap())
	if i < 0 {
		return "", routing.Caller{}, false
	}
	l := &t.list[i]
	u, err := message.ParseURI(in.Msg.URI())
	if err == nil {
		called = l.inside(t.International(user(u)))
	}
	caller = routing.Caller{Class: routing.Outside}
	caller.Number, caller.Name = t.caller(in.Msg)
	return called, caller, true
}

// from finds the trunk of an address, -1 for none.
func (t *Trunks) from(a netip.Addr) int {
	for i := range t.list {
		for _, p := range t.list[i].From {
			if p.Contains(a) {
				return i
			}
		}
	}
	return -1
}

// inside takes the base off a called number. The base alone stays: it is a number of the plan only if somebody has entered it.
func (l *line) inside(number string) string {
	if short, ok := strings.CutPrefix(number, l.Base); ok && l.Base != "" && short != "" {
		return short
	}
	return number
}

// maxName bounds a display name, in bytes.
const maxName = 128

// caller reads who calls: P-Asserted-Identity, which a trunk vouches for, else From. A caller who hides is empty (RFC 3323 section 4.1).
func (t *Trunks) caller(msg *message.Message) (number, name string) {
	if hidden(msg) {
		return "", ""
	}
	from := msg.From()
	for v := range msg.Values(message.HPAssertedIdentity) {
		if a, err := message.ParseAddr(v); err == nil {
			from = a
			break
		}
	}
	u, err := message.ParseURI(from.URI)
	if err != nil || strings.EqualFold(u.Host, "anonymous.invalid") || strings.EqualFold(u.User, "anonymous") {
		return "", ""
	}
	name = strings.Clone(from.Display)
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "")
	}
	number = user(u)
	if dialled, ok := routing.Dialled(number); ok {
		return t.International(dialled), name
	}
	return "", name
}

func hidden(msg *message.Message) bool {
	for v := range msg.Values(message.HPrivacy) {
		for p := range strings.SplitSeq(v, ";") {
			switch strings.ToLower(strings.TrimSpace(p)) {
			case "id", "user", "header":
				return true
			}
		}
	}
	return false
}

// International puts a number as trunks send it into international form: as people dial, and without the "+" (the country code and at
// least 8 digits in all). What is shorter or unknown stays.
func (t *Trunks) International(number string) string {
	if c := t.country; c != "" && len(number) >= 8 && strings.HasPrefix(number, c) {
		return "+" + number
	}
	return routing.International(number, t.country)
}

// maxUser bounds a user part, in bytes.
const maxUser = 64

// user is the telephone subscriber of a URI, without parameters.
func user(u message.URI) string {
	s := u.User
	s, _, _ = strings.Cut(s, ";")
	if len(s) > maxUser {
		s = s[:maxUser]
	}
	return strings.Clone(message.Unescape(s))
}
