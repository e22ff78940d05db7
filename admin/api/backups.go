package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// Backups are backups of the whole system.
type Backups interface {
	List() ([]Backup, error)
	State() BackupState
	// Start asks for one; ErrBackupRunning says that one is being made.
	Start() error
	// Open and Remove match ErrNotFound for a name that is none.
	Open(name string) (file io.ReadCloser, size int64, err error)
	Remove(name string) error
}

// ErrBackupRunning says that a backup is being made.
var ErrBackupRunning = errors.New("a backup is being made")

// Backup is one backup.
type Backup struct {
	Name      string     `json:"name" doc:"Of the file" example:"koppelfeld-20261127T031000Z-scheduled.tar.zst"`
	Kind      string     `json:"kind" enum:"manual,scheduled,before-update,before-restore"`
	Created   time.Time  `json:"created"`
	Size      int64      `json:"size" doc:"Bytes"`
	Seconds   float64    `json:"seconds,omitempty" doc:"How long it took"`
	Encrypted bool       `json:"encrypted"`
	Verified  *time.Time `json:"verified,omitempty" doc:"When it was restored on trial"`
	Problem   string     `json:"problem,omitempty" doc:"Why the trial has failed"`
	Program   string     `json:"program,omitempty" doc:"Version that wrote it"`
	Users     int64      `json:"users,omitempty"`
	Records   int64      `json:"records,omitempty" doc:"Call records"`
	LeftOut   []string   `json:"left_out,omitempty" nullable:"false" doc:"Files that could not be read"`
}

// BackupState says how backups are.
type BackupState struct {
	Working   string     `json:"working" enum:",writing,verifying" doc:"What is done now, empty for nothing"`
	Since     *time.Time `json:"since,omitempty" doc:"When it began"`
	Rows      int64      `json:"rows,omitempty" doc:"Rows written so far"`
	Folder    string     `json:"folder" doc:"Where they are kept on the server"`
	SameDisk  bool       `json:"same_disk" doc:"The folder is on the disk of the data: what takes the one takes the other"`
	Free      int64      `json:"free" doc:"Bytes free on the disk of the folder"`
	At        string     `json:"at" doc:"When one is made each day, in the server's local time; empty for never" example:"03:10"`
	Next      *time.Time `json:"next,omitempty"`
	Elsewhere bool       `json:"elsewhere" doc:"Another node with this database makes the scheduled ones"`
	Daily     int        `json:"keep_daily"`
	Weekly    int        `json:"keep_weekly"`
	Monthly   int        `json:"keep_monthly"`
	Encrypted bool       `json:"encrypted" doc:"New ones are encrypted"`
	Verify    bool       `json:"verify" doc:"New ones are restored on trial"`
	Good      *time.Time `json:"good,omitempty" doc:"When the last good one was made"`
	Failed    *time.Time `json:"failed,omitempty" doc:"When the last attempt failed; left out when it did not"`
	Problem   string     `json:"problem,omitempty" doc:"Why it failed"`
}

type backupsOutput struct {
	Body struct {
		Items []Backup    `json:"items" nullable:"false" doc:"The newest first"`
		State BackupState `json:"state"`
	}
}

type backupPath struct {
	Name string `path:"name" maxLength:"100"`
}

func (a *API) registerBackups() {
	register(a, operation{
		id: "list-backups", method: http.MethodGet, path: "/api/backups", tag: "system", access: adminOnly,
		summary: "List backups of the system, and how they are made",
	}, a.listBackups)
	register(a, operation{
		id: "create-backup", method: http.MethodPost, path: "/api/backups", tag: "system", access: adminOnly, status: http.StatusAccepted,
		summary: "Make a backup now", doc: "It is made in the background, with low priority; the list says how far it is.", errors: []int{http.StatusConflict},
	}, a.createBackup)
	register(a, operation{
		id: "delete-backup", method: http.MethodDelete, path: "/api/backups/{name}", tag: "system", access: adminOnly, person: true, status: http.StatusNoContent,
		summary: "Delete a backup", errors: []int{http.StatusNotFound},
	}, a.deleteBackup)
	file := operation{
		id: "download-backup", method: http.MethodGet, path: "/api/backups/{name}/file", tag: "system", access: adminOnly, person: true,
		summary: "Download a backup", doc: "It holds every secret of the system, unless it is encrypted. Each download is noted in the audit log. Restoring is done by koppelfeld restore on the server.",
		errors: []int{http.StatusNotFound},
	}.huma()
	file.Responses = map[string]*huma.Response{"200": {
		Description: "The file", Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}}
	huma.Register(a.huma, file, func(ctx context.Context, in *backupPath) (*huma.StreamResponse, error) {
		out, err := a.downloadBackup(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
}

func (a *API) listBackups(context.Context, *struct{}) (*backupsOutput, error) {
	list, err := a.deps.Backups.List()
	if err != nil {
		return nil, err
	}
	var out backupsOutput
	out.Body.Items, out.Body.State = list, a.deps.Backups.State()
	if list == nil {
		out.Body.Items = []Backup{}
	}
	return &out, nil
}

func (a *API) createBackup(ctx context.Context, _ *struct{}) (*struct{}, error) {
	switch err := a.deps.Backups.Start(); {
	case errors.Is(err, ErrBackupRunning):
		return nil, fault(http.StatusConflict, "", "a backup is being made already")
	case err != nil:
		return nil, err
	}
	a.act(ctx, "create", "backup", "", "")
	return nil, nil
}

func (a *API) deleteBackup(ctx context.Context, in *backupPath) (*struct{}, error) {
	if err := a.deps.Backups.Remove(in.Name); err != nil {
		return nil, err
	}
	a.act(ctx, "delete", "backup", in.Name, in.Name)
	return nil, nil
}

func (a *API) downloadBackup(ctx context.Context, in *backupPath) (*huma.StreamResponse, error) {
	file, size, err := a.deps.Backups.Open(in.Name)
	if err != nil {
		return nil, err
	}
	// Before it is sent, so that nobody takes it along without a trace.
	if err := a.deps.Store.Act(ctx, a.changeOf(ctx), "export", "backup", in.Name, in.Name, nil, nil); err != nil {
		file.Close()
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer file.Close()
		_, w := humago.Unwrap(hctx)
		h := w.Header()
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", `attachment; filename="`+in.Name+`"`) // a name of a backup has no quotes
		h.Set("Content-Length", strconv.FormatInt(size, 10))
		h.Set("Cache-Control", "no-store")
		if _, err := io.CopyN(&patientWriter{w, http.NewResponseController(w)}, file, size); err != nil {
			a.log.DebugContext(ctx, "download ended", "err", err)
			panic(http.ErrAbortHandler) // who reads it must not take a part for the whole
		}
	}}, nil
}
