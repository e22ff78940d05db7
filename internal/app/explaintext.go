package app

import (
	"fmt"
	"io"
	"strings"

	"github.com/koppelfeld/koppelfeld/admin/api"
	"github.com/koppelfeld/koppelfeld/routing"
)

// printStage prints one stage of an explained call and those that may follow, each deeper than the one before.
func printStage(out io.Writer, v *api.Stage, german bool, indent string) {
	for i, r := range v.Reasons {
		text := r.En
		if german {
			text = r.De
		}
		at := ""
		if r.Setting != nil {
			at = fmt.Sprintf("  [%s %s %s]", r.Setting.Type, r.Setting.ID, r.Setting.Field)
		}
		fmt.Fprintf(out, "%s%2d. %s%s\n", indent, i+1, text, at)
	}
	fmt.Fprintf(out, "%s=> %s", indent, v.Outcome)
	for _, t := range v.Targets {
		fmt.Fprint(out, " ", targetText(&t))
	}
	if v.RingSeconds > 0 {
		fmt.Fprintf(out, " [%d s]", v.RingSeconds)
	}
	fmt.Fprintln(out)
	for _, f := range v.Then {
		fmt.Fprintf(out, "%s%s\n", indent, caseText(f.On, german))
		printStage(out, &f.Stage, german, indent+strings.Repeat(" ", 4))
	}
}

func targetText(t *api.Target) string {
	switch {
	case t.SlotID == "":
		return t.Outside
	case t.Outside != "":
		return fmt.Sprintf("%s (%s) %s", t.Type, t.Name, t.Outside)
	}
	return fmt.Sprintf("%s (%s)", t.Type, t.Name)
}

func caseText(c routing.Case, german bool) string {
	switch {
	case c == routing.OnBusy && german:
		return "Wenn alle besetzt sind:"
	case c == routing.OnBusy:
		return "When all are busy:"
	case c == routing.OnNoAnswer && german:
		return "Wenn niemand abhebt:"
	case c == routing.OnNoAnswer:
		return "When nobody answers:"
	case german:
		return "Wenn niemand erreicht wird:"
	}
	return "When nobody can be reached:"
}
