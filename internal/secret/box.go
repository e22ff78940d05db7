// Package secret keeps secrets: it seals values with the master key of the
// installation, hashes passwords, makes random tokens and compares in constant
// time.
//
// It starts no goroutine. It is a leaf and must not import other packages of
// this module.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// KeyFile is the name of the file in the data directory that holds the master key.
const KeyFile = "secret.key"

const (
	keySize   = 32
	boxFormat = 1 // first byte of a sealed value
)

// ErrOpen is returned by Box.Open for a value that was sealed with another key,
// for another purpose, or has been changed.
var ErrOpen = errors.New("sealed value cannot be opened with this key")

// Box seals and opens values with AES-256-GCM (NIST SP 800-38D) under the
// master key. It is safe for concurrent use.
type Box struct {
	aead cipher.AEAD
	root []byte // of derived keys
}

// NewBox returns a Box that uses the given key of 32 bytes.
func NewBox(key []byte) (*Box, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("master key has %d bytes, want %d", len(key), keySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("using master key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("using master key: %w", err)
	}
	return &Box{aead: aead, root: mac(key, "root of derived keys")}, nil
}

// Derive is a key of 32 bytes for one purpose. It is the same as long as the master key is, and tells nothing about it.
func (b *Box) Derive(purpose string) []byte { return mac(b.root, purpose) }

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text)) // never fails
	return m.Sum(nil)
}

// OpenBox reads the master key from dataDir/secret.key. When there is no such
// file it makes a key and writes it, with mode 0600 and in one step, so that of
// two processes both use the same key. A file that others than its owner may
// read or write is refused. dataDir must exist.
func OpenBox(dataDir string) (*Box, error) {
	path := filepath.Join(dataDir, KeyFile)
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createKey(dataDir, path); err != nil {
			return nil, fmt.Errorf("creating master key: %w", err)
		}
		key, err = readKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading master key: %w", err)
	}
	return NewBox(key)
}

// ReadBox is OpenBox without the making: a missing file is an error that
// matches fs.ErrNotExist.
func ReadBox(dataDir string) (*Box, error) {
	key, err := readKey(filepath.Join(dataDir, KeyFile))
	if err != nil {
		return nil, fmt.Errorf("reading master key: %w", err)
	}
	return NewBox(key)
}

func readKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %04o, others may use it; set it to 0600 (chmod 600 %s)", path, mode, path)
	}
	buf := make([]byte, 2*keySize+2)
	n, err := f.Read(buf)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(buf[:n])))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("%s does not hold a key of %d hexadecimal digits", path, 2*keySize)
	}
	return key, nil
}

// createKey writes a new key beside path and links it to path. Whoever links
// first wins; the other's key is dropped.
func createKey(dataDir, path string) error {
	key := make([]byte, keySize)
	rand.Read(key)                                 // never fails, see crypto/rand
	f, err := os.CreateTemp(dataDir, KeyFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	dir, err := os.Open(dataDir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Seal encrypts plaintext. aad names what the value is for ("slot:" and an ID);
// Open needs the same, so a sealed value cannot be moved to another row.
func (b *Box) Seal(plaintext []byte, aad string) []byte {
	sealed := make([]byte, 1+b.aead.NonceSize(), 1+b.aead.NonceSize()+len(plaintext)+b.aead.Overhead())
	sealed[0] = boxFormat
	nonce := sealed[1:]
	rand.Read(nonce)
	return b.aead.Seal(sealed, nonce, plaintext, []byte(aad))
}

// Open returns the plaintext of a sealed value, or ErrOpen.
func (b *Box) Open(sealed []byte, aad string) ([]byte, error) {
	n := b.aead.NonceSize()
	if len(sealed) < 1+n+b.aead.Overhead() || sealed[0] != boxFormat {
		return nil, ErrOpen
	}
	plaintext, err := b.aead.Open(nil, sealed[1:1+n], sealed[1+n:], []byte(aad))
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}
