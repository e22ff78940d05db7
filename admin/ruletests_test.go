package admin_test

import "testing"

// TestRuleTests saves rules whose tests come out otherwise, switched on and off.
func TestRuleTests(t *testing.T) {
	const outside, wrong = `"when":{"class":"outside"}`, `"tests":[{"from":"403","called":"416","applies":true}]` // 403 is inside
	for name, c := range map[string]struct {
		made, change string // made empty: change makes it
		want         int
	}{
		"new rule":                        {"", `{"name":"x",` + outside + `,"action":{"kind":"allow"},` + wrong + `}`, 422},
		"new rule that is off":            {"", `{"name":"x","enabled":false,` + outside + `,"action":{"kind":"allow"},` + wrong + `}`, 422},
		"test added to a rule that is on": {`true,"tests":[]`, `{` + wrong + `}`, 422},
		"test added to one that is off":   {`false,"tests":[]`, `{` + wrong + `}`, 422},
		"condition of one that is off":    {`false,"tests":[{"from":"0301234","called":"416","applies":true}]`, `{"when":{"class":"inside"}}`, 422},
		"name of one that is off":         {`false,"tests":[{"from":"0301234","called":"416","applies":true}]`, `{"name":"y"}`, 200},
		"one that is right is on":         {`false,"tests":[{"from":"0301234","called":"416","applies":true}]`, `{"enabled":true}`, 200},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if c.made == "" {
				r.want(c.want, "adele.admin", "POST", "/api/forwarding/rules", c.change)
				return
			}
			var v struct{ ID string }
			r.want(201, "adele.admin", "POST", "/api/forwarding/rules", `{"name":"x",`+outside+`,"action":{"kind":"allow"},"enabled":`+c.made+`}`).decode(&v)
			r.want(c.want, "adele.admin", "PATCH", "/api/forwarding/rules/"+v.ID, c.change)
		})
	}
}

// TestRuleIsSwitchedOff switches a rule off whose test fails by now: somebody else has got the caller's number.
func TestRuleIsSwitchedOff(t *testing.T) {
	r := newRig(t)
	var v struct{ ID string }
	r.want(201, "adele.admin", "POST", "/api/forwarding/rules",
		`{"name":"x","when":{"class":"outside"},"action":{"kind":"allow"},"tests":[{"from":"418","called":"416","applies":true}]}`).decode(&v)
	r.want(201, "adele.admin", "POST", "/api/users/armin.artmann/numbers", `{"number":"418"}`)
	rule := "/api/forwarding/rules/" + v.ID
	r.want(422, "adele.admin", "PATCH", rule, `{"name":"y"}`)
	r.want(200, "adele.admin", "PATCH", rule, `{"enabled":false}`)
	r.want(422, "adele.admin", "PATCH", rule, `{"enabled":true}`)
	r.want(200, "adele.admin", "PATCH", rule, `{"enabled":true,"tests":[]}`)
}
