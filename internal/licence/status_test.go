package licence

import (
	"strings"
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	l := sample(t) // 250 users, 2026-11-27 to 2027-11-30
	l.Version = Version
	const ran, day = EvaluationDays * 24 * time.Hour, 24 * time.Hour
	for _, c := range []struct {
		name  string
		at    string
		users int
		l     *Licence
		fault *Fault
		tried time.Duration

		state State
		code  Code
		days  int
		// one more user, and the user client
		create, client bool
	}{
		{"new system", "2026-11-27", 1, nil, nil, 0, Evaluation, CodeEvaluation, 30, true, true},
		{"the last hour of the evaluation", "2026-11-27", 1, nil, nil, ran - time.Hour, Evaluation, CodeEvaluation, 1, true, true},
		{"the days are over", "2026-11-27", 1, nil, nil, ran, Unlicensed, CodeNone, 0, false, false},
		{"ten users", "2026-11-27", 10, nil, nil, day, Evaluation, CodeEvaluation, 29, false, true},
		{"eleven users", "2026-11-27", 11, nil, nil, day, Unlicensed, CodeEvaluationFull, 0, false, false},
		{"licensed", "2027-01-10", 249, &l, nil, 0, Licensed, CodeValid, 325, true, true},
		{"licensed when the evaluation is over", "2027-01-10", 11, &l, nil, ran, Licensed, CodeValid, 325, true, true},
		{"full", "2027-01-10", 250, &l, nil, 0, Licensed, CodeValid, 325, false, true},
		{"more users than licensed", "2027-01-10", 251, &l, nil, 0, Licensed, CodeTooManyUsers, 325, false, true},
		{"thirty days left", "2027-11-01", 20, &l, nil, ran, Licensed, CodeExpiresSoon, 30, true, true},
		{"thirty-one days left", "2027-10-31", 20, &l, nil, ran, Licensed, CodeValid, 31, true, true},
		{"the last day", "2027-11-30", 20, &l, nil, ran, Licensed, CodeExpiresSoon, 1, true, true},
		{"expired", "2027-12-01", 20, &l, nil, ran, Unlicensed, CodeExpired, 0, false, false},
		{"expired, the evaluation goes on", "2027-12-01", 5, &l, nil, day, Evaluation, CodeEvaluation, 29, true, true},
		{"expired, too many for the evaluation", "2027-12-01", 20, &l, nil, day, Unlicensed, CodeExpired, 0, false, false},
		{"the day before it is issued: other time zones", "2026-11-26", 20, &l, nil, ran, Licensed, CodeValid, 370, true, true},
		{"the clock went back", "2026-11-25", 20, &l, nil, ran, Unlicensed, CodeNotYet, 0, false, false},
		{"installed, and not readable any more", "2027-01-10", 20, nil, faultRevoked("a"), ran, Unlicensed, CodeRevokedKey, 0, false, false},
		{"the same while it is tried", "2027-01-10", 5, nil, faultRevoked("a"), day, Evaluation, CodeEvaluation, 29, true, true},
		{"a clock that ran backwards gives no more days", "2026-11-27", 1, nil, nil, -day, Evaluation, CodeEvaluation, 30, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Judge(Case{Now: on(t, c.at), Users: c.users, Licence: c.l, Fault: c.fault, Tried: c.tried})
			if s.State != c.state || s.Code != c.code || s.DaysLeft != c.days {
				t.Errorf("%s %s %d: %s", s.State, s.Code, s.DaysLeft, s.En)
			}
			if f := s.CreateUsers(c.users, 1); (f == nil) != c.create {
				t.Errorf("one more user: %v", f)
			} else if f != nil {
				sentences(t, f)
			}
			if f := s.UserClient(); (f == nil) != c.client {
				t.Errorf("user client: %v", f)
			} else if f != nil {
				sentences(t, f)
			}
			sentences(t, &Fault{s.Code, s.De, s.En})
			if f := s.CreateUsers(c.users, 0); f != nil {
				t.Errorf("nothing is created, and refused: %v", f)
			}
		})
	}
}

func TestJudgeSaysHowMuchIsLeft(t *testing.T) {
	s := Judge(Case{Now: on(t, "2026-11-27"), Users: 7, Tried: 29 * 24 * time.Hour})
	if !strings.Contains(s.De, "noch 1 Tag, noch 3 von 10") || !strings.Contains(s.En, "1 day left, and 3 of 10") {
		t.Errorf("%s / %s", s.De, s.En)
	}
}

func TestManyUsersAtOnce(t *testing.T) {
	l := sample(t)
	s := Judge(Case{Now: on(t, "2027-01-10"), Users: 200, Licence: &l})
	if s.CreateUsers(200, 50) != nil || s.CreateUsers(200, 51) == nil || s.CreateUsers(250, 1) == nil {
		t.Error("counts wrongly")
	}
}
