// Package ui holds the pages: one React application for administrators and
// users, built from src into dist/app and embedded here. A program that was
// built without that step (make pages) carries a page that says so.
package ui

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files returns the pages: index.html, where @NONCE@ stands for the nonce of the
// answer, and what it refers to. Below assets/ names change with their content.
func Files() (fs.FS, error) {
	dir := "dist/app"
	if _, err := fs.Stat(dist, dir+"/index.html"); err != nil {
		dir = "dist/without"
	}
	files, err := fs.Sub(dist, dir)
	if err != nil {
		return nil, fmt.Errorf("reading the embedded pages: %w", err)
	}
	return files, nil
}
