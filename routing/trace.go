package routing

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// fact is a step of a decision with all that its words need, and nothing of the table any more: what is stored
// with a call record. It is language-neutral and a quarter as long as the words, which are made when somebody reads it.
type fact struct {
	Code     string  `json:"c"`
	SlotID   string  `json:"s,omitempty"`
	SlotName string  `json:"l,omitempty"`
	SlotType string  `json:"t,omitempty"` // stands for a name the slot does not have
	User     string  `json:"u,omitempty"` // label of the slot's user
	Login    string  `json:"w,omitempty"` // user name that the setting is found by
	Number   string  `json:"n,omitempty"`
	Owner    string  `json:"o,omitempty"` // label of the number's owner, if that is a user
	OwnerIs  string  `json:"k,omitempty"` // else the kind
	OwnerID  string  `json:"i,omitempty"` // and the ID
	Ticked   []label `json:"x,omitempty"`
	Count    int     `json:"q,omitempty"`
	Limit    int     `json:"m,omitempty"`
	Text     string  `json:"z,omitempty"`
	// Of a rule: its name, the kind, ID and name of what it stands in, the field there, and what it does.
	Rule   string `json:"r,omitempty"`
	SetIs  string `json:"y,omitempty"`
	SetID  string `json:"d,omitempty"`
	Set    string `json:"p,omitempty"`
	Field  string `json:"f,omitempty"`
	Does   string `json:"a,omitempty"` // kind of action, or action of a code
	DoesTo string `json:"b,omitempty"` // number or numbers
	// Of the group that gives the setting: its name and title.
	Group string `json:"g,omitempty"`
	Title string `json:"h,omitempty"`
}

// label of a slot: its name, else its type.
type label struct {
	Name string `json:"l,omitempty"`
	Type string `json:"t,omitempty"`
}

// Explain puts the decision into words, in order (SPEC F8): the caller, the row,
// one reason for every slot of the called number's owner, and what follows when
// none rings. It allocates. The plan keeps what it needs, whatever happens to the table.
func (p Plan) Explain() []Reason {
	reasons := make([]Reason, len(p.steps))
	for i := range p.steps {
		f := p.steps[i].fact()
		reasons[i] = f.reason(p.steps[i].code)
	}
	return reasons
}

// Trace is the decision in the form that is stored with a call record, for ReadTrace. It
// allocates; call it off the hot path where possible. It is nil when there is nothing to tell.
func (p Plan) Trace() json.RawMessage {
	if len(p.steps) == 0 {
		return nil
	}
	b := make([]byte, 0, 128*len(p.steps))
	for i := range p.steps {
		b = append(b, "[,"[min(i, 1)])
		f := p.steps[i].fact()
		b = f.appendJSON(b)
	}
	return append(b, ']')
}

// ReadTrace puts a stored trace into words. A code that is not known (any more) is told by its name. An error
// means that it is no trace.
func ReadTrace(trace []byte) ([]Reason, error) {
	var facts []fact
	if err := json.Unmarshal(trace, &facts); err != nil {
		return nil, fmt.Errorf("reading a routing trace: %w", err)
	}
	reasons := make([]Reason, len(facts))
	for i := range facts {
		reasons[i] = facts[i].reason(codeNamed(facts[i].Code))
	}
	return reasons, nil
}

// codeNamed is the code of a name, cNone when there is none.
func codeNamed(name string) code {
	for c := cNone + 1; c < codes; c++ {
		if c.words().name == name {
			return c
		}
	}
	return cNone
}

// fact takes from the table what the words of the step need.
func (s *step) fact() fact {
	w := s.code.words()
	f := fact{Code: w.name, Count: s.n, Text: s.shownText()}
	if s.slot != nil {
		f.SlotID = s.slot.id
		if f.SlotName = s.slot.name; f.SlotName == "" {
			f.SlotType = s.slot.typ
		}
		if strings.Contains(w.en, "{suser}") {
			f.User = s.slot.user.label()
		}
	}
	if n := s.number; n != nil {
		f.Number = n.number
		if strings.Contains(w.en, "{owner}") {
			f.owner(n)
		}
		if strings.Contains(w.en, "{ticked}") {
			f.ticked(n)
		}
		if strings.Contains(w.en, "{limit}") {
			f.Limit = n.maxCalls
		}
	}
	switch w.setting {
	case matrixOfSlot, userDND, userShownInside, userShownOutside, userHideInside, userHideOutside, userBlocks, userPIN:
		f.Login = s.slot.user.username
	case matrixOfNumber:
		f.Login = s.number.user.username
	}
	f.given(s, w.setting)
	f.ruled(s)
	return f
}

