// Command koppelfeld is the telephone system: the daemon and the commands that go
// with it. It reads flags and the configuration file, and leaves the rest to
// internal/app.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // for machines without time zones of their own

	"github.com/alecthomas/kong"

	"github.com/koppelfeld/koppelfeld/internal/app"
	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/version"
)

type commands struct {
	Serve    serveCmd    `cmd:"" help:"Run the daemon."`
	Check    checkCmd    `cmd:"" help:"Validate file and database and name every fault."`
	Passwd   passwdCmd   `cmd:"" help:"Set a user's password, read from standard input."`
	Explain  explainCmd  `cmd:"" help:"Say who would ring, and why."`
	Selfcall selfcallCmd `cmd:"" help:"Call through the running daemon with two built-in phones."`
	Upgrade  upgradeCmd  `cmd:"" help:"From 4.5 to 5."`
	Merge    mergeCmd    `cmd:"" help:"Accounts that are one person's: find them and make one user of them."`
	Licence  licenceCmd  `cmd:"" help:"Show and install the licence."`
	Backup   backupCmd   `cmd:"" help:"Backups of the whole system."`
	Export   exportCmd   `cmd:"" help:"Write users, groups and what is theirs to a file."`
	Import   importCmd   `cmd:"" help:"Read such a file: new, changed and conflicting objects, merged or replaced."`
	Restore  restoreCmd  `cmd:"" help:"Restore a backup."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

// fileFlag is the configuration file of every command.
type fileFlag struct {
	Config string `default:"/etc/koppelfeld/koppelfeld.toml" help:"Configuration file (${default})." placeholder:"FILE"`
}

func (f fileFlag) load() (config.Config, error) { return config.Load(f.Config) }

// loadAsOwner is load for commands beside the daemon: when root gives them, they go on as the user whom the data belongs to. Else
// they would leave files behind that the daemon cannot open, and the database server would take them for another user.
func (f fileFlag) loadAsOwner() (config.Config, error) {
	cfg, err := f.load()
	if err != nil {
		return cfg, err
	}
	return cfg, app.ActAsOwner(cfg)
}

type serveCmd struct {
	fileFlag
	Example    bool   `help:"Fill an empty database with the example company and print its accounts."`
	CPUProfile string `help:"Write a CPU profile to FILE until the daemon stops." placeholder:"FILE"`
}

// Run serves until SIGTERM or SIGINT; SIGHUP reads the log level again.
func (c *serveCmd) Run(ctx context.Context) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if c.CPUProfile != "" {
		f, err := os.Create(c.CPUProfile)
		if err != nil {
			return fmt.Errorf("--cpu-profile: %w", err)
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return fmt.Errorf("--cpu-profile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	a, err := app.New(ctx, cfg, app.Options{Example: c.Example, ConfigFile: c.Config, Out: os.Stdout})
	if err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	a.ReloadOn(hup, c.load)
	return a.Run(ctx)
}

// gcPercent is how far the heap may grow before it is collected, in percent of what lives
// (the environment's GOGC overrides it). Most of what lives is the configuration, which every
// collection looks through, and garbage is short-lived: rarer collections trade memory for CPU.
const gcPercent = 400

type checkCmd struct{ fileFlag }

// Run checks file and database.
func (c *checkCmd) Run(ctx context.Context) error {
	cfg, err := c.loadAsOwner()
	if err != nil {
		return err
	}
	if err := app.Check(ctx, cfg); err != nil {
		return err
	}
	fmt.Println("configuration and database are in order")
	return nil
}

type passwdCmd struct {
	fileFlag
	User string `arg:"" help:"User name."`
}

// Run reads one line from standard input and makes it the user's password.
func (c *passwdCmd) Run(ctx context.Context) error {
	cfg, err := c.loadAsOwner()
	if err != nil {
		return err
	}
	line, err := bufio.NewReader(io.LimitReader(os.Stdin, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the password: %w", err)
	}
	if err := app.Passwd(ctx, cfg, c.User, strings.TrimRight(line, "\r\n")); err != nil {
		return err
	}
	fmt.Printf("password of %s is set\n", c.User)
	return nil
}

type explainCmd struct {
	fileFlag
	From string `required:"" help:"Who calls: an extension, an outside number or the ID of a slot."`
	To   string `required:"" help:"Number called."`
	At   string `help:"When, as \"2006-01-02 15:04\" in local time or RFC 3339; default now."`
	PIN  bool   `name:"with-pin" help:"The caller has keyed in the PIN."`
	Lang string `default:"en" enum:"en,de" help:"Language of the reasons: en or de."`
	JSON bool   `name:"json" help:"Print JSON, as POST /api/explain answers."`
}

// Run explains one call.
func (c *explainCmd) Run(ctx context.Context) error {
	cfg, err := c.loadAsOwner()
	if err != nil {
		return err
	}
	at := time.Now()
	if c.At != "" {
		if at, err = time.Parse(time.RFC3339, c.At); err != nil {
			if at, err = time.ParseInLocation("2006-01-02 15:04", c.At, time.Local); err != nil {
				return fmt.Errorf("--at: %q is neither \"2006-01-02 15:04\" nor RFC 3339", c.At)
			}
		}
	}
	return app.Explain(ctx, cfg, os.Stdout, app.Question{From: c.From, To: c.To, At: at, PIN: c.PIN, German: c.Lang == "de", JSON: c.JSON})
}

type selfcallCmd struct {
	fileFlag
	Transport string        `default:"udp" enum:"udp,tcp,tls,ws" help:"udp, tcp, tls, or ws: a calling phone over WebSocket and a called one over UDP."`
	Timeout   time.Duration `default:"30s" help:"Give up after."`
}

// Run makes one self-call and prints its steps.
func (c *selfcallCmd) Run(ctx context.Context) error {
	cfg, err := c.loadAsOwner()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return app.Selfcall(ctx, cfg, os.Stdout, c.Transport)
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run() error {
	fmt.Println(version.String())
	return nil
}

func main() {
	var cli commands
	parser := kong.Parse(&cli, kong.Name("koppelfeld"), kong.Description("Koppelfeld, a telephone system."), kong.UsageOnError(),
		kong.BindTo(context.Background(), (*context.Context)(nil)))
	if err := parser.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "koppelfeld:", err)
		code := 1
		var coded interface{ ExitCode() int }
		if errors.As(err, &coded) {
			code = coded.ExitCode()
		}
		os.Exit(code)
	}
}
