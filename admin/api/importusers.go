package api

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/routing"
)

// maxImport bounds the lines of an import.
const maxImport = 5000

// ImportResult says what became of each line, or would.
type ImportResult struct {
	Preview   bool         `json:"preview" doc:"Nothing was asked to be written"`
	Applied   bool         `json:"applied" doc:"It has been written. It is not when a line has a fault"`
	Delimiter string       `json:"delimiter" doc:"As found"`
	Columns   []string     `json:"columns" nullable:"false" doc:"As understood, in their order; empty for one that is left alone"`
	Create    int          `json:"create"`
	Update    int          `json:"update"`
	Unchanged int          `json:"unchanged"`
	Faults    int          `json:"faults" doc:"Lines with faults"`
	Lines     []ImportLine `json:"lines" nullable:"false"`
}

// ImportLine is one line.
type ImportLine struct {
	Line     int           `json:"line" doc:"In the file, from 1"`
	Username string        `json:"username"`
	Action   string        `json:"action" enum:"create,update,unchanged,error"`
	Numbers  []string      `json:"numbers,omitempty" nullable:"false" doc:"Numbers that are given"`
	Slots    []string      `json:"slots,omitempty" nullable:"false" doc:"Types of slots that are made"`
	Faults   []ImportFault `json:"faults,omitempty" nullable:"false"`
}

// ImportFault is one thing wrong with a line.
type ImportFault struct {
	Column  string `json:"column"`
	Message string `json:"message"`
}

type importInput struct {
	Preview bool   `query:"preview" doc:"Only tell what would happen"`
	RawBody []byte `contentType:"text/csv"`
}

func (a *API) registerImport() {
	register(a, operation{
		id: "import-users", method: http.MethodPost, path: "/api/users/import", tag: "users", access: adminOnly,
		summary: "Make and change users from a CSV file",
		doc: "The first line names the columns: username, first_name, last_name, email, language, numbers, slots, or the same in German. Columns are separated by comma, " +
			"semicolon or tab; several numbers or slots in a field by blanks. Users who exist are changed; an empty field leaves as it is, and numbers and slots are " +
			"added, never taken away. New numbers are ticked for all slots of the user. All or nothing, at most 5000 lines.",
	}, a.importUsers)
}

// importColumns are the names that a column may have.
var importColumns = [...][2]string{
	{"username", "username benutzername benutzer user login"},
	{"first_name", "first_name firstname vorname"},
	{"last_name", "last_name lastname nachname name"},
	{"email", "email e-mail mail"},
	{"language", "language sprache"},
	{"numbers", "numbers number nummern nummer rufnummer rufnummern nebenstelle nebenstellen durchwahl"},
	{"slots", "slots slot geräte gerät"},
}

// errImport takes back what an import with faults has done.
var errImport = errors.New("lines have faults")

func (a *API) importUsers(ctx context.Context, in *importInput) (*struct{ Body ImportResult }, error) {
	out := &struct{ Body ImportResult }{}
	records, err := readImport(in.RawBody, &out.Body)
	if err != nil {
		return nil, err
	}
	out.Body.Preview = in.Preview
	run := func(tx Tx) error {
		out.Body.Lines = make([]ImportLine, 0, len(records))
		var fresh int
		for _, r := range records {
			if tx.Snapshot().ByName[r.fields["username"]] == nil {
				fresh++
			}
		}
		if err := a.mayCreateUsers(tx, fresh); err != nil {
			return err
		}
		for _, r := range records {
			l, err := r.apply(tx)
			if err != nil {
				return err
			}
			out.Body.Lines = append(out.Body.Lines, l)
		}
		if slices.ContainsFunc(out.Body.Lines, func(l ImportLine) bool { return len(l.Faults) > 0 }) {
			return errImport
		}
		return nil
	}
	if in.Preview {
		err = a.deps.Store.Try(ctx, run)
	} else {
		err = a.change(ctx, run)
	}
	var faults routing.Faults
	switch {
	case errors.As(err, &faults):
		out.Body.blame(faults)
	case err != nil && !errors.Is(err, errImport):
		return nil, err
	default:
		out.Body.Applied = err == nil && !in.Preview
	}
	out.Body.count()
	return out, nil
}

// blame puts what the routing table refuses to the lines of the users concerned, or to the first.
func (r *ImportResult) blame(faults routing.Faults) {
	for _, f := range faults {
		at := slices.IndexFunc(r.Lines, func(l ImportLine) bool { return strings.HasPrefix(f.Path, "users["+l.Username+"]") })
		l := &r.Lines[max(at, 0)]
		l.Faults = append(l.Faults, ImportFault{"numbers", f.Message})
	}
}

func (r *ImportResult) count() {
	for i := range r.Lines {
		l := &r.Lines[i]
		if len(l.Faults) > 0 {
			l.Action = "error"
		}
		switch l.Action {
		case "create":
			r.Create++
		case "update":
			r.Update++
		case "unchanged":
			r.Unchanged++
		default:
			r.Faults++
		}
	}
}

// importRecord is a line of the file.
type importRecord struct {
	line   int
	fields map[string]string // by column
}

