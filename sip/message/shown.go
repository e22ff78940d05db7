package message

import "log/slog"

// maxLogged bounds how much of a message stands in the log, in bytes.
const maxLogged = 4096

// Shown is a message, acceptable or not, for the log: without its secrets (see Mask) and cut. It is masked only when the line is written.
type Shown []byte

// LogValue implements slog.LogValuer.
func (s Shown) LogValue() slog.Value {
	masked := Mask(s)
	return slog.StringValue(string(masked[:min(len(masked), maxLogged)]))
}
