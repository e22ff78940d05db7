package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"github.com/koppelfeld/koppelfeld/internal/app"
	"github.com/koppelfeld/koppelfeld/internal/config"
)

type backupCmd struct {
	Create backupCreateCmd `cmd:"" help:"Write the whole of the system into one file, while it runs."`
	Verify backupVerifyCmd `cmd:"" help:"Compare checksums and restore on trial."`
	List   backupListCmd   `cmd:"" help:"List the backups in the folder of backups."`
}

// keyFlags open an encrypted backup. They are read before anything else, as the one who gives the command.
type keyFlags struct {
	Identity   string `help:"File with the private key of an encrypted backup." placeholder:"FILE" type:"path"`
	Passphrase string `name:"passphrase-file" help:"File whose first line is the passphrase of an encrypted backup." placeholder:"FILE" type:"path"`
}

type backupCreateCmd struct {
	fileFlag
	Out        string   `arg:"" optional:"" help:"File to write; without it, a new one in the folder of backups." type:"path"`
	Recipient  []string `help:"Encrypt for this public key of age; may be given more than once." placeholder:"KEY" sep:"none"`
	Passphrase string   `name:"passphrase-file" help:"Encrypt with the passphrase in the first line of FILE." placeholder:"FILE" type:"path"`
	NoVerify   bool     `help:"Make no trial restore."`
}

// Run makes a backup.
func (c *backupCreateCmd) Run(ctx context.Context) error {
	passphrase, err := app.Passphrase(c.Passphrase)
	if err != nil {
		return err
	}
	if passphrase != "" && len(c.Recipient) > 0 {
		return errors.New("--recipient and --passphrase-file exclude each other")
	}
	cfg, err := c.loadAsOwner()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return app.BackupCreate(ctx, cfg, app.BackupChoices{ConfigFile: c.Config, Out: c.Out, Recipients: c.Recipient, Passphrase: passphrase, Unverified: c.NoVerify}, os.Stdout)
}

type backupVerifyCmd struct {
	fileFlag
	keyFlags
	File string `arg:"" help:"The backup." type:"path"`
}

// Run looks at a backup. A machine without a configuration will do.
func (c *backupVerifyCmd) Run(ctx context.Context) error {
	keys, err := app.BackupKeys(c.Identity, c.keyFlags.Passphrase)
	if err != nil {
		return err
	}
	cfg, err := c.load()
	if errors.Is(err, fs.ErrNotExist) {
		cfg, err = config.Default(), nil
	}
	if err != nil {
		return err
	}
	file, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("reading the backup: %w", err)
	}
	defer file.Close()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return app.BackupVerify(ctx, cfg, file, keys, os.Stdout)
}

type backupListCmd struct {
	fileFlag
	JSON bool `name:"json" help:"Print JSON."`
}

// Run lists backups.
func (c *backupListCmd) Run() error {
	cfg, err := c.loadAsOwner()
	if err != nil {
		return err
	}
	return app.BackupList(cfg, c.JSON, os.Stdout)
}

type restoreCmd struct {
	fileFlag
	keyFlags
	File    string `arg:"" help:"The backup." type:"path"`
	Replace bool   `help:"Put aside what is there. Of a MySQL database a backup is made first."`
}

// Run restores a backup. File and keys are opened before the command goes on as the owner of the data.
func (c *restoreCmd) Run(ctx context.Context) error {
	keys, err := app.BackupKeys(c.Identity, c.keyFlags.Passphrase)
	if err != nil {
		return err
	}
	file, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("reading the backup: %w", err)
	}
	defer file.Close()
	cfg, err := c.loadAsOwner()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return app.Restore(ctx, cfg, c.Config, file, keys, c.Replace, os.Stdout)
}
