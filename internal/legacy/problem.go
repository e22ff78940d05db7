package legacy

// Problem is something in the old database that is not as it should be, by its place.
type Problem struct {
	Table   string `json:"table"`
	Key     string `json:"key"`
	Column  string `json:"column"`
	Message string `json:"message"`
	// Stops is set when the result would be ambiguous: the upgrade does not run until it is mended.
	Stops bool `json:"stops,omitempty"`
}

// maxProblems bounds the list of problems that stop nothing.
const maxProblems = 20000

// problems gathers what is found. Those that stop the upgrade are never left out.
type problems struct {
	list    []Problem
	omitted int
}

func (p *problems) add(table, key, column, message string) {
	p.put(Problem{Table: table, Key: key, Column: column, Message: message})
}

func (p *problems) stop(table, key, column, message string) {
	p.put(Problem{Table: table, Key: key, Column: column, Message: message, Stops: true})
}

func (p *problems) put(one Problem) {
	if len(p.list) >= maxProblems && !one.Stops {
		p.omitted++
		return
	}
	p.list = append(p.list, one)
}
