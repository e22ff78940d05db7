package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// Site says how people at this place dial numbers outside.
type Site struct {
	// Country is the country code without "+" or zeros, such as "49". Empty: numbers outside go out as they were dialled.
	Country string `toml:"country"`
}

// Trunk is a way outside without registration: a provider's or one's own border element that knows us by our address.
type Trunk struct {
	Name string `toml:"name"`
	// Proxy is the SIP URI that calls outside are sent to, such as "sip:sbc.example.net;transport=tcp".
	Proxy string `toml:"proxy"`
	// From holds the addresses and prefixes that calls from outside come from, such as "192.0.2.10" or "198.51.100.0/24". Who can send
	// from there can call all inside numbers. Empty: the proxy's, where that is an address.
	From []string `toml:"from"`
	// Base is what stands before inside numbers outside, in international form, such as "+4966112". Empty: inside numbers are the same outside.
	Base string `toml:"base"`
}

// MaxTrunks bounds the trunks.
const MaxTrunks = 20

var (
	basePattern = regexp.MustCompile(`^\+[1-9][0-9]{2,13}$`)
	codePattern = regexp.MustCompile(`^[1-9][0-9]{0,2}$`)
)

func (c *Config) validateTrunks(fault func(key, format string, args ...any)) {
	if c.Site.Country != "" && !codePattern.MatchString(c.Site.Country) {
		fault("site.country", "must be a country code such as 49, is %q", c.Site.Country)
	}
	if len(c.Trunks) > MaxTrunks {
		fault("trunk", "are more than %d", MaxTrunks)
	}
	names := map[string]bool{"": true}
	for i, t := range c.Trunks {
		key := fmt.Sprintf("trunk[%d]", i)
		if names[t.Name] || len(t.Name) > 64 {
			fault(key+".name", "must be a name of its own of at most 64 bytes, is %q", t.Name)
		}
		names[t.Name] = true
		host := proxyHost(t.Proxy)
		if host == "" {
			fault(key+".proxy", `must look like "sip:sbc.example.net;transport=tcp", is %q`, t.Proxy)
		}
		for k, f := range t.From {
			if _, err := netip.ParsePrefix(f); err != nil {
				if _, err := netip.ParseAddr(f); err != nil {
					fault(fmt.Sprintf("%s.from[%d]", key, k), "must be an IP address or a prefix such as 198.51.100.0/24, is %q", f)
				}
			}
		}
		if _, err := netip.ParseAddr(host); err != nil && len(t.From) == 0 && host != "" {
			fault(key+".from", "must name the addresses that calls come from, since the proxy is named and not an address")
		}
		if t.Base != "" && !basePattern.MatchString(t.Base) {
			fault(key+".base", "must be an international number such as +4966112, is %q", t.Base)
		}
	}
}

// proxyHost is the host of a sip or sips URI without user, "" when it is none.
func proxyHost(uri string) string {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || scheme != "sip" && scheme != "sips" || strings.ContainsAny(rest, "@<>\" \t\r\n") || len(uri) > 255 {
		return ""
	}
	rest, _, _ = strings.Cut(rest, ";")
	u, err := url.Parse("//" + rest)
	if err != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return ""
	}
	return u.Hostname()
}
