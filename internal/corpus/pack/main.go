// Command pack takes what fuzzing has left in the cache of the go command into the repository: for each target the smallest inputs, beside
// those that are kept already. `make fuzz-corpus` runs it at the root of the repository.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func main() {
	cache := flag.String("cache", "", "folder with the inputs of this module, below fuzz/ in the cache of the go command")
	only := flag.String("only", "", "pack only targets whose path ends so")
	flag.Parse()
	if err := run(*cache, *only); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(cache, only string) error {
	var targets []string
	err := filepath.WalkDir(cache, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), "Fuzz") && strings.HasSuffix(path, only) {
			targets = append(targets, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, t := range targets {
		rel, err := filepath.Rel(cache, t)
		if err != nil {
			return err
		}
		if err := pack(t, filepath.Dir(rel)); err != nil {
			return fmt.Errorf("%s: %w", rel, err)
		}
	}
	return nil
}

// pack takes one target's inputs into its package.
func pack(from, pkg string) error {
	if _, err := os.Stat(pkg); errors.Is(err, fs.ErrNotExist) {
		return nil // it has gone
	}
	name := filepath.Join(pkg, filepath.FromSlash(corpus.Dir), filepath.Base(from)+corpus.Ext)
	inputs, err := corpus.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			return err
		}
		if _, err := corpus.Values(b); err != nil {
			return fmt.Errorf("%s: %w", f.Name(), err)
		}
		inputs = append(inputs, b)
	}
	if len(inputs) == 0 {
		return nil
	}
	n, err := corpus.WriteFile(name, inputs)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	fmt.Printf("%-60s %5d of %5d inputs, %6d bytes\n", name, n, len(inputs), info.Size())
	return nil
}
