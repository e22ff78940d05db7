package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/koppelfeld/koppelfeld/internal/app"
)

type upgradeCmd struct {
	Check    upgradeCheckCmd    `cmd:"" help:"Read a running 4.5 and report what an upgrade would do. It changes nothing."`
	Run      upgradeRunCmd      `cmd:"" help:"Upgrade a 4.5 on this machine, or go on with an upgrade that was interrupted."`
	Rollback upgradeRollbackCmd `cmd:"" help:"Bring 4.5 back running. What was made in 5 is kept aside."`
	Finish   upgradeFinishCmd   `cmd:"" help:"Give up the way back to 4.5."`
	Status   upgradeStatusCmd   `cmd:"" help:"Say where the upgrade stands."`
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

// langFlag is the language of what is printed.
type langFlag struct {
	Lang string `default:"en" enum:"en,de" help:"Language of what is printed: en or de."`
}

type upgradeRunCmd struct {
	fileFlag
	langFlag
	Source  string `help:"Database of 4.5 (what upgrade.conf says, or root@unix(/run/mysqld/mysqld.sock)/asterisk)." placeholder:"DSN"`
	Country string `help:"Country code of national numbers (what 4.5 says, or 49)."`
	Zone    string `help:"Time zone of time rules (what 4.5 says, or Europe/Berlin)."`
	From    string `name:"from-version" help:"Version of the installed 4.5, as the package manager tells it."`
	Accept  bool   `name:"accept-unsupported-phones" help:"Phones that 5 does not support do not stand in the way."`
	Ignore  bool   `name:"ignore-calls-in-progress" help:"Calls that are up when 4.5 stops are ended."`
	JSON    string `name:"json" help:"Write the report as JSON, too." placeholder:"FILE" type:"path"`
	HTML    string `name:"html" help:"Write the report as a page, too." placeholder:"FILE" type:"path"`
}

// Run upgrades.
func (c *upgradeRunCmd) Run(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(upgradeMemory)
	}
	opt := onThisMachine(c.fileFlag, c.langFlag)
	opt.UpgradeOptions = app.UpgradeOptions{Source: c.Source, Country: c.Country, Zone: c.Zone, From: c.From, Accept: c.Accept, JSON: c.JSON, HTML: c.HTML, German: c.Lang == "de"}
	opt.IgnoreCalls, opt.Halt = c.Ignore, os.Getenv(app.UpgradeHalt)
	return app.UpgradeRun(ctx, opt, os.Stdout)
}

// upgradeMemory is how much memory an upgrade takes before it looks for what it can give back: 4.5 goes on beside it.
const upgradeMemory = 160 << 20

// onThisMachine is where 4.5 and 5 are when both come from packages.
func onThisMachine(f fileFlag, l langFlag) app.RunOptions {
	return app.RunOptions{
		UpgradeOptions: app.UpgradeOptions{German: l.Lang == "de"},
		Config:         f.Config, Old: "/etc/koppelfeld45", Allowed: "/etc/koppelfeld/upgrade.conf", CallsCommand: "/usr/sbin/koppelfeld45ctl", Services: app.Systemd(),
	}
}

type upgradeRollbackCmd struct {
	fileFlag
	langFlag
}

// Run goes back.
func (c *upgradeRollbackCmd) Run(ctx context.Context) error {
	return app.UpgradeRollback(ctx, onThisMachine(c.fileFlag, c.langFlag), os.Stdout)
}

type upgradeFinishCmd struct {
	fileFlag
	langFlag
}

// Run gives the way back up.
func (c *upgradeFinishCmd) Run(ctx context.Context) error {
	return app.UpgradeFinish(ctx, onThisMachine(c.fileFlag, c.langFlag), os.Stdout)
}

type upgradeStatusCmd struct {
	fileFlag
	langFlag
	JSON  bool `name:"json" help:"Print the journal as JSON."`
	Steps bool `help:"List the steps of an upgrade."`
}

// Run prints where the upgrade stands.
func (c *upgradeStatusCmd) Run() error {
	if c.Steps {
		return app.UpgradeSteps(os.Stdout, c.Lang == "de")
	}
	return app.UpgradeStatus(c.Config, c.JSON, c.Lang == "de", os.Stdout)
}
