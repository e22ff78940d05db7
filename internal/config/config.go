// Package config reads the daemon's configuration file.
//
// The file holds only what is needed before the database is open: where the data
// lies, which addresses to listen on, how to log. Everything else is changed in the
// running system. Unknown keys are refused, and every fault is reported with the
// name of its key, all at once.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// Config is the configuration file.
type Config struct {
	// Base names files whose keys hold where this file says nothing; later ones count more, and one that is not there says nothing. They hold
	// neither a base of their own nor lists of sections, such as [[trunk]].
	Base []string `toml:"base"`
	// DataDir holds everything the daemon keeps: database, keys, spool.
	DataDir string `toml:"data_dir"`
	// Database is "sqlite" (a file in DataDir) or a MySQL/MariaDB DSN such as
	// "koppelfeld@unix(/run/mysqld/mysqld.sock)/koppelfeld".
	Database string `toml:"database"`
	SIP      SIP    `toml:"sip"`
	DNS      DNS    `toml:"dns"`
	HEP      HEP    `toml:"hep"`
	TLS      TLS    `toml:"tls"`
	// Interfaces are further places to listen, each with addresses of its own for SIP and audio.
	Interfaces []Interface `toml:"interface"`
	// Site says how numbers outside are dialled here, Trunks lead there, in the order in which they are tried.
	Site    Site    `toml:"site"`
	Trunks  []Trunk `toml:"trunk"`
	Media   Media   `toml:"media"`
	Admin   Admin   `toml:"admin"`
	OIDC    []OIDC  `toml:"oidc"`
	Metrics Metrics `toml:"metrics"`
	Backup  Backup  `toml:"backup"`
	Log     Log     `toml:"log"`
}

// SIP configures signalling.
type SIP struct {
	// Listen holds addresses such as "udp://127.0.0.1:5060", "tcp://…", "tls://127.0.0.1:5061", "ws://…" or "wss://…".
	Listen []string `toml:"listen"`
	// Advertise is shown to phones in place of the address that they reach, when set.
	Advertise string `toml:"advertise"`
	// WSOrigins are the web pages that may connect over WebSocket, such as "https://phone.example"; "*" stands for all.
	// The default is pages from the host that they connect to.
	WSOrigins []string `toml:"ws_origins"`
	// Domain is the realm of authentication and the host part of our addresses.
	Domain string `toml:"domain"`
	// Digest lists the algorithms offered for passwords, in order: "MD5", "SHA-256". The
	// default is MD5 alone: phones that know only MD5 are to skip a second challenge (RFC
	// 8760 section 2.4), yet many give up when they meet one.
	Digest []string `toml:"digest"`
	// MaxCalls bounds the calls at once, 0 means the built-in limit.
	MaxCalls int `toml:"max_calls"`
	// CallRate bounds the calls per second of one phone's account, 0 means 10; five times as many may come at once.
	CallRate int `toml:"call_rate"`
	// RegisterRate bounds the REGISTERs per second of one account, 0 means 10; ten times as many may come at once.
	RegisterRate int `toml:"register_rate"`
	// RingSeconds ends ringing without an answer, 0 means 60.
	RingSeconds int `toml:"ring_seconds"`
	// SourceRate bounds the messages per second taken from one source address, 0 means the built-in limit.
	SourceRate int `toml:"source_rate"`
	// ConnectionsPerSource bounds the TCP, TLS and WebSocket connections from one source address (IPv6: /64), 0 means 500; the oldest
	// whose peer has shown no password gives way. HandshakesPerSource bounds those of them whose handshake is not over, 0 means 200.
	ConnectionsPerSource int `toml:"connections_per_source"`
	HandshakesPerSource  int `toml:"handshakes_per_source"`
	// Trace keeps the messages of calls in memory, for the ladder and captures of a call (default true).
	Trace *bool `toml:"trace"`
}

// HEP configures where copies of all SIP messages are sent, secrets masked.
type HEP struct {
	// Collector is the address and port that takes HEP version 3 over UDP, such as "192.0.2.60:9060"; empty sends nothing.
	Collector string `toml:"collector"`
	// Agent is the number by which the collector knows this system, 0 means 2001.
	Agent uint32 `toml:"agent"`
	// Password is what the collector asks for, at most 128 bytes.
	Password string `toml:"password"`
}

// Addr reads Collector.
func (h HEP) Addr() (netip.AddrPort, error) {
	a, err := netip.ParseAddrPort(h.Collector)
	if err != nil || a.Port() == 0 || a.Addr().IsUnspecified() || a.Addr().IsMulticast() {
		return netip.AddrPort{}, fmt.Errorf("must be an IP address with a port, is %q", h.Collector)
	}
	return a, nil
}

