package transport

import (
	"bytes"
	"errors"
	"testing"

	"github.com/gobwas/ws"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

// drain takes all events; an error ends the list.
func drain(r *wsReader) (list []wsEvent, err error) {
	for {
		e, ok, err := r.next()
		if err != nil || !ok {
			return list, err
		}
		list = append(list, e)
	}
}

// FuzzWebSocket: however the bytes are cut, the same messages and the same fault come out, and no more is held than
// a message and a frame.
func FuzzWebSocket(f *testing.F) {
	corpus.Add(f)
	masked := func(op ws.OpCode, fin bool, payload string) []byte {
		return ws.MustCompileFrame(ws.MaskFrameWith(ws.NewFrame(op, fin, []byte(payload)), [4]byte{9, 0, 7, 255}))
	}
	f.Add(masked(ws.OpText, true, "OPTIONS sip:a SIP/2.0\r\n\r\n"), uint8(1))
	f.Add(append(masked(ws.OpText, false, "OPTIONS"), append(masked(ws.OpPing, true, "x"), masked(ws.OpContinuation, true, " sip")...)...), uint8(3))
	f.Add(masked(ws.OpClose, true, "\x03\xe9"), uint8(2))
	f.Add(ws.MustCompileFrame(ws.NewTextFrame([]byte("no mask"))), uint8(2))
	f.Add([]byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, uint8(1))
	f.Add([]byte{0x82, 0xfe, 0x01, 0x00, 0, 0, 0, 0}, uint8(4))
	const limit = 300
	f.Fuzz(func(t *testing.T, b []byte, step uint8) {
		whole := &wsReader{limit: limit}
		whole.Write(b)
		want, wantErr := drain(whole)
		cut := &wsReader{limit: limit}
		var got []wsEvent
		var gotErr error
		for rest := b; len(rest) > 0 && gotErr == nil; {
			n := min(len(rest), int(step)%17+1)
			cut.Write(rest[:n])
			rest = rest[n:]
			var some []wsEvent
			some, gotErr = drain(cut)
			got = append(got, some...)
			if held := len(cut.buf) - cut.start + len(cut.msg); gotErr == nil && held > 2*limit+32 {
				t.Fatalf("%d bytes are held", held)
			}
		}
		if (gotErr == nil) != (wantErr == nil) || len(got) != len(want) {
			t.Fatalf("whole: %d events, %v; cut: %d events, %v", len(want), wantErr, len(got), gotErr)
		}
		var fault *wsFault
		if wantErr != nil && !errors.As(wantErr, &fault) {
			t.Fatalf("an error without status: %v", wantErr)
		}
		for i := range want {
			if got[i].op != want[i].op || !bytes.Equal(got[i].data, want[i].data) {
				t.Fatalf("event %d: %v %q, cut %v %q", i, want[i].op, want[i].data, got[i].op, got[i].data)
			}
			if len(want[i].data) > limit {
				t.Fatalf("a message of %d bytes", len(want[i].data))
			}
		}
	})
}
