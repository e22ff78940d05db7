package legacy

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/go-sql-driver/mysql"
)

// Dump writes a database whole to out, as gzipped SQL that brings it back on an empty one, bytes as they are stored. mariadb-dump does it, as
// another user where as is not nil. The password does not stand on a command line; scratch is a folder for the file that holds it meanwhile.
func Dump(ctx context.Context, dsn, scratch string, as *syscall.Credential, out io.Writer) error {
	cfg, err := configure(dsn)
	if err != nil {
		return err
	}
	program, err := dumpProgram()
	if err != nil {
		return err
	}
	file, err := loginFile(cfg, scratch, as)
	if err != nil {
		return fmt.Errorf("dumping the database: %w", err)
	}
	defer os.Remove(file) // it is of no use to the next
	// One moment is shown of InnoDB tables; none is locked, since the telephone system goes on.
	cmd := exec.CommandContext(ctx, program, "--defaults-file="+file, "--single-transaction", "--quick", "--skip-lock-tables", "--routines", "--triggers", "--events",
		"--default-character-set=binary", "--", cfg.DBName)
	if as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	}
	z := gzip.NewWriter(out)
	last := &tail{}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(z, last), &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("dumping the database %s: %w: %s", cfg.DBName, err, strings.TrimSpace(said.String()))
	}
	if !bytes.Contains(last.text, []byte("-- Dump completed")) {
		return fmt.Errorf("dumping the database %s: the dump has no end", cfg.DBName)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("dumping the database %s: %w", cfg.DBName, err)
	}
	return nil
}

func dumpProgram() (string, error) {
	for _, name := range []string{"mariadb-dump", "mysqldump"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", refuse("there is no mariadb-dump, which makes the backup of the database: install it (apt install mariadb-client) and try again")
}

// loginFile tells mariadb-dump where the server is and who asks. Nothing else is read, so that no .my.cnf gets in the way.
func loginFile(cfg *mysql.Config, scratch string, as *syscall.Credential) (string, error) {
	f, err := os.CreateTemp(scratch, ".login-*") // only its owner may read it
	if err != nil {
		return "", err
	}
	quoted := func(s string) string {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
	}
	text := "[client]\nuser=" + quoted(cfg.User) + "\npassword=" + quoted(cfg.Passwd) + "\n"
	if cfg.Net == "unix" {
		text += "socket=" + quoted(cfg.Addr) + "\n"
	} else {
		host, port, found := strings.Cut(cfg.Addr, ":")
		text += "protocol=TCP\nhost=" + quoted(host) + "\n"
		if _, err := strconv.Atoi(port); found && err == nil {
			text += "port=" + port + "\n"
		}
	}
	_, err = f.WriteString(text)
	if err == nil && as != nil {
		err = f.Chown(int(as.Uid), int(as.Gid))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return filepath.Abs(f.Name())
}

// tail keeps the last bytes that were written.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	const keep = 200
	t.text = append(t.text, p[max(0, len(p)-keep):]...)
	t.text = append(t.text[:0], t.text[max(0, len(t.text)-keep):]...)
	return len(p), nil
}
