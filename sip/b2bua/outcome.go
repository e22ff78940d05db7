package b2bua

import (
	"strconv"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/calls"
	"github.com/koppelfeld/koppelfeld/routing"
	"github.com/koppelfeld/koppelfeld/sip/message"
)

// planned is how a call ends that the plan does not let ring.
func planned(o routing.Outcome) ending {
	e := ending{by: bySystem}
	switch o {
	case routing.Busy:
		e.result, e.status, e.cause = calls.Busy, 486, "busy"
	case routing.NotRegistered:
		e.result, e.status, e.cause = calls.Unreachable, 480, "no phone is registered"
	case routing.Forbidden:
		e.result, e.status, e.cause = calls.Rejected, 403, "the caller may not make this call"
	case routing.NoSuchNumber:
		e.result, e.status, e.cause = calls.Rejected, 404, "there is no such number"
	case routing.NoRoute:
		e.result, e.status, e.cause = calls.Rejected, 404, "there is no way out for this number"
	case routing.Declined:
		e.result, e.status, e.cause = calls.Declined, 603, "a rule rejects the call"
	case routing.Unanswered:
		e.result, e.status, e.cause = calls.NoAnswer, 480, "nobody answered"
	case routing.Looped:
		e.result, e.status, e.cause = calls.Rejected, 482, "forwarding goes in a circle"
	case routing.TooManyHops:
		e.result, e.status, e.cause = calls.Rejected, 483, "the call was forwarded too often"
	case routing.AskPIN:
		e.result, e.status, e.cause = calls.Rejected, 403, "the number can be called with a PIN only, which nobody is there to key in"
	case routing.Command:
		e.result, e.status, e.cause = calls.Rejected, 403, "a function code is for a phone to dial, not for a call to be sent to"
	case routing.Unsupported:
		e.result, e.status, e.cause = calls.Rejected, 501, "this kind of number cannot take calls"
	default:
		e.result, e.status, e.cause = calls.Failed, 500, "the routing table gave no answer"
	}
	return e
}

// failure is how a call ends when a phone's final status decides, and the fork's
// result for the record. rang says that the phone had rung.
func failure(status int, rang bool) (e ending, leg string) {
	e = ending{by: byCallee}
	switch {
	case status == 486 || status == 600:
		e.result, e.status, e.cause, leg = calls.Busy, 486, "busy", "busy"
	case status == 488 || status == 606 || status == 415:
		e.result, e.status, e.cause, leg = calls.Failed, 488, "the phones share no codec", "error"
	case status == 603 || status > 600:
		e.result, e.status, e.cause, leg = calls.Declined, 603, "declined", "declined"
	case (status == 480 || status == 408) && rang:
		e.result, e.status, e.cause, leg = calls.NoAnswer, 480, "nobody answered", "timeout"
	case status == 413 || status == 513:
		e.result, e.status, e.cause, leg = calls.Failed, status, "the call is too large for the phone", "error"
	case status == 480 || status == 408 || status == 503 || status == 404 || status == 410 || status == 0:
		e.result, e.status, e.cause, leg = calls.Unreachable, 480, "no phone can be reached", "timeout"
		if status != 0 && status != 408 {
			leg = "error"
		}
	default:
		e.result, e.status, e.cause, leg = calls.Failed, 480, "the phone refused the call with status "+strconv.Itoa(status), "error"
	}
	return e, leg
}

// rank orders endings: when all forks have failed the highest answers the caller.
func rank(e ending) int {
	switch e.result {
	case calls.Declined:
		return 5
	case calls.Busy:
		return 4
	case calls.NoAnswer:
		return 3
	case calls.Failed:
		return 2
	case calls.Unreachable:
		return 1
	}
	return 0
}

// causeOf are the headers that tell the caller's side why (Reason, RFC 3326, Q.850; Warning) and until when.
func (c *call) causeOf(e ending) []string {
	v := ""
	switch e.result {
	case calls.Busy:
		v = `Q.850;cause=17;text="User busy"`
	case calls.NoAnswer:
		v = `Q.850;cause=19;text="No answer from user"`
	case calls.Unreachable:
		v = `Q.850;cause=20;text="Subscriber absent"`
	case calls.Declined:
		v = `Q.850;cause=21;text="Call rejected"`
	}
	var headers []string
	if v != "" {
		headers = []string{"Reason", v}
	}
	if e.warning != "" {
		headers = append(headers, "Warning", strings.Replace(e.warning, " ", " "+c.u.cfg.Domain+" ", 1))
	}
	if e.retry > 0 {
		headers = append(headers, "Retry-After", itoa(e.retry))
	}
	return headers
}

// maxRetry bounds the Retry-After that is passed on, in seconds.
const maxRetry = 24 * 60 * 60

// retryAfter is a response's Retry-After in seconds (RFC 3261 section 20.33), 0 when there is none.
func retryAfter(res *message.Message) (n int) {
	v := strings.TrimSpace(res.Header(message.HRetryAfter))
	for i := 0; i < len(v) && v[i] >= '0' && v[i] <= '9'; i++ {
		n = min(10*n+int(v[i]-'0'), maxRetry)
	}
	return n
}

func itoa(n int) string { return strconv.Itoa(n) }
