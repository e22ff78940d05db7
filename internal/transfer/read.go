package transfer

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/secret"
)

// Open reads a file of size bytes and checks all of it: bounds, checksums, form, references inside it. With a passphrase the secrets are unlocked;
// without one they are left alone. Errors: *Refusal for a file that cannot be used, and those of r.
func Open(r io.ReaderAt, size int64, passphrase string) (*Contents, error) {
	a, err := openArchive(r, size)
	if err != nil {
		return nil, err
	}
	c := &Contents{}
	if err := a.manifest(&c.Manifest); err != nil {
		return nil, err
	}
	for _, p := range []struct {
		name string
		into any
	}{
		{partUsers, &c.usersPart},
		{partPhones, &c.phonesPart},
		{partGroups, &c.groupsPart},
		{partSystem, &c.systemPart},
		{partSchema, nil},
	} {
		if err := a.part(p.name, p.into); err != nil {
			return nil, err
		}
	}
	if err := a.unlock(c, passphrase); err != nil {
		return nil, err
	}
	return c, c.check()
}

// archive is a zip archive that is looked into within bounds.
type archive struct {
	files map[string]*zip.File
	parts map[string]Part // as the manifest names them
	total int64           // bytes unpacked so far
}

func openArchive(r io.ReaderAt, size int64) (*archive, error) {
	if size > MaxFile {
		return nil, refusef("too_large", "the file is larger than %d MB: export fewer users at a time", "Die Datei ist größer als %d MB. Exportieren Sie weniger Benutzer auf einmal.", MaxFile>>20)
	}
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		head := make([]byte, 4)
		if n, _ := r.ReadAt(head, 0); n == 4 && bytes.Equal(head, []byte("PK\x03\x04")) {
			return nil, refuse("cut", "the file is cut off or damaged: copy it again from where it was exported", "Die Datei ist abgeschnitten oder beschädigt. Kopieren Sie sie noch einmal von dort, wo sie exportiert wurde.")
		}
		return nil, refuse("not_ours", "the file is no export of Koppelfeld: choose a zip file that koppelfeld export or the page Export and import has made", "Die Datei ist kein Export von Koppelfeld. Wählen Sie eine ZIP-Datei, die koppelfeld export oder die Seite „Export und Import“ erstellt hat.")
	}
	if len(z.File) > maxEntries {
		return nil, foreignEntry()
	}
	a := &archive{files: map[string]*zip.File{}, parts: map[string]Part{}}
	known := []string{partManifest, partSchema, partUsers, partPhones, partGroups, partSystem, partSecrets}
	for _, f := range z.File {
		switch {
		case f.Mode()&fs.ModeType != 0 || f.Flags&1 != 0:
			return nil, foreignEntry() // a folder, a symbolic link, a device, or encrypted by zip
		case !slices.Contains(known, f.Name):
			return nil, foreignEntry()
		case a.files[f.Name] != nil:
			return nil, refusef("twice", "the file has %s twice, so it is not as it was exported: export it again", "Die Datei enthält %s zweimal und ist damit nicht so, wie sie exportiert wurde. Exportieren Sie sie erneut.", f.Name)
		}
		a.files[f.Name] = f
	}
	if a.files[partManifest] == nil {
		return nil, refuse("not_ours", "the file is no export of Koppelfeld: it has no manifest.json", "Die Datei ist kein Export von Koppelfeld: manifest.json fehlt.")
	}
	return a, nil
}

func foreignEntry() error {
	return refuse("entries", "the file holds something that no export holds, such as a folder, a link or a foreign file: nothing of it is used. Export it again", "Die Datei enthält etwas, das kein Export enthält, etwa einen Ordner, eine Verknüpfung oder eine fremde Datei. Nichts davon wird verwendet. Exportieren Sie sie erneut.")
}

func damaged(name string) error {
	return refusef("checksum", "%s in the file is not as it was exported (cut off, damaged or changed by hand): copy or export the file again", "%s in der Datei ist nicht so, wie es exportiert wurde (abgeschnitten, beschädigt oder von Hand geändert). Kopieren oder exportieren Sie die Datei erneut.", name)
}

