package transport

import (
	"bytes"
	"fmt"

	"github.com/gobwas/ws"
)

// wsFault is why a WebSocket connection ends by our side, with the status that its close frame carries (RFC 6455
// section 7.4.1).
type wsFault struct {
	code ws.StatusCode
	what string
}

func (f *wsFault) Error() string { return fmt.Sprintf("WebSocket: %s (%d)", f.what, f.code) }

func wsProtocol(what string) *wsFault { return &wsFault{ws.StatusProtocolError, what} }

// wsReader cuts a client's bytes into frames and puts fragments together (RFC 6455 section 5). It holds at most one
// message of the greatest size and one frame. The zero value with limit set is ready.
type wsReader struct {
	limit int // bytes of the largest message

	buf   []byte
	start int    // of the bytes not yet looked at
	msg   []byte // fragments of an unfinished message
	open  bool   // a message is unfinished
	op    ws.OpCode
}

// wsEvent is a message or a control frame. Its bytes are its own.
type wsEvent struct {
	op   ws.OpCode // OpText or OpBinary for a message, OpPing, OpPong, OpClose
	data []byte
}

// Write appends bytes that arrived. Call next until it gives nothing after each Write.
func (r *wsReader) Write(p []byte) {
	if r.start > 0 {
		r.buf = r.buf[:copy(r.buf, r.buf[r.start:])]
		r.start = 0
	}
	r.buf = append(r.buf, p...)
}

// pending reports whether a frame or a message is unfinished.
func (r *wsReader) pending() bool { return r.open || len(r.buf) > r.start }

// next gives the next message or control frame; ok is false when more bytes are needed. Errors are final.
func (r *wsReader) next() (e wsEvent, ok bool, err error) {
	for {
		h, payload, err := r.frame()
		if err != nil || payload == nil {
			return wsEvent{}, false, err
		}
		switch {
		case h.OpCode.IsControl():
			return wsEvent{h.OpCode, bytes.Clone(payload)}, true, nil
		case h.OpCode == ws.OpContinuation:
			r.msg = append(r.msg, payload...)
		case h.Fin: // the common case
			return wsEvent{h.OpCode, bytes.Clone(payload)}, true, nil
		default:
			r.open, r.op = true, h.OpCode
			r.msg = append(r.msg, payload...)
		}
		if h.Fin {
			e = wsEvent{r.op, r.msg}
			r.open, r.msg = false, nil
			return e, true, nil
		}
	}
}

// frame takes one whole frame and unmasks it in place. payload is nil when it is not whole; it is valid until the
// next Write.
func (r *wsReader) frame() (h ws.Header, payload []byte, err error) {
	b := r.buf[r.start:]
	size := headerSize(b)
	if size == 0 || len(b) < size {
		if len(b) == 0 {
			r.rest()
		}
		return h, nil, nil
	}
	if h, err = ws.ReadHeader(bytes.NewReader(b[:size])); err != nil {
		return h, nil, wsProtocol(err.Error())
	}
	if err := r.check(h); err != nil {
		return h, nil, err
	}
	if int64(len(b)) < int64(size)+h.Length {
		return h, nil, nil
	}
	end := size + int(h.Length)
	payload = b[size:end:end]
	ws.Cipher(payload, h.Mask, 0)
	r.start += end
	return h, payload, nil
}

// rest gives up the room of what is over: an idle connection holds none.
func (r *wsReader) rest() {
	if r.buf != nil {
		r.buf, r.start = nil, 0
	}
}

// headerSize is the size of the frame header that b begins with, 0 when that cannot be told yet.
func headerSize(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	size := 2
	switch b[1] & 0x7f {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if b[1]&0x80 != 0 {
		size += 4
	}
	return size
}

// check refuses frames that a client must not send, before their payload has come.
func (r *wsReader) check(h ws.Header) error {
	switch {
	case !h.Masked:
		return wsProtocol("frame without mask")
	case h.Rsv != 0:
		return wsProtocol("reserved bits, but no extension was agreed upon")
	case h.OpCode.IsReserved():
		return wsProtocol("unknown opcode")
	case h.OpCode.IsControl():
		if !h.Fin || h.Length > ws.MaxControlFramePayloadSize {
			return wsProtocol("control frame fragmented or too large")
		}
		return nil
	case h.OpCode == ws.OpContinuation && !r.open:
		return wsProtocol("continuation of nothing")
	case h.OpCode != ws.OpContinuation && r.open:
		return wsProtocol("new message before the end of the last one")
	}
	if h.Length > int64(r.limit-len(r.msg)) {
		return &wsFault{ws.StatusMessageTooBig, "message too large"}
	}
	return nil
}
