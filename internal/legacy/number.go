package legacy

import (
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// dialled takes away what people write between digits.
func dialled(n string) string {
	return strings.NewReplacer(" ", "", "-", "", "/", "", "(0)", "", "(", "", ")", "", ".", "", "\u00a0", "").Replace(strings.TrimSpace(n))
}

// international makes "+" and digits of an outside number as it is written or dialled in the country, "" of what is none.
func international(n, country string) string {
	n = dialled(n)
	switch {
	case strings.HasPrefix(n, "+"):
	case strings.HasPrefix(n, "00"):
		n = "+" + n[2:]
	case strings.HasPrefix(n, "0") && country != "":
		n = "+" + country + n[1:]
	default:
		return ""
	}
	digits := n[1:]
	if len(digits) < 4 || len(digits) > 15 || digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return n
}

// match makes of a pattern of 4.5, which is looked for anywhere in a number, a comparison of 5, where a pattern must match the
// whole number. Where the pattern is only the beginning of a number, or a whole one, no pattern is needed.
func match(pattern string) (m directory.Match, problem string) {
	if problem := directory.PatternProblem(pattern); problem != "" {
		return m, problem
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return m, err.Error()
	}
	begins, ends := anchored(tree)
	inner := pattern
	if begins && strings.HasPrefix(inner, "^") {
		inner = inner[1:]
	} else {
		begins = false
	}
	if ends && strings.HasSuffix(inner, "$") && !strings.HasSuffix(inner, `\$`) {
		inner = inner[:len(inner)-1]
	} else {
		ends = false
	}
	if begins && inner != "" && strings.Trim(inner, "0123456789#") == "" {
		if ends {
			return directory.Match{Kind: directory.MatchExact, Value: inner}, ""
		}
		return directory.Match{Kind: directory.MatchPrefix, Value: inner}, ""
	}
	if !begins && !ends && inner == pattern {
		inner = ".*(?:" + inner + ").*"
	} else {
		if !begins {
			inner = ".*" + inner
		}
		if !ends {
			inner += ".*"
		}
	}
	if inner == "" {
		return m, "matches no number"
	}
	if problem := directory.PatternProblem(inner); problem != "" {
		return m, problem
	}
	// That it is the same is tried, since taking patterns apart as text is easily wrong.
	if !sameOn(pattern, inner) {
		inner = ".*(?:" + pattern + ").*"
		if problem := directory.PatternProblem(inner); problem != "" {
			return m, problem
		}
	}
	return directory.Match{Kind: directory.MatchPattern, Value: inner}, ""
}

// anchored reports whether every match begins at the beginning and ends at the end.
func anchored(tree *syntax.Regexp) (begins, ends bool) {
	if tree.Op != syntax.OpConcat || len(tree.Sub) == 0 {
		return tree.Op == syntax.OpBeginText, tree.Op == syntax.OpEndText
	}
	return tree.Sub[0].Op == syntax.OpBeginText, tree.Sub[len(tree.Sub)-1].Op == syntax.OpEndText
}

// sameOn tries both forms on numbers of all kinds.
func sameOn(found, whole string) bool {
	a, errA := regexp.Compile(found)
	b, errB := regexp.Compile(`\A(?:` + whole + `)\z`)
	if errA != nil || errB != nil {
		return false
	}
	for _, n := range []string{"", "0", "1", "12", "00", "000", "110", "112", "0110", "416", "4161", "0900", "01905", "0190123", "0900123456", "00900123", "004912345", "00431", "0661123456", "09001", "80900", "+4966112", "*21*416#", "999999999999999", "0180512345", "118", "11833", "010"} {
		if a.MatchString(n) != b.MatchString(n) {
			return false
		}
	}
	return true
}
