package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
)

// OIDC is a place where people can log in (OpenID Connect). Nobody becomes a user by that.
type OIDC struct {
	// Name is in paths: letters, digits, "-" and "_".
	Name string `toml:"name"`
	// Title is shown on the login page, Name by default.
	Title string `toml:"title"`
	// Issuer is the https address under which it describes itself.
	Issuer   string `toml:"issuer"`
	ClientID string `toml:"client_id"`
	// ClientSecret stands here or in a file.
	ClientSecret     string `toml:"client_secret"`
	ClientSecretFile string `toml:"client_secret_file"`
	// Claim finds the user: "email" by a verified address, another one by the user name ["preferred_username"].
	Claim string `toml:"claim"`
	// Scopes are asked for besides openid [profile, email].
	Scopes []string `toml:"scopes"`
}

// TitleOr is Title or its default.
func (o OIDC) TitleOr() string {
	if o.Title == "" {
		return o.Name
	}
	return o.Title
}

// ClaimOr is Claim or its default.
func (o OIDC) ClaimOr() string {
	if o.Claim == "" {
		return "preferred_username"
	}
	return o.Claim
}

// ScopesOr are Scopes or their default.
func (o OIDC) ScopesOr() []string {
	if o.Scopes == nil {
		return []string{"profile", "email"}
	}
	return o.Scopes
}

var oidcName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (c *Config) validateOIDC(fault func(key, format string, args ...any)) {
	seen := map[string]bool{}
	for i, o := range c.OIDC {
		key := func(k string) string { return fmt.Sprintf("oidc[%d].%s", i, k) }
		if !oidcName.MatchString(o.Name) || seen[o.Name] {
			fault(key("name"), "must be letters and digits, and not that of another, is %q", o.Name)
		}
		seen[o.Name] = true
		u, err := url.Parse(o.Issuer)
		if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopbackHost(u.Hostname())) {
			fault(key("issuer"), "must begin with https://, is %q", o.Issuer)
		}
		if o.ClientID == "" {
			fault(key("client_id"), "is missing")
		}
		if o.ClientSecret != "" && o.ClientSecretFile != "" {
			fault(key("client_secret"), "stands here or in a file, not both")
		}
		if o.ClientSecretFile != "" && !filepath.IsAbs(o.ClientSecretFile) {
			fault(key("client_secret_file"), "must be an absolute path, is %q", o.ClientSecretFile)
		}
	}
	if len(c.OIDC) > 0 && c.Admin.URL == "" {
		fault("admin.url", "is needed with [[oidc]]: it is where browsers return to")
	}
}
