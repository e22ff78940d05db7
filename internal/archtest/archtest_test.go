// Package archtest holds the tests of the rules in DESIGN.md: who may import whom.
// A forbidden import fails a test that says why.
package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/koppelfeld/koppelfeld/"

// file is one Go file of the project with what it imports.
type file struct {
	path    string // relative to the root, with forward slashes
	pkg     string // folder
	test    bool
	imports []string
}

func files(t *testing.T) []file {
	t.Helper()
	root := filepath.Join("..", "..")
	var out []file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules" || d.Name() == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		tree, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		f := file{path: rel, pkg: filepath.ToSlash(filepath.Dir(rel)), test: strings.HasSuffix(rel, "_test.go")}
		for _, im := range tree.Imports {
			name, _ := strconv.Unquote(im.Path.Value)
			f.imports = append(f.imports, name)
		}
		out = append(out, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// under reports whether pkg is one of the rooms or lies below one.
func under(pkg string, rooms ...string) bool {
	return slices.ContainsFunc(rooms, func(r string) bool { return pkg == r || strings.HasPrefix(pkg, r+"/") })
}

var (
	// leaves import the standard library and third parties only.
	leaves = []string{"internal/alarm", "internal/certs", "internal/config", "internal/fault", "internal/ladder", "internal/licence", "internal/machine", "internal/media", "internal/secret", "internal/systemd", "internal/version", "routing/calendar"}
	// domain packages import leaves, not one another.
	domain = []string{"routing", "internal/directory", "internal/calls"}
	// testOnly packages are imported by tests and by test programs only.
	testOnly = []string{"sip/siptest", "internal/testnet", "routing/routetest", "admin/auth/authtest", "internal/store/storetest", "internal/legacy/legacytest", "internal/corpus"}
)

// rule says what a room may import of the project. Packages of the same room are always allowed.
type rule struct {
	room string
	may  []string
	why  string
}

func rules() []rule {
	var rs []rule
	for _, l := range leaves {
		rs = append(rs, rule{l, []string{"internal/fault"}, "a leaf imports the standard library, third parties and internal/fault only"})
	}
	for _, d := range domain {
		rs = append(rs, rule{d, leaves, "domain packages import leaves, and not one another"})
	}
	leavesAnd := func(more ...string) []string { return append(slices.Clone(leaves), more...) }
	return append(rs,
		rule{"sip", leavesAnd("routing", "internal/calls"), "the SIP side may use leaves, routing and internal/calls; it knows no store, fax, provisioning or admin"},
		rule{"admin", leavesAnd(append(slices.Clone(domain), "internal/merge")...), "admin shows and changes the domain through interfaces; it knows neither SIP nor SQL"},
		rule{"internal/store", leavesAnd(domain...), "the store keeps the domain; it knows no SIP and no HTTP"},
		rule{"internal/merge", []string{"internal/directory"}, "doubles are found and put together on snapshots alone"},
		rule{"internal/legacy", leavesAnd("internal/directory", "internal/merge"), "the 4.5 database is read and converted; it is stored by internal/app"},
		rule{"internal/backup", leavesAnd("internal/directory", "internal/store"), "a backup is rows and files; who asks for it comes through internal/app"},
		rule{"internal/transfer", leavesAnd("internal/directory"), "a file is read and written from the domain; the transaction comes as an interface"},
		rule{"internal/upgrade", leaves, "the journal of an upgrade knows its steps by name; what they do is in internal/app"},
		rule{"internal/cdr", leavesAnd("internal/calls"), "the record writer knows records and a sink, not the database"},
		rule{"internal/example", leavesAnd("internal/directory", "internal/store"), "the example company is data loaded through the store"},
		rule{"internal/selfcall", leaves, "the self-call is an independent SIP implementation: it must not lean on ours"},
		rule{"cmd", leavesAnd("internal/app"), "the command line knows internal/app and internal/config"},
	)
}

func TestRoomsImportOnlyThroughTheirDoors(t *testing.T) {
	for _, f := range files(t) {
		if f.test {
			continue
		}
		for _, r := range rules() {
			if !under(f.pkg, r.room) {
				continue
			}
			for _, im := range f.imports {
				target, own := strings.CutPrefix(im, module)
				if !own || under(target, r.room) || under(target, r.may...) {
					continue
				}
				t.Errorf("%s imports %s: %s", f.path, target, r.why)
			}
		}
	}
}

func TestThirdPartiesStayInTheirRooms(t *testing.T) {
	for _, c := range []struct {
		prefix string
		rooms  []string
		tests  bool // tests anywhere may use it too
		why    string
	}{
		{"github.com/emiago/sipgo", []string{"internal/selfcall"}, true, "sipgo is the independent peer, never part of the product's stack"},
		{"github.com/pion/", []string{"internal/media"}, true, "media formats stay in internal/media"},
		{"database/sql", []string{"internal/store", "internal/legacy"}, false, "the store is the only SQL"},
		{"modernc.org/sqlite", []string{"internal/store"}, false, "the store is the only SQL"},
		{"github.com/go-sql-driver/mysql", []string{"internal/store", "internal/legacy"}, false, "the store is the only SQL"},
		{"github.com/pressly/goose", []string{"internal/store"}, false, "the store is the only SQL"},
		{"github.com/danielgtaylor/huma", []string{"admin/api"}, false, "HTTP operations live in admin/api"},
		{"github.com/klauspost/compress", []string{"internal/backup"}, true, "only backups are packed so"},
		{"filippo.io/age", []string{"cmd/koppelfeld-licence", "internal/transfer", "internal/backup"}, false, "files are locked with a passphrase or key where they are made"},
		{"github.com/alecthomas/kong", []string{"cmd"}, false, "flags are read in cmd"},
		{"C", nil, false, "no cgo"},
	} {
		for _, f := range files(t) {
			if (f.test && c.tests) || under(f.pkg, c.rooms...) {
				continue
			}
			for _, im := range f.imports {
				if im == c.prefix || strings.HasPrefix(im, strings.TrimSuffix(c.prefix, "/")+"/") {
					t.Errorf("%s imports %s: %s", f.path, im, c.why)
				}
			}
		}
	}
}

func TestRoutingLeansOnTheStandardLibraryOnly(t *testing.T) {
	for _, f := range files(t) {
		if f.test || !under(f.pkg, "routing") {
			continue
		}
		for _, im := range f.imports {
			if first, _, _ := strings.Cut(im, "/"); strings.Contains(first, ".") && !strings.HasPrefix(im, module) {
				t.Errorf("%s imports %s: routing is our own code and the standard library", f.path, im)
			}
		}
	}
}

func TestTestPackagesAreImportedByTestsOnly(t *testing.T) {
	for _, f := range files(t) {
		if f.test || under(f.pkg, testOnly...) || under(f.pkg, "e2e", "bench") {
			continue
		}
		for _, im := range f.imports {
			if target, own := strings.CutPrefix(im, module); own && under(target, testOnly...) {
				t.Errorf("%s imports %s, which is for tests only", f.path, target)
			}
		}
	}
}

func TestNoPackageIsNamedForNothing(t *testing.T) {
	for _, f := range files(t) {
		for _, bad := range []string{"util", "utils", "common", "helper", "helpers", "manager", "misc", "base"} {
			if filepath.Base(f.pkg) == bad {
				t.Errorf("%s: a package is named for a thing of the domain, not %q", f.path, bad)
			}
		}
	}
}

func TestEveryTopLevelPackageExplainsItself(t *testing.T) {
	for _, dir := range []string{"sip", "routing", "admin", "internal/store", "internal/media", "internal/calls", "internal/cdr", "internal/legacy", "internal/merge", "internal/app", "internal/transfer"} {
		if _, err := os.Stat(filepath.Join("..", "..", dir, "DESIGN.md")); err != nil {
			t.Errorf("%s has no DESIGN.md", dir)
		}
	}
}

func TestNoSleepInTests(t *testing.T) {
	for _, f := range files(t) {
		if !f.test || under(f.pkg, "internal/archtest") {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", "..", f.path))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "time.Sleep(") && !strings.Contains(string(text), "testing/synctest") {
			t.Errorf("%s sleeps in real time: wait for the event, or use testing/synctest", f.path)
		}
	}
}

func TestNoInitRegistration(t *testing.T) {
	for _, f := range files(t) {
		text, err := os.ReadFile(filepath.Join("..", "..", f.path))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc init()") {
			t.Errorf("%s has an init function: wire things in internal/app", f.path)
		}
	}
}
