package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/koppelfeld/koppelfeld/internal/backup"
)

// maxKeyFile bounds files with keys and passphrases.
const maxKeyFile = 64 << 10

// Passphrase reads a passphrase from the first line of a file, "" for no file.
func Passphrase(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := readKeyFile(file)
	if err != nil {
		return "", err
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 {
		return "", fmt.Errorf("--passphrase-file: %s is empty", file)
	}
	return string(line), nil
}

// BackupKeys reads what opens an encrypted backup from a file of private keys or one with a passphrase; both may be "".
func BackupKeys(identity, passphraseFile string) (backup.Keys, error) {
	if identity != "" && passphraseFile != "" {
		return backup.Keys{}, errors.New("--identity and --passphrase-file exclude each other")
	}
	if identity != "" {
		text, err := readKeyFile(identity)
		if err != nil {
			return backup.Keys{}, err
		}
		return backup.Identities(bytes.NewReader(text))
	}
	p, err := Passphrase(passphraseFile)
	if err != nil || p == "" {
		return backup.Keys{}, err
	}
	return backup.Passphrase(p)
}

func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	return text, nil
}
