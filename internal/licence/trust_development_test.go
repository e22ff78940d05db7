//go:build devlicence

package licence

import "testing"

func TestDevelopmentBuildsTrustTheDevelopmentKey(t *testing.T) {
	k, err := Trusted()
	if err != nil {
		t.Fatal(err)
	}
	if l, err := k.Read(sign(t, sample(t), development(t))); err != nil || !l.Development || !k.Development() {
		t.Errorf("%+v: %v", l, err)
	}
}