// manifest reads the manifest and compares it with what is there.
func (a *archive) manifest(m *Manifest) error {
	text, err := a.read(partManifest, nil)
	if err != nil {
		return err
	}
	var head struct {
		Format        string `json:"format"`
		FormatVersion int    `json:"format_version"`
		Program       string `json:"program"`
	}
	if err := json.Unmarshal(text, &head); err != nil || head.Format != Format || head.FormatVersion < 1 {
		return refuse("not_ours", "the file is no export of Koppelfeld: its manifest is that of something else", "Die Datei ist kein Export von Koppelfeld: Ihr Manifest gehört zu etwas anderem.")
	}
	if head.FormatVersion > FormatVersion {
		return refusef("newer", "the file was written by Koppelfeld %s in version %d of the format, and this server reads up to version %d: update this server first", "Die Datei wurde von Koppelfeld %s in Version %d des Formats geschrieben, dieser Server liest bis Version %d. Aktualisieren Sie zuerst diesen Server.", clipped(head.Program), head.FormatVersion, FormatVersion)
	}
	if err := decodeStrict(bytes.NewReader(text), m); err != nil {
		return damaged(partManifest)
	}
	for _, p := range m.Parts {
		if _, twice := a.parts[p.Name]; twice || p.Name == partManifest || a.files[p.Name] == nil {
			return damaged(partManifest)
		}
		a.parts[p.Name] = p
	}
	if len(a.parts) != len(a.files)-1 {
		return damaged(partManifest)
	}
	return nil
}

// read unpacks a file of the archive within bounds. sum, if any, takes what is read.
func (a *archive) read(name string, sum hash.Hash) ([]byte, error) {
	f := a.files[name]
	packed, err := f.Open()
	if err != nil {
		return nil, damaged(name)
	}
	defer packed.Close()
	most := min(int64(maxPart), int64(1<<20)+maxRatio*int64(min(f.CompressedSize64, MaxFile)), maxTotal-a.total)
	var out bytes.Buffer
	var w io.Writer = &out
	if sum != nil {
		w = io.MultiWriter(&out, sum)
	}
	n, err := io.Copy(w, io.LimitReader(packed, most+1))
	a.total += n
	switch {
	case n > most:
		return nil, refusef("bomb", "%s in the file unpacks to more than an export can hold: the file is damaged, or made to fill memory", "%s in der Datei ist entpackt größer, als ein Export sein kann. Die Datei ist beschädigt oder soll den Speicher füllen.", name)
	case err != nil:
		return nil, damaged(name)
	}
	return out.Bytes(), nil
}

// part reads a part into its type, if the file has it.
func (a *archive) part(name string, into any) error {
	want, there := a.parts[name]
	if !there {
		return nil
	}
	sum := sha256.New()
	text, err := a.read(name, sum)
	if err != nil {
		return err
	}
	if int64(len(text)) != want.Bytes || hex.EncodeToString(sum.Sum(nil)) != strings.ToLower(want.SHA256) {
		return damaged(name)
	}
	if into == nil {
		return nil
	}
	if err := decodeStrict(bytes.NewReader(text), into); err != nil {
		return refusef("form", "%s in the file is not in the form of an export: %v", "%s in der Datei hat nicht die Form eines Exports: %v", name, clipped(err.Error()))
	}
	return nil
}

func (a *archive) unlock(c *Contents, passphrase string) error {
	_, there := a.parts[partSecrets]
	switch {
	case there != c.Manifest.Secrets:
		return damaged(partManifest)
	case !there && passphrase != "":
		return refuse("no_secrets", "the file was exported without secrets, so there is nothing that a passphrase could unlock: import it without one", "Die Datei wurde ohne Geheimnisse exportiert, eine Passphrase kann darin nichts öffnen. Importieren Sie sie ohne Passphrase.")
	case !there:
		return nil
	}
	var sealed json.RawMessage
	if err := a.sealed(&sealed); err != nil || passphrase == "" {
		return err
	}
	var err error
	if c.secrets, err = unlock(sealed, passphrase); err != nil {
		return err
	}
	for _, u := range c.secrets.Users {
		for _, hash := range []string{u.Password, u.PIN} {
			if hash != "" && secret.CheckHash(hash) != nil {
				return refusef("secrets", "the password of %s in the file is not in a form that this server takes: export it again, or import it without a passphrase", "Das Passwort von %s in der Datei hat keine Form, die dieser Server annimmt. Exportieren Sie sie erneut, oder importieren Sie sie ohne Passphrase.", clipped(u.Username))
			}
		}
	}
	return nil
}

