// Command koppelfeld-licence is the publisher's: it makes keys and signs licences. It is in no package of the product. docs/licences.md
// says how it is used.
package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/alecthomas/kong"

	"github.com/koppelfeld/koppelfeld/internal/licence"
)

type commands struct {
	Keygen keygenCmd `cmd:"" help:"Make a key: the private half into an encrypted file, the public half for internal/licence/keys/publisher.json."`
	Sign   signCmd   `cmd:"" help:"Sign a licence."`
	Show   showCmd   `cmd:"" help:"Print what a licence says, whoever has signed it."`
	Verify verifyCmd `cmd:"" help:"Verify a licence as the product does."`
}

// passphraseFlag says where the passphrase of the private key comes from.
type passphraseFlag struct {
	Passphrase *os.File `name:"passphrase-file" help:"Passphrase of the private key, in the first line of FILE; - for standard input." placeholder:"FILE" required:""`
}

const minPassphrase = 12

func (f *passphraseFlag) read() (string, error) {
	defer f.Passphrase.Close()
	b, err := io.ReadAll(io.LimitReader(f.Passphrase, 4096))
	if err != nil {
		return "", fmt.Errorf("reading the passphrase: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if line = strings.TrimRight(line, "\r"); len(line) < minPassphrase {
		return "", fmt.Errorf("the passphrase has less than %d characters", minPassphrase)
	}
	return line, nil
}

type keygenCmd struct {
	passphraseFlag
	ID    string `required:"" help:"Name of the key, such as kf-2026-1. No two have the same."`
	From  string `required:"" help:"First day on which it signs, such as 2026-12-01."`
	Until string `required:"" help:"Last day on which it signs. Licences signed by then stay good."`
	Out   string `required:"" help:"File for the private half. It must not exist." placeholder:"FILE" type:"path"`
}

// Run makes a key.
func (c *keygenCmd) Run() error {
	passphrase, err := c.read()
	if err != nil {
		return err
	}
	p := licence.Private{ID: c.ID, Seed: make([]byte, 32)}
	if p.From, p.Until, err = span(c.From, c.Until); err != nil {
		return err
	}
	_, _ = rand.Read(p.Seed) // never fails
	public := licence.MarshalKeys(p.Public())
	if _, err := licence.ReadKeys(public); err != nil {
		return err
	}
	sealed, err := seal(p.Marshal(), passphrase)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing the private half: %w", err)
	}
	if _, err = f.Write(sealed); err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing the private half: %w", err)
	}
	fmt.Fprintf(os.Stderr, "The private half is in %s. Keep it and its passphrase apart, and a copy of each elsewhere.\nThe public half, for internal/licence/keys/publisher.json:\n", c.Out)
	_, err = os.Stdout.Write(public)
	return err
}

type signCmd struct {
	Key        string   `required:"" help:"File with the private half." placeholder:"FILE" type:"existingfile"`
	Passphrase *os.File `name:"passphrase-file" help:"Passphrase of the private key, in the first line of FILE; - for standard input." placeholder:"FILE"`
	Company    string   `required:"" help:"Whom the licence is for."`
	Users      int      `required:"" help:"How many users may exist."`
	Serial     string   `required:"" help:"Number of the licence."`
	ValidUntil string   `required:"" help:"Last day on which it is good, such as 2027-11-30."`
	Issued     string   `help:"Day on which it begins; today as a rule."`
	Version    int      `default:"5" help:"Major version of the product."`
	Product    string   `default:"koppelfeld" help:"Product."`
	Feature    []string `help:"Something that the licence switches on; may be given several times."`
	Out        string   `required:"" help:"File for the licence, with the ending .lic; - for standard output." placeholder:"FILE"`
}

