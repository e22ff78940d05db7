package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/app"
)

type exportCmd struct {
	fileFlag
	What           []string `help:"What to export: users, phones, groups, system; default all, of chosen users and groups what is theirs." placeholder:"KIND"`
	Group          []string `help:"Only the members of this group of users; may be given several times." placeholder:"NAME"`
	User           []string `help:"Only this user; may be given several times." placeholder:"NAME"`
	PassphraseFile string   `help:"Put passwords into the file, locked with the passphrase in the first line of FILE." placeholder:"FILE" xor:"secrets"`
	WithoutSecrets bool     `help:"Leave passwords out." xor:"secrets"`
	Lang           string   `default:"en" enum:"en,de" help:"Language of what is printed: en or de."`
	Out            string   `arg:"" help:"File to write, which must not exist." type:"path"`
}

// Run writes an export.
func (c *exportCmd) Run(ctx context.Context) error {
	if c.PassphraseFile == "" && !c.WithoutSecrets {
		return errors.New("say what becomes of passwords: --passphrase-file FILE locks them into the export, --without-secrets leaves them out")
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	o := app.ExportOptions{What: c.What, Groups: c.Group, Users: c.User, German: c.Lang == "de"}
	if c.PassphraseFile != "" {
		if o.Passphrase, err = readPassphrase(c.PassphraseFile); err != nil {
			return err
		}
	}
	// The file is made as whoever calls, the database is read as its owner.
	f, err := os.OpenFile(c.Out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("making the file: %w", err)
	}
	var whole, summary bytes.Buffer
	err = app.ActAsOwner(cfg)
	if err == nil {
		err = app.Export(ctx, cfg, o, &whole, &summary)
	}
	if err == nil {
		_, err = whole.WriteTo(f)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		if os.Remove(c.Out) != nil {
			err = fmt.Errorf("%w (%s is left behind and can be removed)", err, c.Out)
		}
		return err
	}
	_, err = summary.WriteTo(os.Stdout)
	return err
}

type importCmd struct {
	fileFlag
	Preview        bool   `help:"Only say what would happen."`
	Merge          bool   `help:"Add and update, never remove (default)." xor:"mode"`
	Replace        bool   `help:"Make the users and groups of the file exactly as they are in it: what it lacks of theirs goes. Other users are not touched." xor:"mode"`
	SkipConflicts  bool   `help:"Leave out what is in conflict with what is here; else nothing is imported then."`
	All            bool   `help:"Print what stays as it is, too."`
	PassphraseFile string `help:"Unlock the passwords in the file with the passphrase in the first line of FILE." placeholder:"FILE"`
	Lang           string `default:"en" enum:"en,de" help:"Language of what is printed: en or de."`
	File           string `arg:"" help:"File that export has written." type:"path"`
}

// Help explains the exit codes.
func (importCmd) Help() string {
	return "Exit codes: 0 done, or the preview has no conflict; 1 the file cannot be used, and the reason is printed; 2 something in the file is in conflict with what is here, and nothing has been changed."
}

// Run imports a file.
func (c *importCmd) Run(ctx context.Context) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	o := app.ImportOptions{Preview: c.Preview, Replace: c.Replace, SkipConflicts: c.SkipConflicts, All: c.All, German: c.Lang == "de"}
	if c.PassphraseFile != "" {
		if o.Passphrase, err = readPassphrase(c.PassphraseFile); err != nil {
			return err
		}
	}
	f, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("opening the file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("opening the file: %w", err)
	}
	if err := app.ActAsOwner(cfg); err != nil {
		return err
	}
	return app.Import(ctx, cfg, o, f, info.Size(), os.Stdout)
}

// readPassphrase reads the first line of a file.
func readPassphrase(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("--passphrase-file: %w", err)
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("--passphrase-file: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.New("--passphrase-file: the first line is empty")
	}
	return line, nil
}
