package registrar_test

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/koppelfeld/koppelfeld/sip/siptest"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// A binding to a sips Contact is made only if everything that leads to the phone is secure (RFC 5630 section 5.2).
func TestSIPSContacts(t *testing.T) {
	const uri, own, want = "sips:" + domain, "<sips:u1@10.0.0.2:5061>", "sips:u1@10.0.0.2:5061 300"
	for _, tc := range []struct {
		name   string
		over   transport.Proto
		r      siptest.Registration
		status int
		want   string
	}{
		{"secure throughout", transport.TLS, siptest.Registration{URI: uri, Contact: own}, 200, want},
		{"scheme in capitals", transport.TLS, siptest.Registration{URI: "SIPS:" + domain, Contact: "<SIPS:u1@10.0.0.2:5061>"}, 200, "SIPS:u1@10.0.0.2:5061 300"},
		{"a sip Request-URI", transport.TLS, siptest.Registration{Contact: own}, 400, ""},
		{"a sip contact beside it", transport.TLS, siptest.Registration{URI: uri, Contact: own + ", <sip:u1@10.0.0.2:5062>"}, 400, ""},
		{"a sip contact beside it that is removed", transport.TLS, siptest.Registration{URI: uri, Contact: own + ", <sip:u1@10.0.0.2:5062>;expires=0"}, 200, want},
		{"a sip hop in Path", transport.TLS, siptest.Registration{URI: uri, Contact: own, Headers: []string{"Path: <sips:edge;lr>, <sip:edge2;lr>"}}, 400, ""},
		{"a secure Path", transport.TLS, siptest.Registration{URI: uri, Contact: own, Headers: []string{"Path: <sips:edge;lr>"}}, 200, want},
		{"sip contact, sips Request-URI", transport.TLS, siptest.Registration{URI: uri, Contact: "<sip:u1@10.0.0.2:5062>"}, 200, "sip:u1@10.0.0.2:5062 300"},
		{"over TCP", transport.TCP, siptest.Registration{URI: uri, Contact: own}, 403, ""},
		{"over UDP", transport.UDP, siptest.Registration{URI: uri, Contact: own}, 403, ""},
		{"over TCP with a sip Request-URI", transport.TCP, siptest.Registration{Contact: own}, 400, ""},
		{"removed over TCP", transport.TCP, siptest.Registration{Contact: own, Expires: -2}, 200, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := siptest.NewNetwork(t, 1)
				p := startOn(t, n, transport.Config{
					Listen:       []string{"udp://10.0.0.1:5060", "tcp://10.0.0.1:5060", "tls://10.0.0.1:5061"},
					Certificates: siptest.Certificates(t),
				}, nil)
				ph := phone(t, n, "u1", desk, func(c *siptest.PhoneConfig) {
					if c.Proto = tc.over; tc.over == transport.TLS {
						c.Server = netip.AddrPortFrom(server.Addr(), 5061)
					}
				})
				ph.SendRegister(tc.r).Expect(t, tc.status)
				check(t, "bindings", p.contacts("slot-u1"), tc.want)
			})
		})
	}
}

// The GRUUs of a device have the scheme of its Contact (RFC 5630 section 5.2.1).
func TestSIPSGRUU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(t, 1)
		startOn(t, n, transport.Config{Listen: []string{"tls://10.0.0.1:5061"}, Certificates: siptest.Certificates(t)}, nil)
		ph := phone(t, n, "u1", desk, func(c *siptest.PhoneConfig) {
			c.Proto, c.Server = transport.TLS, netip.AddrPortFrom(server.Addr(), 5061)
		})
		for contact, scheme := range map[string]string{"<sips:u1@10.0.0.2:5061>": `"sips:`, "<sip:u1@10.0.0.2:5061>": `"sip:`} {
			res := ph.SendRegister(siptest.Registration{
				URI: "sips:" + domain, Contact: contact + `;+sip.instance="<urn:uuid:1>"`, Headers: []string{"Supported: gruu"},
			}).Expect(t, 200)
			for _, param := range []string{"pub-gruu=", "temp-gruu="} {
				if !strings.Contains(string(res.Raw()), param+scheme) {
					t.Errorf("no %s%s in\n%s", param, scheme, res.Raw())
				}
			}
		}
	})
}
