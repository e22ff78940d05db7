package b2bua

import "errors"

// claim is a ringing call that somebody is about to pick up.
type claim struct{}

func (cl *claim) free() {}

func (t *treatment) pickUp() { t.done(nil, errors.New("calls cannot be picked up yet")) }
