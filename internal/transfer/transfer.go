// Package transfer carries users, groups and what belongs to them from one server to another in a file (SPEC U6): a zip archive of JSON
// documents with a manifest, checksums and a schema, described in docs/export-format.md.
//
// Export writes a file from a snapshot, Open reads one within bounds, and Import puts what was read into a transaction and says for each object
// what becomes of it. The package knows neither SQL nor HTTP: the transaction comes as the interface Tx, which *store.Tx fulfils. It starts no
// goroutine and keeps nothing between calls.
package transfer

import "fmt"

// What a file calls itself, and the newest form that this program writes and reads. Files of all earlier versions are read.
const (
	Format        = "koppelfeld-export"
	FormatVersion = 1
)

// Bounds of a file. They leave room for 10,000 users with fifty numbers, slots and profiles each.
const (
	MaxFile    = 64 << 20  // bytes of the archive
	maxPart    = 96 << 20  // bytes of a part when unpacked
	maxTotal   = 160 << 20 // bytes of all parts when unpacked
	maxRatio   = 200       // bytes unpacked for one packed, beyond the first megabyte
	maxEntries = 16
	maxUsers   = 50_000
	maxObjects = 500_000 // numbers, slots, profiles, and so on, each
)

// Refusal says why a file cannot be read or written, and what to do, in both languages. Nothing has been changed.
type Refusal struct {
	Code   string // for programs: "not_ours", "newer", "cut", "checksum", "passphrase", …
	En, De string
}

// Error is the English sentence.
func (r *Refusal) Error() string { return r.En }

// German is the German one.
func (r *Refusal) German() string { return r.De }

func refuse(code, en, de string) error { return &Refusal{Code: code, En: en, De: de} }

func refusef(code, en, de string, args ...any) error {
	return &Refusal{Code: code, En: fmt.Sprintf(en, args...), De: fmt.Sprintf(de, args...)}
}
