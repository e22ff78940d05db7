package sdp

import (
	"bytes"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

var update = flag.Bool("update", false, "rewrite golden files")

const audio = "v=0\r\no=- 3747 3747 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n" +
	"m=audio 40000 RTP/AVP 8 0 9 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n" +
	"a=rtpmap:9 G722/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"

func mustParse(t testing.TB, s string) *Session {
	t.Helper()
	d, err := Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// relayEdit is what a relay does with a usual description.
func relayEdit() Edit {
	return Edit{
		Origin: OwnOrigin{User: "koppelfeld", ID: 42, Version: 7, Addr: netip.MustParseAddr("198.51.100.1")},
		Addr:   netip.MustParseAddr("198.51.100.1"),
		Media:  []MediaEdit{{Port: 20000}, {Port: 20002, RTCP: 21000}, {Port: 20004, Direction: SendOnly}},
		Drop:   DropICE | DropRTCPMux | DropCrypto | DropFingerprint,
	}
}

// TestRelay rewrites every testdata/relay/*.sdp; adding a case is adding a file.
func TestRelay(t *testing.T) {
	files, err := filepath.Glob("testdata/relay/*.sdp")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".sdp"), func(t *testing.T) {
			in, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Parse(in)
			if err != nil {
				t.Fatal(err)
			}
			e := relayEdit()
			got := s.Marshal(&e)
			golden := strings.TrimSuffix(f, ".sdp") + ".golden"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			again := mustParse(t, string(got))
			if twice := again.Marshal(&e); !bytes.Equal(twice, got) {
				t.Errorf("a second rewrite changes\n%s", twice)
			}
		})
	}
}

func TestUntouched(t *testing.T) {
	if got := string(mustParse(t, audio).Marshal(nil)); got != audio {
		t.Errorf("got\n%s", got)
	}
}

func TestParse(t *testing.T) {
	s := mustParse(t, audio)
	if s.Origin != (Origin{"-", "3747", "3747", "192.0.2.10"}) || s.Addr != "192.0.2.10" || len(s.Media) != 1 {
		t.Fatalf("%+v", s)
	}
	m := &s.Media[0]
	if m.Type != "audio" || m.Port != 40000 || m.Proto != "RTP/AVP" || m.Addr != "192.0.2.10" ||
		m.Direction != SendRecv || m.PTime != 20 || !m.IsRTP() || s.Held() {
		t.Errorf("%+v", m)
	}
	var names []string
	for c := range m.Codecs() {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, " "); got != "PCMA PCMU G722 telephone-event" {
		t.Error(got)
	}
	if c, ok := m.Codec("TELEPHONE-EVENT"); !ok || c != (Codec{101, TelephoneEvent, 8000, 1, "0-15"}) {
		t.Errorf("%+v %v", c, ok)
	}
}

func TestParseFaults(t *testing.T) {
	for _, c := range []struct{ name, text, why string }{
		{"empty", "", "no v= line"},
		{"html", "<html>", "no v= line"},
		{"nul", "v=0\r\ns=\x00\r\n", "NUL"},
		{"port", "v=0\r\nm=audio x RTP/AVP 0\r\n", "line"},
		{"large port", "v=0\r\nm=audio 65536 RTP/AVP 0\r\n", "line"},
		{"no proto", "v=0\r\nm=audio 1\r\n", "line"},
		{"formats", "v=0\r\nm=audio 1 RTP/AVP" + strings.Repeat(" 0", 129) + "\r\n", "line"},
		{"media", "v=0\r\n" + strings.Repeat("m=audio 1 RTP/AVP 0\r\n", 33), "too many media"},
		{"lines", "v=0\r\n" + strings.Repeat("a=x\r\n", 2048), "too many lines"},
		{"size", "v=0\r\n" + strings.Repeat("a", 65536), "bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("got %v, want %q", err, c.why)
			}
		})
	}
}

