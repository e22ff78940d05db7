package registrar

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/koppelfeld/koppelfeld/sip/transport"
)

// The snapshot is a file of JSON lines: a header, a line per binding, and a last line with
// their number, so that a file cut short is known as such.

const (
	fileFormat  = "koppelfeld-locations"
	fileVersion = 1
	maxLine     = 16 << 10
)

type fileHeader struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Written time.Time `json:"written"`
}

type fileEnd struct {
	End *int `json:"end"`
}

type fileBinding struct {
	Slot      string         `json:"slot"`
	Contact   string         `json:"contact"`
	Proto     string         `json:"proto"`
	Local     netip.AddrPort `json:"local"`
	Received  netip.AddrPort `json:"received"`
	Path      []string       `json:"path,omitempty"`
	Refreshed int64          `json:"refreshed"` // Unix seconds
	Expires   int64          `json:"expires"`   // Unix seconds
	CallID    string         `json:"call_id"`
	CSeq      uint32         `json:"cseq"`
	Q         float32        `json:"q"`
	UserAgent string         `json:"user_agent,omitempty"`
	Instance  string         `json:"instance,omitempty"`
	RegID     string         `json:"reg_id,omitempty"`
	Outbound  bool           `json:"outbound,omitempty"`
}

// store knows when the file is to be written.
type store struct {
	changed atomic.Bool // bindings came or went
	moved   atomic.Bool // expiries moved
}

func (s *store) touch(changed bool) {
	if changed {
		s.changed.Store(true)
	} else if !s.moved.Load() {
		s.moved.Store(true)
	}
}

// persist writes the file soon after bindings came or went, each minute when only expiries
// moved, and when ctx ends.
func (r *Registrar) persist(ctx context.Context) {
	if r.cfg.File == "" {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last, next time.Time
	failing := false
	write := func() {
		began := time.Now()
		r.store.changed.Store(false)
		r.store.moved.Store(false)
		err := errFault
		r.attempt("writing the location table", func() { err = r.save() })
		last = time.Now()
		next = last.Add(20 * last.Sub(began)) // a large table under constant change must not keep the disk busy
		switch {
		case err != nil:
			r.store.changed.Store(true)
			next = last.Add(10 * time.Second)
			if !failing {
				r.cfg.Log.Error("location table not written, trying again", "file", r.cfg.File, "error", err)
			}
		case failing:
			r.cfg.Log.Info("location table written again", "file", r.cfg.File)
		}
		failing = err != nil
	}
	for {
		select {
		case <-ctx.Done():
			if r.store.changed.Load() || r.store.moved.Load() {
				write()
			}
			return
		case <-tick.C:
			now := time.Now()
			if now.Before(next) {
				continue
			}
			if r.store.changed.Load() || r.store.moved.Load() && now.Sub(last) >= time.Minute {
				write()
			}
		}
	}
}

var errFault = errors.New("a fault of the program")

// save writes the snapshot to a temporary file and puts it in place of the old one.
func (r *Registrar) save() (err error) {
	f, err := os.OpenFile(r.cfg.File+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriterSize(f, 64<<10)
	if err := r.encode(w); err != nil {
		return err
	}
	if err := errors.Join(w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), r.cfg.File); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(r.cfg.File))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (r *Registrar) encode(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	now := r.cfg.Now()
	if err := enc.Encode(fileHeader{fileFormat, fileVersion, now.UTC()}); err != nil {
		return err
	}
	n := 0
	var lists [][]Binding
	for i := range r.stripes {
		s := &r.stripes[i]
		lists = lists[:0]
		s.mu.RLock()
		for _, list := range s.slots {
			lists = append(lists, list)
		}
		s.mu.RUnlock()
		for _, list := range lists {
			for _, b := range live(list, now) {
				n++
				err := enc.Encode(fileBinding{
					Slot: b.SlotID, Contact: b.Contact, Proto: string(b.proto), Local: b.local, Received: b.Received, Path: b.Path,
					Refreshed: b.Refreshed.Unix(), Expires: b.Expires.Unix(), CallID: b.CallID, CSeq: b.CSeq, Q: b.Q, UserAgent: b.UserAgent, Instance: b.Instance, RegID: b.RegID, Outbound: b.Outbound,
				})
				if err != nil {
					return err
				}
			}
		}
	}
	return enc.Encode(fileEnd{&n})
}

// load reads the snapshot. A file that cannot be understood is set aside.
func (r *Registrar) load() error {
	if r.cfg.File == "" {
		return nil
	}
	f, err := os.Open(r.cfg.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading locations: %w", err)
	}
	list, err := decode(f)
	f.Close()
	if err != nil {
		aside := r.cfg.File + ".bad"
		if rerr := os.Rename(r.cfg.File, aside); rerr != nil {
			return fmt.Errorf("reading locations: %w", errors.Join(err, rerr))
		}
		r.cfg.Log.Error("location table not readable, starting empty", "file", r.cfg.File, "set_aside", aside, "error", err)
		return nil
	}
	now := r.cfg.Now()
	dropped := 0
	for _, b := range list {
		if !r.restore(b, now) {
			dropped++
		}
	}
	r.store.changed.Store(dropped > 0)
	r.store.moved.Store(false)
	r.cfg.Log.Info("location table read", "bindings", len(list)-dropped, "dropped", dropped)
	return nil
}

// restore puts a binding back if it lives and can be reached: over UDP by its old source
// address, over a connection only when the contact itself can be dialled.
func (r *Registrar) restore(b Binding, now time.Time) bool {
	if !b.Expires.After(now) || int(r.bindings.Load()) >= r.cfg.MaxBindings {
		return false
	}
	if most := now.Add(time.Duration(r.cfg.MaxExpires) * time.Second); b.Expires.After(most) {
		b.Expires = most
	}
	b.nat, b.named = behindNAT(b.Contact, b.Received, b.proto), namesHost(b.Contact)
	switch {
	case b.dialable():
	case b.proto.Reliable() || r.cfg.Stack == nil:
		return false
	default:
		flow, err := r.cfg.Stack.FlowTo(transport.Target{Proto: b.proto, Addr: b.Received, Local: b.local})
		if err != nil {
			return false
		}
		b.Flow, b.local = flow, flow.Local()
		if b.nat && len(b.Path) == 0 {
			b.pulse = newPulse(now, r.cfg.KeepAlive)
		}
	}
	s := r.stripe(b.SlotID)
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.slots[b.SlotID]
	if len(old) >= r.cfg.MaxContacts {
		return false
	}
	r.set(s, b.SlotID, append(old[:len(old):len(old)], b), false)
	return true
}

// decode reads a snapshot whole or not at all.
func decode(src io.Reader) ([]Binding, error) {
	sc := bufio.NewScanner(src)
	sc.Buffer(make([]byte, 0, 4096), maxLine)
	if !sc.Scan() {
		return nil, errors.Join(errors.New("no header"), sc.Err())
	}
	var h fileHeader
	if err := json.Unmarshal(sc.Bytes(), &h); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if h.Format != fileFormat || h.Version != fileVersion {
		return nil, fmt.Errorf("format %q version %d", h.Format, h.Version)
	}
	var list []Binding
	for sc.Scan() {
		line := sc.Bytes()
		if strings.HasPrefix(string(line[:min(len(line), 7)]), `{"end":`) {
			var end fileEnd
			if err := json.Unmarshal(line, &end); err != nil || end.End == nil || *end.End != len(list) {
				return nil, fmt.Errorf("last line %.40q after %d bindings", line, len(list))
			}
			return list, sc.Err()
		}
		var fb fileBinding
		if err := json.Unmarshal(line, &fb); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(list)+2, err)
		}
		b, err := fb.binding()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(list)+2, err)
		}
		list = append(list, b)
	}
	return nil, errors.Join(errors.New("cut short"), sc.Err())
}

