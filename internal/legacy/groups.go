package legacy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// builtIn says which built-in group of 5 a group of 4.5 is, "" for none.
func builtIn(g group) string {
	name := g.name
	if name == "admin" || name == "administrators" {
		name = directory.Admins
	}
	types := map[string]directory.GroupType{
		directory.AllUsers: directory.GroupUser, directory.VisibleUsers: directory.GroupUser, directory.Admins: directory.GroupUser,
		directory.AllQueues: directory.GroupQueue, directory.AllFaxes: directory.GroupFax, directory.AllSlots: directory.GroupSlot,
	}
	if types[name] != directory.GroupType(g.gtype) || g.gtype == "" {
		return ""
	}
	return name
}

// reserved reports whether 5 has a group of this name whatever is in 4.5.
func reserved(name string) bool {
	return directory.Computed(name) || name == directory.VisibleUsers || name == directory.Admins
}

// groupsAndRights makes groups, what is in them, and permissions.
func (c *converter) groupsAndRights() {
	modules := map[int64]group{} // groups of pages, which only permissions name
	taken := map[string]bool{}
	made := map[int64]*Group{}
	for _, g := range c.data.groups {
		gtype := directory.GroupType(g.gtype)
		switch {
		case g.gtype == "module_gui":
			modules[g.id] = g
			continue
		case g.gtype != string(directory.GroupUser) && g.gtype != string(directory.GroupQueue) && g.gtype != string(directory.GroupFax):
			c.problems.add("groups", key(g.id), "type", fmt.Sprintf("5 has no groups of type %s; %s was left out", clip(g.gtype), clip(g.name)))
			c.stay("groups", "", 1)
			continue
		}
		name := builtIn(g)
		if name == "" {
			var changed bool
			if name, changed = username(g.name); name == "" {
				name = "group-" + key(g.id)
			} else if changed {
				c.problems.add("groups", key(g.id), "name", fmt.Sprintf("%s has characters that 5 does not allow; the group is called %s", clip(g.name), name))
			}
		}
		if taken[name] || builtIn(g) == "" && reserved(name) {
			c.problems.add("groups", key(g.id), "name", name+" is the name of another group already; the group is called "+name+"-"+key(g.id))
			name += "-" + key(g.id)
		}
		taken[name] = true
		title := g.title
		if title == "" {
			title = name
		}
		made[g.id] = &Group{Group: directory.Group{Name: name, Title: title, Type: gtype, BuiltIn: builtIn(g) != ""}}
	}
	c.groups = made
	c.members(modules)
	c.includes()
	c.computed()
	for _, g := range c.data.groups {
		if made[g.id] != nil {
			c.out.Groups = append(c.out.Groups, *made[g.id])
		}
	}
	c.grants(modules)
}

func (c *converter) members(modules map[int64]group) {
	queues := map[int64]bool{}
	for _, q := range c.data.queues {
		queues[q.id] = true
	}
	faxes := map[int64]string{}
	for _, f := range c.data.faxes {
		if slices.ContainsFunc(c.out.Faxes, func(n directory.Number) bool { return n.Number == f.number }) {
			faxes[f.id] = f.line()
		}
	}
	in := membership{}
	for _, m := range c.data.members {
		g := c.groups[m.a]
		row := fmt.Sprintf("%d,%d", m.a, m.b)
		if _, pages := modules[m.a]; pages {
			continue
		}
		if g == nil {
			if !slices.ContainsFunc(c.data.groups, func(o group) bool { return o.id == m.a }) {
				c.problems.add("group_members", row, "group", fmt.Sprintf("there is no group %d", m.a))
			}
			continue
		}
		switch {
		case directory.Computed(g.Name):
		case g.Type == directory.GroupUser:
			if u := c.owner("group_members", row, "member", m.b); u != nil && !in[g][u.Username] {
				in.put(g, u.Username)
			}
		case g.Type == directory.GroupFax:
			if name := faxes[m.b]; name == "" {
				c.problems.add("group_members", row, "member", fmt.Sprintf("there is no fax line %d", m.b))
			} else if !in[g][name] {
				in.put(g, name)
			}
		case g.Type == directory.GroupQueue && !queues[m.b]:
			c.problems.add("group_members", row, "member", fmt.Sprintf("there is no queue %d", m.b))
		default: // queues come with what holds them
			c.stay("group_members", "", 1)
		}
	}
}

