package main

import (
	"context"
	"os"

	"github.com/koppelfeld/koppelfeld/internal/app"
	"github.com/koppelfeld/koppelfeld/internal/config"
)

type mergeCmd struct {
	List   mergeListCmd   `cmd:"" help:"List accounts that seem to be one person's."`
	Show   mergeShowCmd   `cmd:"" help:"Show what would become of them, with the matrix."`
	Accept mergeAcceptCmd `cmd:"" help:"Merge them into one user each; phones stay registered."`
	Reject mergeRejectCmd `cmd:"" help:"Do not propose them again until something changes of what the proposal rests on."`
	Undo   mergeUndoCmd   `cmd:"" help:"Take a merge back."`
}

// mergeChoice says which proposals.
type mergeChoice struct {
	Names   []string `arg:"" optional:"" name:"proposal" help:"ID of a proposal, or user name of one of its accounts."`
	All     bool     `help:"All proposals."`
	Certain bool     `help:"All certain proposals."`
}

// mergeChange says what is to be different from a proposal.
type mergeChange struct {
	Keep    string   `help:"User name of the account that is to stay." placeholder:"USER"`
	Without []string `help:"Account that is to stay as it is; may be given several times." placeholder:"USER"`
}

func (c mergeChoice) merges(json bool) app.Merges {
	return app.Merges{Names: c.Names, All: c.All, Certain: c.Certain, JSON: json}
}

type mergeListCmd struct {
	fileFlag
	Certain bool `help:"Certain ones only."`
	JSON    bool `name:"json" help:"Print JSON, as GET /api/merges answers."`
}

// Run lists.
func (c *mergeListCmd) Run(ctx context.Context) error {
	return asOwner(c.fileFlag, func(cfg config.Config) error {
		return app.MergeList(ctx, cfg, os.Stdout, app.Merges{All: !c.Certain, Certain: c.Certain, JSON: c.JSON})
	})
}

type mergeShowCmd struct {
	fileFlag
	mergeChoice
	mergeChange
	JSON bool `name:"json" help:"Print JSON."`
}

// Run shows.
func (c *mergeShowCmd) Run(ctx context.Context) error {
	opt := c.merges(c.JSON)
	opt.Choice.Kept, opt.Choice.Without = c.Keep, c.mergeChange.Without
	return asOwner(c.fileFlag, func(cfg config.Config) error { return app.MergeShow(ctx, cfg, os.Stdout, opt) })
}

type mergeAcceptCmd struct {
	fileFlag
	mergeChoice
	mergeChange
	Fingerprint string `help:"Merge only if the proposal still has this fingerprint, which show prints." placeholder:"TEXT"`
	JSON        bool   `name:"json" help:"Print JSON."`
}

// Run merges.
func (c *mergeAcceptCmd) Run(ctx context.Context) error {
	opt := c.merges(c.JSON)
	opt.Choice.Kept, opt.Choice.Without, opt.Fingerprint = c.Keep, c.mergeChange.Without, c.Fingerprint
	return asOwner(c.fileFlag, func(cfg config.Config) error { return app.MergeAccept(ctx, cfg, os.Stdout, opt) })
}

type mergeRejectCmd struct {
	fileFlag
	mergeChoice
}

// Run rejects.
func (c *mergeRejectCmd) Run(ctx context.Context) error {
	return asOwner(c.fileFlag, func(cfg config.Config) error { return app.MergeReject(ctx, cfg, os.Stdout, c.merges(false)) })
}

type mergeUndoCmd struct {
	fileFlag
	Merge string `arg:"" help:"ID that accept printed."`
}

// Run takes a merge back.
func (c *mergeUndoCmd) Run(ctx context.Context) error {
	return asOwner(c.fileFlag, func(cfg config.Config) error { return app.MergeUndo(ctx, cfg, os.Stdout, c.Merge) })
}

// asOwner runs a command beside the daemon.
func asOwner(f fileFlag, run func(config.Config) error) error {
	cfg, err := f.loadAsOwner()
	if err != nil {
		return err
	}
	return run(cfg)
}
