package legacy

import (
	"context"
	"slices"
)

// Read reads all that is known, counts what stays behind, and looks for what nobody knows.
func (s *Source) Read(ctx context.Context) (*Data, error) {
	d := &Data{settings: map[int64]*settings{}, places: map[int64]place{}, counts: map[string]int64{}}
	for t := range knownColumns() {
		if s.tables[t] == nil {
			d.absent = append(d.absent, t)
		}
	}
	slices.Sort(d.absent)
	for _, read := range []func(context.Context, *Data) error{
		s.readAccounts, s.readForwards, s.readSettings, s.readGroups, s.readTargets, s.readPhones, s.readPatterns,
		s.countPersonal, s.countTables, s.findZeroDates, s.findUnknown,
	} {
		if err := read(ctx, d); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func one(columns ...string) []string { return columns }

func (s *Source) readAccounts(ctx context.Context, d *Data) error {
	err := s.each(ctx, &d.problems, "users", one("id"), one("user", "pin", "firstname", "lastname", "honorific", "email", "user_comment", "nobody_index", "group_id"), func(w *row) {
		id, ok := w.needID("id")
		if !ok {
			return
		}
		_, idle := w.raw("nobody_index")
		d.accounts = append(d.accounts, account{
			id: id, user: w.text("user"), pin: w.text("pin"), first: w.text("firstname"), last: w.text("lastname"),
			honorific: w.text("honorific"), note: w.text("user_comment"), email: w.text("email"), idle: idle, place: w.id("group_id"),
		})
	})
	if err != nil {
		return err
	}
	err = s.each(ctx, &d.problems, "ast_sipfriends", one("name"), one("_user_id", "secret", "callerid", "language"), func(w *row) {
		id, ok := w.needID("_user_id")
		if !ok {
			return
		}
		d.friends = append(d.friends, friend{account: id, number: w.text("name"), secret: w.text("secret"), callerID: w.text("callerid"), language: w.text("language")})
	})
	if err != nil {
		return err
	}
	slices.SortFunc(d.accounts, func(a, b account) int { return int(a.id - b.id) })
	slices.SortStableFunc(d.friends, func(a, b friend) int { return int(a.account - b.account) })
	err = s.each(ctx, &d.problems, "users_external_numbers", one("user_id", "number"), nil, func(w *row) {
		if id, ok := w.needID("user_id"); ok {
			d.external = append(d.external, userNumber{account: id, number: w.text("number")})
		}
	})
	if err != nil {
		return err
	}
	return s.each(ctx, &d.problems, "host_params", one("host_id", "param"), one("value"), func(w *row) {
		if w.text("param") == "version" {
			d.version = w.text("value")
		}
	})
}

func (s *Source) readForwards(ctx context.Context, d *Data) error {
	err := s.each(ctx, &d.problems, "callforwards", one("user_id", "source", "case"), one("timeout", "number_std", "number_var", "number_vml", "vm_rec_id", "active"), func(w *row) {
		id, ok := w.needID("user_id")
		if !ok {
			return
		}
		d.forwards = append(d.forwards, forward{
			account: id, source: w.text("source"), kase: w.text("case"), seconds: w.id("timeout"), std: w.text("number_std"),
			vary: w.text("number_var"), vml: w.text("number_vml"), greeting: w.id("vm_rec_id") != 0, active: w.text("active"),
		})
	})
	if err != nil {
		return err
	}
	err = s.each(ctx, &d.problems, "cf_timerules", one("id"), one("_user_id", "ord", "d_mo", "d_tu", "d_we", "d_th", "d_fr", "d_sa", "d_su", "h_from", "h_to", "target"), func(w *row) {
		id, ok := w.needID("_user_id")
		from, okFrom := w.clock("h_from")
		to, okTo := w.clock("h_to")
		if ok && okFrom && okTo {
			d.timeRules = append(d.timeRules, timeRule{id: w.id("id"), account: id, order: w.id("ord"), days: w.days(), from: from, to: to, target: w.text("target")})
		}
	})
	if err != nil {
		return err
	}
	slices.SortFunc(d.timeRules, func(a, b timeRule) int {
		if a.account != b.account {
			return int(a.account - b.account)
		}
		if a.order != b.order {
			return int(a.order - b.order)
		}
		return int(a.id - b.id)
	})
	err = s.each(ctx, &d.problems, "cf_parallelcall", one("id"), one("_user_id", "number"), func(w *row) {
		if id, ok := w.needID("_user_id"); ok {
			d.parallel = append(d.parallel, userNumber{key: w.id("id"), account: id, number: w.text("number")})
		}
	})
	slices.SortFunc(d.parallel, func(a, b userNumber) int { return int(a.key - b.key) })
	return err
}

func (s *Source) readSettings(ctx context.Context, d *Data) error {
	for _, t := range []struct {
		table, user string
		columns     []string
		read        func(*row, *settings)
	}{
		{"callwaiting", "user_id", one("active"), func(w *row, s *settings) { s.waiting = w.flag("active") }},
		{"dnd", "_user_id", one("active"), func(w *row, s *settings) { s.dnd = w.text("active") == "yes" }},
		{"clir", "user_id", one("internal_restrict", "external_restrict"), func(w *row, s *settings) {
			s.hideInside, s.hideOutside = w.text("internal_restrict"), w.text("external_restrict")
		}},
		{"ringtones", "user_id", one("src", "bellcore", "file"), func(w *row, s *settings) {
			switch src := w.text("src"); src {
			case "internal":
				s.ringInside, s.fileInside = w.id("bellcore"), w.text("file")
			case "external":
				s.ringOutside, s.fileOutside = w.id("bellcore"), w.text("file")
			default:
				w.problem("src", "is neither internal nor external: "+clip(src))
			}
		}},
	} {
		key := one(t.user)
		if t.table == "ringtones" {
			key = one(t.user, "src")
		}
		err := s.each(ctx, &d.problems, t.table, key, t.columns, func(w *row) {
			if id, ok := w.needID(t.user); ok {
				t.read(w, d.settingsOf(id, t.table))
			}
		})
		if err != nil {
			return err
		}
	}
	err := s.each(ctx, &d.problems, "callblocking", one("id"), one("user_id", "regexp", "pin"), func(w *row) {
		if id, ok := w.needID("user_id"); ok {
			d.blocks = append(d.blocks, block{id: w.id("id"), account: id, pattern: w.text("regexp"), pin: w.text("pin")})
		}
	})
	slices.SortFunc(d.blocks, func(a, b block) int { return int(a.id - b.id) })
	return err
}

func (s *Source) readGroups(ctx context.Context, d *Data) error {
	err := s.each(ctx, &d.problems, "groups", one("id"), one("name", "title", "type"), func(w *row) {
		if id, ok := w.needID("id"); ok {
			d.groups = append(d.groups, group{id: id, name: w.text("name"), title: w.text("title"), gtype: w.text("type")})
		}
	})
	if err != nil {
		return err
	}
	slices.SortFunc(d.groups, func(a, b group) int { return int(a.id - b.id) })
	for _, t := range []struct {
		table, a, b string
		into        *[]pair
	}{
		{"group_members", "group", "member", &d.members}, {"group_includes", "group", "member", &d.includes}, {"pickupgroups_users", "group_id", "user_id", &d.pickers},
	} {
		err := s.each(ctx, &d.problems, t.table, one(t.a, t.b), nil, func(w *row) {
			a, okA := w.needID(t.a)
			b, okB := w.needID(t.b)
			if okA && okB {
				*t.into = append(*t.into, pair{a, b})
			}
		})
		if err != nil {
			return err
		}
		slices.SortFunc(*t.into, func(x, y pair) int {
			if x.a != y.a {
				return int(x.a - y.a)
			}
			return int(x.b - y.b)
		})
	}
	err = s.each(ctx, &d.problems, "group_connections", one("group", "key"), one("type", "connection"), func(w *row) {
		if id, ok := w.needID("group"); ok {
			d.computed = append(d.computed, connection{kind: w.text("type"), group: id, key: w.text("key"), queried: w.text("connection")})
		}
	})
	if err != nil {
		return err
	}
	return s.each(ctx, &d.problems, "group_permissions", one("type", "group", "permit"), nil, func(w *row) {
		a, okA := w.needID("group")
		b, okB := w.needID("permit")
		if okA && okB {
			d.permits = append(d.permits, permit{kind: w.text("type"), group: a, which: b})
		}
	})
}

// readTargets reads what owns numbers beside the users.
func (s *Source) readTargets(ctx context.Context, d *Data) error {
	err := s.each(ctx, &d.problems, "pickupgroups", one("id"), one("title"), func(w *row) {
		if id, ok := w.needID("id"); ok {
			d.pickups = append(d.pickups, pickup{id: id, title: w.text("title")})
		}
	})
	if err != nil {
		return err
	}
	slices.SortFunc(d.pickups, func(a, b pickup) int { return int(a.id - b.id) })
	err = s.each(ctx, &d.problems, "hunt_groups", one("id"), one("extension", "title", "strategy"), func(w *row) {
		if id, ok := w.needID("id"); ok {
			d.hunts = append(d.hunts, hunt{id: id, number: w.text("extension"), title: w.text("title"), strategy: w.text("strategy")})
		}
	})
	if err != nil {
		return err
	}
	slices.SortFunc(d.hunts, func(a, b hunt) int { return int(a.id - b.id) })
	err = s.each(ctx, &d.problems, "hunt_group_members", one("hunt_group_id", "position"), one("extension"), func(w *row) {
		if id, ok := w.needID("hunt_group_id"); ok {
			d.hunters = append(d.hunters, hunter{hunt: id, position: w.id("position"), number: w.text("extension")})
		}
	})
	if err != nil {
		return err
	}
	slices.SortFunc(d.hunters, func(a, b hunter) int { return int(a.position - b.position) })
	for _, t := range []struct {
		table, id, number, name string
		into                    *[]named
	}{
		{"fax_numbers", "id", "extension", "name", &d.faxes},
		{"ast_queues", "_id", "name", "_title", &d.queues},
		{"ivrs", "id", "name", "title", &d.menus},
		{"conferences", "ext", "ext", "ext", &d.rooms},
	} {
		columns := one(t.number, t.name)
		if t.into == &d.faxes {
			columns = append(columns, "tsi", "headline")
		}
		err := s.each(ctx, &d.problems, t.table, one(t.id), columns, func(w *row) {
			id, ok := w.needID(t.id)
			if ok {
				*t.into = append(*t.into, named{id: id, number: w.text(t.number), name: w.text(t.name), tsi: w.text("tsi"), headline: w.text("headline")})
			}
		})
		if err != nil {
			return err
		}
		slices.SortFunc(*t.into, func(a, b named) int { return int(a.id - b.id) })
	}
	return nil
}

func (s *Source) readPhones(ctx context.Context, d *Data) error {
	err := s.each(ctx, &d.problems, "phones", one("id"), one("type", "mac_addr", "user_id", "nobody_index"), func(w *row) {
		_, idle := w.raw("nobody_index")
		d.phones = append(d.phones, phone{id: w.id("id"), model: w.text("type"), mac: w.text("mac_addr"), account: w.id("user_id"), idle: idle})
	})
	if err != nil {
		return err
	}
	slices.SortFunc(d.phones, func(a, b phone) int { return int(a.id - b.id) })
	return s.each(ctx, &d.problems, "user_groups", one("id"), one("lft", "rgt", "title", "name"), func(w *row) {
		id, ok := w.needID("id")
		if !ok {
			return
		}
		p := place{id: id, left: w.id("lft"), right: w.id("rgt"), title: w.text("title")}
		if p.title == "" {
			p.title = w.text("name")
		}
		d.places[id] = p
	})
}

// readPatterns reads the patterns of rules that are not migrated yet, to say which of them have to be written anew.
func (s *Source) readPatterns(ctx context.Context, d *Data) error {
	for _, t := range []struct {
		table   string
		columns []string
	}{
		{"routes", one("pattern")}, {"routes_in", one("pattern")}, {"gate_grps", one("in_dest_search", "in_cid_search", "out_cid_search")},
	} {
		err := s.each(ctx, &d.problems, t.table, one("id"), t.columns, func(w *row) {
			for _, c := range t.columns {
				if p := w.text(c); p != "" {
					d.patterns = append(d.patterns, pattern{t.table, w.name(), c, p})
				}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
