package admin

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/koppelfeld/koppelfeld/admin/api"
)

// pagePolicy is the Content-Security-Policy (CSP level 3) of the pages: nothing from
// elsewhere, no script but from files, styles from files or with the nonce of the answer.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-%s'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// pages serves the React application: files by their name, and its one page at every other path, because the
// application knows by itself what belongs there.
type pages struct {
	files fs.FS
	index [2][]byte // before and after the nonce
}

func newPages(files fs.FS) (*pages, error) {
	index, err := fs.ReadFile(files, "index.html")
	if err != nil {
		return nil, fmt.Errorf("reading the pages: %w", err)
	}
	before, after, _ := bytes.Cut(index, []byte("@NONCE@"))
	return &pages{files: files, index: [2][]byte{before, after}}, nil
}

// ServeHTTP answers GET and HEAD. A path with an extension is that of a file.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch name := strings.TrimPrefix(path.Clean(r.URL.Path), "/"); {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		api.WriteProblem(w, http.StatusMethodNotAllowed, "this path does not take "+r.Method)
	case isFile(name):
		p.file(w, r, name)
	case !strings.Contains(r.Header.Get("Accept"), "text/html") && r.Header.Get("Accept") != "" && r.Header.Get("Accept") != "*/*":
		api.WriteProblem(w, http.StatusNotFound, "there is nothing at this path; "+api.SpecPath+" lists what there is")
	default:
		p.page(w)
	}
}

func isFile(name string) bool {
	return strings.HasPrefix(name, "assets/") || !strings.Contains(name, "/") && path.Ext(name) != ""
}

func (p *pages) page(w http.ResponseWriter) {
	var raw [16]byte
	rand.Read(raw[:]) // never fails
	nonce := base64.StdEncoding.EncodeToString(raw[:])
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", fmt.Sprintf(pagePolicy, nonce))
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store") // a nonce is good for one answer
	w.Write(p.index[0])
	if p.index[1] != nil {
		w.Write([]byte(nonce))
		w.Write(p.index[1])
	}
}

// file serves a file, compressed where it is there compressed and the client takes that.
func (p *pages) file(w http.ResponseWriter, r *http.Request, name string) {
	data, err := []byte(nil), fs.ErrNotExist
	h := w.Header()
	h.Add("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		if data, err = fs.ReadFile(p.files, name+".gz"); err == nil {
			h.Set("Content-Encoding", "gzip")
		}
	}
	if err != nil {
		data, err = fs.ReadFile(p.files, name)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) || name == "index.html" {
		api.WriteProblem(w, http.StatusNotFound, "there is no such file; the pages may have been updated: load them again")
		return
	}
	if err != nil {
		api.WriteProblem(w, http.StatusInternalServerError, "the file cannot be read")
		return
	}
	h.Set("Content-Type", cmp.Or(mime.TypeByExtension(path.Ext(name)), "application/octet-stream"))
	if strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if r.Method == http.MethodGet {
		w.Write(data)
	}
}
