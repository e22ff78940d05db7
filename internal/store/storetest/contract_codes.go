package storetest

import (
	"errors"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

// setCodes lets codes change places in one step, all of them or none.
func setCodes(t *testing.T, database string) {
	f := newFixture(t, database)
	f.update(func(tx *store.Tx) error {
		return tx.SetCodes([]directory.Code{
			{Action: directory.CodeDNDOn, Code: "#26", Enabled: true},
			{Action: directory.CodeDNDOff, Code: "*26", Enabled: true},
			{Action: directory.CodeEcho, Code: "*99", Enabled: true}, // as it is
		})
	})
	codes := f.st.Snapshot().Codes
	if codes[directory.CodeDNDOn].Code != "#26" || codes[directory.CodeDNDOff].Code != "*26" || codes[directory.CodeDNDOn].Version != 2 || codes[directory.CodeEcho].Version != 1 {
		t.Errorf("codes: got %+v %+v %+v", codes[directory.CodeDNDOn], codes[directory.CodeDNDOff], codes[directory.CodeEcho])
	}
	f.stored()
	for name, tc := range map[string]struct {
		list []directory.Code
		at   int
		says string
	}{
		"taken":             {[]directory.Code{{Action: directory.CodeEcho, Code: "*97", Enabled: true}, {Action: directory.CodeDNDOn, Code: "*98", Enabled: true}}, 1, "is the code of own_number already"},
		"begins another":    {[]directory.Code{{Action: directory.CodeForwardTo, Code: "*2", Enabled: true}}, 0, "is followed by a number"},
		"is begun":          {[]directory.Code{{Action: directory.CodeForwardTo, Code: "77", Enabled: true}, {Action: directory.CodeEcho, Code: "778", Enabled: true}}, 0, "Let the shorter one end with *"},
		"no such action":    {[]directory.Code{{Action: "kaffee", Code: "*55", Enabled: true}}, 0, "kaffee"},
		"cannot be dialled": {[]directory.Code{{Action: directory.CodeEcho, Code: "x", Enabled: true}}, 0, "2 to 8"},
	} {
		err := f.refused(func(tx *store.Tx) error { return tx.SetCodes(tc.list) })
		var at *store.CodeError
		if !errors.As(err, &at) || at.Index != tc.at || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	f.update(func(tx *store.Tx) error { // what is switched off is in nobody's way, and "*" keeps two apart
		return tx.SetCodes([]directory.Code{
			{Action: directory.CodeProfile, Code: "*2", Enabled: false},
			{Action: directory.CodeEcho, Code: "*2", Enabled: true},
		})
	})
	f.stored()
}
