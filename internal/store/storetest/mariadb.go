package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // registers the driver "mysql"
)

// ErrNoMariaDB says that the programs of MariaDB are not installed.
var ErrNoMariaDB = errors.New("mariadbd and mariadb-install-db are not installed")

// Server is a private mariadbd that listens on a socket in a directory of its own.
type Server struct {
	dir     string
	user    string
	cmd     *exec.Cmd
	ended   chan error
	created atomic.Int64
}

// StartServer makes a data directory under the system's directory for temporary
// files and starts a server on it. It fails with ErrNoMariaDB when there is none
// to start. The caller calls Stop; the server also ends with this process.
func StartServer(ctx context.Context) (*Server, error) {
	install, err := exec.LookPath("mariadb-install-db")
	if err != nil {
		return nil, ErrNoMariaDB
	}
	if _, err := mariadbd(); err != nil {
		return nil, err
	}
	me, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("starting mariadbd: %w", err)
	}
	dir, err := os.MkdirTemp("", "kfdb")
	if err != nil {
		return nil, fmt.Errorf("starting mariadbd: %w", err)
	}
	s := &Server{dir: dir, user: me.Username}
	cmd := exec.CommandContext(ctx, install, "--no-defaults", "--datadir="+s.data(), "--user="+me.Username,
		"--auth-root-authentication-method=socket", "--auth-root-socket-user="+me.Username, "--skip-test-db")
	cmd.Env = s.environment()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mariadb-install-db: %w: %s", err, out), os.RemoveAll(dir))
	}
	if err := s.Start(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

func mariadbd() (string, error) {
	for _, name := range []string{"mariadbd", "/usr/sbin/mariadbd"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoMariaDB
}

// environment gives the server a folder of its own for temporary tables: a server that starts removes those that it finds, also another's.
func (s *Server) environment() []string { return append(os.Environ(), "TMPDIR="+s.dir) }

func (s *Server) data() string   { return filepath.Join(s.dir, "data") }
func (s *Server) socket() string { return filepath.Join(s.dir, "my.sock") }

// PID is the process ID of the server.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Start starts a server that was stopped or killed and waits until it answers.
func (s *Server) Start(ctx context.Context) error {
	path, err := mariadbd()
	if err != nil {
		return err
	}
	log := filepath.Join(s.dir, "err.log")
	s.cmd = exec.Command(path, "--no-defaults", "--datadir="+s.data(), "--socket="+s.socket(), "--user="+s.user, "--skip-networking",
		"--pid-file="+filepath.Join(s.dir, "pid"), "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M",
		"--innodb-flush-log-at-trx-commit=2", "--performance-schema=OFF", "--log-error="+log)
	s.cmd.Env = s.environment()
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("starting mariadbd: %w", err)
	}
	ended := make(chan error, 1)
	go func(cmd *exec.Cmd) { ended <- cmd.Wait() }(s.cmd) // ends with the server, awaited by Stop and Kill
	s.ended = ended
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		if err := s.query(ctx, "SELECT 1"); err == nil {
			return nil
		}
		select {
		case err := <-ended:
			text, _ := os.ReadFile(log) // the reason, if it wrote one
			return fmt.Errorf("mariadbd ended: %v: %s", err, text)
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("mariadbd does not answer: %w", ctx.Err()), s.Kill())
		case <-ticker.C:
		}
	}
}

func (s *Server) query(ctx context.Context, text string) error {
	db, err := sql.Open("mysql", s.DSN(""))
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, text)
	return err
}

// DSN is the address of the named database on this server, as it stands in the
// configuration file.
func (s *Server) DSN(name string) string {
	return s.user + "@unix(" + s.socket() + ")/" + name
}

// NewDatabase makes an empty database and returns its address.
func (s *Server) NewDatabase(ctx context.Context) (string, error) {
	name := "kf" + strconv.FormatInt(s.created.Add(1), 10)
	if err := s.query(ctx, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"); err != nil {
		return "", fmt.Errorf("creating database: %w", err)
	}
	return s.DSN(name), nil
}

// Shutdown ends the server properly; Start starts it again.
func (s *Server) Shutdown() error { return s.signal(syscall.SIGTERM) }

// Kill ends the server with SIGKILL; Start starts it again.
func (s *Server) Kill() error { return s.signal(syscall.SIGKILL) }

func (s *Server) signal(sig os.Signal) error {
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending mariadbd: %w", err)
	}
	err := <-s.ended
	s.ended <- err // for the next call
	return nil
}

// Stop ends the server and removes its directory.
func (s *Server) Stop() error {
	return errors.Join(s.Kill(), os.RemoveAll(s.dir))
}

// MariaDB starts a server for one test, which ends with the test, and returns the
// address of an empty database on it. Where MariaDB is not installed the test is
// skipped.
func MariaDB(t testing.TB) string {
	t.Helper()
	s := ServerFor(t)
	dsn, err := s.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

// ServerFor starts a server for one test, which ends with the test. Where MariaDB
// is not installed the test is skipped.
func ServerFor(t testing.TB) *Server {
	t.Helper()
	s, err := StartServer(t.Context())
	if errors.Is(err, ErrNoMariaDB) {
		t.Skip("NOT TESTED ON MARIADB: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}