// Run signs a licence.
func (c *signCmd) Run() error {
	key, err := c.private()
	if err != nil {
		return err
	}
	if c.Issued == "" {
		c.Issued = time.Now().UTC().Format(time.DateOnly)
	}
	l := licence.Licence{Product: c.Product, Version: c.Version, Company: c.Company, Users: c.Users, Serial: c.Serial, Features: c.Feature}
	if l.Issued, l.ValidUntil, err = span(c.Issued, c.ValidUntil); err != nil {
		return err
	}
	file, err := licence.Sign(l, key)
	if err != nil {
		return err
	}
	if c.Out == "-" {
		_, err = os.Stdout.Write(file)
		return err
	}
	if !strings.HasSuffix(c.Out, licence.Extension) {
		return fmt.Errorf("--out: %s does not end in %s", c.Out, licence.Extension)
	}
	return os.WriteFile(c.Out, file, 0o644)
}

// private reads the private half. Only that of development lies in the clear.
func (c *signCmd) private() (licence.Private, error) {
	file, err := os.ReadFile(c.Key)
	if err != nil {
		return licence.Private{}, err
	}
	if p, err := licence.ReadPrivate(file); err == nil {
		if p.ID != "development" {
			return licence.Private{}, errors.New("this private key is not encrypted: it must not be used any more")
		}
		return p, nil
	}
	if c.Passphrase == nil {
		return licence.Private{}, errors.New("--passphrase-file is needed for this key")
	}
	passphrase, err := (&passphraseFlag{c.Passphrase}).read()
	if err != nil {
		return licence.Private{}, err
	}
	plain, err := open(file, passphrase)
	if err != nil {
		return licence.Private{}, err
	}
	return licence.ReadPrivate(plain)
}

type showCmd struct {
	File string `arg:"" help:"The licence." type:"existingfile"`
}

// Run prints a licence without believing it.
func (c *showCmd) Run() error {
	file, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	l, err := licence.Peek(file)
	if err != nil {
		return err
	}
	fmt.Printf("company      %s\nproduct      %s %d\nusers        %d\nissued       %s\nvalid until  %s\nserial       %s\nfeatures     %s\nkey          %s\n", l.Company, l.Product, l.Version, l.Users,
		l.Issued.Format(time.DateOnly), l.ValidUntil.Format(time.DateOnly), l.Serial, strings.Join(l.Features, ", "), l.Key)
	fmt.Println("The signature was not verified.")
	return nil
}

type verifyCmd struct {
	File string `arg:"" help:"The licence." type:"existingfile"`
	Keys string `help:"File with public keys; those of this build as a rule." placeholder:"FILE" type:"existingfile"`
}

// Run verifies a licence.
func (c *verifyCmd) Run() error {
	ring, err := licence.Trusted()
	if c.Keys != "" {
		var b []byte
		if b, err = os.ReadFile(c.Keys); err == nil {
			ring, err = licence.ReadKeys(b)
		}
	}
	if err != nil {
		return err
	}
	file, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	l, err := ring.Read(file)
	if err != nil {
		return err
	}
	s := licence.Judge(licence.Case{Now: time.Now(), Licence: &l})
	if s.Problem != nil {
		return s.Problem
	}
	fmt.Println(s.En)
	return nil
}

func span(from, until string) (a, b time.Time, err error) {
	if a, err = time.Parse(time.DateOnly, from); err == nil {
		b, err = time.Parse(time.DateOnly, until)
	}
	if err != nil {
		err = fmt.Errorf("a day is written as 2026-12-01: %w", err)
	}
	return a, b, err
}

// seal encrypts with a passphrase (age, scrypt).
func seal(plain []byte, passphrase string) ([]byte, error) {
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	text := armor.NewWriter(&b)
	w, err := age.Encrypt(text, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := errors.Join(w.Close(), text.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// open is the way back.
func open(sealed []byte, passphrase string) ([]byte, error) {
	with, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(sealed)), with)
	if err != nil {
		return nil, errors.New("the passphrase is wrong, or this is no private key")
	}
	return io.ReadAll(io.LimitReader(r, 1<<16))
}

func main() {
	var cli commands
	parser := kong.Parse(&cli, kong.Name("koppelfeld-licence"), kong.Description("Makes and verifies licences of Koppelfeld."), kong.UsageOnError())
	if err := parser.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "koppelfeld-licence:", err)
		os.Exit(1)
	}
}
