package legacy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/legacy"
)

// template is the form of an expression that makes a message: its texts, and %s for all else; "" for one that is no message of its own.
func template(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil {
			return s
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			l, r := template(e.X), template(e.Y)
			if l == "" {
				l = "%s"
			}
			if r == "" {
				r = "%s"
			}
			if l == "%s" && r == "%s" {
				return ""
			}
			return l + r
		}
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
			return regexp.MustCompile(`%[dsq]`).ReplaceAllString(template(e.Args[0]), "%s")
		}
	}
	return ""
}

// saidIn collects the messages of a file: what is given to add, stop and problem, and what functions return that find problems.
func saidIn(f *ast.File) (out []string) {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		finds := slices.Contains([]string{"target", "calendarOf", "match"}, fn.Name.Name)
		ast.Inspect(fn, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"add", "stop", "problem"}, s.Sel.Name) && len(n.Args) >= 2 {
					out = append(out, template(n.Args[len(n.Args)-1]))
				}
			case *ast.ReturnStmt:
				if finds && len(n.Results) == 2 {
					out = append(out, template(n.Results[1]))
				}
			case *ast.AssignStmt:
				for i, l := range n.Lhs {
					if id, ok := l.(*ast.Ident); ok && id.Name == "problem" && len(n.Lhs) == len(n.Rhs) {
						out = append(out, template(n.Rhs[i]))
					}
				}
			}
			return true
		})
	}
	return out
}

// TestEveryMessageIsGermanToo holds the list of translations to the code.
func TestEveryMessageIsGermanToo(t *testing.T) {
	known := map[string]bool{}
	for _, m := range legacy.Messages() {
		known[m[0]] = true
		if n := strings.Count(m[0], "%s"); strings.Count(m[1], "%s") != n || m[1] == "" {
			t.Errorf("%q and %q differ in what they tell", m[0], m[1])
		}
		if got := legacy.German(strings.ReplaceAll(m[0], "%s", "X9")); got != strings.ReplaceAll(m[1], "%s", "X9") {
			t.Errorf("%q in German: got %q", m[0], got)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	said := 0
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range saidIn(f) {
			if m == "" {
				continue
			}
			said++
			if !known[m] {
				t.Errorf("%s: %q has no German text", path, m)
			}
		}
	}
	for _, m := range legacy.Makers() {
		if m != "" && legacy.German(m) == m {
			t.Errorf("%q has no German text", m)
		}
	}
	if said < 60 {
		t.Errorf("only %d messages found", said)
	}
	if got := legacy.German(`431 is the number of hunt group Vertrieb and of queue 5%s; give one of them another number in 4.5`); got != "431 ist die Rufnummer von Sammelanschluss Vertrieb und von Warteschlange 5%s; bitte in 4.5 eine davon ändern" {
		t.Errorf("got %q", got)
	}
}
