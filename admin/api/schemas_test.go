package api

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestSchemasNameWhatTheDomainHas compares the fields of the types that the API describes with those of the domain.
func TestSchemasNameWhatTheDomainHas(t *testing.T) {
	fields := func(typ reflect.Type) []string {
		names := map[string]bool{}
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			names[name] = true
		}
		return slices.Sorted(maps.Keys(names))
	}
	for _, d := range describedTypes() {
		if got, want := fields(d.shown), fields(d.domain); !slices.Equal(got, want) {
			t.Errorf("%s has the fields %v, %s has %v", d.shown, got, d.domain, want)
		}
	}
}