// given notes the group that gives the setting of the step.
func (f *fact) given(s *step, which setting) {
	var from *Givers
	switch which {
	case numberWaiting, numberBusyOnAny, numberMaxCalls:
		from = s.number.from
	case userHideInside, userHideOutside:
		from = s.slot.user.from
	}
	if from == nil {
		return
	}
	g := Giver{}
	switch which {
	case numberWaiting:
		g = from.CallWaiting
	case numberBusyOnAny:
		g = from.BusyOnAny
	case numberMaxCalls:
		g = from.MaxCalls
	case userHideInside:
		g = from.HideInside
	case userHideOutside:
		g = from.HideOutside
	}
	f.Group, f.Title = g.Name, g.Title
}

// ruled takes what the step says of a rule, a profile or a code.
func (f *fact) ruled(s *step) {
	set := s.set
	if r := s.rule; r != nil {
		set = r.in
		f.Rule, f.Field, f.Does = r.name, r.field, string(r.do.Kind)
		f.DoesTo = doing(&r.do, false)
		if set.id == "" { // a system-wide rule stands alone
			f.SetID = r.id
		}
	}
	if set != nil {
		f.SetIs, f.Set = set.kind, set.name
		if set.id != "" {
			f.SetID = set.id
		}
	}
	if s.entry != nil {
		f.SetIs, f.Does = "code", s.entry.action
	}
}

func (f *fact) owner(n *number) {
	if n.user != nil {
		f.Owner = n.user.label()
		return
	}
	f.OwnerIs, f.OwnerID = n.ownerType, n.ownerID
	if n.hunt != nil {
		f.Set, f.SetIs, f.SetID = n.display, OwnerHunt, n.ownerID
	}
}

func (f *fact) ticked(n *number) {
	for i, on := range n.ticked {
		if !on {
			continue
		}
		t := label{Name: n.user.slots[i].name}
		if t.Name == "" {
			t.Type = n.user.slots[i].typ
		}
		f.Ticked = append(f.Ticked, t)
	}
}

// reason puts the fact into words.
func (f *fact) reason(c code) Reason {
	w := c.words()
	if w.name == "" {
		w.de, w.en = f.Code, f.Code
	}
	r := Reason{
		Code: f.Code, De: f.render(w.de, true), En: f.render(w.en, false), Setting: f.setting(w.setting),
		SlotID: f.SlotID, Number: f.Number,
	}
	if f.Group != "" && r.Setting != nil {
		title := cmp.Or(f.Title, f.Group)
		r.De += " Das gibt die Gruppe „" + title + "“ vor."
		r.En += " This comes from the group “" + title + "”."
		r.Setting = &Setting{Type: "group", ID: f.Group, Field: "parameters." + r.Setting.Field}
	}
	return r
}

func (f *fact) render(text string, german bool) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		var name string
		name, text, _ = strings.Cut(rest, "}")
		b.WriteString(f.value(name, german))
	}
}

func (f *fact) value(name string, german bool) string {
	switch name {
	case "n":
		return f.Number
	case "s":
		return slotLabel(f.SlotName, f.SlotType, german)
	case "suser":
		return f.User
	case "owner":
		return f.ownerLabel(german)
	case "ticked":
		names := make([]string, len(f.Ticked))
		for i, t := range f.Ticked {
			names[i] = slotLabel(t.Name, t.Type, german)
		}
		return strings.Join(names, ", ")
	case "count":
		return strconv.Itoa(f.Count)
	case "limit":
		return strconv.Itoa(f.Limit)
	case "rule":
		return f.ruleLabel(german)
	case "to":
		return doing(&Action{Kind: ActionKind(f.Does), Number: f.DoesTo, Numbers: []string{f.DoesTo}}, german)
	case "what":
		de, en := CodeMeaning(f.Does)
		if german {
			return de
		}
		return en
	case "text":
		switch {
		case f.Text != "" || f.Code != cCallerOutside.words().name:
			return f.Text
		case german:
			return "keine"
		}
		return "none"
	}
	return ""
}

// maxText bounds what a caller can put into a reason, in bytes.
const maxText = 64

func (s *step) shownText() string {
	t := s.text
	if len(t) > maxText {
		t = t[:maxText] + "…"
	}
	if !utf8.ValidString(t) {
		t = strings.ToValidUTF8(t, "\uFFFD")
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '\uFFFD'
		}
		return r
	}, t)
}

func (u *user) label() string {
	if u.display == u.username {
		return u.username
	}
	return u.display + " (" + u.username + ")"
}

func (f *fact) ownerLabel(german bool) string {
	switch {
	case f.Owner != "":
		return f.Owner
	case f.OwnerIs == OwnerHunt && german:
		return "Sammelanschluss " + f.Set
	case f.OwnerIs == OwnerHunt:
		return "hunt group " + f.Set
	case f.OwnerIs == OwnerFaxLine && german:
		return "der Faxleitung " + f.OwnerID
	case f.OwnerIs == OwnerFaxLine:
		return "fax line " + f.OwnerID
	}
	return f.OwnerIs + " " + f.OwnerID
}

