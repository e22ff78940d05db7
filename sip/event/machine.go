package event

// state is where a subscription is (RFC 6665 section 4.2). At most one NOTIFY is under way.
type state uint8

const (
	quiet       state = iota // the subscriber knows all there is
	paused                   // it was told a moment ago; further news has to wait
	pausedNews               // and there is some
	sending                  // a NOTIFY is under way
	sendingNews              // and there is news since
	sendingAsk               // and the subscriber has asked again since
	sendingEnd               // and the subscription has ended since
	ending                   // the last NOTIFY is under way
	gone
	numStates
)

// happening is an event of a subscription.
type happening uint8

const (
	news     happening = iota // the state of the resource has changed
	asked                     // SUBSCRIBE: the subscriber is to be told at once
	finish                    // the subscription is over, for whatever reason
	accepted                  // the NOTIFY got a 2xx
	later                     // the NOTIFY was refused for now (Retry-After)
	refused                   // the NOTIFY was refused or not answered
	timeUp                    // the pause is over
	lost                      // there is nobody to talk to any more
	numHappenings
)

// action is what is to be done, in the order of the bits.
type action uint8

const (
	stopTimer action = 1 << iota // no pause any more
	notify                       // send the state
	notifyEnd                    // send the last NOTIFY
	pause                        // wait as the package's pace asks
	pauseLong                    // wait as the subscriber has asked
	forget                       // let go of everything
)

// next is the whole life of a subscription. It is pure.
func next(s state, h happening) (state, action) {
	if s == gone {
		return gone, 0
	}
	if h == lost {
		return gone, stopTimer | forget
	}
	switch s {
	case quiet, paused, pausedNews:
		return nextIdle(s, h)
	case sending, sendingNews, sendingAsk, sendingEnd:
		return nextSending(s, h)
	}
	switch h { // ending
	case accepted, later, refused:
		return gone, forget
	}
	return ending, 0
}

// nextIdle is next while no NOTIFY is under way.
func nextIdle(s state, h happening) (state, action) {
	switch h {
	case asked:
		return sending, stopTimer | notify
	case finish:
		return ending, stopTimer | notifyEnd
	case news:
		if s == quiet {
			return sending, notify
		}
		return pausedNews, 0
	case timeUp:
		if s == pausedNews {
			return sending, notify
		}
		return quiet, 0
	}
	return s, 0 // answers to a NOTIFY that is not under way
}

// nextSending is next while a NOTIFY is under way.
func nextSending(s state, h happening) (state, action) {
	switch h {
	case news:
		if s == sending {
			return sendingNews, 0
		}
	case asked:
		if s != sendingEnd {
			return sendingAsk, 0
		}
	case finish:
		return sendingEnd, 0
	case refused:
		return gone, forget
	case later:
		if s == sendingEnd {
			return ending, notifyEnd
		}
		return pausedNews, pauseLong
	case accepted:
		switch s {
		case sending:
			return paused, pause
		case sendingNews:
			return pausedNews, pause
		case sendingAsk:
			return sending, notify
		case sendingEnd:
			return ending, notifyEnd
		}
	}
	return s, 0
}

// open reports whether the subscriber may still refresh.
func (s state) open() bool { return s < sendingEnd }
