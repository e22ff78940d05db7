package transport

import "net/netip"

// tapIn and tapOut tell the tap, if there is one. What is no message (keep-alives) is left out.
func (l *Layer) tapIn(p Proto, local, remote netip.AddrPort, b []byte) {
	if l.tap != nil {
		l.tap.Message(p, local, remote, false, b)
	}
}

func (l *Layer) tapOut(p Proto, local, remote netip.AddrPort, b []byte) {
	if l.tap != nil && !isKeepAlive(b) {
		l.tap.Message(p, local, remote, true, b)
	}
}
