package directory

import "testing"

func TestCheckPIN(t *testing.T) {
	s := NewSnapshot()
	s.Rows["u"] = []string{"416", "4160", "0815"}
	for _, c := range []struct {
		pin, problem string
	}{
		{"4711", ""},
		{"9753", ""},
		{"471147114711", ""},
		{"471", "must be 4 to 12 digits"},
		{"", "must be 4 to 12 digits"},
		{"4711471147114", "must be 4 to 12 digits"},
		{"47a1", "must be 4 to 12 digits"},
		{"٤٧١١", "must be 4 to 12 digits"},
		{"0000", "is one digit over and over"},
		{"1234", "counts up or down"},
		{"8901", "counts up or down"},
		{"3210", "counts up or down"},
		{"1098", "counts up or down"},
		{"4160", "is a number of the user"},
		{"0416", "is a number of the user"},
		{"000416", "is a number of the user"},
		{"0815", "is a number of the user"},
	} {
		got := ""
		if list := Invalid(s.CheckPIN("u", c.pin)); len(list) > 0 {
			if got = list[0].Problem; list[0].Field != "pin" {
				t.Errorf("%s: field is %s", c.pin, list[0].Field)
			}
		}
		if got != c.problem {
			t.Errorf("%q: got %q, want %q", c.pin, got, c.problem)
		}
	}
}