// DNS configures how names in SIP addresses are looked up.
type DNS struct {
	// Servers are IP addresses, with a port or without; empty means those of /etc/resolv.conf.
	Servers []string `toml:"servers"`
}

// Media configures audio.
type Media struct {
	// Address is the local address for RTP; AddressAuto is the one by which this machine reaches the outside when the daemon starts.
	Address string `toml:"address"`
	// Advertise is put into SDP in place of Address when set.
	Advertise string `toml:"advertise"`
	// Address6 is a second address for RTP, of the other family, and Advertise6 what is put into SDP in its place when set.
	Address6   string `toml:"address6"`
	Advertise6 string `toml:"advertise6"`
	// Ports is the range for RTP and RTCP, "20000-29999".
	Ports string `toml:"ports"`
	// Relay sends all audio through the daemon (default true). Without it phones
	// send audio to each other directly.
	Relay *bool `toml:"relay"`
	// SRTP says whether audio is encrypted: "auto" (the default) as each phone asks for, and asked for by us
	// where signalling is encrypted; "off"; or "required", without which no call is made.
	SRTP string `toml:"srtp"`
	// TimeoutSeconds ends a call when a side that should send audio is silent that long, 0 means 120.
	TimeoutSeconds int `toml:"timeout_seconds"`
}

// AddressAuto leaves it to the daemon to find its address.
const AddressAuto = "auto"

// Metrics configures the Prometheus endpoint; empty switches it off.
type Metrics struct {
	Listen string `toml:"listen"`
}

// Log configures logging to standard error.
type Log struct {
	Level  string `toml:"level"`  // debug, info, warn, error
	Format string `toml:"format"` // text or json
}

// Default returns the configuration of a machine that talks to itself only.
func Default() Config {
	return Config{
		DataDir:  "/var/lib/koppelfeld",
		Database: "sqlite",
		SIP:      SIP{Listen: []string{"udp://127.0.0.1:5060", "tcp://127.0.0.1:5060"}, Domain: "koppelfeld.example", Digest: []string{"MD5"}},
		Media:    Media{Address: "127.0.0.1", Ports: "20000-29999"},
		Admin:    Admin{Listen: "127.0.0.1:8080"},
		Backup:   DefaultBackup(),
		Metrics:  Metrics{Listen: "127.0.0.1:9464"},
		Log:      Log{Level: "info", Format: "text"},
	}
}

// Load reads and validates the file at path, and those that it names as its base. Keys that they leave out keep
// their default. The error joins one error per fault.
func Load(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	c := Default()
	for _, base := range basesOf(string(text)) {
		if err := c.readBase(base); err != nil {
			return Config{}, fmt.Errorf("configuration %s: base %s: %w", path, base, err)
		}
	}
	if err := c.parse(string(text)); err != nil {
		return Config{}, fmt.Errorf("configuration %s: %w", path, err)
	}
	return c, nil
}

// Defined lists the keys that the file at path sets itself, such as "sip.domain"; those of its base are not among them.
func Defined(path string) (map[string]bool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	c := Default()
	meta, err := toml.Decode(string(text), &c)
	if err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, err)
	}
	out := map[string]bool{}
	for _, k := range meta.Keys() {
		out[k.String()] = true
	}
	return out, nil
}

// basesOf reads the base of a text whose faults are said later.
func basesOf(text string) []string {
	var c struct {
		Base []string `toml:"base"`
	}
	if _, err := toml.Decode(text, &c); err != nil {
		return nil
	}
	return c.Base
}

