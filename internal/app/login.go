package app

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"

	adminauth "github.com/koppelfeld/koppelfeld/admin/auth"
	"github.com/koppelfeld/koppelfeld/internal/version"
)

// site is where passkeys are good. Without admin.url it is the host that a browser asks for, as long as our certificate names it.
func (a *App) site(host string, tls bool) adminauth.Site {
	name := version.Name + " " + a.cfg.SIP.Domain
	if u, err := url.Parse(a.cfg.Admin.URL); err == nil && u.Hostname() != "" {
		return adminauth.Site{ID: u.Hostname(), Origin: a.cfg.Admin.URL, Name: name}
	}
	host = strings.ToLower(host)
	only := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		only = h
	}
	if _, err := netip.ParseAddr(strings.Trim(only, "[]")); err == nil {
		return adminauth.Site{} // browsers make passkeys for names only
	}
	switch {
	case tls && a.names(only):
		return adminauth.Site{ID: only, Origin: "https://" + host, Name: name}
	case !tls && only == "localhost":
		return adminauth.Site{ID: only, Origin: "http://" + host, Name: name}
	}
	return adminauth.Site{}
}

// names reports whether the certificate of the API is for that host.
func (a *App) names(host string) bool {
	store := a.certs
	if a.adminCerts != nil {
		store = a.adminCerts
	}
	return store != nil && store.Leaf().VerifyHostname(host) == nil
}

// oidc is where people can log in besides here.
func (a *App) oidc() (adminauth.OIDCConfig, error) {
	c := adminauth.OIDCConfig{URL: a.cfg.Admin.URL, Box: a.box}
	for i, p := range a.cfg.OIDC {
		secret := p.ClientSecret
		if p.ClientSecretFile != "" {
			text, err := os.ReadFile(p.ClientSecretFile)
			if err != nil {
				return c, fmt.Errorf("oidc[%d].client_secret_file: %w", i, err)
			}
			secret = strings.TrimSpace(string(text))
		}
		c.Providers = append(c.Providers, adminauth.Provider{
			Name: p.Name, Title: p.TitleOr(), Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: secret, Claim: p.ClaimOr(), Scopes: p.ScopesOr(),
		})
	}
	return c, nil
}
