package config

// Files lists the files that the configuration names: certificates, keys, and secrets that lie in files of their own.
func (c *Config) Files() []string {
	all := []string{c.TLS.Certificate, c.TLS.Key, c.TLS.ClientCA, c.TLS.PeerCA, c.Admin.Certificate, c.Admin.Key}
	for _, p := range c.TLS.SNI {
		all = append(all, p.Certificate, p.Key)
	}
	for i := range c.OIDC {
		all = append(all, c.OIDC[i].ClientSecretFile)
	}
	var out []string
	seen := map[string]bool{"": true}
	for _, p := range all {
		if !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	return out
}