func TestHold(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		dir            Direction
		held           bool
	}{
		{"active", "", "", SendRecv, false},
		{"sendonly", "a=sendrecv", "a=sendonly", SendOnly, true},
		{"inactive", "a=sendrecv", "a=inactive", Inactive, true},
		{"recvonly", "a=sendrecv", "a=recvonly", RecvOnly, false},
		{"old style", "c=IN IP4 192.0.2.10", "c=IN IP4 0.0.0.0", SendOnly, true},
		{"old style, IPv6", "c=IN IP4 192.0.2.10", "c=IN IP6 ::", SendOnly, true},
		{"session level", "t=0 0\r\n", "t=0 0\r\na=inactive\r\n", SendRecv, false},
		{"none given", "a=sendrecv\r\n", "", SendRecv, false},
		{"off", "m=audio 40000", "m=audio 0", SendRecv, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustParse(t, strings.Replace(audio, c.from, c.to, 1))
			if s.Media[0].Direction != c.dir || s.Held() != c.held {
				t.Errorf("%v, held %v", s.Media[0].Direction, s.Held())
			}
		})
	}
	s := mustParse(t, strings.Replace(strings.Replace(audio, "t=0 0\r\n", "t=0 0\r\na=inactive\r\n", 1), "a=sendrecv\r\n", "", 1))
	if s.Media[0].Direction != Inactive {
		t.Error("session-level direction is not inherited")
	}
}

func TestAnswerDirection(t *testing.T) {
	for _, c := range []struct{ offer, wish, want Direction }{
		{SendRecv, SendRecv, SendRecv},
		{SendOnly, SendRecv, RecvOnly},
		{RecvOnly, SendRecv, SendOnly},
		{Inactive, SendRecv, Inactive},
		{SendRecv, SendOnly, SendOnly},
		{SendOnly, SendOnly, Inactive},
		{RecvOnly, SendOnly, SendOnly},
		{SendRecv, Inactive, Inactive},
		{SendOnly, RecvOnly, RecvOnly},
	} {
		if got := AnswerDirection(c.offer, c.wish); got != c.want {
			t.Errorf("offer %v, wish %v: %v, want %v", c.offer, c.wish, got, c.want)
		}
	}
}

func newLeg(t *testing.T) *Leg {
	l := NewLeg(OwnOrigin{User: "kf", ID: 9, Version: 100, Addr: netip.MustParseAddr("198.51.100.1")})
	e := relayEdit()
	l.Write(mustParse(t, audio), e)
	return l
}

func TestLegVersion(t *testing.T) {
	l := newLeg(t)
	first := string(l.Last())
	if !strings.Contains(first, "o=kf 9 100 IN IP4 198.51.100.1\r\n") {
		t.Fatal(first)
	}
	if again := l.Write(mustParse(t, audio), relayEdit()); string(again) != first || l.Origin.Version != 100 {
		t.Errorf("version moved without a change:\n%s", again)
	}
	held, err := l.Offer(Inactive)
	if err != nil || !strings.Contains(string(held), "o=kf 9 101 ") || !strings.Contains(string(held), "a=inactive") {
		t.Errorf("%v\n%s", err, held)
	}
	back, err := l.Offer(0)
	if err != nil || !SameButOrigin(back, []byte(first)) || l.Origin.Version != 102 {
		t.Errorf("%v %d\n%s", err, l.Origin.Version, back)
	}
}

