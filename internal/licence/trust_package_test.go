//go:build !devlicence

package licence

import "testing"

// TestPackagesDoNotTrustTheDevelopmentKey: what is built without the tag takes no licence of a key whose private half is in the tree.
func TestPackagesDoNotTrustTheDevelopmentKey(t *testing.T) {
	k, err := Trusted()
	if err != nil {
		t.Fatal(err)
	}
	p := development(t)
	if _, err := k.Read(sign(t, sample(t), p)); code(err) != CodeUnknownKey || k.Development() {
		t.Errorf("a licence of the development key: %v", err)
	}
	for _, key := range k.Keys() {
		if string(key.Public) == string(p.Public().Public) {
			t.Errorf("%s is the development key by another name", key.ID)
		}
	}
}
