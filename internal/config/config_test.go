package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func TestParseKeepsDefaultsForMissingKeys(t *testing.T) {
	c, err := Parse("data_dir = \"/var/tmp/kf\"\n[sip]\ndomain = \"pbx.example\"\n")
	if err != nil {
		t.Fatal(err)
	}
	if c.DataDir != "/var/tmp/kf" || c.SIP.Domain != "pbx.example" || c.Database != "sqlite" || !c.Media.RelayOn() {
		t.Errorf("unexpected configuration %+v", c)
	}
	first, last, err := c.Media.PortRange()
	if err != nil || first != 20000 || last != 29999 {
		t.Errorf("PortRange = %d, %d, %v", first, last, err)
	}
}

func TestParseNamesEveryFault(t *testing.T) {
	_, err := Parse(`
data_dir = "relative"
database = "postgres"
colour = "red"
[sip]
listen = ["sctp://127.0.0.1:5060", "udp://localhost:5060", "nonsense"]
ws_origins = ["phone.example", "https://ok.example", "*"]
domain = "not a domain"
ring_seconds = 6000
digest = ["SHA-1"]
[dns]
servers = ["192.0.2.53", "ns.example.org", "[2001:db8::1]:53", "0.0.0.0"]
[tls]
certificate = "relative.pem"
client_ca = "ca.pem"
min_version = "1.1"
[[tls.sni]]
certificate = "/x.pem"
[[interface]]
listen = ["udp://1.2.3.4:5060", "sctp://1.2.3.4:5060"]
media = "0.0.0.0"
[media]
address6 = "::"
address = "0.0.0.0"
advertise = "x"
ports = "5-4"
[admin]
listen = "8080"
tls = "on"
key = "relative.key"
url = "http://pbx.example/path"
[metrics]
listen = "127.0.0.1:99999"
[log]
level = "loud"
format = "xml"
`)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"colour: unknown key", "data_dir:", "database:", "sip.listen[0]:", "sip.listen[1]:", "sip.listen[2]:", "sip.domain:", "sip.ring_seconds:", "sip.digest[0]:", "sip.ws_origins[0]:",
		"dns.servers[1]:", "dns.servers[3]:", "media.address:", "media.advertise:", "media.ports:", "admin.listen:", "admin.tls:", "admin.certificate:", "admin.key:", "admin.url:", "metrics.listen:", "log.level:", "log.format:",
		"interface[0].name:", "interface[0].listen[1]:", "interface[0].media:", "media.address6:", "tls.certificate:", "tls.client_ca:", "tls.min_version:", "tls.sni[0].key:",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not name %q:\n%v", want, err)
		}
	}
}

func TestParseNamesTheLineOfBrokenTOML(t *testing.T) {
	_, err := Parse("data_dir = \"/x\"\nx = = 1\n")
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v does not name line 2", err)
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k.toml")
	if err := os.WriteFile(path, []byte("x = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v does not name the file", err)
	}
	if _, err := Load(path + ".missing"); err == nil {
		t.Error("a missing file is no error")
	}
}

func FuzzParse(f *testing.F) {
	corpus.Add(f)
	f.Add("data_dir = \"/x\"\n")
	f.Add("[sip]\nlisten = [\"udp://[::1]:5060\"]\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := Parse(text); err == nil {
			if err := c.Validate(); err != nil {
				t.Errorf("accepted but not valid: %v", err)
			}
		}
	})
}

func TestBaseHoldsWhereTheFileSaysNothing(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first := write("first.toml", "[sip]\ndomain = \"first.example\"\nlisten = [\"udp://127.0.0.1:1\", \"tcp://127.0.0.1:1\"]\n[media]\nports = \"10000-20000\"")
	second := write("second.toml", "[sip]\ndomain = \"second.example\"\n[media]\nports = \"30000-40000\"")
	main := write("main.toml", fmt.Sprintf("base = [%q, %q, %q]\n[media]\nports = \"50000-60000\"", first, second, filepath.Join(dir, "none.toml")))
	c, err := Load(main)
	if err != nil {
		t.Fatal(err)
	}
	if c.SIP.Domain != "second.example" || len(c.SIP.Listen) != 2 || c.Media.Ports != "50000-60000" || c.Admin.Listen != Default().Admin.Listen {
		t.Errorf("got %+v", c)
	}
	for name, text := range map[string]string{
		"unknown key": "[sip]\ndomian = \"x\"", "no TOML": "[", "a list of sections": "[[trunk]]\nname = \"x\"", "a base of its own": "base = [\"/x\"]",
	} {
		write("second.toml", text)
		if _, err := Load(main); err == nil || !strings.Contains(err.Error(), second) {
			t.Errorf("base with %s: got %v, want an error that names the file", name, err)
		}
	}
	if _, err := Load(write("main.toml", "base = [\"first.toml\"]")); err == nil || !strings.Contains(err.Error(), "absolute") {
		t.Errorf("relative base: got %v", err)
	}
}