func TestLegAnswer(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		wish           Direction
		err            error
		has, hasNot    []string
	}{
		{"refresh", "", "", SendRecv, nil, []string{"o=kf 9 100 ", "m=audio 20000 RTP/AVP 8 0 9 101"}, nil},
		{"hold", "a=sendrecv", "a=sendonly", SendRecv, nil, []string{"o=kf 9 101 ", "a=recvonly"}, []string{"a=sendrecv"}},
		{"held by us", "a=sendrecv", "a=sendonly", SendOnly, nil, []string{"a=inactive"}, nil},
		{"old hold", "c=IN IP4 192.0.2.10", "c=IN IP4 0.0.0.0", SendRecv, nil, []string{"a=recvonly"}, nil},
		{"new address", "m=audio 40000", "m=audio 41000", SendRecv, nil, []string{"o=kf 9 100 "}, nil},
		{"fewer codecs", "8 0 9 101", "8 101", SendRecv, nil, []string{"m=audio 20000 RTP/AVP 8 101\r\n", "a=fmtp:101"}, []string{"PCMU", "G722"}},
		{"other codecs", "8 0 9 101", "18 101", SendRecv, ErrNoCodec, nil, nil},
		{"off", "m=audio 40000", "m=audio 0", SendRecv, nil, []string{"m=audio 0 RTP/AVP"}, nil},
		{"fax", "m=audio 40000 RTP/AVP 8 0 9 101", "m=image 40000 udptl t38", SendRecv, ErrMismatch, nil, nil},
		{
			"video added", "a=sendrecv\r\n", "a=sendrecv\r\nm=video 5 RTP/AVP 31\r\n", SendRecv, nil,
			[]string{"o=kf 9 101 ", "m=video 0 RTP/AVP 31\r\n"},
			nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLeg(t)
			got, err := l.Answer(mustParse(t, strings.Replace(audio, c.from, c.to, 1)), c.wish, Edit{})
			if err != c.err {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			for _, want := range c.has {
				if !strings.Contains(string(got), want) {
					t.Errorf("lacks %q:\n%s", want, got)
				}
			}
			for _, not := range c.hasNot {
				if strings.Contains(string(got), not) {
					t.Errorf("has %q:\n%s", not, got)
				}
			}
			if err != nil || strings.Contains(c.name, "added") {
				return
			}
			back, err := l.Answer(mustParse(t, audio), SendRecv, Edit{})
			if err != nil || !strings.Contains(string(back), "m=audio 20000 RTP/AVP 8 0 9 101\r\n") || !strings.Contains(string(back), "a=sendrecv") {
				t.Errorf("not back to the full session: %v\n%s", err, back)
			}
		})
	}
	if _, err := NewLeg(OwnOrigin{}).Answer(mustParse(t, audio), SendRecv, Edit{}); err != ErrNothing {
		t.Error(err)
	}
	if _, err := NewLeg(OwnOrigin{}).Offer(0); err != ErrNothing {
		t.Error(err)
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		want           Change
	}{
		{"same", "3747 3747", "3747 3748", 0},
		{"port", "m=audio 40000", "m=audio 40002", ChangedAddress},
		{"address", "c=IN IP4 192.0.2.10", "c=IN IP4 192.0.2.11", ChangedAddress},
		{"order", "8 0 9 101", "0 8 9 101", ChangedCodecs},
		{"parameters", "0-15", "0-16", ChangedCodecs},
		{"spelling", "PCMA", "pcma", 0},
		{"hold", "a=sendrecv", "a=sendonly", ChangedDirection},
		{"off", "m=audio 40000", "m=audio 0", ChangedMedia},
		{"fax", "m=audio 40000 RTP/AVP 8 0 9 101", "m=image 40000 udptl t38", ChangedMedia},
		{"more", "a=sendrecv\r\n", "a=sendrecv\r\nm=video 5 RTP/AVP 31\r\n", ChangedMedia},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Compare(mustParse(t, audio), mustParse(t, strings.Replace(audio, c.from, c.to, 1))); got != c.want {
				t.Errorf("got %b, want %b", got, c.want)
			}
		})
	}
}

