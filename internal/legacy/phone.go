package legacy

import (
	"fmt"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// makers are the beginnings of types of phones with what 5 does with them; the first that fits counts.
func makers() []struct{ prefix, name, reason string } {
	return []struct{ prefix, name, reason string }{
		{"snom", "Snom", ""},
		{"yealink", "Yealink", ""},
		{"grandstream", "Grandstream", ""},
		{"fanvil", "Fanvil", ""},
		{"mitel", "Mitel", ""},
		{"aastra", "Aastra", "Aastra is not supported"},
		{"gigaset", "Gigaset", "Gigaset desk phones are not supported; Gigaset DECT is from 5.1.1 on"},
		{"unify", "Unify", "Unify DECT is supported from 5.1.1 on"},
		{"panasonic", "Panasonic", "Panasonic DECT is not supported"},
		{"polycom", "Polycom", "Polycom desk phones are not supported"},
		{"samsung", "Samsung", "Samsung is not supported"},
		{"siemens", "Siemens", "Siemens is not supported"},
	}
}

// SupportedMakes are the beginnings of types of phones that 5 supports, lower case. The package's preinst has the same list.
func SupportedMakes() (out []string) {
	for _, m := range makers() {
		if m.reason == "" {
			out = append(out, m.prefix)
		}
	}
	return out
}

// supported says whether 5 supports a type of phone, and why not.
func supported(model string) (ok bool, reason string) {
	low := strings.ToLower(model)
	for _, m := range makers() {
		if strings.HasPrefix(low, m.prefix) {
			return m.reason == "", m.reason
		}
	}
	return false, "a maker that 5 does not know"
}

// phoneType is the type of slot for a type of phone.
func phoneType(model string) directory.SlotType {
	low := strings.ToLower(model)
	for _, dect := range []string{"dect", "n510", "n720", "n670", "n870", "n610", "w52", "w60", "w70", "w80", "w90", "m300", "m700", "m900", "dp7", "kirk", "udm", "tgp", "ip-dect"} {
		if strings.Contains(low, dect) {
			return directory.DECT
		}
	}
	for _, soft := range []string{"softphone", "xlite", "x-lite", "bria", "eyebeam", "zoiper"} {
		if strings.Contains(low, soft) {
			return directory.Softphone
		}
	}
	return directory.Desk
}

// phones lists the phones and says which model an account has.
func (c *converter) phones() {
	users := map[int64]account{}
	for _, a := range c.data.accounts {
		users[a.id] = a
	}
	for _, p := range c.data.phones {
		a, there := users[p.account]
		if !there && p.account != 0 {
			c.problems.add("phones", key(p.id), "user_id", fmt.Sprintf("there is no account %d", p.account))
		}
		if !mac(p.mac) {
			c.problems.add("phones", key(p.id), "mac_addr", clip(p.mac)+" is no MAC address")
		}
		ok, reason := supported(p.model)
		one := Phone{MAC: p.mac, Model: p.model, Supported: ok, Reason: reason}
		if there && !a.idle {
			one.User, _ = username(a.user)
			c.models[a.id] = p.model
		}
		if there {
			one.Place = c.data.placeName(a.place)
		}
		c.out.Phones = append(c.out.Phones, one)
		if !ok {
			c.stay(kindUnsupported, one.User, 1)
		}
	}
	c.stay(kindPhone, "", int64(len(c.data.phones)))
}

func mac(s string) bool {
	return len(s) == 12 && strings.Trim(strings.ToLower(s), "0123456789abcdef") == ""
}

// placeName is the way to a provisioning group through the nested set: all groups around it, outermost first.
func (d *Data) placeName(id int64) string {
	at, ok := d.places[id]
	if !ok {
		return ""
	}
	var around []place
	for _, p := range d.places {
		if p.left <= at.left && p.right >= at.right {
			around = append(around, p)
		}
	}
	for i := range around { // few, and no need of a sort by two keys
		for j := i + 1; j < len(around); j++ {
			if around[j].left < around[i].left {
				around[i], around[j] = around[j], around[i]
			}
		}
	}
	var titles []string
	for _, p := range around {
		titles = append(titles, p.title)
	}
	return strings.Join(titles, " / ")
}
