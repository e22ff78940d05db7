package legacy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxSettings bounds a file of settings, in bytes.
const maxSettings = 1 << 20

// ReadValues reads a file of lines key=value, as 4.5 has them; lines that begin with # are comments. Of a key that is there twice the last counts.
// A file that is not there holds nothing.
func ReadValues(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading settings: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSettings+1))
	if err != nil {
		return nil, fmt.Errorf("reading settings: %w", err)
	}
	if len(text) > maxSettings {
		return nil, fmt.Errorf("reading settings: %s is longer than %d bytes", path, maxSettings)
	}
	return parseValues(text), nil
}

func parseValues(text []byte) map[string]string {
	out := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxSettings+1)
	for lines.Scan() {
		line, _ := decodeText(lines.Bytes(), "utf8")
		key, value, ok := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		if !ok || key == "" || strings.HasPrefix(key, "#") {
			continue
		}
		value = strings.TrimSpace(value)
		if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
			value = value[1 : len(value)-1]
		}
		out[key] = value
	}
	return out
}

// Carried is a setting of 4.5's files and what becomes of it.
type Carried struct {
	Key   string `json:"key"` // in the file of 4.5
	Value string `json:"value"`
	As    string `json:"as,omitempty"` // key of 5, "" where it is not carried over
	// Kept is set when a configuration file of 5 says something else already, which counts.
	Kept bool `json:"kept,omitempty"`
	// Reason says why a setting is not carried over.
	Reason   string `json:"reason,omitempty"`
	ReasonDE string `json:"reason_de,omitempty"`
}

// Settings is what 5 can take over of the settings in 4.5's files, as values of 5; what is zero was not there or makes no sense.
type Settings struct {
	Listen        []string
	Domain        string
	Ports         string // of audio, "10000-19999"
	MediaAddress  string
	Country, Zone string
	List          []Carried // every setting, in the order of the known ones
}

var domainPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// TakeSettings makes settings of 5 of what stands in 4.5's files.
func TakeSettings(values map[string]string) Settings {
	var s Settings
	t := settingsTaker{values: values, out: &s, seen: map[string]bool{"database": true}}
	t.addresses()
	if v, ok := t.get("sip_domain"); ok {
		if domainPattern.MatchString(v) {
			s.Domain = v
		}
		t.carry("sip_domain", "sip.domain", s.Domain != "")
	}
	t.ports()
	if v, ok := t.get("country"); ok {
		if n := strings.TrimLeft(v, "+0"); len(n) >= 1 && len(n) <= 3 && strings.Trim(n, "0123456789") == "" {
			s.Country = n
		}
		t.carry("country", "site.country", s.Country != "")
	}
	if v, ok := t.get("zone"); ok {
		if _, err := time.LoadLocation(v); err == nil && v != "" && v != "Local" {
			s.Zone = v
		}
		t.carry("zone", "calendar.zone", s.Zone != "")
	}
	t.rest()
	return s
}

type settingsTaker struct {
	values map[string]string
	out    *Settings
	seen   map[string]bool
}

func (t *settingsTaker) get(key string) (string, bool) {
	t.seen[key] = true
	v, ok := t.values[key]
	return v, ok && v != ""
}

// carry notes what becomes of a setting that is there.
func (t *settingsTaker) carry(key, as string, ok bool) {
	c := Carried{Key: key, Value: shorten(t.values[key]), As: as}
	if !ok {
		c.As, c.Reason, c.ReasonDE = "", "the value makes no sense", "der Wert ergibt keinen Sinn"
	}
	t.out.List = append(t.out.List, c)
}

func (t *settingsTaker) addresses() {
	address, port := "0.0.0.0", 5060
	haveAddress, havePort := false, false
	if v, ok := t.get("sip_address"); ok {
		a, err := netip.ParseAddr(v)
		if haveAddress = err == nil && a.Zone() == "" && !a.IsMulticast(); haveAddress {
			address = a.String()
			if !a.IsUnspecified() {
				t.out.MediaAddress = address
			}
		}
		t.carry("sip_address", "sip.listen", haveAddress)
	}
	if v, ok := t.get("sip_port"); ok {
		n, err := strconv.Atoi(v)
		if havePort = err == nil && n > 0 && n < 65536 && n != 5061 && n != 5067; havePort {
			port = n
		}
		t.carry("sip_port", "sip.listen", havePort)
	}
	if !haveAddress && !havePort {
		return
	}
	at := func(scheme string, port int) string {
		return scheme + "://" + netip.AddrPortFrom(netip.MustParseAddr(address), uint16(port)).String()
	}
	t.out.Listen = []string{at("udp", port), at("tcp", port), at("tls", 5061), at("wss", 5067)}
}

// fewestPorts is what 5 needs for audio.
const fewestPorts = 4

func (t *settingsTaker) ports() {
	first, okFirst := t.get("rtp_first")
	last, okLast := t.get("rtp_last")
	if !okFirst && !okLast {
		return
	}
	a, errA := strconv.Atoi(first)
	b, errB := strconv.Atoi(last)
	ok := errA == nil && errB == nil && a >= 1024 && b <= 65535 && b-a+1 >= fewestPorts
	if ok {
		t.out.Ports = fmt.Sprintf("%d-%d", a, b)
	}
	if okFirst {
		t.carry("rtp_first", "media.ports", ok)
	}
	if okLast {
		t.carry("rtp_last", "media.ports", ok)
	}
}

// rest names what is not carried over.
func (t *settingsTaker) rest() {
	for _, key := range sortedKeys(t.values) {
		if t.seen[key] {
			continue
		}
		c := Carried{Key: key, Value: shorten(t.values[key]), Reason: "5 has no such setting; the file of 4.5 stays as it is", ReasonDE: "eine solche Einstellung gibt es in 5 nicht; die Datei von 4.5 bleibt, wie sie ist"}
		switch key {
		case "web_port":
			c.Reason, c.ReasonDE = "the pages of 5 are at https, port 443; change it by admin.listen", "die Seiten von 5 sind über https erreichbar, Port 443; ändern mit admin.listen"
		case "area":
			c.Reason, c.ReasonDE = "numbers outside are dialled with their area code; 5 adds none", "externe Rufnummern werden mit Vorwahl gewählt; 5 ergänzt keine Ortsvorwahl"
		}
		if secretKey(key) {
			c.Value = "***"
		}
		t.out.List = append(t.out.List, c)
	}
}

func secretKey(key string) bool {
	low := strings.ToLower(key)
	for _, w := range []string{"pass", "pwd", "secret", "key", "token"} {
		if strings.Contains(low, w) {
			return true
		}
	}
	return false
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}
