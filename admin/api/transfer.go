package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// MaxImport bounds a file that is imported, in bytes.
const MaxImport = 64 << 20

const (
	importsPath = "/api/imports"
	// importItems bounds the objects that an import lists; their counts are always told.
	importItems = 5000
	// chunkTime is how long a piece of a file may take on its way.
	chunkTime = 20 * time.Second
	// passphraseHeader carries a passphrase: neither headers nor bodies are logged, addresses are.
	passphraseHeader = "Koppelfeld-Passphrase"
)

// Transfer writes and reads files with users, groups and what is theirs.
type Transfer interface {
	// Export gathers what is chosen and returns what writes it. Error: *FileError.
	Export(ctx context.Context, c ExportChoice) (write func(io.Writer) error, err error)
	// Room makes a file for what comes in. It is gone when it is closed.
	Room() (*os.File, error)
	// Import puts a file in, or says what that would do. Errors: *FileError, and those of Store.Update.
	Import(ctx context.Context, c Change, file io.ReaderAt, size int64, how ImportChoice) (FileResult, error)
}

// FileError says why a file cannot be used or written, in words.
type FileError struct{ Code, Message string }

// Error implements error.
func (e *FileError) Error() string { return e.Message }

// ExportChoice says what an export holds.
type ExportChoice struct {
	What       []string `json:"what,omitempty" maxItems:"4" enum:"users,phones,groups,system" doc:"Kinds of objects; none: all, and of chosen users and groups what is theirs"`
	Groups     []string `json:"groups,omitempty" maxItems:"1000" doc:"Names of groups of users whose members are chosen; none, and no users: everybody"`
	Users      []string `json:"users,omitempty" maxItems:"10000" doc:"User names"`
	Passphrase string   `json:"passphrase,omitempty" maxLength:"256" doc:"Locks passwords, PINs and SIP passwords, which are left out without one. At least 12 characters"`
}

// ImportChoice says how a file is imported.
type ImportChoice struct {
	Replace, Preview, SkipConflicts bool
	Passphrase                      string
}

// FileResult says what an import does, or would.
type FileResult struct {
	Preview    bool         `json:"preview" doc:"Nothing was asked to be written"`
	Applied    bool         `json:"applied" doc:"It has been written. It is not when something is in conflict and conflicts are not skipped"`
	Refused    string       `json:"refused,omitempty" doc:"Why new users could not be made, such as a licence that does not reach"`
	File       FileOrigin   `json:"file"`
	Counts     []FileCount  `json:"counts" nullable:"false" doc:"By kind, those that the file has"`
	Items      []FileObject `json:"items" nullable:"false" doc:"What is not the same: conflicts first, then what is removed, changed, new. At most 5000"`
	LeftOut    int          `json:"left_out" doc:"Objects beyond the list"`
	NewSecrets int          `json:"new_secrets" doc:"Slots with SIP passwords that the import makes, since the file brings none"`
	NoPassword int          `json:"no_password" doc:"New users who cannot log in before somebody sets their password"`
}

// FileOrigin says what a file is.
type FileOrigin struct {
	Source     string    `json:"source" doc:"SIP domain of the server that it comes from"`
	Program    string    `json:"program" doc:"Version of the program that wrote it"`
	MadeAt     time.Time `json:"made_at"`
	Everything bool      `json:"everything"`
	Groups     []string  `json:"groups" nullable:"false" doc:"Chosen groups"`
	Users      []string  `json:"users" nullable:"false" doc:"Chosen users"`
	Secrets    bool      `json:"secrets" doc:"It has a locked part with passwords"`
	Unlocked   bool      `json:"unlocked" doc:"The passphrase has opened it"`
}

// FileCount counts the objects of a kind.
type FileCount struct {
	Kind     string `json:"kind"`
	New      int    `json:"new"`
	Changed  int    `json:"changed"`
	Same     int    `json:"same"`
	Removed  int    `json:"removed"`
	Conflict int    `json:"conflict"`
}