func TestEdit(t *testing.T) {
	video := "m=video 5 RTP/AVP 31\r\na=rtcp:9\r\n"
	for _, c := range []struct {
		name, in string
		e        Edit
		want     string
	}{
		{
			"formats", audio,
			Edit{Media: []MediaEdit{{Formats: "0 101"}}},
			strings.NewReplacer("8 0 9 101", "0 101", "a=rtpmap:8 PCMA/8000\r\n", "", "a=rtpmap:9 G722/8000\r\n", "").Replace(audio),
		},
		{"refuse", audio, Edit{Media: []MediaEdit{{Port: Refuse, RTCP: 5}}}, strings.Replace(audio, "40000", "0", 1)},
		{"refuse the second", audio + video, Edit{Media: []MediaEdit{{}, {Port: Refuse}}}, audio + strings.Replace(strings.Replace(video, " 5 ", " 0 ", 1), "a=rtcp:9\r\n", "", 1)},
		{"rtcp replaced", audio + video, Edit{Media: []MediaEdit{{}, {Port: 7, RTCP: 11}}}, audio + "m=video 7 RTP/AVP 31\r\na=rtcp:11\r\n"},
		{"direction replaced", audio, Edit{Media: []MediaEdit{{Direction: Inactive}}}, strings.Replace(audio, "sendrecv", "inactive", 1)},
		{"direction added", audio + video, Edit{Media: []MediaEdit{{}, {Direction: RecvOnly}}}, audio + video + "a=recvonly\r\n"},
		{"off stays off", strings.Replace(audio, "40000", "0", 1), Edit{Media: []MediaEdit{{Port: 7}}}, strings.Replace(audio, "40000", "0", 1)},
		{"IPv6", audio, Edit{Addr: netip.MustParseAddr("2001:db8::1")}, strings.Replace(audio, "c=IN IP4 192.0.2.10", "c=IN IP6 2001:db8::1", 1)},
		{"bundle", "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=group:LS 0 1\r\n", Edit{Drop: DropRTCPMux}, "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\na=group:LS 0 1\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(mustParse(t, c.in).Marshal(&c.e)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestFromBody(t *testing.T) {
	multi := "preamble\r\n--b1\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b1\r\nContent-Type: Application/SDP\r\nContent-ID: x\r\n\r\n" + audio + "\r\n--b1--\r\n"
	for _, c := range []struct {
		name, contentType, body string
		ok                      bool
	}{
		{"plain", "application/sdp", audio, true},
		{"parameter", "Application/SDP ; charset=utf-8", audio, true},
		{"other", "text/plain", audio, false},
		{"none", "application/sdp", "", false},
		{"multipart", `multipart/mixed;boundary="b1"`, multi, true},
		{"multipart without preamble", `multipart/mixed; boundary=b1`, strings.TrimPrefix(multi, "preamble\r\n"), true},
		{"unclosed", `multipart/mixed; boundary=b1`, strings.TrimSuffix(multi, "\r\n--b1--\r\n"), false},
		{"no boundary", `multipart/mixed`, multi, false},
		{"wrong boundary", `multipart/mixed;boundary=b2`, multi, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := FromBody(c.contentType, []byte(c.body))
			if ok != c.ok || ok && strings.TrimSpace(string(got)) != strings.TrimSpace(audio) {
				t.Errorf("%v %q", ok, got)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	corpus.Add(f)
	files, _ := filepath.Glob("testdata/relay/*.sdp")
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil {
			f.Add(b)
		}
	}
	f.Add([]byte(audio))
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := Parse(bytes.Clone(in))
		if err != nil {
			return
		}
		plain := s.Marshal(nil)
		if again, err := Parse(bytes.Clone(plain)); err == nil && !bytes.Equal(again.Marshal(nil), plain) {
			t.Fatalf("not stable:\n%q", plain)
		}
		if c := Compare(s, s); c != 0 {
			t.Fatalf("differs from itself: %b", c)
		}
		for i := range s.Media {
			for range s.Media[i].Codecs() {
			}
		}
		e := relayEdit()
		b := s.Marshal(&e)
		r, err := Parse(bytes.Clone(b))
		if err != nil {
			if len(b) > MaxSize || len(in) > 2000 {
				return
			}
			t.Fatalf("%v\n%q", err, b)
		}
		if len(r.Media) != len(s.Media) {
			t.Fatalf("%d sections became %d", len(s.Media), len(r.Media))
		}
		for i := range r.Media {
			if i < 2 && r.Media[i].Port != 0 && (r.Media[i].Addr != "198.51.100.1" || r.Media[i].Port != e.Media[i].Port) {
				t.Fatalf("section %d leaks %s:%d\n%q", i, r.Media[i].Addr, r.Media[i].Port, b)
			}
		}
		l := NewLeg(OwnOrigin{ID: 1, Addr: e.Addr})
		l.Write(r, Edit{})
		if _, err := l.Answer(s, SendRecv, Edit{}); err == nil && SameButOrigin(l.Last(), nil) {
			t.Fatal("empty answer")
		}
	})
}

func BenchmarkRelay(b *testing.B) {
	in := []byte(audio)
	buf := make([]byte, 0, 1024)
	e := relayEdit()
	b.ReportAllocs()
	for b.Loop() {
		s, err := Parse(in)
		if err != nil {
			b.Fatal(err)
		}
		buf = s.Append(buf[:0], &e)
	}
}
