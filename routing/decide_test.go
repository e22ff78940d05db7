package routing

import "testing"

func TestEveryCodeHasWords(t *testing.T) {
	seen := map[string]code{}
	for c := cNone + 1; c < codes; c++ {
		w := c.words()
		if w.name == "" || w.de == "" || w.en == "" {
			t.Errorf("code %d has no words: %+v", c, w)
		}
		if other, ok := seen[w.name]; ok {
			t.Errorf("codes %d and %d share the name %s", c, other, w.name)
		}
		seen[w.name] = c
	}
}
