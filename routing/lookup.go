package routing

// SlotInfo is what a table knows of a slot. Its slices are made for the caller.
type SlotInfo struct {
	ID       string
	Type     string
	Name     string
	DND      bool
	UserID   string
	Username string
	Mobile   string
	Numbers  []string // ticked numbers in the order of the rows
	Default  string   // shown on calls where no other is wanted, empty without a tick
}

// NumberInfo is what a table knows of a number. Its slices are made for the caller.
type NumberInfo struct {
	Number      string
	OwnerType   string
	OwnerID     string // user ID for users
	DisplayName string // resolved: the owner's where the number has none
	Ticked      []string
}

// Slot finds a slot by ID.
func (t *Table) Slot(id string) (SlotInfo, bool) {
	s, ok := t.slots.get(id)
	if !ok {
		return SlotInfo{}, false
	}
	info := SlotInfo{
		ID: s.id, Type: s.typ, Name: s.name, DND: s.dnd, UserID: s.user.id, Username: s.user.username,
		Mobile: s.mobile, Numbers: make([]string, len(s.shown)),
	}
	for i, n := range s.shown {
		info.Numbers[i] = n.number
	}
	if s.def != nil {
		info.Default = s.def.number
	}
	return info, true
}

// Number finds a number as Dialled returns it.
func (t *Table) Number(num string) (NumberInfo, bool) {
	n, ok := t.numbers.get(num)
	if !ok {
		return NumberInfo{}, false
	}
	info := NumberInfo{Number: n.number, OwnerType: n.ownerType, OwnerID: n.ownerID, DisplayName: n.display}
	for i, ticked := range n.ticked {
		if ticked {
			info.Ticked = append(info.Ticked, n.user.slots[i].id)
		}
	}
	return info, true
}

// CallerFrom makes the caller for a question asked ahead (SPEC F8), when only
// the number he would show is known. A user's number calls from its first ticked
// slot and is wanted; a number without a tick gives a caller without a slot, who
// is refused as he would be on the phone. Anything else calls from outside.
func (t *Table) CallerFrom(from string) Caller {
	num, ok := Dialled(from)
	n, known := t.numbers.get(num)
	if !ok || !known || n.user == nil {
		return Caller{Class: Outside, Number: from}
	}
	c := Caller{Class: Inside, UserID: n.user.id, Wanted: num}
	for i, ticked := range n.ticked {
		if ticked {
			c.SlotID = n.user.slots[i].id
			break
		}
	}
	return c
}

// Size counts users, numbers (of users and features) and slots.
func (t *Table) Size() (users, numbers, slots int) {
	return t.users.size, t.numbers.size, t.slots.size
}
