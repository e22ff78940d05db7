package ladder

import (
	"encoding/binary"
	"io"
	"net/netip"
)

const (
	pcapMagic   = 0xa1b2c3d4
	linkRaw     = 101 // LINKTYPE_RAW: packets begin with the IP header
	maxSnap     = 65535
	udpHeader   = 8
	ip4Header   = 20
	ip6Header   = 40
	protocolUDP = 17
	hopLimit    = 64
)

// WritePcap writes the call as a capture file. Every message is shown as one UDP datagram between the addresses
// of its flow, also what came over a connection: what is to be seen is the message, not the way it was cut.
func (c *Call) WritePcap(w io.Writer) error {
	head := binary.LittleEndian.AppendUint32(nil, pcapMagic)
	head = binary.LittleEndian.AppendUint16(head, 2)
	head = binary.LittleEndian.AppendUint16(head, 4)
	head = binary.LittleEndian.AppendUint64(head, 0) // time zone and accuracy
	head = binary.LittleEndian.AppendUint32(head, maxSnap)
	head = binary.LittleEndian.AppendUint32(head, linkRaw)
	if _, err := w.Write(head); err != nil {
		return err
	}
	for i := range c.Messages {
		if _, err := w.Write(record(&c.Messages[i])); err != nil {
			return err
		}
	}
	return nil
}

// record is a packet with the header that it has in the file.
func record(m *Message) []byte {
	from, to := m.Remote, m.Local
	if m.Out {
		from, to = to, from
	}
	p := packet(from, to, m.Text)
	b := binary.LittleEndian.AppendUint32(nil, uint32(m.At.Unix()))
	b = binary.LittleEndian.AppendUint32(b, uint32(m.At.Nanosecond()/1000))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p)))
	return append(b, p...)
}

// packet makes up the headers of IP and UDP.
func packet(from, to netip.AddrPort, text string) []byte {
	src, dst := from.Addr().Unmap(), to.Addr().Unmap()
	v4 := src.Is4() && dst.Is4()
	size := ip6Header
	if v4 {
		size = ip4Header
	}
	if most := maxSnap - size - udpHeader; len(text) > most {
		text = text[:most]
	}
	udp := binary.BigEndian.AppendUint16(nil, from.Port())
	udp = binary.BigEndian.AppendUint16(udp, to.Port())
	udp = binary.BigEndian.AppendUint16(udp, uint16(udpHeader+len(text)))
	udp = append(udp, 0, 0)
	udp = append(udp, text...)
	if v4 {
		s, d := src.As4(), dst.As4()
		seal(udp, s[:], d[:])
		return append(header4(s, d, len(udp)), udp...)
	}
	s, d := as16(src), as16(dst)
	seal(udp, s[:], d[:])
	ip := []byte{0x60, 0, 0, 0}
	ip = binary.BigEndian.AppendUint16(ip, uint16(len(udp)))
	ip = append(ip, protocolUDP, hopLimit)
	ip = append(append(ip, s[:]...), d[:]...)
	return append(ip, udp...)
}

// as16 is the address in 16 bytes; one that is missing is unspecified.
func as16(a netip.Addr) [16]byte {
	if !a.IsValid() {
		return [16]byte{}
	}
	return a.As16()
}

func header4(src, dst [4]byte, payload int) []byte {
	ip := []byte{0x45, 0}
	ip = binary.BigEndian.AppendUint16(ip, uint16(ip4Header+payload))
	ip = append(ip, 0, 0, 0x40, 0, hopLimit, protocolUDP, 0, 0) // not to be fragmented
	ip = append(append(ip, src[:]...), dst[:]...)
	binary.BigEndian.PutUint16(ip[10:], ^fold(sum(0, ip)))
	return ip
}

// seal puts the checksum over pseudo header and datagram into a UDP datagram (RFC 768, RFC 8200 section 8.1).
func seal(udp, src, dst []byte) {
	s := sum(sum(uint32(len(udp))+protocolUDP, src), dst)
	n := ^fold(sum(s, udp))
	if n == 0 {
		n = 0xffff
	}
	binary.BigEndian.PutUint16(udp[6:], n)
}

func sum(s uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
