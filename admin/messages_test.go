package admin_test

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// messagesFile lists what the API says in problem documents, one message a line, … for what is put in. The test of the pages
// (ui/src/i18n/problems.test.ts) asks for a German text for each.
const messagesFile = "testdata/messages.txt"

// sayers are the functions whose arguments become messages, by the folder of the code that calls them: from which argument on,
// and whether only that one is a message.
var sayers = map[string]map[string]struct {
	from int
	only bool
}{
	"api":                   {"fault": {2, false}, "invalid": {1, true}, "forbidden": {0, true}, "problemDetail": {1, true}},
	"auth":                  {"add": {1, true}},
	"../internal/transfer":  {"refuse": {1, true}, "refusef": {1, true}, "problem": {2, true}},
	"../internal/directory": {"add": {1, true}},
	"../internal/merge":     {"wrong": {1, true}},
	"../routing":            {"add": {2, true}},
	"../routing/calendar":   {"add": {1, true}},
}

// sentinels are the folders whose errors are told by their own words.
var sentinels = []string{"auth", "../internal/secret"}

// verb is a verb of package fmt, in quotes or not.
var verb = regexp.MustCompile(`%[+#]?[vsdqwT]`)

// TestMessages keeps the list of messages in step with the code: written anew by "make gen".
func TestMessages(t *testing.T) {
	found := map[string]bool{}
	for dir, calls := range sayers {
		eachFile(t, dir, func(f *ast.File) {
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				s, ok := calls[callee(call)]
				if !ok {
					return true
				}
				for i, arg := range call.Args {
					if i < s.from || s.only && i > s.from {
						continue
					}
					if m := words(arg); worth(m) && (s.only || i == s.from || (i-s.from)%2 == 0) {
						found[m] = true
					}
				}
				return true
			})
		})
	}
	for _, dir := range sentinels {
		eachFile(t, dir, func(f *ast.File) {
			for _, d := range f.Decls {
				ast.Inspect(d, func(n ast.Node) bool {
					if _, inside := n.(*ast.FuncDecl); inside {
						return false
					}
					if call, ok := n.(*ast.CallExpr); ok && callee(call) == "New" && len(call.Args) == 1 && worth(words(call.Args[0])) {
						found[words(call.Args[0])] = true
					}
					return true
				})
			}
		})
	}
	if len(found) < 100 {
		t.Fatalf("only %d messages were found", len(found))
	}
	list := make([]string, 0, len(found))
	for m := range found {
		list = append(list, m)
	}
	slices.Sort(list)
	got := strings.Join(list, "\n") + "\n"
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(messagesFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(messagesFile)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what the code says: run make gen, and give new messages a German text in ui/src/i18n/de/problems.ts", messagesFile)
	}
}

// eachFile parses the files of a folder that are no tests.
func eachFile(t *testing.T, dir string, do func(*ast.File)) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || names == nil {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		do(f)
	}
}

// callee is the last part of the name of what is called.
func callee(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// words is what an expression says, … for what is not known before it runs.
func words(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return verb.ReplaceAllString(s, "…")
		}
	case *ast.BinaryExpr:
		return words(e.X) + words(e.Y)
	case *ast.ParenExpr:
		return words(e.X)
	case *ast.CallExpr:
		if callee(e) == "Sprintf" {
			return words(e.Args[0])
		}
	}
	return "…"
}

// worth reports whether a message says something of its own.
func worth(m string) bool {
	return strings.Trim(m, "…: ") != "" && strings.Contains(m, " ") || m == "is missing"
}