// FileObject is one object of a file, or one that goes because the file does not have it.
type FileObject struct {
	Kind     string        `json:"kind" enum:"user,number,slot,profile,group,hunt_group,pickup_group,calendar,forwarding_rule,code,fax_line,configuration"`
	Name     string        `json:"name"`
	Owner    string        `json:"owner,omitempty" doc:"User name"`
	Action   string        `json:"action" enum:"new,changed,removed,conflict"`
	Fields   []FileField   `json:"fields,omitempty" nullable:"false" doc:"What changes"`
	Problems []FileProblem `json:"problems,omitempty" nullable:"false"`
}

// FileField is a field that changes. Secrets have neither before nor after.
type FileField struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// FileProblem says why an object is in conflict.
type FileProblem struct {
	Code    string `json:"code" enum:"taken,other_person,other_group,invalid,missing,type"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

// transfers keeps exports and imports from taking all of the machine: one at a time, and so many in a while.
type transfers struct {
	mu      sync.Mutex
	running bool
	recent  []time.Time
}

const (
	transferWhile = 5 * time.Minute
	transferMost  = 60
)

// begin takes the place, if it is free. The caller gives it back.
func (t *transfers) begin(now time.Time) (end func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.recent) > 0 && now.Sub(t.recent[0]) > transferWhile {
		t.recent = t.recent[1:]
	}
	switch {
	case t.running:
		return nil, huma.ErrorWithHeaders(fault(http.StatusServiceUnavailable, problemUnavailable, "another export or import is running: try again in a moment"), http.Header{"Retry-After": {"2"}})
	case len(t.recent) >= transferMost:
		return nil, huma.ErrorWithHeaders(fault(http.StatusTooManyRequests, "", "there were too many exports and imports: try again in a few minutes"), http.Header{"Retry-After": {"60"}})
	}
	t.running, t.recent = true, append(t.recent, now)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.running = false
	}, nil
}

// MaxBodyOf bounds the body of a request, in bytes.
func MaxBodyOf(r *http.Request) int64 {
	if r.Method == http.MethodPost && r.URL.Path == importsPath {
		return MaxImport
	}
	return MaxBody
}

type exportInput struct {
	Body ExportChoice
}

// importFileInput takes the body as it comes, since it is larger than what is held in memory.
type importFileInput struct {
	Mode          string `query:"mode" enum:"merge,replace" default:"merge" doc:"merge adds and updates and never removes; replace makes the users and groups of the file exactly as they are in it"`
	Preview       bool   `query:"preview" doc:"Only tell what would happen"`
	SkipConflicts bool   `query:"skip_conflicts" doc:"Leave out what is in conflict; else nothing is imported then"`
	Passphrase    string `header:"Koppelfeld-Passphrase" maxLength:"400" doc:"Unlocks the passwords in the file: the UTF-8 of the passphrase in base64 (RFC 4648 section 4)"`

	body    io.Reader
	control *http.ResponseController
}

// Resolve implements huma.Resolver.
func (in *importFileInput) Resolve(ctx huma.Context) []error {
	_, w := humago.Unwrap(ctx)
	in.body, in.control = ctx.BodyReader(), http.NewResponseController(w)
	return nil
}

func (a *API) registerTransfer() {
	export := operation{
		id: "export-file", method: http.MethodPost, path: "/api/exports", tag: "system", access: adminOnly, person: true, reads: true,
		summary: "Export users, groups and what is theirs",
		doc: "The answer is a zip archive that POST /api/imports reads on this or another server of the same or a newer version, described in docs/export-format.md. Of chosen users and " +
			"groups it holds numbers, slots, ticks, profiles and schedules, and what their rules refer to.",
		errors: []int{http.StatusUnprocessableEntity, http.StatusTooManyRequests},
	}.huma()
	export.Responses = map[string]*huma.Response{"200": {
		Description: "The file", Content: map[string]*huma.MediaType{"application/zip": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}}
	huma.Register(a.huma, export, func(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
		out, err := a.exportFile(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
	file := operation{
		id: "import-file", method: http.MethodPost, path: importsPath, tag: "system", access: adminOnly, person: true,
		summary: "Import users, groups and what is theirs",
		doc: "Takes a file of POST /api/exports, at most 64 MB, and says what becomes of each object. All of it is done in one transaction, or nothing: a preview is the import itself, " +
			"taken back.",
		errors: []int{http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusTooManyRequests},
	}.huma()
	file.RequestBody = &huma.RequestBody{
		Required: true, Content: map[string]*huma.MediaType{"application/zip": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}
	huma.Register(a.huma, file, func(ctx context.Context, in *importFileInput) (*struct{ Body FileResult }, error) {
		out, err := a.importFile(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return &struct{ Body FileResult }{out}, nil
	})
}

func (a *API) exportFile(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
	end, err := a.transfers.begin(time.Now())
	if err != nil {
		return nil, err
	}
	write, err := a.deps.Transfer.Export(ctx, in.Body)
	end()
	if err != nil {
		return nil, fileProblem(err)
	}
	secrets := "left_out"
	if in.Body.Passphrase != "" {
		secrets = "locked"
	}
	note := map[string]any{"what": in.Body.What, "groups": in.Body.Groups, "users": in.Body.Users, "secrets": secrets}
	if err := a.deps.Store.Act(ctx, a.changeOf(ctx), "export", "configuration", "", "", nil, note); err != nil {
		return nil, err // nobody takes it along unseen
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		_, w := humago.Unwrap(hctx)
		h := w.Header()
		h.Set("Content-Type", "application/zip")
		h.Set("Content-Disposition", `attachment; filename="koppelfeld-`+time.Now().Format(time.DateOnly)+`.zip"`)
		h.Set("Cache-Control", "no-store")
		if err := write(&patientWriter{w, http.NewResponseController(w)}); err != nil {
			a.log.DebugContext(ctx, "export ended", "err", err)
			panic(http.ErrAbortHandler) // who reads it must not take a part for the whole
		}
	}}, nil
}

// patientWriter gives each piece of a long answer its own time.
type patientWriter struct {
	w       io.Writer
	control *http.ResponseController
}

func (p *patientWriter) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(chunkTime)) // without it the server's own holds
	return p.w.Write(b)
}

func (a *API) importFile(ctx context.Context, in *importFileInput) (FileResult, error) {
	passphrase, err := base64.StdEncoding.DecodeString(in.Passphrase)
	if err != nil {
		return FileResult{}, fault(http.StatusUnprocessableEntity, problemInvalid, "validation failed", "header."+passphraseHeader, "is not base64")
	}
	end, err := a.transfers.begin(time.Now())
	if err != nil {
		return FileResult{}, err
	}
	defer end()
	file, err := a.deps.Transfer.Room()
	if err != nil {
		return FileResult{}, err
	}
	defer file.Close()
	size, err := in.receive(file)
	if err != nil {
		return FileResult{}, err
	}
	return a.importReceived(ctx, in, file, size, string(passphrase))
}

func (a *API) importReceived(ctx context.Context, in *importFileInput, file io.ReaderAt, size int64, passphrase string) (FileResult, error) {
	out, err := a.deps.Transfer.Import(ctx, a.changeOf(ctx), file, size, ImportChoice{
		Replace: in.Mode == "replace", Preview: in.Preview, SkipConflicts: in.SkipConflicts, Passphrase: passphrase,
	})
	if err != nil {
		return FileResult{}, fileProblem(err)
	}
	if len(out.Items) > importItems {
		out.Items, out.LeftOut = out.Items[:importItems], len(out.Items)-importItems
	}
	return out, nil
}

// receive puts the body into a file, piece by piece.
func (in *importFileInput) receive(file io.Writer) (int64, error) {
	var size int64
	var large *http.MaxBytesError
	for {
		_ = in.control.SetReadDeadline(time.Now().Add(chunkTime)) // without it the server's own holds
		n, err := io.CopyN(file, in.body, 1<<20)
		size += n
		switch {
		case errors.Is(err, io.EOF):
			_ = in.control.SetWriteDeadline(time.Now().Add(transferWhile)) // a large import takes its time
			return size, nil
		case errors.As(err, &large):
			return size, fault(http.StatusRequestEntityTooLarge, "", "request body too large")
		case errors.Is(err, os.ErrDeadlineExceeded):
			return size, fault(http.StatusRequestTimeout, "", "the request was given up before it was done")
		case err != nil:
			return size, err
		}
	}
}

// fileProblem tells why a file cannot be used.
func fileProblem(err error) error {
	var wrong *FileError
	if !errors.As(err, &wrong) {
		return err
	}
	return fault(http.StatusUnprocessableEntity, problemFile+wrong.Code, wrong.Message)
}
