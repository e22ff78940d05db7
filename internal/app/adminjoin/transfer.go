package adminjoin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/api"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/transfer"
	"github.com/koppelfeld/koppelfeld/internal/version"
	"github.com/koppelfeld/koppelfeld/routing"
)

// Transfer is an api.Transfer.
type Transfer struct {
	Store   *store.Store
	DataDir string // where files that come in are kept as long as they are needed
	Domain  string
	// MayCreateUsers is that of transfer.How.
	MayCreateUsers func(have, more int) error
}

// Export implements api.Transfer.
func (t Transfer) Export(_ context.Context, c api.ExportChoice) (func(io.Writer) error, error) {
	choice := transfer.Choice{Groups: c.Groups, Users: c.Users}
	for _, w := range c.What {
		choice.What = append(choice.What, transfer.What(w))
	}
	f, err := transfer.Prepare(t.Store.Snapshot(), transfer.Options{Choice: choice, Passphrase: c.Passphrase, Source: t.Domain, Program: version.Version, MadeAt: time.Now()})
	if err != nil {
		return nil, fileError(err)
	}
	return f.Write, nil
}

// Room implements api.Transfer. Nobody else sees the file, and nothing of it is left, however the process ends.
func (t Transfer) Room() (*os.File, error) {
	f, err := os.CreateTemp(t.DataDir, ".import-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("making room for an import: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("making room for an import: %w", err), f.Close())
	}
	return f, nil
}

// Import implements api.Transfer.
func (t Transfer) Import(ctx context.Context, c api.Change, file io.ReaderAt, size int64, choice api.ImportChoice) (api.FileResult, error) {
	contents, err := transfer.Open(file, size, choice.Passphrase)
	if err != nil {
		return api.FileResult{}, fileError(err)
	}
	how := transfer.How{Mode: transfer.Merge, SkipConflicts: choice.SkipConflicts || choice.Preview, MayCreateUsers: t.MayCreateUsers}
	if choice.Replace {
		how.Mode = transfer.Replace
	}
	var refused string
	if ask := how.MayCreateUsers; choice.Preview && ask != nil {
		how.MayCreateUsers = func(have, more int) error {
			if err := ask(have, more); err != nil {
				refused = err.Error()
			}
			return nil // the preview goes on, and says so
		}
	}
	r, err := Import(ctx, t.Store, contents, how, choice.Preview, store.Change(c))
	var conflicts *transfer.ConflictsError
	if err != nil && !errors.As(err, &conflicts) {
		return api.FileResult{}, translate(err)
	}
	out := result(r, contents)
	out.Preview, out.Applied, out.Refused = choice.Preview, err == nil && !choice.Preview, refused
	return out, nil
}

// Import runs an import in one transaction, or for a preview in one that is taken back. A result without an error has been written, unless preview
// is set. Conflicts and faults of the trial compile are in the result, with *transfer.ConflictsError when they have kept everything back.
func Import(ctx context.Context, st *store.Store, c *transfer.Contents, how transfer.How, preview bool, change store.Change) (*transfer.Result, error) {
	how.Refused = func(err error) bool { return errors.Is(err, store.ErrTaken) || errors.Is(err, store.ErrNotFound) }
	var result *transfer.Result
	run := func(tx *store.Tx) error {
		var err error
		result, err = transfer.Import(tx, c, how)
		return err
	}
	var err error
	if preview {
		err = st.Try(ctx, run)
	} else {
		_, err = st.Update(ctx, change, run)
	}
	var faults routing.Faults
	var conflicts *transfer.ConflictsError
	switch {
	case err == nil, errors.As(err, &conflicts):
		return result, err
	case errors.As(err, &faults) && result != nil:
		for _, f := range faults {
			result.Refuse(f.Path, f.Message)
		}
		if preview {
			return result, nil
		}
		return result, &transfer.ConflictsError{Result: result}
	}
	return nil, err
}

func fileError(err error) error {
	var r *transfer.Refusal
	if errors.As(err, &r) {
		return &api.FileError{Code: r.Code, Message: r.En}
	}
	return err
}

// result is what the API tells of an import.
func result(r *transfer.Result, c *transfer.Contents) api.FileResult {
	m := &c.Manifest
	out := api.FileResult{
		File: api.FileOrigin{
			Source: m.Source, Program: m.Program, MadeAt: m.MadeAt, Everything: m.Everything, Groups: nonNil(m.ForGroups), Users: nonNil(m.ForUsers),
			Secrets: m.Secrets, Unlocked: c.Unlocked(),
		},
		Counts: []api.FileCount{}, Items: []api.FileObject{}, NewSecrets: r.NewSecrets, NoPassword: r.NoPassword,
	}
	for _, k := range transfer.Kinds {
		n := api.FileCount{
			Kind: string(k), New: r.Count(k, transfer.New), Changed: r.Count(k, transfer.Changed), Same: r.Count(k, transfer.Same),
			Removed: r.Count(k, transfer.Removed), Conflict: r.Count(k, transfer.Conflict),
		}
		if n.New+n.Changed+n.Same+n.Removed+n.Conflict > 0 {
			out.Counts = append(out.Counts, n)
		}
	}
	for i := range r.Items {
		if r.Items[i].Action != transfer.Same {
			out.Items = append(out.Items, objectOf(&r.Items[i]))
		}
	}
	order := []string{string(transfer.Conflict), string(transfer.Removed), string(transfer.Changed), string(transfer.New)}
	slices.SortStableFunc(out.Items, func(a, b api.FileObject) int {
		return cmp.Compare(slices.Index(order, a.Action), slices.Index(order, b.Action))
	})
	return out
}

func objectOf(x *transfer.Item) api.FileObject {
	v := api.FileObject{Kind: string(x.Kind), Name: x.Name, Owner: x.Owner, Action: string(x.Action)}
	for _, f := range x.Fields {
		v.Fields = append(v.Fields, api.FileField(f))
	}
	for _, p := range x.Problems {
		v.Problems = append(v.Problems, api.FileProblem{Code: p.Code, Field: p.Field, Message: p.Message})
	}
	return v
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
