package legacy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func TestTakeSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "koppelfeld45.conf")
	text := "# a comment\nsip_address=192.0.2.45\nsip_port = 5062\nsip_domain=\"pbx.example\"\nrtp_first=10000\nrtp_last=10999\ncountry=+49\narea=40\nzone=Europe/Berlin\nweb_port=80\ndatabase=asterisk\nno equals sign\nsmtp_password=geheim\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	values, err := ReadValues(path)
	if err != nil {
		t.Fatal(err)
	}
	s := TakeSettings(values)
	if s.Listen[0] != "udp://192.0.2.45:5062" || s.Domain != "pbx.example" || s.Ports != "10000-10999" || s.MediaAddress != "192.0.2.45" || s.Country != "49" || s.Zone != "Europe/Berlin" {
		t.Errorf("got %+v", s)
	}
	var keys []string
	for _, c := range s.List {
		keys = append(keys, c.Key)
		if (c.As == "") != (c.Reason != "" && c.ReasonDE != "") {
			t.Errorf("%+v", c)
		}
		if strings.Contains(c.Value, "geheim") {
			t.Error("a password is shown")
		}
	}
	if want := []string{"sip_address", "sip_port", "sip_domain", "rtp_first", "rtp_last", "country", "zone", "area", "smtp_password", "web_port"}; !slices.Equal(keys, want) {
		t.Errorf("keys: got %q, want %q", keys, want)
	}
}

func TestTakeSettingsThatMakeNoSense(t *testing.T) {
	for key, values := range map[string][]string{
		"sip_address": {"x", "300.1.1.1", "224.0.0.1"}, "sip_port": {"0", "x", "70000", "5061"}, "sip_domain": {"a b", "-"}, "country": {"49a", "12345", "0"}, "zone": {"Mars/Base", "Local"},
		"rtp_first": {"x", "80", "65535"},
	} {
		for _, v := range values {
			in := map[string]string{key: v}
			if key == "rtp_first" {
				in["rtp_last"] = "65535"
			}
			s := TakeSettings(in)
			if len(s.List) == 0 || s.List[0].As != "" || s.Listen != nil || s.Domain+s.Country+s.Zone+s.Ports+s.MediaAddress != "" {
				t.Errorf("%s=%s: got %+v", key, v, s)
			}
		}
	}
	if s := TakeSettings(nil); s.List != nil {
		t.Errorf("nothing: got %+v", s)
	}
	if values, err := ReadValues("/nowhere/at/all"); err != nil || len(values) != 0 {
		t.Errorf("no file: got %v, %v", values, err)
	}
}

func FuzzSettings(f *testing.F) {
	corpus.Add(f)
	f.Add([]byte("sip_address=0.0.0.0\nsip_port=5060\nrtp_first=1024\nrtp_last=65535"))
	f.Add([]byte("=\n\x00=\xff\nzone=../../etc/passwd"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := TakeSettings(parseValues(text))
		for _, c := range s.List {
			if c.Key == "" || strings.ContainsAny(c.Value, "\n\x00") {
				t.Errorf("got %+v", c)
			}
		}
	})
}
