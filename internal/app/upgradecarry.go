package app

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/BurntSushi/toml"

	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/legacy"
	"github.com/koppelfeld/koppelfeld/internal/upgrade"
)

// carriedFile is the file with what was taken over of the settings of 4.5. The configuration of 5 names it as a base: so no file that
// belongs to an administrator or to the package is edited, and what he writes there counts.
const carriedFile = "carried-over.toml"

// carryOver writes the settings of 4.5 that 5 takes over to where the configuration of 5 looks for them, and reads that anew.
func (r *run) carryOver() error {
	r.carried = slices.Clone(r.settings.List)
	at := slices.IndexFunc(r.cfg.Base, func(p string) bool { return filepath.Base(p) == carriedFile })
	set, err := config.Defined(r.opt.Config)
	if err != nil {
		return err
	}
	for i := range r.carried {
		c := &r.carried[i]
		switch {
		case c.As == "":
		case set[c.As]:
			c.Kept = true
		case at < 0 && inFile(c.As):
			c.Reason = fmt.Sprintf("%s names no base that ends in %s: enter it there by hand", r.opt.Config, carriedFile)
			c.ReasonDE = fmt.Sprintf("%s nennt keine Grundlage (base), die auf %s endet: bitte dort von Hand eintragen", r.opt.Config, carriedFile)
			c.As = ""
		}
	}
	if at < 0 {
		return nil
	}
	path := r.cfg.Base[at]
	text, err := carriedText(r.settings)
	if err != nil {
		return err
	}
	if err := upgrade.WriteFile(path, text, 0o640); err != nil {
		return fmt.Errorf("carrying settings over: %w", err)
	}
	if err := r.owner.give(path); err != nil {
		return err
	}
	if r.cfg, err = config.Load(r.opt.Config); err != nil {
		return fmt.Errorf("with what was carried over from 4.5: %w", err)
	}
	return nil
}

// inFile reports whether a setting belongs into a file of 5, and not into its database.
func inFile(as string) bool { return as != "calendar.zone" }

// carriedText is the file.
func carriedText(s legacy.Settings) ([]byte, error) {
	sip, media, site := map[string]any{}, map[string]any{}, map[string]any{}
	put := func(m map[string]any, key, value string) {
		if value != "" {
			m[key] = value
		}
	}
	if len(s.Listen) > 0 {
		sip["listen"] = s.Listen
	}
	put(sip, "domain", s.Domain)
	put(media, "ports", s.Ports)
	put(media, "address", s.MediaAddress)
	put(site, "country", s.Country)
	b := bytes.NewBufferString("# Settings that the upgrade has taken over from 4.5. What stands in the configuration of 5 counts more.\n")
	e := toml.NewEncoder(b)
	e.Indent = ""
	if err := e.Encode(map[string]any{"sip": sip, "media": media, "site": site}); err != nil {
		return nil, fmt.Errorf("carrying settings over: %w", err)
	}
	return b.Bytes(), nil
}