// readBase takes over the keys of a file of which no key is checked yet.
func (c *Config) readBase(path string) error {
	if !filepath.IsAbs(path) {
		return errors.New("must be an absolute path")
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := errors.Join(c.decode(string(text))...); err != nil {
		return err
	}
	if len(c.Base)+len(c.Interfaces)+len(c.Trunks)+len(c.OIDC) > 0 {
		return errors.New("must hold neither base nor lists of sections")
	}
	return nil
}

// Parse reads and validates the text of a configuration file. Its base is not looked at.
func Parse(text string) (Config, error) {
	c := Default()
	if err := c.parse(text); err != nil {
		return Config{}, err
	}
	return c, nil
}

func (c *Config) parse(text string) error {
	faults := c.decode(text)
	var broken *brokenError
	if len(faults) == 1 && errors.As(faults[0], &broken) {
		return faults[0] // whatever else could be said would be misleading
	}
	return errors.Join(append(faults, c.Validate())...)
}

// brokenError is returned for a text that is no TOML, or whose values are of other types.
type brokenError struct{ text string }

func (e *brokenError) Error() string { return e.text }

// decode takes over the keys of a text and names those that are not known.
func (c *Config) decode(text string) []error {
	meta, err := toml.Decode(text, c)
	if err != nil {
		var perr toml.ParseError
		if errors.As(err, &perr) {
			return []error{&brokenError{fmt.Sprintf("line %d: %s", perr.Position.Line, perr.Message)}}
		}
		return []error{&brokenError{err.Error()}}
	}
	var faults []error
	for _, key := range meta.Undecoded() {
		faults = append(faults, fmt.Errorf("%s: unknown key", key))
	}
	return faults
}

var domainPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// Validate checks every key and joins one error per fault.
func (c *Config) Validate() error {
	var faults []error
	fault := func(key, format string, args ...any) {
		faults = append(faults, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if !filepath.IsAbs(c.DataDir) {
		fault("data_dir", "must be an absolute path, is %q", c.DataDir)
	}
	if c.Database == "" {
		fault("database", `must be "sqlite" or a MySQL DSN`)
	} else if c.Database != "sqlite" && !strings.Contains(c.Database, "/") {
		fault("database", `must be "sqlite" or a MySQL DSN such as user@unix(/path/to/socket)/name`)
	}
	c.validateSIP(fault)
	for i, s := range c.DNS.Servers {
		if err := dnsServer(s); err != nil {
			fault(fmt.Sprintf("dns.servers[%d]", i), "%v", err)
		}
	}
	if c.HEP.Collector != "" {
		if _, err := c.HEP.Addr(); err != nil {
			fault("hep.collector", "%v", err)
		}
	}
	if len(c.HEP.Password) > 128 {
		fault("hep.password", "must not be longer than 128 bytes")
	}
	c.validateTLS(fault)
	c.validateInterfaces(fault)
	c.validateTrunks(fault)
	c.validateMedia(fault)
	c.validateAdmin(fault)
	c.validateOIDC(fault)
	c.validateBackup(fault)
	if c.Metrics.Listen != "" {
		if err := listenAddress(c.Metrics.Listen); err != nil {
			fault("metrics.listen", "%v", err)
		}
	}
	if _, err := c.Log.SlogLevel(); err != nil {
		fault("log.level", "%v", err)
	}
	if !slices.Contains([]string{"text", "json"}, c.Log.Format) {
		fault("log.format", "must be text or json, is %q", c.Log.Format)
	}
	return errors.Join(faults...)
}

// transports are the schemes of sip.listen.
var transports = []string{"udp", "tcp", "tls", "ws", "wss"}

// validateListen checks a list of listeners.
func (c *Config) validateListen(name string, list []string, fault func(key, format string, args ...any)) {
	for i, l := range list {
		key := fmt.Sprintf("%s[%d]", name, i)
		u, err := url.Parse(l)
		switch {
		case err != nil || u.Host == "" || (u.Path != "" && u.Path != "/"):
			fault(key, "must look like udp://127.0.0.1:5060, is %q", l)
		case !slices.Contains(transports, u.Scheme):
			fault(key, "transport must be one of %s, is %q", strings.Join(transports, ", "), u.Scheme)
		default:
			if _, err := netip.ParseAddrPort(u.Host); err != nil {
				fault(key, "must name an IP address and a port, is %q", l)
			}
		}
	}
}

func (c *Config) validateSIP(fault func(key, format string, args ...any)) {
	if len(c.SIP.Listen) == 0 {
		fault("sip.listen", "needs at least one address")
	}
	c.validateListen("sip.listen", c.SIP.Listen, fault)
	if c.SIP.Advertise != "" {
		if _, err := netip.ParseAddr(c.SIP.Advertise); err != nil {
			fault("sip.advertise", "must be an IP address, is %q", c.SIP.Advertise)
		}
	}
	for i, o := range c.SIP.WSOrigins {
		if u, err := url.Parse(o); o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "") {
			fault(fmt.Sprintf("sip.ws_origins[%d]", i), `must look like "https://phone.example" or be "*", is %q`, o)
		}
	}
	if !domainPattern.MatchString(c.SIP.Domain) {
		fault("sip.domain", "must be a host name, is %q", c.SIP.Domain)
	}
	if len(c.SIP.Digest) == 0 {
		fault("sip.digest", "needs at least one algorithm")
	}
	for i, a := range c.SIP.Digest {
		if a != "MD5" && a != "SHA-256" {
			fault(fmt.Sprintf("sip.digest[%d]", i), `must be "MD5" or "SHA-256", is %q`, a)
		}
	}
	if c.SIP.MaxCalls < 0 || c.SIP.MaxCalls > 100000 {
		fault("sip.max_calls", "must be between 0 and 100000, is %d", c.SIP.MaxCalls)
	}
	if c.SIP.RingSeconds < 0 || c.SIP.RingSeconds > 600 {
		fault("sip.ring_seconds", "must be between 0 and 600, is %d", c.SIP.RingSeconds)
	}
	if c.SIP.CallRate < 0 || c.SIP.CallRate > 10000 {
		fault("sip.call_rate", "must be between 0 and 10000, is %d", c.SIP.CallRate)
	}
	for key, n := range map[string]int{"sip.connections_per_source": c.SIP.ConnectionsPerSource, "sip.handshakes_per_source": c.SIP.HandshakesPerSource} {
		if n < 0 || n > 100000 {
			fault(key, "must be between 0 and 100000, is %d", n)
		}
	}
	if c.SIP.RegisterRate < 0 || c.SIP.RegisterRate > 10000 {
		fault("sip.register_rate", "must be between 0 and 10000, is %d", c.SIP.RegisterRate)
	}
	if c.SIP.SourceRate < 0 {
		fault("sip.source_rate", "must not be negative, is %d", c.SIP.SourceRate)
	}
}

func (c *Config) validateMedia(fault func(key, format string, args ...any)) {
	if a, err := netip.ParseAddr(c.Media.Address); c.Media.Address != AddressAuto && (err != nil || a.IsUnspecified() || a.IsMulticast()) {
		fault("media.address", "must be one of this machine's IP addresses or auto, is %q", c.Media.Address)
	}
	if c.Media.Advertise != "" {
		if _, err := netip.ParseAddr(c.Media.Advertise); err != nil {
			fault("media.advertise", "must be an IP address, is %q", c.Media.Advertise)
		}
	}
	for key, s := range map[string]string{"media.address6": c.Media.Address6, "media.advertise6": c.Media.Advertise6} {
		if a, err := netip.ParseAddr(s); s != "" && (s != AddressAuto || key != "media.address6") && (err != nil || a.IsUnspecified() || a.IsMulticast()) {
			fault(key, "must be an IP address, is %q", s)
		}
	}
	if _, _, err := c.Media.PortRange(); err != nil {
		fault("media.ports", "%v", err)
	}
	if !slices.Contains([]string{"", "auto", "off", "required"}, c.Media.SRTP) {
		fault("media.srtp", "must be auto, off or required, is %q", c.Media.SRTP)
	}
	if c.Media.SRTP == "required" && !c.Media.RelayOn() {
		fault("media.srtp", "cannot be required while media.relay is false: phones then send audio to each other as they like")
	}
	if c.Media.TimeoutSeconds < 0 {
		fault("media.timeout_seconds", "must not be negative, is %d", c.Media.TimeoutSeconds)
	}
}

// PortRange returns the first and last port of Ports.
func (m Media) PortRange() (first, last int, err error) {
	a, b, ok := strings.Cut(m.Ports, "-")
	first, err1 := strconv.Atoi(strings.TrimSpace(a))
	last, err2 := strconv.Atoi(strings.TrimSpace(b))
	if !ok || err1 != nil || err2 != nil || first < 1024 || last > 65535 || last-first < 3 {
		return 0, 0, fmt.Errorf(`must look like "20000-29999" between 1024 and 65535 and hold at least four ports, is %q`, m.Ports)
	}
	return first, last, nil
}

// TraceOn reports whether the messages of calls are kept.
func (s SIP) TraceOn() bool { return s.Trace == nil || *s.Trace }

// RelayOn reports whether audio goes through the daemon.
func (m Media) RelayOn() bool { return m.Relay == nil || *m.Relay }

// SlogLevel returns the level for log/slog.
func (l Log) SlogLevel() (slog.Level, error) {
	switch l.Level {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("must be debug, info, warn or error, is %q", l.Level)
}

func dnsServer(s string) error {
	addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		var ap netip.AddrPort
		if ap, err = netip.ParseAddrPort(s); err == nil {
			addr = ap.Addr()
		}
	}
	if err != nil || addr.IsUnspecified() || addr.IsMulticast() {
		return fmt.Errorf("must be an IP address such as 192.0.2.53 or 192.0.2.53:5353, is %q", s)
	}
	return nil
}

func listenAddress(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil || port == "" {
		return fmt.Errorf("must look like 127.0.0.1:8080, is %q", s)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("port must be between 0 and 65535, is %q", port)
	}
	if host != "" && host != "localhost" {
		if _, err := netip.ParseAddr(host); err != nil {
			return fmt.Errorf("must name an IP address, is %q", s)
		}
	}
	return nil
}
