package resolve

import (
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	maxServers = 8
	maxConf    = 64 << 10
	// recheck is how often the file with the servers is looked at.
	recheck = 5 * time.Second
	// slowFor is how long a server that gave no answer is asked after the others.
	slowFor = 30 * time.Second
)

// servers are the DNS servers in the order in which they are asked.
type servers struct {
	fixed []netip.AddrPort
	file  string

	mu       sync.Mutex
	current  []netip.AddrPort
	slow     map[netip.AddrPort]time.Time // until when
	checked  time.Time
	modified time.Time
}

func (s *servers) init(cfg Config) {
	for _, text := range cfg.Servers {
		at, _ := ServerAddr(text) // validated
		s.fixed = append(s.fixed, at)
	}
	s.file = cfg.ResolvConf
	s.current = s.fixed
	s.slow = map[netip.AddrPort]time.Time{}
}

// list is whom to ask, those last who did not answer lately.
func (s *servers) list(now time.Time) []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.fixed) == 0 && (s.checked.IsZero() || now.Sub(s.checked) >= recheck) {
		s.checked = now
		s.reload()
	}
	out := make([]netip.AddrPort, 0, len(s.current))
	for _, slow := range [...]bool{false, true} {
		for _, at := range s.current {
			if s.slow[at].After(now) == slow {
				out = append(out, at)
			}
		}
	}
	return out
}

// reload reads the file if it has changed; one that cannot be read or names no server changes nothing. s.mu is held.
func (s *servers) reload() {
	info, err := os.Stat(s.file)
	if err != nil || info.Size() > maxConf || info.ModTime().Equal(s.modified) {
		return
	}
	conf, err := dns.ClientConfigFromFile(s.file)
	if err != nil {
		return
	}
	s.modified = info.ModTime()
	var list []netip.AddrPort
	for _, text := range conf.Servers {
		if at, err := ServerAddr(text); err == nil && len(list) < maxServers && !slices.Contains(list, at) {
			list = append(list, at)
		}
	}
	if len(list) > 0 {
		s.current = list
		clear(s.slow)
	}
}

func (s *servers) good(at netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.slow, at)
}

func (s *servers) bad(at netip.AddrPort, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.current, at) {
		s.slow[at] = now.Add(slowFor)
	}
}
