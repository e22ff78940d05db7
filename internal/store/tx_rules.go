package store

import (
	"reflect"
	"slices"

	"github.com/koppelfeld/koppelfeld/internal/directory"
)

// CreateRule adds a system-wide rule as the last one (SPEC F7). ID, Position and
// Version are set, ID and Version as in CreateCalendar. Error: *InvalidError.
func (tx *Tx) CreateRule(r directory.SystemRule) (*directory.SystemRule, error) {
	rules := tx.draft.snap.Rules
	if len(rules) >= directory.MaxSystem {
		return nil, invalid("name", "there are %d rules already", len(rules))
	}
	there := slices.ContainsFunc(rules, func(other *directory.SystemRule) bool { return other.ID == r.ID })
	var err error
	if r.ID, r.Version, err = identity("forwarding rule", r.ID, r.Version, there); err != nil {
		return nil, err
	}
	r.Position = len(rules)
	if err := tx.check(&r); err != nil {
		return nil, err
	}
	d, err := ruleDocuments(&r)
	if err != nil {
		return nil, err
	}
	err = tx.exec(`INSERT INTO forwarding_rules (id, position, name, enabled, when_json, action_json, tests_json, version)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, r.ID, r.Position, r.Name, r.Enabled, d.when, d.action, d.tests, r.Version)
	if err != nil {
		return nil, err
	}
	tx.draft.setRules(append(slices.Clip(rules), &r), r.ID)
	return &r, tx.record("create", "forwarding_rule", r.ID, r.Name, nil, ruleView(&r))
}

type ruleTexts struct{ when, action, tests string }

// ruleDocuments is to system-wide rules what profileDocuments is to profiles.
func ruleDocuments(r *directory.SystemRule) (d ruleTexts, err error) {
	if d.when, r.When, err = document("when", r.When); err != nil {
		return d, err
	}
	if d.action, r.Action, err = document("action", r.Action); err != nil {
		return d, err
	}
	d.tests, r.Tests, err = document("tests", r.Tests)
	return d, err
}

func (tx *Tx) rule(id string, version int64) (*directory.SystemRule, error) {
	i := slices.IndexFunc(tx.draft.snap.Rules, func(r *directory.SystemRule) bool { return r.ID == id })
	if i < 0 {
		return nil, &NotFoundError{Kind: "forwarding rule", ID: clip(id, 32)}
	}
	r := tx.draft.snap.Rules[i]
	return r, checkVersion("forwarding rule", r.Name, r.Version, version)
}

// UpdateRule lets edit change a copy of the rule and stores it. version is as in
// UpdateUser. ID, Position and Version keep their values whatever edit does.
// Errors: ErrNotFound, ErrConflict, *InvalidError.
func (tx *Tx) UpdateRule(id string, version int64, edit func(*directory.SystemRule)) (*directory.SystemRule, error) {
	old, err := tx.rule(id, version)
	if err != nil {
		return nil, err
	}
	r := *old
	r.When, r.Action, r.Tests = copied(old.When), copied(old.Action), copied(old.Tests)
	edit(&r)
	r.ID, r.Position, r.Version = old.ID, old.Position, old.Version
	if err := tx.check(&r); err != nil {
		return nil, err
	}
	d, err := ruleDocuments(&r)
	if err != nil {
		return nil, err
	}
	if reflect.DeepEqual(r, *old) && !tx.draft.isDamaged("forwarding_rule", r.ID) {
		return old, nil
	}
	r.Version++
	err = tx.exec("UPDATE forwarding_rules SET name = ?, enabled = ?, when_json = ?, action_json = ?, tests_json = ?, version = ? WHERE id = ?",
		r.Name, r.Enabled, d.when, d.action, d.tests, r.Version, r.ID)
	if err != nil {
		return nil, err
	}
	rules := slices.Clone(tx.draft.snap.Rules)
	rules[r.Position] = &r
	tx.draft.setRules(rules, r.ID)
	return &r, tx.record("update", "forwarding_rule", r.ID, r.Name, ruleView(old), ruleView(&r))
}

// DeleteRule removes a system-wide rule. version is as in UpdateUser. Errors:
// ErrNotFound, ErrConflict.
func (tx *Tx) DeleteRule(id string, version int64) error {
	r, err := tx.rule(id, version)
	if err != nil {
		return err
	}
	if err := tx.exec("DELETE FROM forwarding_rules WHERE id = ?", id); err != nil {
		return err
	}
	if err := tx.exec("UPDATE forwarding_rules SET position = position - 1, version = version + 1 WHERE position > ?", r.Position); err != nil {
		return err
	}
	rules := make([]*directory.SystemRule, 0, len(tx.draft.snap.Rules))
	for _, other := range tx.draft.snap.Rules {
		if other.Position > r.Position {
			moved := *other
			moved.Position, moved.Version = moved.Position-1, moved.Version+1
			other = &moved
		}
		if other.ID != id {
			rules = append(rules, other)
		}
	}
	tx.draft.setRules(rules, id)
	return tx.record("delete", "forwarding_rule", r.ID, r.Name, ruleView(r), nil)
}

// OrderRules puts the system-wide rules in a new order: ids holds each of them
// once. Error: *InvalidError.
func (tx *Tx) OrderRules(ids []string) error {
	byID := map[string]*directory.SystemRule{}
	var before []string
	for _, r := range tx.draft.snap.Rules {
		byID[r.ID] = r
		before = append(before, r.ID)
	}
	if err := permutation("rules", before, ids); err != nil {
		return err
	}
	if slices.Equal(before, ids) {
		return nil
	}
	rules := make([]*directory.SystemRule, len(ids))
	for i, id := range ids {
		r := byID[id]
		if r.Position != i {
			moved := *r
			moved.Position, moved.Version = i, moved.Version+1
			r = &moved
			if err := tx.exec("UPDATE forwarding_rules SET position = ?, version = ? WHERE id = ?", r.Position, r.Version, r.ID); err != nil {
				return err
			}
		}
		rules[i] = r
	}
	tx.draft.setRules(rules)
	return tx.record("order", "forwarding_rule", "", "", before, ids)
}
