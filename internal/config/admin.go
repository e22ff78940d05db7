package config

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
)

// Values of Admin.TLS.
const (
	AdminTLSAuto = "auto"
	AdminTLSOff  = "off"
)

// Admin configures the HTTP API and the pages.
type Admin struct {
	Listen string `toml:"listen"`
	// TLS is "auto" (the default): HTTPS, with Certificate and Key, else with those of [tls], else with one that is made and kept
	// in DataDir. "off" is for a proxy in front that does TLS, and for programs on the same machine.
	TLS string `toml:"tls"`
	// Certificate and Key are PEM files for the API alone.
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
	// URL is how people's browsers reach the pages, such as "https://pbx.example.com". Passkeys and the return from another
	// login (OpenID Connect) are bound to it.
	URL string `toml:"url"`
}

// TLSOn reports whether the API speaks HTTPS.
func (a Admin) TLSOn() bool { return a.TLS != AdminTLSOff }

func (c *Config) validateAdmin(fault func(key, format string, args ...any)) {
	a := c.Admin
	if err := listenAddress(a.Listen); err != nil {
		fault("admin.listen", "%v", err)
	}
	switch a.TLS {
	case "", AdminTLSAuto, AdminTLSOff:
	default:
		fault("admin.tls", `must be "auto" or "off", is %q`, a.TLS)
	}
	if (a.Certificate == "") != (a.Key == "") {
		fault("admin.certificate", "certificate and key go together")
	}
	if a.Certificate != "" && !a.TLSOn() {
		fault("admin.certificate", `is not used with tls = "off"`)
	}
	for key, path := range map[string]string{"admin.certificate": a.Certificate, "admin.key": a.Key} {
		if path != "" && !filepath.IsAbs(path) {
			fault(key, "must be an absolute path, is %q", path)
		}
	}
	if a.URL == "" {
		return
	}
	u, err := url.Parse(a.URL)
	switch {
	case err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		fault("admin.url", `must look like "https://pbx.example.com", is %q`, a.URL)
	case u.Scheme != "https" && !(u.Scheme == "http" && loopbackHost(u.Hostname())):
		fault("admin.url", "must begin with https://, is %q", a.URL)
	}
}

// loopbackHost tells hosts that browsers trust without TLS.
func loopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// Host is the host of Listen, empty for all addresses.
func (a Admin) Host() string {
	host, _, err := net.SplitHostPort(a.Listen)
	if err != nil {
		return ""
	}
	return host
}
