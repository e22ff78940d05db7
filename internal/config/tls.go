package config

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
)

// TLS configures the certificates of everything that listens with TLS.
type TLS struct {
	// Certificate and Key are PEM files. Without them a certificate is made and kept in DataDir.
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
	// SNI holds further certificates, for clients that ask for a name in them.
	SNI []CertificatePair `toml:"sni"`
	// ClientCA is a PEM file: a certificate that a phone shows must come from one of these.
	ClientCA string `toml:"client_ca"`
	// PeerCA is a PEM file with whom to trust on connections that we open, in place of what the system trusts.
	PeerCA string `toml:"peer_ca"`
	// MinVersion is "1.2" (default) or "1.3".
	MinVersion string `toml:"min_version"`
}

// CertificatePair is a certificate chain and its key, both PEM files.
type CertificatePair struct {
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
}

// Pairs lists all certificates; the first is the one for clients that ask for no name.
func (t TLS) Pairs() []CertificatePair {
	if t.Certificate == "" {
		return nil
	}
	return append([]CertificatePair{{t.Certificate, t.Key}}, t.SNI...)
}

// Version is MinVersion as crypto/tls has it.
func (t TLS) Version() uint16 {
	if t.MinVersion == "1.3" {
		return tls.VersionTLS13
	}
	return tls.VersionTLS12
}

func (c *Config) validateTLS(fault func(key, format string, args ...any)) {
	t := c.TLS
	if (t.Certificate == "") != (t.Key == "") {
		fault("tls.certificate", "certificate and key go together")
	}
	if len(t.SNI) > 0 && t.Certificate == "" {
		fault("tls.sni", "needs tls.certificate for clients that ask for no name")
	}
	file := func(key, path string, must bool) {
		if path == "" && !must {
			return
		}
		if !filepath.IsAbs(path) {
			fault(key, "must be an absolute path, is %q", path)
		}
	}
	file("tls.certificate", t.Certificate, false)
	file("tls.key", t.Key, false)
	file("tls.client_ca", t.ClientCA, false)
	file("tls.peer_ca", t.PeerCA, false)
	for i, p := range t.SNI {
		file(fmt.Sprintf("tls.sni[%d].certificate", i), p.Certificate, true)
		file(fmt.Sprintf("tls.sni[%d].key", i), p.Key, true)
	}
	switch t.MinVersion {
	case "", "1.2", "1.3":
	default:
		fault("tls.min_version", `must be "1.2" or "1.3", is %q`, t.MinVersion)
	}
}
