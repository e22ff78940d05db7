package merge

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Write prints the proposal in English, with the matrix as a picture.
func (p *Proposal) Write(out io.Writer) {
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	say("%s (%s), proposal %s, fingerprint %s", p.Kept, p.Certainty, p.ID, p.Mark)
	for _, a := range p.Accounts {
		var why []string
		for _, r := range a.Reasons {
			why = append(why, r.String())
		}
		role := "is merged into it: " + strings.Join(why, ", ")
		switch {
		case a.Left:
			role = "stays as it is"
		case a.Username == p.Kept:
			role = "stays"
		}
		say("  %s %s %s", a.Username, strings.Join(a.Numbers, " "), role)
	}
	p.picture(out)
	for _, m := range p.Profiles {
		text := "  profile " + m.Name + " of " + m.From
		if m.As != m.Name {
			text += ` is called "` + m.As + `" then`
		}
		if len(m.Dropped) > 0 {
			text += ": parallel call to " + strings.Join(m.Dropped, ", ") + " is needless"
		}
		if m.Gone {
			text += ", and nothing else was in it: it goes"
		}
		say("%s", text)
	}
	for _, g := range p.Groups {
		say("  comes into group %s", g)
	}
	for _, g := range p.Permissions {
		say("  may %s %s, as %s may", g.Permission, g.Objects, g.From)
	}
	for _, n := range p.Notes {
		say("  %s", n)
	}
}

// picture is the matrix: x for what is ticked now, + for what is ticked newly, - for what is not ticked any more.
func (p *Proposal) picture(out io.Writer) {
	width := 8
	for _, n := range p.Numbers {
		width = max(width, len(n.Number)+2)
	}
	line := strings.Repeat(" ", width+2)
	for _, s := range p.Slots {
		line += fmt.Sprintf("%-*s", column(s), s.Name)
	}
	fmt.Fprintln(out, strings.TrimRight(line, " "))
	for _, n := range p.Numbers {
		line := fmt.Sprintf("  %-*s", width, n.Number)
		for _, s := range p.Slots {
			was, is := slices.Contains(n.Before, s.ID), slices.Contains(n.Ticks, s.ID)
			sign := "."
			switch {
			case was && is:
				sign = "x"
			case is:
				sign = "+"
			case was:
				sign = "-"
			}
			line += fmt.Sprintf("%-*s", column(s), sign)
		}
		fmt.Fprintln(out, strings.TrimRight(line, " "))
	}
}

func column(s MergedSlot) int { return max(6, len([]rune(s.Name))+2) }

// String is the note in English.
func (n Note) String() string {
	switch n.Kind {
	case "login":
		return "the login of " + n.From + " ends"
	case "pin":
		return "the PIN of " + n.From + " goes; that of the account that stays holds"
	case "blocking":
		return n.What + " blocked numbers of " + n.From + " are blocked for all slots"
	case "dnd":
		return "do not disturb of " + n.From + " becomes that of its slots"
	case "hide_number":
		return "hiding the number was " + n.Value + " for " + n.From + "; the setting of the account that stays holds"
	case "shown_numbers":
		return "numbers that " + n.From + " may show come along"
	case "setting":
		return n.What + " becomes " + n.Value + ", as the groups give it"
	case "hunt_group":
		return "hunt group " + n.What + " has several numbers of the user"
	case "pickup_group":
		return "comes into pickup group " + n.What + ", in which " + n.From + " is"
	case "parallel_inside":
		return "profile " + n.What + " of " + n.From + " rang more phones for callers inside; the ticks ring them for all"
	case "parallel_outside":
		return "profile " + n.What + " of " + n.From + " rang more phones for callers outside; the ticks ring them for all"
	case "status_private":
		return n.From + " hid whether the phone is busy; the setting of the account that stays holds"
	case "time_zone":
		return "the time zone of " + n.From + " was " + orServer(n.What) + ", and is " + orServer(n.Value)
	case "language":
		return "the language of " + n.From + " was " + n.What + ", and is " + n.Value
	}
	return strings.TrimSpace(n.Kind + " " + n.From + " " + n.What + " " + n.Value)
}

func orServer(zone string) string {
	if zone == "" {
		return "the server's"
	}
	return zone
}
