// Package legacy45 has no code of its own: the test builds the packages of the 4.5 fixture and runs its server.
package legacy45

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/legacy/legacytest"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
	"github.com/koppelfeld/koppelfeld/internal/testnet"
)

func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skip("NOT TESTED: ", err)
		}
	}
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %v: %v\n%s%s", program, args, err, &out, &errs)
	}
	return out.String()
}

// TestPackages builds both packages twice and looks into them.
func TestPackages(t *testing.T) {
	need(t, "dpkg-deb")
	first, second := t.TempDir(), t.TempDir()
	run(t, "./build.sh", first)
	run(t, "./build.sh", second)
	for _, c := range []struct {
		name, depends, conffiles string
		files                    []string
	}{
		{"koppelfeld", "koppelfeld45-server (= 4.5.0.10)", "/etc/koppelfeld/upgrade.conf\n", []string{"/etc/koppelfeld/upgrade.conf"}},
		{"koppelfeld45-server", "mariadb-server", "/etc/koppelfeld45/gateways.conf\n/etc/koppelfeld45/koppelfeld45.conf\n", []string{
			"/etc/koppelfeld45/gateways.conf", "/etc/koppelfeld45/koppelfeld45.conf",
			"/usr/lib/koppelfeld45/company.sql", "/usr/lib/koppelfeld45/koppelfeld45d", "/usr/lib/koppelfeld45/schema.sql", "/usr/lib/koppelfeld45/version",
			"/usr/lib/systemd/system/koppelfeld45.service", "/usr/sbin/koppelfeld45ctl",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			deb := filepath.Join(first, c.name+"_4.5.0.10_all.deb")
			one, err := os.ReadFile(deb)
			if err != nil {
				t.Fatal(err)
			}
			if two, err := os.ReadFile(filepath.Join(second, filepath.Base(deb))); err != nil || !bytes.Equal(one, two) {
				t.Errorf("built again, the package is another one (%v)", err)
			}
			if got := run(t, "dpkg-deb", "-f", deb, "Depends"); strings.TrimSpace(got) != c.depends {
				t.Errorf("it depends on %q", got)
			}
			if got := run(t, "dpkg-deb", "-f", deb, "Description"); !strings.Contains(got, "test fixture, not a product") {
				t.Errorf("it does not say what it is: %q", got)
			}
			if got := run(t, "dpkg-deb", "-I", deb, "conffiles"); got != c.conffiles {
				t.Errorf("its configuration files are %q", got)
			}
			var files []string
			for _, f := range regexp.MustCompile(`(?m) \.(/\S*[^/\s])$`).FindAllStringSubmatch(run(t, "dpkg-deb", "-c", deb), -1) {
				files = append(files, f[1])
			}
			slices.Sort(files)
			if !slices.Equal(files, c.files) {
				t.Errorf("it has %q", files)
			}
		})
	}
}

// server is a running koppelfeld45d.
type server struct {
	t    *testing.T
	conn net.Conn
	web  string
	cseq int
}

// start runs the server of the fixture on a database and ports of its own.
func start(t *testing.T, db *storetest.Server) (*server, string) {
	t.Helper()
	need(t, "perl", "mariadb")
	dsn, err := db.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	legacytest.Load(t, dsn)
	_, socket, _ := strings.Cut(dsn, "@unix(")
	socket, database, _ := strings.Cut(socket, ")/")
	var ports [2]int
	for i := range ports {
		if ports[i], err = testnet.Port(); err != nil {
			t.Fatal(err)
		}
	}
	sip, web := ports[0], ports[1]
	dir := t.TempDir()
	for name, text := range map[string]string{
		"version":           "4.5.0.10\n",
		"koppelfeld45.conf": fmt.Sprintf("database=%s\nsip_address=127.0.0.1\nsip_port=%d\nsip_domain=musterfirma.example\nweb_port=%d\n", database, sip, web),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("package/server/koppelfeld45d")
	cmd.Env = append(os.Environ(), "MYSQL_UNIX_PORT="+socket, "KOPPELFELD45_ETC="+dir, "KOPPELFELD45_LIB="+dir)
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // fails when it has ended, which the test has noticed
		_ = cmd.Wait()
	})
	line := make([]byte, 256)
	if n, err := said.Read(line); err != nil || !strings.Contains(string(line[:n]), "is ready") {
		t.Fatalf("the server says %q, %v", line[:n], err)
	}
	go func() { _, _ = io.Copy(io.Discard, said) }() // so that it never waits; ends with the server
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", sip))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &server{t: t, conn: conn, web: fmt.Sprintf("http://127.0.0.1:%d/", web)}, dsn
}