// sealed reads the secrets as they are.
func (a *archive) sealed(into *json.RawMessage) error {
	sum := sha256.New()
	text, err := a.read(partSecrets, sum)
	if err != nil {
		return err
	}
	if want := a.parts[partSecrets]; int64(len(text)) != want.Bytes || hex.EncodeToString(sum.Sum(nil)) != strings.ToLower(want.SHA256) {
		return damaged(partSecrets)
	}
	*into = text
	return nil
}

// decodeStrict reads one JSON value that has no other fields than v, and nothing after it.
func decodeStrict(r io.Reader, v any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the end")
	}
	return nil
}

// check refuses contents that contradict themselves or are more than any server holds.
func (c *Contents) check() error {
	n := c.count()
	if n.Users > maxUsers || max(n.Numbers, n.Slots, n.Profiles, n.Groups, n.HuntGroups, n.PickupGroups, n.Calendars, n.Rules, n.Codes, n.FaxLines) > maxObjects {
		return refuse("too_many", "the file holds more users or other objects than a server can have", "Die Datei enthält mehr Benutzer oder andere Objekte, als ein Server haben kann.")
	}
	if n != c.Manifest.Counts {
		return damaged(partManifest)
	}
	once := func(part string, seen map[string]bool, key string) error {
		if key == "" || seen[key] || !utf8.ValidString(key) {
			return refusef("form", "%s in the file names %q twice, or something without a name: export it again", "%s in der Datei nennt %q zweimal oder etwas ohne Namen. Exportieren Sie sie erneut.", part, clipped(key))
		}
		seen[key] = true
		return nil
	}
	users, numbers, slots, groups := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	var errs []error
	for i := range c.Users {
		errs = append(errs, once(partUsers, users, c.Users[i].Username))
		for k := range c.Users[i].Numbers {
			errs = append(errs, once(partUsers, numbers, c.Users[i].Numbers[k].Number))
		}
	}
	for i := range c.Slots {
		errs = append(errs, once(partPhones, slots, c.Slots[i].ID))
	}
	for i := range c.Groups {
		errs = append(errs, once(partGroups, groups, c.Groups[i].Name))
	}
	for i := range c.HuntGroups {
		errs = append(errs, once(partGroups, numbers, c.HuntGroups[i].Number))
	}
	for i := range c.FaxLines {
		errs = append(errs, once(partSystem, numbers, c.FaxLines[i].Number))
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return c.checkReferences(users)
}

// checkReferences looks at those names that stand for something in the same file.
func (c *Contents) checkReferences(users map[string]bool) error {
	for i := range c.Users {
		u := &c.Users[i]
		mine := map[string]bool{"": true}
		for k := range u.Profiles {
			mine[u.Profiles[k].Name] = true
		}
		for k := range u.Numbers {
			n := &u.Numbers[k]
			ok := mine[n.Profile]
			if n.Schedule != nil {
				for _, p := range n.Schedule.Profiles {
					ok = ok && mine[p]
				}
			}
			if !ok {
				return refusef("form", "number %s in the file names a profile that is not in it: export it again", "Die Nummer %s in der Datei nennt ein Profil, das darin fehlt. Exportieren Sie sie erneut.", clipped(n.Number))
			}
		}
	}
	if has(c.Manifest.What, WhatUsers) {
		for i := range c.Slots {
			if !users[c.Slots[i].User] {
				return refusef("form", "slot %q in the file belongs to nobody in it: export it again", "Der Slot %q in der Datei gehört niemandem darin. Exportieren Sie sie erneut.", clipped(c.Slots[i].Name))
			}
		}
	}
	for i := range c.Groups {
		if directory.Computed(c.Groups[i].Name) && len(c.Groups[i].Members)+len(c.Groups[i].Slots)+len(c.Groups[i].Groups) > 0 {
			return damaged(partGroups)
		}
	}
	return nil
}

// Describe says in one line what the file is.
func (m *Manifest) Describe() string {
	return fmt.Sprintf("%d users, %d numbers, %d slots, %d groups from %s, made by %s %s on %s", m.Counts.Users, m.Counts.Numbers, m.Counts.Slots, m.Counts.Groups,
		clipped(m.Source), "Koppelfeld", clipped(m.Program), m.MadeAt.Format("2006-01-02 15:04 MST"))
}
