package admin_test

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/admin/api"
	"github.com/koppelfeld/koppelfeld/internal/app/adminjoin"
	"github.com/koppelfeld/koppelfeld/internal/backup"
	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/directory"
	"github.com/koppelfeld/koppelfeld/internal/fault"
	"github.com/koppelfeld/koppelfeld/internal/store"
)

const backupName = "koppelfeld-20261127T031000Z-scheduled.tar.zst"

// backupRights are those of backups.
var backupRights = []right{
	{op: "list-backups", method: "GET", own: "/api/backups"},
	{op: "create-backup", method: "POST", own: "/api/backups"},
	{op: "download-backup", method: "GET", own: "/api/backups/" + backupName + "/file", person: true},
	{op: "delete-backup", method: "DELETE", own: "/api/backups/" + backupName, person: true},
}

// backups keeps backups of the rig; none is made until a test runs the keeper.
func (r *rig) backups(dir string) api.Backups {
	r.keeper = backup.NewKeeper(backup.KeeperConfig{
		Folder: filepath.Join(dir, backup.Folder), Zone: time.UTC, TrialDir: dir, Source: backup.Source{Database: store.Config{DataDir: dir}, Program: "5.0.0"},
		Validate: func(_, _ *directory.Snapshot, _ store.Changed) error { return nil },
		Lead:     func(context.Context) bool { return true }, Log: slog.New(slog.DiscardHandler), Faults: fault.New(slog.New(slog.DiscardHandler)),
	})
	return adminjoin.Backups{Keeper: r.keeper, Config: config.DefaultBackup(), DataDir: dir}
}

// keep runs the keeper until it has made a backup.
func (r *rig) keep(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.keeper.Run(ctx) }()
	for deadline := time.Now().Add(20 * time.Second); r.keeper.State().Made == 0; {
		if time.Now().After(deadline) {
			t.Fatalf("no backup: %+v", r.keeper.State())
		}
		<-time.After(20 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestBackups(t *testing.T) {
	r := newRig(t)
	var v struct {
		Items []api.Backup
		State api.BackupState
	}
	r.want(200, "supervisor", "GET", "/api/backups", "").decode(&v)
	if len(v.Items) != 0 || v.State.Working != "" || v.State.At != "03:10" || !v.State.SameDisk || v.State.Free == 0 {
		t.Errorf("at first: %+v", v)
	}
	r.want(202, "supervisor", "POST", "/api/backups", "")
	r.want(409, "supervisor", "POST", "/api/backups", "")
	r.keep(t)
	r.want(200, "supervisor", "GET", "/api/backups", "").decode(&v)
	if len(v.Items) != 1 || v.Items[0].Kind != "manual" || v.Items[0].Verified == nil || v.Items[0].Users != 4 || v.State.Good == nil || v.State.Failed != nil {
		t.Fatalf("afterwards: %+v", v)
	}
	path := "/api/backups/" + v.Items[0].Name
	a := r.want(200, "supervisor", "GET", path+"/file", "")
	file, err := os.ReadFile(filepath.Join(r.keeper.Folder(), v.Items[0].Name))
	if err != nil || a.Body.String() != string(file) || a.Header().Get("Content-Disposition") != `attachment; filename="`+v.Items[0].Name+`"` || a.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("download of %d bytes, %v, %v", a.Body.Len(), a.Header(), err)
	}
	for _, name := range []string{"none", "..%2fsecret.key", backupName, v.Items[0].Name + ".json"} {
		r.want(http.StatusNotFound, "supervisor", "GET", "/api/backups/"+name+"/file", "")
	}
	r.want(204, "supervisor", "DELETE", path, "")
	r.want(404, "supervisor", "DELETE", path, "")
	entries, _, err := r.st.ListAudit(t.Context(), store.AuditFilter{Limit: 10, ObjectType: "backup"})
	var acts []string
	for i := range entries {
		acts = append(acts, entries[i].Action)
	}
	if got := strings.Join(acts, " "); err != nil || got != "delete export create" {
		t.Errorf("audit log: %q, %v", got, err)
	}
}