// ask sends a request and returns the answer.
func (s *server) ask(method, user string, headers ...string) string {
	s.t.Helper()
	s.cseq++
	uri := "sip:musterfirma.example"
	lines := append([]string{
		method + " " + uri + " SIP/2.0", "Via: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK" + fmt.Sprint(s.cseq),
		"From: <sip:" + user + "@musterfirma.example>;tag=1", "To: <sip:" + user + "@musterfirma.example>", "Call-ID: test", fmt.Sprintf("CSeq: %d %s", s.cseq, method),
		"Max-Forwards: 70", "Contact: <" + s.contact() + ">", "Expires: 60",
	}, headers...)
	if _, err := s.conn.Write([]byte(strings.Join(append(lines, "Content-Length: 0", "", ""), "\r\n"))); err != nil {
		s.t.Fatal(err)
	}
	buf := make([]byte, 65535)
	if err := s.conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	n, err := s.conn.Read(buf)
	if err != nil {
		s.t.Fatalf("%s: %v", method, err)
	}
	answer := string(buf[:n])
	for _, want := range []string{"\r\nServer: Koppelfeld 4.5.0.10\r\n", fmt.Sprintf("CSeq: %d %s", s.cseq, method), ";received=127.0.0.1"} {
		if !strings.Contains(answer, want) {
			s.t.Errorf("the answer has not %q:\n%s", want, answer)
		}
	}
	return answer
}

func (s *server) contact() string { return "sip:x@" + s.conn.LocalAddr().String() }

// register registers with a secret, as a telephone does: without at first, then with what the challenge asks for.
func (s *server) register(user, secret string) string {
	s.t.Helper()
	challenge := s.ask("REGISTER", user)
	part := func(name string) string {
		m := regexp.MustCompile(name + `="([^"]*)"`).FindStringSubmatch(challenge)
		if m == nil {
			return ""
		}
		return m[1]
	}
	realm, nonce := part("realm"), part("nonce")
	if realm != "musterfirma.example" || nonce == "" {
		return challenge
	}
	sum := func(parts ...string) string { return fmt.Sprintf("%x", md5.Sum([]byte(strings.Join(parts, ":")))) }
	response := sum(sum(user, realm, secret), nonce, sum("REGISTER", "sip:musterfirma.example"))
	return s.ask("REGISTER", user, fmt.Sprintf(`Authorization: Digest username="%s", realm="%s", nonce="%s", uri="sip:musterfirma.example", response="%s", algorithm=MD5`, user, realm, nonce, response))
}

func status(answer string) string {
	line, _, _ := strings.Cut(answer, "\r\n")
	return strings.TrimPrefix(line, "SIP/2.0 ")
}

// TestServer asks the server of the fixture: it answers from the database, and only while that is there.
func TestServer(t *testing.T) {
	db := storetest.ServerFor(t)
	s, dsn := start(t, db)
	expect := func(what, answer, want string) {
		t.Helper()
		if got := status(answer); got != want {
			t.Errorf("%s: %s, not %s", what, got, want)
		}
	}
	expect("OPTIONS", s.ask("OPTIONS", "416"), "200 OK")
	expect("INVITE", s.ask("INVITE", "416"), "501 Not Implemented")
	expect("the wrong secret", s.register("416", "fixture-s3cr-417"), "403 Forbidden")
	expect("an account that is not there", s.register("499", "x"), "403 Forbidden")
	expect("a name that is none", s.register(`4'or'1'='1`, "x"), "403 Forbidden")
	answer := s.register("416", "fixture-s3cr-416")
	expect("the secret", answer, "200 OK")
	if want := "Contact: <" + s.contact() + ">;expires=60\r\n"; !strings.Contains(answer, want) {
		t.Errorf("the answer has not %q:\n%s", want, answer)
	}
	legacytest.Exec(t, dsn, "UPDATE ast_sipfriends SET secret = 'another' WHERE name = '416';\n")
	expect("a secret that was changed", s.register("416", "fixture-s3cr-416"), "403 Forbidden")
	expect("the new secret", s.register("416", "another"), "200 OK")
	page := func() string {
		resp, err := http.Get(s.web)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(resp.StatusCode, " ", string(text))
	}
	if got := page(); !strings.HasPrefix(got, "200 Koppelfeld 4.5.0.10, 13 accounts\n") {
		t.Errorf("the page: %s", got)
	}

	if err := db.Shutdown(); err != nil {
		t.Fatal(err)
	}
	expect("OPTIONS without a database", s.ask("OPTIONS", "416"), "503 Database Unavailable")
	expect("REGISTER without a database", s.register("416", "another"), "503 Database Unavailable")
	if got := page(); !strings.HasPrefix(got, "503 ") {
		t.Errorf("the page without a database: %s", got)
	}
	if err := db.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect("OPTIONS when the database is back", s.ask("OPTIONS", "416"), "200 OK")
}
