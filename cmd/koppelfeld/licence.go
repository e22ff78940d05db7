package main

import (
	"context"
	"os"

	"github.com/koppelfeld/koppelfeld/internal/app"
)

type licenceCmd struct {
	Show    licenceShowCmd    `cmd:"" help:"Say how the system is licensed."`
	Install licenceInstallCmd `cmd:"" help:"Install a licence. The daemon takes it over within a second."`
}

type licenceShowCmd struct {
	fileFlag
	Lang string `default:"en" enum:"en,de" help:"Language of what is printed: en or de."`
}

// Run prints how the system is licensed.
func (c *licenceShowCmd) Run(ctx context.Context) error {
	cfg, err := c.loadAsOwner()
	if err != nil {
		return err
	}
	return app.LicenceShow(ctx, cfg, os.Stdout, c.Lang == "de")
}

type licenceInstallCmd struct {
	fileFlag
	File    *os.File `arg:"" help:"The file, or - for standard input." placeholder:"FILE"`
	Confirm bool     `help:"It is meant that the licence is for another company than the one before."`
	Lang    string   `default:"en" enum:"en,de" help:"Language of what is printed: en or de."`
}

// Run installs a licence and prints how the system is licensed then. The file is opened before the command becomes the owner of the
// data, who may not see the folder of whoever calls it.
func (c *licenceInstallCmd) Run(ctx context.Context) error {
	defer c.File.Close()
	cfg, err := c.loadAsOwner()
	if err != nil {
		return err
	}
	return app.LicenceInstall(ctx, cfg, os.Stdout, c.File, c.Confirm, c.Lang == "de")
}
