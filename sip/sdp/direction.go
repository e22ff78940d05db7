package sdp

// Direction says which way media flows, seen from the sender of the description
// (RFC 8866 section 6.7). The zero value means "not given".
type Direction uint8

const (
	canReceive Direction = 1
	canSend    Direction = 2
	given      Direction = 4
)

// Directions.
const (
	Inactive = given
	RecvOnly = given | canReceive
	SendOnly = given | canSend
	SendRecv = given | canSend | canReceive
)

// String is the attribute's name, "" when not given.
func (d Direction) String() string {
	switch d {
	case Inactive:
		return "inactive"
	case RecvOnly:
		return "recvonly"
	case SendOnly:
		return "sendonly"
	case SendRecv:
		return "sendrecv"
	}
	return ""
}

// Sends reports whether the describing side sends.
func (d Direction) Sends() bool { return d&canSend != 0 }

// Receives reports whether the describing side wants to receive.
func (d Direction) Receives() bool { return d&canReceive != 0 }

// Reverse is the same flow seen from the other side.
func (d Direction) Reverse() Direction {
	r := d & given
	if d.Sends() {
		r |= canReceive
	}
	if d.Receives() {
		r |= canSend
	}
	return r
}

// AnswerDirection is the direction of our answer to an offer when wish is what we would
// do if asked freely (RFC 3264 section 6.1).
func AnswerDirection(offer, wish Direction) Direction { return offer.Reverse() & wish }

func parseDirection(name string) Direction {
	if len(name) != 8 {
		return 0
	}
	switch name {
	case "sendrecv":
		return SendRecv
	case "sendonly":
		return SendOnly
	case "recvonly":
		return RecvOnly
	case "inactive":
		return Inactive
	}
	return 0
}
