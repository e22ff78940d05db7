package legacy

// Data is what was read of a 4.5 system, as it stood there. What is wrong with single values has been noted as problems.
type Data struct {
	accounts  []account
	friends   []friend
	external  []userNumber // outside numbers of users
	forwards  []forward
	timeRules []timeRule
	parallel  []userNumber
	settings  map[int64]*settings // by account
	blocks    []block
	groups    []group
	members   []pair // group, member
	includes  []pair // group, group inside
	computed  []connection
	permits   []permit
	pickups   []pickup
	pickers   []pair // pickup group, account
	hunts     []hunt
	hunters   []hunter
	faxes     []named
	queues    []named
	menus     []named
	rooms     []named // conference rooms, whose number is their name
	phones    []phone
	places    map[int64]place // provisioning groups
	patterns  []pattern       // rules that are not migrated yet, for their patterns
	personal  []personal      // what belongs to a user and stays behind
	counts    map[string]int64
	version   string // "" where nothing tells
	absent    []string
	unknown   []Unknown
	problems  problems
}

// Unknown is a table or a column that nobody reads and that holds something.
type Unknown struct {
	Table  string `json:"table"`
	Column string `json:"column,omitempty"` // "" for the whole table
	Rows   int64  `json:"rows"`
	More   bool   `json:"more,omitempty"` // there are more rows than Rows, which were not counted
}

type account struct {
	id              int64
	user, pin       string
	first, last     string
	honorific, note string
	email           string
	idle            bool // a phone nobody is logged in at
	place           int64
}

type friend struct {
	account            int64
	number, secret     string
	callerID, language string
}

type userNumber struct {
	key, account int64
	number       string
}

type forward struct {
	account        int64
	source, kase   string
	seconds        int64
	std, vary, vml string
	greeting       bool
	active         string
}

type timeRule struct {
	id, account, order int64
	days               [7]bool // Sunday first
	from, to           int     // minutes
	target             string
}

type settings struct {
	from                    []string // tables
	waiting, dnd            bool
	hideInside, hideOutside string
	ringInside, ringOutside int64
	fileInside, fileOutside string
}

type block struct {
	id, account  int64
	pattern, pin string
}

type group struct {
	id                 int64
	name, title, gtype string
}

type pair struct{ a, b int64 }

type connection struct {
	kind         string
	group        int64
	key, queried string
}

type permit struct {
	kind         string
	group, which int64
}

type pickup struct {
	id    int64
	title string
}

type hunt struct {
	id                      int64
	number, title, strategy string
}

type hunter struct {
	hunt, position int64
	number         string
}

type named struct {
	id           int64
	number, name string
	// tsi and headline are those of a fax line.
	tsi, headline string
}

// line is what a fax line is called.
func (n named) line() string {
	if n.name == "" {
		return "Fax " + n.number
	}
	return n.name
}

type phone struct {
	id, account int64
	model, mac  string
	idle        bool
}

type place struct {
	id, left, right int64
	title           string
}

type pattern struct{ table, key, column, text string }

// personal counts what one user loses of one kind.
type personal struct {
	kind    string
	account int64
	count   int64
}

func (d *Data) settingsOf(account int64, table string) *settings {
	s := d.settings[account]
	if s == nil {
		s = &settings{}
		d.settings[account] = s
	}
	s.from = append(s.from, table)
	return s
}
