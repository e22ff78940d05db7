package licence

import (
	"fmt"
	"time"
)

const (
	// EvaluationDays and EvaluationUsers bound what goes without a licence: so many days in which the system has run, and so many
	// users, whichever ends first.
	EvaluationDays  = 30
	EvaluationUsers = 10
	// SoonDays is how long before its end a licence is said to end.
	SoonDays = 30
)

// State says what is in force.
type State string

// The states.
const (
	Licensed   State = "licensed"
	Evaluation State = "evaluation"
	Unlicensed State = "unlicensed"
)

// Case is what is known when a licence is judged.
type Case struct {
	Now   time.Time
	Users int // that exist
	// Licence is the installed one, nil when there is none or when it cannot be read; Fault says why it cannot.
	Licence *Licence
	Fault   *Fault
	// Tried is how long the system has run without a licence.
	Tried time.Duration
}

// Status is how a system is licensed at a moment. It is a value; Judge makes it.
type Status struct {
	State State
	// Code and the sentences say why, and what to do.
	Code   Code
	De, En string
	// Licence is the installed one if it could be read, even when it is not in force.
	Licence *Licence
	// Problem is why the installed licence is not in force, nil when it is or when there is none.
	Problem *Fault
	// Users exist, MaxUsers may; MaxUsers is 0 when nothing is licensed.
	Users, MaxUsers int
	// DaysLeft counts the days that licence or evaluation still last, today included; 0 when nothing is in force.
	DaysLeft int
}

// Judge says how a system is licensed.
func Judge(c Case) Status {
	s := Status{Users: c.Users, Licence: c.Licence, Problem: c.Fault}
	if c.Licence != nil {
		s.Problem = c.Licence.problem(c.Now)
		if s.Problem == nil {
			s.licensed(c.Now)
			return s
		}
	}
	left := EvaluationDays*24*time.Hour - max(c.Tried, 0)
	switch {
	case left > 0 && c.Users <= EvaluationUsers:
		s.State, s.Code, s.MaxUsers, s.DaysLeft = Evaluation, CodeEvaluation, EvaluationUsers, days(left)
		s.De = fmt.Sprintf("Koppelfeld wird ausprobiert: noch %s, noch %d von %d Benutzern frei.", daysDe(s.DaysLeft), EvaluationUsers-c.Users, EvaluationUsers)
		s.En = fmt.Sprintf("Koppelfeld is being tried: %s left, and %d of %d users.", daysEn(s.DaysLeft), EvaluationUsers-c.Users, EvaluationUsers)
		return s
	case s.Problem != nil:
		s.because(s.Problem)
	case left > 0:
		s.because(faultEvaluationFull())
	default:
		s.because(faultNone())
	}
	s.State = Unlicensed
	return s
}

func (s *Status) because(f *Fault) { s.Code, s.De, s.En = f.Code, f.De, f.En }

// problem says why a licence is not in force.
func (l *Licence) problem(now time.Time) *Fault {
	switch {
	case now.Before(l.Issued.Add(-clockSlack)):
		return faultNotYet(l.Issued)
	case !now.Before(l.Ends()):
		return faultExpired(l.ValidUntil)
	}
	return nil
}

// clockSlack is how early a day may begin: days of licences are those of UTC, and east of it they begin before.
const clockSlack = 24 * time.Hour

func (s *Status) licensed(now time.Time) {
	l := s.Licence
	s.State, s.MaxUsers, s.DaysLeft = Licensed, l.Users, days(l.Ends().Sub(now))
	switch {
	case s.Users > l.Users:
		s.because(&Fault{
			CodeTooManyUsers, fmt.Sprintf("Die Lizenz ist für %d Benutzer, es gibt %d. Alle arbeiten weiter; neue können nicht angelegt werden.", l.Users, s.Users),
			fmt.Sprintf("The licence is for %d users, and there are %d. All go on; new ones cannot be created.", l.Users, s.Users),
		})
	case s.DaysLeft <= SoonDays:
		s.because(&Fault{
			CodeExpiresSoon, fmt.Sprintf("Die Lizenz endet am %s (noch %s). Bitten Sie den Vertrieb um eine neue.", german(l.ValidUntil), daysDe(s.DaysLeft)),
			fmt.Sprintf("The licence ends on %s (%s left). Ask for a new one.", l.ValidUntil.Format(time.DateOnly), daysEn(s.DaysLeft)),
		})
	default:
		s.because(&Fault{
			CodeValid, fmt.Sprintf("Die Lizenz gilt bis %s für %d Benutzer.", german(l.ValidUntil), l.Users),
			fmt.Sprintf("The licence is good until %s for %d users.", l.ValidUntil.Format(time.DateOnly), l.Users),
		})
	}
}

// CreateUsers says why so many more users must not be created where there are so many, nil when they may.
func (s *Status) CreateUsers(have, more int) *Fault {
	switch {
	case more <= 0:
		return nil
	case s.State == Unlicensed:
		return &Fault{s.Code, "Neue Benutzer können nicht angelegt werden. " + s.De, "New users cannot be created. " + s.En}
	case have+more <= s.MaxUsers:
		return nil
	case s.State == Evaluation:
		f := faultEvaluationFull()
		return &Fault{f.Code, "Neue Benutzer können nicht angelegt werden. " + f.De, "New users cannot be created. " + f.En}
	}
	return &Fault{
		CodeTooManyUsers, fmt.Sprintf("Neue Benutzer können nicht angelegt werden: Die Lizenz ist für %d, und %d gibt es schon. Bitten Sie den Vertrieb um eine größere.", s.MaxUsers, have),
		fmt.Sprintf("New users cannot be created: the licence is for %d, and there are %d already. Ask for a larger one.", s.MaxUsers, have),
	}
}

// UserClient says why the user client must not be used, nil when it may.
func (s *Status) UserClient() *Fault {
	if s.State != Unlicensed {
		return nil
	}
	return &Fault{
		s.Code, "Die Benutzer-Oberfläche ist nicht lizenziert. Telefonieren geht wie immer; bitte wenden Sie sich an die Administration Ihrer Telefonanlage.",
		"The user client is not licensed. Calls work as ever; please turn to the administrators of your telephone system.",
	}
}

func days(d time.Duration) int { return int((d + 24*time.Hour - 1) / (24 * time.Hour)) }

func daysDe(n int) string {
	if n == 1 {
		return "1 Tag"
	}
	return fmt.Sprintf("%d Tage", n)
}

func daysEn(n int) string {
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}
