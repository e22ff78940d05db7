package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/koppelfeld/koppelfeld/internal/app"
)

type upgradeCmd struct {
	Check upgradeCheckCmd `cmd:"" help:"Read a running 4.5 and report what an upgrade would do. It changes nothing."`
}

// sourceFlags say which 4.5 it is and how its place is understood.
type sourceFlags struct {
	Source  string `required:"" help:"Database of 4.5, such as root@unix(/run/mysqld/mysqld.sock)/asterisk." placeholder:"DSN"`
	Country string `default:"49" help:"Country code of national numbers."`
	Zone    string `default:"Europe/Berlin" help:"Time zone of time rules."`
	From    string `name:"from-version" help:"Version of the installed 4.5, as the package manager tells it."`
	Accept  bool   `name:"accept-unsupported-phones" help:"Phones that 5 does not support do not stand in the way."`
	JSON    string `name:"json" help:"Write the report as JSON." placeholder:"FILE" type:"path"`
	HTML    string `name:"html" help:"Write the report as a page in German and English." placeholder:"FILE" type:"path"`
	Lang    string `default:"en" enum:"en,de" help:"Language of what is printed: en or de."`
}

func (f *sourceFlags) options() app.UpgradeOptions {
	return app.UpgradeOptions{Source: f.Source, Country: f.Country, Zone: f.Zone, From: f.From, Accept: f.Accept, JSON: f.JSON, HTML: f.HTML, German: f.Lang == "de"}
}

type upgradeCheckCmd struct{ sourceFlags }

// Help explains the exit codes.
func (upgradeCheckCmd) Help() string {
	return "Exit codes: 0 the upgrade can run; 1 the check could not be made, and the reason is printed; 2 the check was made, and something has to be decided or mended before the upgrade."
}

// Run checks and reports.
func (c *upgradeCheckCmd) Run(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return app.UpgradeCheck(ctx, c.options(), os.Stdout)
}