// ruleLabel names a rule by what it stands in and its own name, or one of them.
func (f *fact) ruleLabel(german bool) string {
	name, more := f.Set, ""
	switch {
	case f.Set == "" && f.Rule == "":
		return f.SetID
	case f.Set == "":
		name = f.Rule
	case f.Rule != "":
		more = " (" + f.Rule + ")"
	}
	if german {
		return "„" + name + "“" + more
	}
	return "“" + name + "”" + more
}

// slotLabel is the name of a slot, or that of its type when it has none.
func slotLabel(name, typ string, german bool) string {
	if name != "" {
		return name
	}
	if german {
		switch typ {
		case "desk":
			return "Tischtelefon"
		case "dect":
			return "DECT-Telefon"
		case slotMobile:
			return "Mobilgerät"
		case "softphone":
			return "Softphone"
		case "ucc":
			return "UCC-Client"
		}
	}
	return typ
}

func (f *fact) setting(which setting) *Setting {
	switch which {
	case matrixOfSlot:
		return &Setting{Type: "matrix", ID: f.Login, Field: f.SlotID}
	case matrixOfNumber:
		return &Setting{Type: "matrix", ID: f.Login, Field: f.Number}
	case slotDND:
		return &Setting{Type: "slot", ID: f.SlotID, Field: "dnd"}
	case slotDefault:
		return &Setting{Type: "slot", ID: f.SlotID, Field: "default_number"}
	case slotMobileNumber:
		return &Setting{Type: "slot", ID: f.SlotID, Field: "mobile_number"}
	case userDND:
		return &Setting{Type: "user", ID: f.Login, Field: "dnd"}
	case numberWaiting:
		return &Setting{Type: "number", ID: f.Number, Field: "call_waiting"}
	case numberBusyOnAny:
		return &Setting{Type: "number", ID: f.Number, Field: "busy_on_any"}
	case numberMaxCalls:
		return &Setting{Type: "number", ID: f.Number, Field: "max_calls"}
	case numberProfile:
		return &Setting{Type: "number", ID: f.Number, Field: "forwarding_profile"}
	case numberSchedule:
		return &Setting{Type: "number", ID: f.Number, Field: "schedule"}
	case ruleField:
		return &Setting{Type: f.SetIs, ID: f.SetID, Field: f.Field}
	case huntMembers:
		return &Setting{Type: OwnerHunt, ID: f.OwnerID, Field: "members"}
	case codeOfAction:
		return &Setting{Type: "code", ID: f.Does, Field: "code"}
	case pickupGroups:
		return &Setting{Type: f.SetIs, ID: f.SetID, Field: "users"}
	default:
		return f.userSetting(which)
	}
}

func (f *fact) userSetting(which setting) *Setting {
	field := ""
	switch which {
	case userShownInside:
		field = "shown_numbers_inside"
	case userShownOutside:
		field = "shown_numbers_outside"
	case userHideInside:
		field = "hide_number_inside"
	case userHideOutside:
		field = "hide_number_outside"
	case userBlocks:
		field = "call_blocking"
	case userPIN:
		field = "pin"
	default:
		return nil
	}
	return &Setting{Type: "user", ID: f.Login, Field: field}
}

// appendJSON appends what json.Marshal makes of the fact, at a tenth of the cost: it is done for each step of each call.
func (f *fact) appendJSON(b []byte) []byte {
	b = appendText(append(b, `{"c":`...), f.Code)
	for _, m := range [...]struct{ key, value string }{
		{`,"s":`, f.SlotID},
		{`,"l":`, f.SlotName},
		{`,"t":`, f.SlotType},
		{`,"u":`, f.User},
		{`,"w":`, f.Login},
		{`,"n":`, f.Number},
		{`,"o":`, f.Owner},
		{`,"k":`, f.OwnerIs},
		{`,"i":`, f.OwnerID},
		{`,"z":`, f.Text},
		{`,"r":`, f.Rule},
		{`,"y":`, f.SetIs},
		{`,"d":`, f.SetID},
		{`,"p":`, f.Set},
		{`,"f":`, f.Field},
		{`,"a":`, f.Does},
		{`,"b":`, f.DoesTo},
		{`,"g":`, f.Group},
		{`,"h":`, f.Title},
	} {
		if m.value != "" {
			b = appendText(append(b, m.key...), m.value)
		}
	}
	for i, t := range f.Ticked {
		b = append(b, [2]string{`,"x":[`, `,`}[min(i, 1)]...)
		key, value := `{"l":`, t.Name
		if value == "" {
			key, value = `{"t":`, t.Type
		}
		b = append(appendText(append(b, key...), value), '}')
	}
	if len(f.Ticked) > 0 {
		b = append(b, ']')
	}
	if f.Count != 0 {
		b = strconv.AppendInt(append(b, `,"q":`...), int64(f.Count), 10)
	}
	if f.Limit != 0 {
		b = strconv.AppendInt(append(b, `,"m":`...), int64(f.Limit), 10)
	}
	return append(b, '}')
}

// appendText appends a JSON string. What is not plain is left to json.Marshal.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, err := json.Marshal(s)
			if err != nil { // a string always can be
				return append(b, `""`...)
			}
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