// membership says who is in a group already: tables without a key hold rows twice.
type membership map[*Group]map[string]bool

func (in membership) put(g *Group, member string) {
	if in[g] == nil {
		in[g] = map[string]bool{}
	}
	in[g][member] = true
	g.Members = append(g.Members, member)
}

// includes puts groups into groups, but not into themselves.
func (c *converter) includes() {
	var reaches func(from, to int64, seen map[int64]bool) bool
	inside := map[int64][]int64{}
	reaches = func(from, to int64, seen map[int64]bool) bool {
		if from == to {
			return true
		}
		seen[from] = true
		return slices.ContainsFunc(inside[from], func(next int64) bool { return !seen[next] && reaches(next, to, seen) })
	}
	for _, i := range c.data.includes {
		row := fmt.Sprintf("%d,%d", i.a, i.b)
		outer, inner := c.groups[i.a], c.groups[i.b]
		switch {
		case outer == nil || inner == nil:
			c.problems.add("group_includes", row, "member", "one of the two groups does not exist in 5; passed over")
		case directory.Computed(outer.Name):
		case outer.Type != inner.Type:
			c.problems.add("group_includes", row, "member", fmt.Sprintf("%s holds things of type %s and %s of type %s; passed over", outer.Name, outer.Type, inner.Name, inner.Type))
		case reaches(i.b, i.a, map[int64]bool{}):
			c.problems.add("group_includes", row, "member", fmt.Sprintf("%s and %s hold each other; passed over", outer.Name, inner.Name))
		default:
			inside[i.a] = append(inside[i.a], i.b)
			outer.Includes = append(outer.Includes, inner.Name)
		}
	}
}

// computed understands the queries that 4.5 itself makes members of. No query is ever run.
func (c *converter) computed() {
	known := map[string]string{
		"select id from users": directory.AllUsers, "select id from users where nobody_index is null": directory.AllUsers,
		"select _id from ast_queues": directory.AllQueues, "select id from fax_numbers": directory.AllFaxes,
	}
	for _, q := range c.data.computed {
		row := fmt.Sprintf("%d,%s", q.group, q.key)
		g := c.groups[q.group]
		if g == nil {
			continue
		}
		text := strings.Join(strings.Fields(strings.ToLower(strings.NewReplacer("`", "", ";", "", "(", " ", ")", " ").Replace(q.queried))), " ")
		all, ok := known[text]
		switch {
		case !ok || q.kind != "mysql":
			c.problems.add("group_connections", row, "connection", fmt.Sprintf("the members of %s come of a query that is not known, and are left out: %s", g.Name, clip(q.queried)))
		case directory.Computed(g.Name):
		case g.Type == map[string]directory.GroupType{directory.AllUsers: directory.GroupUser, directory.AllQueues: directory.GroupQueue, directory.AllFaxes: directory.GroupFax}[all]:
			if !slices.Contains(g.Includes, all) {
				g.Includes = append(g.Includes, all)
			}
		}
	}
}

// permissions are the rights of 4.5 by their names in 5.
func permissions() map[string]directory.Permission {
	return map[string]directory.Permission{
		"login_queues": directory.MayBeQueueMember, "forward_queues": directory.MayConfigureQueue, "phonebook_user": directory.MayViewPhonebook,
		"sudo_user": directory.MayImpersonate, "override_callforward_call": directory.MayOverrideForwarding, "intercom_call": directory.MayIntercom,
		"display_module_gui": directory.MayAdmin,
	}
}