// readImport reads the file and notes what was found in the result.
func readImport(body []byte, result *ImportResult) ([]importRecord, error) {
	text := strings.TrimPrefix(string(body), "\ufeff")
	if !utf8.ValidString(text) {
		return nil, invalid("body", "is not UTF-8")
	}
	head, _, _ := strings.Cut(text, "\n")
	result.Delimiter = ","
	for _, d := range []string{";", "\t"} {
		if strings.Count(head, d) > strings.Count(head, result.Delimiter) {
			result.Delimiter = d
		}
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.TrimLeadingSpace = rune(result.Delimiter[0]), -1, true
	header, err := r.Read()
	if err != nil {
		return nil, invalid("body", "has no line that names the columns")
	}
	for _, name := range header {
		result.Columns = append(result.Columns, importColumn(name))
	}
	if !slices.Contains(result.Columns, "username") {
		return nil, invalid("body", "has no column username in its first line")
	}
	var out []importRecord
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			var wrong *csv.ParseError
			if errors.As(err, &wrong) {
				return nil, invalid("body", "line "+strconv.Itoa(wrong.Line)+" is not CSV: "+wrong.Err.Error())
			}
			return nil, invalid("body", "is not CSV")
		}
		if len(out) == maxImport {
			return nil, invalid("body", "has more than "+strconv.Itoa(maxImport)+" lines")
		}
		line, _ := r.FieldPos(0)
		rec := importRecord{line: line, fields: map[string]string{}}
		for i, v := range fields {
			if i < len(result.Columns) && result.Columns[i] != "" {
				rec.fields[result.Columns[i]] = strings.TrimSpace(v)
			}
		}
		out = append(out, rec)
	}
}

func importColumn(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	for _, c := range importColumns {
		if slices.Contains(strings.Fields(c[1]), name) {
			return c[0]
		}
	}
	return ""
}

// apply makes or changes the user of a line. An error is one that ends the import as a whole.
func (r *importRecord) apply(tx Tx) (ImportLine, error) {
	l := ImportLine{Line: r.line, Username: r.fields["username"], Action: "unchanged"}
	edit := func(u *directory.User) {
		for column, field := range map[string]*string{"first_name": &u.FirstName, "last_name": &u.LastName, "email": &u.Email, "language": &u.Language} {
			if v := r.fields[column]; v != "" {
				*field = v
			}
		}
	}
	u := tx.Snapshot().ByName[l.Username]
	var err error
	if u == nil {
		made := directory.User{Username: l.Username}
		edit(&made)
		if made.Language != "" { // given, and so not what groups give
			made.Own |= directory.SettingLanguage
		}
		l.Action = "create"
		u, err = tx.CreateUser(made)
	} else {
		version := u.Version
		if u, err = tx.UpdateUser(u.ID, 0, edit); err == nil && u.Version != version {
			l.Action = "update"
		}
	}
	if err != nil {
		return l, l.fault("username", err)
	}
	for _, typ := range words(r.fields["slots"]) {
		if err := l.slot(tx, u.ID, directory.SlotType(typ)); err != nil {
			return l, err
		}
	}
	for _, number := range words(r.fields["numbers"]) {
		if n := tx.Snapshot().Numbers[number]; n != nil {
			if n.OwnerType != directory.OwnerUser || n.OwnerID != u.ID {
				l.Faults = append(l.Faults, ImportFault{"numbers", number + " belongs to " + tx.Snapshot().OwnerName(n)})
			}
			continue
		}
		if _, err := tx.AddNumber(directory.Number{Number: number, OwnerType: directory.OwnerUser, OwnerID: u.ID}); err != nil {
			if err := l.fault("numbers", err); err != nil {
				return l, err
			}
			continue
		}
		l.Numbers = append(l.Numbers, number)
	}
	if len(l.Numbers)+len(l.Slots) > 0 && l.Action == "unchanged" {
		l.Action = "update"
	}
	if len(l.Numbers) == 0 {
		return l, nil
	}
	matrix := tx.Snapshot().Matrix(u.ID)
	for _, n := range l.Numbers {
		matrix[n] = slices.Clone(tx.Snapshot().Columns[u.ID])
	}
	_, err = tx.SetMatrix(u.ID, matrix, 0)
	return l, err
}

// slot makes a slot of a type that the user does not have yet.
func (l *ImportLine) slot(tx Tx, userID string, typ directory.SlotType) error {
	snap := tx.Snapshot()
	if slices.ContainsFunc(snap.Columns[userID], func(id string) bool { return snap.Slots[id].Type == typ }) {
		return nil
	}
	if typ == directory.Mobile {
		l.Faults = append(l.Faults, ImportFault{"slots", "a mobile slot needs a number outside and cannot be imported"})
		return nil
	}
	if _, err := tx.CreateSlot(directory.Slot{UserID: userID, Type: typ}); err != nil {
		return l.fault("slots", err)
	}
	l.Slots = append(l.Slots, string(typ))
	return nil
}

// fault notes an error as a fault of the line, under the column that it is about. One that is none of the line's is returned.
func (l *ImportLine) fault(column string, err error) error {
	if list := directory.Invalid(err); len(list) > 0 {
		for _, e := range list {
			at := column
			if importColumn(e.Field) != "" {
				at = importColumn(e.Field)
			}
			l.Faults = append(l.Faults, ImportFault{at, e.Problem})
		}
		return nil
	}
	return err
}

// words are the parts of a field.
func words(field string) []string {
	return strings.FieldsFunc(field, func(r rune) bool { return r == ' ' || r == ',' || r == ';' || r == '|' })
}