// binding checks what a REGISTER would have been checked for.
func (f *fileBinding) binding() (Binding, error) {
	bad := func(field string) (Binding, error) { return Binding{}, fmt.Errorf("unusable %s", field) }
	size := 0
	for _, p := range f.Path {
		size += len(p)
	}
	switch {
	case f.Slot == "":
		return bad("slot")
	case len(f.Contact) > maxContactURI || !isSIP(f.Contact) || strings.ContainsAny(f.Contact, "<>\r\n\x00"):
		return bad("contact")
	case !transport.Proto(f.Proto).Known():
		return bad("proto")
	case !f.Received.IsValid() || f.Received.Port() == 0:
		return bad("received")
	case size > maxPath || len(f.Path) > maxPathHops:
		return bad("path")
	case len(f.CallID) > maxCallID || len(f.Instance) > maxInstance || len(f.RegID) > maxRegID || !digits(f.RegID):
		return bad("call_id, instance or reg_id")
	case !(f.Q >= 0 && f.Q <= 1):
		return bad("q")
	}
	return Binding{
		SlotID: f.Slot, Contact: f.Contact, Received: f.Received, Path: f.Path, Refreshed: time.Unix(f.Refreshed, 0), Expires: time.Unix(f.Expires, 0), CallID: f.CallID,
		CSeq: f.CSeq, Q: f.Q, UserAgent: f.UserAgent, Instance: f.Instance, RegID: f.RegID, Outbound: f.Outbound && f.Instance != "" && f.RegID != "",
		proto: transport.Proto(f.Proto), local: f.Local,
	}, nil
}