func (c *converter) grants(modules map[int64]group) {
	for _, p := range c.data.permits {
		row := fmt.Sprintf("%s,%d,%d", p.kind, p.group, p.which)
		holders, objects := c.groups[p.group], c.groups[p.which]
		right, known := permissions()[p.kind]
		switch {
		case !known:
			c.problems.add("group_permissions", row, "type", clip(p.kind)+" is a permission that 5 does not have; left out")
			c.stay("permissions", "", 1)
			continue
		case holders == nil || holders.Type != directory.GroupUser:
			c.problems.add("group_permissions", row, "group", fmt.Sprintf("%d is no group of users; left out", p.group))
			c.stay("permissions", "", 1)
			continue
		}
		g := directory.Grant{Group: holders.Name, Permission: right}
		switch right {
		case directory.MayAdmin:
			pages, there := modules[p.which]
			if !there || !strings.Contains(strings.ToLower(pages.name), "admin") {
				c.stay("page_rights", "", 1)
				continue
			}
		case directory.MayViewPhonebook:
			if objects == nil {
				c.problems.add("group_permissions", row, "permit", fmt.Sprintf("there is no group %d; left out", p.which))
				continue
			}
			g.Objects = c.phonebook(objects)
		default:
			if want := directory.Permissions[right]; objects == nil || objects.Type != want {
				c.problems.add("group_permissions", row, "permit", fmt.Sprintf("%d is no group of type %s; left out", p.which, want))
				c.stay("permissions", "", 1)
				continue
			}
			g.Objects = objects.Name
		}
		if !slices.Contains(c.out.Grants, g) {
			c.out.Grants = append(c.out.Grants, g)
		}
	}
}

// phonebook is the group of type phonebook for the people of a group of users: 5 gives rights to phone books, 4.5 to the people in them.
func (c *converter) phonebook(of *Group) string {
	name := of.Name + ".phonebook"
	if !slices.ContainsFunc(c.out.Groups, func(g Group) bool { return g.Name == name }) {
		c.out.Groups = append(c.out.Groups, Group{Group: directory.Group{Name: name, Title: of.Title, Type: directory.GroupPhonebook}})
	}
	return name
}

func (c *converter) pickups() {
	members := map[int64][]string{}
	for _, m := range c.data.pickers {
		row := fmt.Sprintf("%d,%d", m.a, m.b)
		if !slices.ContainsFunc(c.data.pickups, func(p pickup) bool { return p.id == m.a }) {
			c.problems.add("pickupgroups_users", row, "group_id", fmt.Sprintf("there is no pickup group %d", m.a))
			continue
		}
		u := c.owner("pickupgroups_users", row, "user_id", m.b)
		switch {
		case u == nil:
		case len(members[m.a]) == directory.MaxPickup:
			c.problems.add("pickupgroups_users", row, "user_id", fmt.Sprintf("is beyond %d members; left out", directory.MaxPickup))
		default:
			members[m.a] = append(members[m.a], u.Username)
		}
	}
	names := map[string]bool{}
	for _, p := range c.data.pickups {
		name := p.title
		if name == "" {
			name = "Rufannahmegruppe " + key(p.id)
		}
		if names[strings.ToLower(name)] {
			name += " (" + key(p.id) + ")"
		}
		names[strings.ToLower(name)] = true
		c.out.Pickups = append(c.out.Pickups, directory.PickupGroup{Name: name, Users: members[p.id]})
	}
}

// leave lists what stays behind.
func (c *converter) leave() {
	strangers := map[string]int64{}
	for _, p := range c.data.personal {
		if u := c.users[p.account]; u != nil {
			c.stay(p.kind, u.Username, p.count)
		} else if !c.idle[p.account] {
			strangers[p.kind] += p.count
		}
	}
	for _, kind := range []string{kindCallList, kindVoiceMessages, kindGreetings, kindVoicemail, kindContacts, kindKeys} {
		c.stay(kind, "", strangers[kind])
	}
	c.stay(kindQueue, "", int64(len(c.data.queues)))
	c.stay(kindMenu, "", int64(len(c.data.menus)))
	c.stay(kindRoom, "", int64(len(c.data.rooms)))
	c.stay(kindFaxLine, "", int64(len(c.data.faxes)))
	c.stay(kindFaxText, "", int64(len(c.out.FaxLines)))
	tables := systemTables()
	for _, t := range sortedKeys(c.data.counts) {
		c.stay(tables[t], "", c.data.counts[t])
	}
	say := wordings()
	for _, k := range c.order {
		c.out.Left = append(c.out.Left, Left{Kind: k[0], Owner: k[1], Count: c.left[k], Reason: say[k[0]].reason})
	}
	slices.SortStableFunc(c.out.Left, func(a, b Left) int {
		if a.Owner != b.Owner {
			return strings.Compare(a.Owner, b.Owner)
		}
		return strings.Compare(a.Kind, b.Kind)
	})
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
