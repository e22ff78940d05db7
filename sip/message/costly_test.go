package message

import (
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"
)

// maxCost is what a message within the size limit may cost, whatever is in it.
const maxCost = time.Millisecond

// costly are the most expensive messages that we could think of, at about a size in bytes.
func costly(size int) map[string]string {
	const line = "OPTIONS sip:c@d SIP/2.0\r\n"
	const via = "Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\n"
	const rest = "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n"
	size -= 1000
	fill := func(unit string, n int) string { return strings.Repeat(unit, n/len(unit)) }
	// spread puts units into as many lines as their length needs.
	spread := func(name, unit string) string {
		per := min(size, 16000)
		return strings.Repeat(name+fill(unit, per-len(name)-2)+"\r\n", size/per)
	}
	m := map[string]string{
		"lines":                       line + via + rest + fill("X: y\r\n", size) + "\r\n",
		"known lines":                 line + via + rest + fill("m:<sip:a@b>\r\n", min(size, 13*450)) + "\r\n",
		"long unknown names":          line + via + rest + fill(strings.Repeat("x", 250)+": y\r\n", size) + "\r\n",
		"lines without colon":         line + via + rest + fill("xxxxxxxxxxxxxxxx\r\n", size) + "\r\n",
		"folding":                     line + via + rest + "X: y" + fill("\r\n ", size) + "\r\n\r\n",
		"vias":                        line + fill("v: SIP/2.0/UDP h;branch=z9hG4bKx"+strings.Repeat(";x", 40)+"\r\n", size) + rest + "\r\n",
		"vias in one line":            line + spread("v: SIP/2.0/UDP h", ",SIP/2.0/UDP h") + rest + "\r\n",
		"parameters in Via":           line + "Via: SIP/2.0/UDP h;rport" + fill(";p=v", min(size, 16000)) + ";branch=z9hG4bKx\r\n" + rest + "\r\n",
		"parameters in From":          line + via + strings.Replace(rest, "a@b>", "a@b>"+fill(";p=v", min(size, 16000)), 1) + "\r\n",
		"parameters in the URI":       "OPTIONS sip:c@d" + fill(";p=v", size) + " SIP/2.0\r\n" + via + rest + "\r\n",
		"headers in the URI":          "OPTIONS sip:c@d?a=b" + fill("&p=v", size) + " SIP/2.0\r\n" + via + rest + "\r\n",
		"a long user":                 "OPTIONS sip:" + fill("%31", size) + "@d SIP/2.0\r\n" + via + rest + "\r\n",
		"a long Call-ID":              line + via + strings.Replace(rest, "Call-ID: x", "Call-ID: "+fill("x", min(size, 16000)), 1) + "\r\n",
		"blanks":                      line + via + rest + spread("X:", " ") + "\r\n",
		"line ends before":            fill("\r\n", size) + line + via + rest + "\r\n",
		"a long first line":           fill("x", size) + "\r\n" + via + rest + "\r\n",
		"control characters":          line + via + rest + spread("X: ", "\\\x01") + "\r\n",
		"SIP URIs without end":        line + via + rest + spread("X: ", "sip:") + "\r\n",
		"body":                        line + via + rest + "\r\n" + fill("x", size),
		"multipart":                   line + via + rest + "c: multipart/mixed;boundary=b\r\n\r\n" + fill("--b\r\n\r\n", size),
		"multipart, almost":           line + via + rest + "c: multipart/mixed;boundary=" + fill("-", 200) + "\r\n\r\n" + fill("-", size),
		"multipart in multipart":      line + via + rest + "c: multipart/mixed;boundary=b\r\n\r\n" + fill("--b\r\nc: multipart/mixed;boundary=b\r\n\r\n", size),
		"sipfrag in sipfrag":          line + via + rest + "c: message/sipfrag\r\n\r\n" + fill("x\r\nc: message/sipfrag\r\n\r\n", size),
		"credentials":                 line + via + rest + spread("Authorization: Digest ", "a=b,") + "\r\n",
		"quoted pairs":                line + via + rest + spread("Authorization: Digest a=\"", `\\`) + "\r\n",
		"escapes that end at nothing": line + via + rest + spread("Refer-To: <sip:x?", "authorization=") + "\r\n",
	}
	for _, h := range []string{"Contact", "Route", "Record-Route", "Path", "Supported", "Require", "Allow", "Accept", "Diversion", "Reason"} {
		m["values of "+h] = line + via + rest + spread(h+": ", "<sip:a>,") + "\r\n"
		m["short values of "+h] = line + via + rest + spread(h+": ", "a,") + "\r\n"
		m["parameters of "+h] = line + via + rest + spread(h+": <sip:a@b>", ";p=v") + "\r\n"
		m["quotes in "+h] = line + via + rest + spread(h+": ", `"`) + "\r\n"
		m["quoted strings in "+h] = line + via + rest + spread(h+": <sip:a>;p=", `"x" `) + "\r\n"
		m["brackets in "+h] = line + via + rest + spread(h+": ", "<") + "\r\n"
		m["commas in "+h] = line + via + rest + spread(h+": ", ",") + "\r\n"
	}
	return m
}

// touch does with a message what a server does, and all else that this package offers.
func touch(raw []byte) {
	Mask(raw)
	var f Framer
	_, _ = f.Write(raw)
	_, _, _ = f.Next()
	m, err := Parse(raw)
	if m == nil {
		return
	}
	if err == nil {
		m.SetReceived(netip.MustParseAddr("198.51.100.7"), 4000)
	}
	readAll(m)
	m.Contact()
	for _, id := range []ID{HContact, HRoute, HRecordRoute, HPath, HSupported, HRequire, HAllow, HAccept, HDiversion, HReason} {
		m.HasToken(id, "none of these")
		for v := range m.Values(id) {
			if a, err := ParseAddr(v); err == nil {
				a.Param("none of these")
			}
		}
	}
	if u, err := ParseURI(m.URI()); err == nil {
		u.Param("none of these")
		_ = Unescape(u.User)
		_ = u.Equal(u)
		_ = u.String()
	}
	NewResponse(m, 200, "", "t").Copy(m, HRecordRoute).Finish("", nil)
}

// TestCostlyMessagesTakeNoMore counts what the most expensive messages allocate: four times the size may take six times the memory. A
// reader that looks at every byte again for each part of a message shows in its time as well, see BenchmarkCostly.
func TestCostlyMessagesTakeNoMore(t *testing.T) {
	small, large := costly(MaxSize/4), costly(MaxSize-2)
	memory := func(raw string) int {
		b := []byte(raw)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		touch(b)
		runtime.ReadMemStats(&after)
		return int(after.TotalAlloc - before.TotalAlloc)
	}
	for name, raw := range large {
		if len(raw) > MaxSize {
			t.Errorf("%s: %d bytes", name, len(raw))
			continue
		}
		if a, b := memory(small[name]), memory(raw); b > 6*a+1<<17 || b > 40*MaxSize {
			t.Errorf("%s: %d bytes are allocated for a message of %d, %d for one of %d", name, a, len(small[name]), b, len(raw))
		}
	}
}

// BenchmarkCostly fails when one of them costs more than a millisecond.
func BenchmarkCostly(b *testing.B) {
	for name, raw := range costly(MaxSize - 2) {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			buf := make([]byte, len(raw))
			for b.Loop() {
				copy(buf, raw)
				touch(buf)
			}
			if per := b.Elapsed() / time.Duration(b.N); per > maxCost && b.N > 1 {
				b.Errorf("%v for %d bytes", per, len(raw))
			}
		})
	}
}
