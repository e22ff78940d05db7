package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/merge"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// Merges says which proposals a command is about and how it answers.
type Merges struct {
	Names       []string // IDs of proposals, or user names of accounts in them
	All         bool     // every proposal
	Certain     bool     // every certain one
	Choice      merge.Choice
	Fingerprint string // that the only proposal must have, "" for any
	JSON        bool
}

// MergeList prints the proposals to merge accounts. Nothing is changed.
func MergeList(ctx context.Context, cfg config.Config, out io.Writer, opt Merges) error {
	return withMerges(ctx, cfg, opt, func(_ *store.Store, finder *merge.Finder, groups []*merge.Group) error {
		list := []*merge.Proposal{}
		for _, g := range groups {
			p, err := finder.Propose(g, merge.Choice{})
			if err != nil {
				return err
			}
			list = append(list, p)
		}
		if opt.JSON {
			return printJSON(out, list)
		}
		w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "KEPT\tMERGED INTO IT\tNUMBERS\tCERTAINTY\tID")
		for _, p := range list {
			var others, numbers []string
			for _, a := range p.Accounts[1:] {
				others = append(others, a.Username)
			}
			for _, n := range p.Numbers {
				numbers = append(numbers, n.Number)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Kept, strings.Join(others, ", "), strings.Join(numbers, ", "), p.Certainty, p.ID)
		}
		return w.Flush()
	})
}

// MergeShow prints what would become of proposals. Nothing is changed.
func MergeShow(ctx context.Context, cfg config.Config, out io.Writer, opt Merges) error {
	return withMerges(ctx, cfg, opt, func(_ *store.Store, finder *merge.Finder, groups []*merge.Group) error {
		for i, g := range groups {
			p, err := finder.Propose(g, opt.Choice)
			if err != nil {
				return err
			}
			if opt.JSON {
				if err := printJSON(out, p); err != nil {
					return err
				}
				continue
			}
			if i > 0 {
				fmt.Fprintln(out)
			}
			p.Write(out)
		}
		return nil
	})
}

// MergeAccept merges the accounts of proposals, each in a change of its own, and prints the IDs by which MergeUndo takes them back. A daemon that is running takes it over
// within a second; phones stay registered.
func MergeAccept(ctx context.Context, cfg config.Config, out io.Writer, opt Merges) error {
	type done struct {
		Kept    string   `json:"kept"`
		Removed []string `json:"removed"`
		Numbers []string `json:"numbers"`
		Merge   string   `json:"merge"`
	}
	return withMerges(ctx, cfg, opt, func(st *store.Store, _ *merge.Finder, groups []*merge.Group) error {
		all := []done{}
		for _, g := range groups {
			var d done
			_, err := st.Update(ctx, store.Change{Actor: "root", Source: "merge", Reason: "merge accounts"}, func(tx *store.Tx) error {
				p, err := proposed(tx, g, opt)
				if err != nil {
					return err
				}
				d = done{Kept: p.Kept}
				for _, a := range p.Accounts {
					if a.Username != p.Kept && !a.Left {
						d.Removed = append(d.Removed, a.Username)
					}
				}
				for _, n := range p.Numbers {
					d.Numbers = append(d.Numbers, n.Number)
				}
				d.Merge, err = tx.MergeUsers(p.Plan())
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", g.Members[0].Username, err)
			}
			all = append(all, d)
			if !opt.JSON {
				fmt.Fprintf(out, "%s has %s now; %s gone. To undo: koppelfeld merge undo %s\n", d.Kept, strings.Join(d.Numbers, ", "), strings.Join(d.Removed, ", "), d.Merge)
			}
		}
		if opt.JSON {
			return printJSON(out, all)
		}
		return nil
	})
}

// proposed makes the proposal of a group out of what the transaction finds.
func proposed(tx *store.Tx, g *merge.Group, opt Merges) (*merge.Proposal, error) {
	snap := *tx.Snapshot() // the transaction goes on in its own
	finder := merge.New(&snap)
	now := finder.Among(g.IDs())
	if now == nil {
		return nil, errors.New("has been changed in the meantime: look at it again")
	}
	p, err := finder.Propose(now, opt.Choice)
	if err == nil && opt.Fingerprint != "" && p.Mark != opt.Fingerprint {
		err = fmt.Errorf("differs from what has the fingerprint %s: look at it again", opt.Fingerprint)
	}
	return p, err
}

// MergeReject notes that accounts do not belong together.
func MergeReject(ctx context.Context, cfg config.Config, out io.Writer, opt Merges) error {
	return withMerges(ctx, cfg, opt, func(st *store.Store, _ *merge.Finder, groups []*merge.Group) error {
		_, err := st.Update(ctx, store.Change{Actor: "root", Source: "merge", Reason: "reject proposals"}, func(tx *store.Tx) error {
			for _, g := range groups {
				if err := tx.KeepApart(g.Reject()); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil && !opt.JSON {
			fmt.Fprintf(out, "%d rejected, until something changes of what they rest on\n", len(groups))
		}
		return err
	})
}

// MergeUndo takes a merge back.
func MergeUndo(ctx context.Context, cfg config.Config, out io.Writer, id string) error {
	st, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer st.Close()
	_, err = st.Update(ctx, store.Change{Actor: "root", Source: "merge", Reason: "undo a merge"}, func(tx *store.Tx) error { return tx.UnmergeUsers(id) })
	switch {
	case errors.Is(err, store.ErrConflict):
		return fmt.Errorf("it cannot be undone, since what was put together has been changed: %w", err)
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("it cannot be undone: it was undone already, is more than %d days ago, or the user is gone: %w", int(directory.MergeUndo.Hours()/24), err)
	case err == nil:
		fmt.Fprintln(out, "undone")
	}
	return err
}

// withMerges opens the store and finds the proposals that opt names.
func withMerges(ctx context.Context, cfg config.Config, opt Merges, fn func(*store.Store, *merge.Finder, []*merge.Group) error) error {
	st, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer st.Close()
	finder := merge.New(st.Snapshot())
	groups := finder.Find()
	chosen, err := opt.choose(groups)
	if err != nil {
		return err
	}
	return fn(st, finder, chosen)
}

func (opt *Merges) choose(groups []merge.Group) ([]*merge.Group, error) {
	var out []*merge.Group
	if opt.All || opt.Certain {
		if len(opt.Names) > 0 {
			return nil, errors.New("name proposals, or say --all or --certain")
		}
		for i := range groups {
			if opt.All || groups[i].Certainty == merge.Certain {
				out = append(out, &groups[i])
			}
		}
		return out, nil
	}
	if len(opt.Names) == 0 {
		return nil, errors.New("name a proposal by its ID or by the user name of one of its accounts, or say --all or --certain")
	}
	for _, name := range opt.Names {
		at := slices.IndexFunc(groups, func(g merge.Group) bool {
			return g.ID() == name || slices.ContainsFunc(g.Members, func(m merge.Member) bool { return m.Username == name })
		})
		if at < 0 {
			return nil, fmt.Errorf("there is no proposal %s; koppelfeld merge list shows those that there are", name)
		}
		if !slices.Contains(out, &groups[at]) {
			out = append(out, &groups[at])
		}
	}
	return out, nil
}

func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
