package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

// unguarded are the packages whose goroutines may end their process: test programs, and the self-call, which is a command of its own.
var unguarded = append([]string{"bench", "e2e", "internal/selfcall", "internal/media/mediatest"}, testOnly...)

// starters are the functions that run what they are given on another goroutine: go, errgroup and WaitGroup, timers.
var starters = map[string]bool{"Go": true, "AfterFunc": true, "RegisterOnShutdown": true}

// guarded reports whether fn is the result of fault.Log.Guard or Keep.
func guarded(fn ast.Expr) bool {
	call, ok := fn.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return ok && (sel.Sel.Name == "Guard" || sel.Sel.Name == "Keep")
}

// bare lists the places of a file where a goroutine is started whose panic would end the process.
func bare(set *token.FileSet, tree *ast.File) (places []token.Position) {
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			if !guarded(n.Call.Fun) {
				places = append(places, set.Position(n.Pos()))
			}
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			if ok && starters[sel.Sel.Name] && len(n.Args) > 0 && !guarded(n.Args[len(n.Args)-1]) {
				places = append(places, set.Position(n.Pos()))
			}
		}
		return true
	})
	return places
}

// TestEveryGoroutineIsGuarded finds goroutines whose fault would end the daemon. Only the standard library and third parties may start
// others: they run nothing of ours but handlers of net/http, which it guards itself, the collectors of Prometheus and the packet
// connections of DTLS, which are guarded where they are defined.
func TestEveryGoroutineIsGuarded(t *testing.T) {
	for _, f := range files(t) {
		if f.test || under(f.pkg, unguarded...) {
			continue
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, filepath.Join("..", "..", f.path), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range bare(set, tree) {
			t.Errorf("%s:%d starts a goroutine whose fault ends the process: wrap what it runs in Guard or Keep of internal/fault", f.path, at.Line)
		}
	}
}

func TestBareGoroutinesAreFound(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		want       int
	}{
		{"go", "go f()", 1},
		{"go with a literal", "go func() {}()", 1},
		{"go guarded", `go l.Guard("x", f)()`, 0},
		{"go kept", `go l.Keep(ctx, "x", f)()`, 0},
		{"group", "wg.Go(f)", 1},
		{"group with a literal", "wg.Go(func() { go g() })", 2},
		{"group guarded", `wg.Go(l.Guard("x", func() {}))`, 0},
		{"inside of a guard", `wg.Go(l.Guard("x", func() { go g() }))`, 1},
		{"timer", "time.AfterFunc(d, f)", 1},
		{"timer guarded", `time.AfterFunc(d, l.Guard("x", f))`, 0},
		{"a panic that is mended inside is not seen to be", "go func() { defer l.Mend() }()", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set := token.NewFileSet()
			tree, err := parser.ParseFile(set, "x.go", "package x\nfunc x() {\n"+tc.body+"\n}", 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(bare(set, tree)); got != tc.want {
				t.Errorf("found %d, want %d", got, tc.want)
			}
		})
	}
}
