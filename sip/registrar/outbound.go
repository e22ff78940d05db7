package registrar

import (
	"strings"

	"github.com/koppelfeld/koppelfeld/sip/message"
	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// flowTimer is how often, in seconds, phones are asked to show on a connection that they are there (RFC 5626 section 4.4.1).
const flowTimer = "90"

// named reports whether a Contact names a device and a flow of it (RFC 5626 section 4.2).
func (w *wish) named() bool { return w.instance != "" && w.regID != "" }

// outbound marks the contacts that are flows, if the phone supports that, and reports whether one of them comes or stays. It
// is refused with 439 when a proxy stands between that does not keep the flow to the phone.
func outbound(req *message.Message, wishes []wish) (bool, refusal) {
	named, flows := 0, 0
	for i := range wishes {
		if wishes[i].named() {
			named++
			if wishes[i].expires > 0 {
				flows++
			}
		}
	}
	switch {
	case flows > 1:
		return false, refusal{400, "More Than One Contact With reg-id"}
	case named == 0, !req.HasToken(message.HSupported, "outbound") && !req.HasToken(message.HRequire, "outbound"):
		return false, refusal{}
	}
	hops := 0
	for range req.Values(message.HVia) {
		hops++
	}
	if flows > 0 && hops > 1 && !firstHopKeepsFlows(req) {
		return false, refusal{439, "First Hop Lacks Outbound Support"}
	}
	for i := range wishes {
		wishes[i].flow = wishes[i].named()
	}
	return flows > 0, refusal{}
}

// firstHopKeepsFlows looks for "ob" in the Path value of the proxy next to the phone, the last one (RFC 5626 section 6).
func firstHopKeepsFlows(req *message.Message) bool {
	last := ""
	for v := range req.Values(message.HPath) {
		last = v
	}
	a, err := message.ParseAddr(last)
	if err != nil {
		return false
	}
	u, err := message.ParseURI(a.URI)
	if err != nil {
		return false
	}
	_, ob := u.Param("ob")
	return ob
}

// addOutbound writes what the 200 to such a REGISTER says.
func addOutbound(b *message.Builder, flow *transport.Flow) {
	b.Add("Require", "outbound").Add("Supported", "path, outbound, gruu")
	if flow.Proto().Reliable() {
		b.Add("Flow-Timer", flowTimer)
	}
}

// validRegID: 1 to 2^31-1 (RFC 5626 section 4.2).
func validRegID(s string) bool {
	return s == "" || digits(s) && len(s) <= maxRegID && strings.TrimLeft(s, "0") != "" && (len(s) < maxRegID || s <= "2147483647")
}
