package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/licence"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// LicenceShow prints how the system is licensed.
func LicenceShow(ctx context.Context, cfg config.Config, out io.Writer, german bool) error {
	st, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer st.Close()
	g, err := openGate(ctx, st)
	if err != nil {
		return err
	}
	printLicence(out, g, german)
	return nil
}

// LicenceInstall installs a licence and prints how the system is licensed then. One that could not be in force is refused, and one for
// another company than the one before unless that is confirmed.
func LicenceInstall(ctx context.Context, cfg config.Config, out io.Writer, file io.Reader, confirm, german bool) error {
	document, err := io.ReadAll(io.LimitReader(file, licence.MaxSize+1))
	if err != nil {
		return fmt.Errorf("reading the licence: %w", err)
	}
	st, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer st.Close()
	g, err := openGate(ctx, st)
	if err != nil {
		return err
	}
	l, err := g.Read(document)
	if err != nil {
		return refusalIn(err, german)
	}
	if next := g.StatusWith(&l); next.Problem != nil {
		return refusalIn(next.Problem, german)
	}
	_, err = st.Update(ctx, store.Change{Actor: "root", Source: "licence install"}, func(tx *store.Tx) error {
		if old := tx.Snapshot().Licence; old != nil && old.Company != l.Company && !confirm {
			return fmt.Errorf("%w (--confirm)", refusalIn(licence.FaultOtherCompany(old.Company, l.Company), german))
		}
		_, err := tx.InstallLicence(directory.Licence{
			Document: string(document), Company: l.Company, Users: l.Users, ValidUntil: l.ValidUntil.Format(time.DateOnly), Serial: l.Serial,
		})
		return err
	})
	if err != nil {
		return err
	}
	printLicence(out, g, german)
	return nil
}

// refusalIn is a refusal in the language wished.
func refusalIn(err error, german bool) error {
	var f *licence.Fault
	if german && errors.As(err, &f) {
		return errors.New(f.De)
	}
	return err
}

func printLicence(out io.Writer, g *gate, german bool) {
	s := g.Status()
	word := func(de, en string) string {
		if german {
			return de
		}
		return en
	}
	fmt.Fprintln(out, word(s.De, s.En))
	if l := s.Licence; l != nil {
		fmt.Fprintf(out, "%-12s %s\n%-12s %d\n%-12s %s – %s\n%-12s %s\n", word("Firma:", "Company:"), l.Company, word("Benutzer:", "Users:"), l.Users,
			word("Gültig:", "Good:"), l.Issued.Format(time.DateOnly), l.ValidUntil.Format(time.DateOnly), word("Nummer:", "Serial:"), l.Serial)
		if l.Development {
			fmt.Fprintln(out, word("Mit dem Schlüssel für Entwicklung unterschrieben: gilt in keinem Paket.", "Signed with the key of development: no package takes it."))
		}
	}
	if s.Problem != nil && s.State != licence.Unlicensed {
		fmt.Fprintln(out, word(s.Problem.De, s.Problem.En))
	}
}
