package directory

// Damage is a part of an object that could not be read, as after a change of the database by hand. The rest of the configuration is in
// force, and in place of the part what does no harm:
//
//	user    shown_numbers    none
//	user    call_blocking    all numbers outside are blocked
//	number  schedule         none
//	profile table, extended  no rules
//	calendar                 no rule that names it applies
//	forwarding_rule          switched off
//	hunt_group               no members, no overflow
//	pickup_group             no users
//	group   parameters       none
type Damage struct {
	Type    string // as in the audit log
	ID      string
	Name    string
	Field   string // as in the HTTP API
	Problem string
}

// SafeBlocks take the place of a user's blocks that cannot be read: nothing outside may be dialled, emergency calls excepted.
func SafeBlocks() []Block {
	return []Block{{Match: Match{Kind: MatchPattern, Value: `[+0].*`}, Note: "damaged in the database"}}
}
