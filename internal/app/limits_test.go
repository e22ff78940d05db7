package app

import "testing"

func TestShareFiles(t *testing.T) {
	for _, test := range []struct {
		files uint64
		want  limits
	}{
		{64, limits{16, 8, 8}},
		{1024, limits{448, 112, 56}},
		{20000, limits{9936, 1000, 1000}},
		{1 << 40, limits{10000, 1000, 1000}},
	} {
		if got := shareFiles(test.files); got != test.want {
			t.Errorf("%d descriptors: %+v, want %+v", test.files, got, test.want)
		}
	}
}
