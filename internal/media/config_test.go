package media

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	good := Config{Address: netip.MustParseAddr("192.0.2.1"), PortMin: 20000, PortMax: 29999}
	tests := []struct {
		name   string
		change func(*Config)
		fields []string
	}{
		{"good", func(*Config) {}, nil},
		{"one pair", func(c *Config) { c.PortMax = 20001 }, nil},
		{"everywhere, advertised", func(c *Config) {
			c.Address, c.Advertise = netip.IPv4Unspecified(), netip.MustParseAddr("203.0.113.1")
		}, nil},
		{"no address", func(c *Config) { c.Address = netip.Addr{} }, []string{"Address"}},
		{"unspecified", func(c *Config) { c.Address = netip.IPv4Unspecified() }, []string{"Address"}},
		{"zone", func(c *Config) { c.Address = netip.MustParseAddr("fe80::1%eth0") }, []string{"Address"}},
		{"other family", func(c *Config) { c.Advertise = netip.MustParseAddr("2001:db8::1") }, []string{"Advertise"}},
		{"odd port alone", func(c *Config) { c.PortMin, c.PortMax = 20001, 20002 }, []string{"PortMax"}},
		{"beyond", func(c *Config) { c.PortMax = 65536 }, []string{"PortMax"}},
		{"two families of one name, and another name", func(c *Config) {
			c.Interfaces = []Interface{
				{Address: netip.MustParseAddr("2001:db8::1")},
				{Name: "provider", Address: netip.MustParseAddr("198.51.100.1")},
			}
		}, nil},
		{"named ones alone", func(c *Config) {
			c.Interfaces, c.Address = []Interface{{Name: "inside", Address: c.Address}}, netip.Addr{}
		}, nil},
		{"one name, one family, two addresses", func(c *Config) {
			c.Interfaces = []Interface{{Name: "x", Address: c.Address}, {Name: "x", Address: netip.MustParseAddr("192.0.2.2")}}
		}, []string{"Interfaces[1].Name"}},
		{"faults of an interface", func(c *Config) {
			c.Interfaces = []Interface{{Name: "x"}, {Name: "y", Address: c.Address, Advertise: netip.IPv6Unspecified()}}
		}, []string{"Interfaces[0].Address", "Interfaces[1].Advertise"}},
		{"all at once", func(c *Config) {
			*c = Config{Loops: -1, Quarantine: -time.Second, MaxRate: -1}
		}, []string{"Address", "PortMin", "PortMax", "Loops", "Quarantine", "MaxRate"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c := good
			tc.change(&c)
			var got []string
			if err := c.Validate(); err != nil {
				for line := range strings.Lines(err.Error()) {
					field, _, _ := strings.Cut(line, ":")
					got = append(got, field)
				}
			}
			if strings.Join(got, " ") != strings.Join(tc.fields, " ") {
				t.Errorf("faults in %v, want %v", got, tc.fields)
			}
		})
	}
	if _, err := New(Config{Address: netip.MustParseAddr("192.0.2.77"), PortMin: 20000, PortMax: 29999}); err == nil {
		t.Error("an address that is not ours was taken")
	}
	if DropRate.String() != "rate" || drops.String() != "unknown" || Drop(200).String() != "unknown" {
		t.Error("names of drops are out of step")
	}
}
