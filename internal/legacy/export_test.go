package legacy

// KnownColumns, for tests.
var KnownColumns = knownColumns

// Messages and German, for tests.
func Messages() (out [][2]string) {
	for _, m := range messages() {
		out = append(out, [2]string{m.en, m.de})
	}
	return out
}

func German(message string) string { return newDictionary().german(message) }

// Makers are the reasons for which phones are not supported.
func Makers() (out []string) {
	for _, m := range makers() {
		out = append(out, m.reason)
	}
	_, unknown := supported("nobody's")
	return append(out, unknown)
}
