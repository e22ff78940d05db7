package sdp

import (
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func parse(t testing.TB, text string) *Session {
	t.Helper()
	s, err := Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const head = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n"

func TestWiden(t *testing.T) {
	for _, tc := range []struct{ name, media, want string }{
		{"narrowband", "m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\n", "0 8 9 101"},
		{"wideband", "m=audio 4000 RTP/AVP 9\n", "9 8 0"},
		{"others too, comfort noise", "m=audio 4000 RTP/AVP 96 8 13 101\na=rtpmap:96 opus/48000/2\n", "96 8 0 9 13 101"},
		{"by rtpmap", "m=audio 4000 RTP/SAVP 97\na=rtpmap:97 pcma/8000\n", "97 0 9"},
		{"all there", "m=audio 4000 RTP/AVP 0 8 9\n", ""},
		{"none that we speak", "m=audio 4000 RTP/AVP 96 18\na=rtpmap:96 opus/48000/2\n", ""},
		{"static number taken", "m=audio 4000 RTP/AVP 0 9 8\na=rtpmap:9 X-OWN/8000\n", ""},
		{"stereo", "m=audio 4000 RTP/AVP 97\na=rtpmap:97 PCMA/8000/2\n", ""},
		{"off", "m=audio 0 RTP/AVP 0\n", ""},
		{"video", "m=video 4000 RTP/AVP 0\n", ""},
		{"fax", "m=image 4000 udptl t38\n", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := parse(t, head+tc.media)
			got := Widen(s)
			if tc.want == "" {
				if got != s {
					t.Errorf("changed to\n%s", got.text)
				}
				return
			}
			if got.Media[0].Formats != tc.want {
				t.Errorf("%q, want %q", got.Media[0].Formats, tc.want)
			}
		})
	}
}

func TestRecode(t *testing.T) {
	const g722 = "m=audio 4000 RTP/AVP 9 97\na=rtpmap:9 G722/8000\na=rtpmap:97 telephone-event/8000\na=fmtp:97 0-16\na=sendonly\na=ptime:20\n"
	for _, tc := range []struct{ name, s, able, want string }{ // want: of the section, "" for no change
		{
			"G722 for who has PCMU", g722, "m=audio 5000 RTP/AVP 96 0 101\na=rtpmap:96 opus/48000/2\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n",
			"m=audio 4000 RTP/AVP 0 101\na=sendonly\na=ptime:20\na=rtpmap:0 PCMU/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n",
		},
		{
			"own address first", "m=audio 4000 RTP/AVP 9\nc=IN IP4 192.0.2.9\na=rtpmap:9 G722/8000\n", "m=audio 5000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000\n",
			"m=audio 4000 RTP/AVP 8\nc=IN IP4 192.0.2.9\na=rtpmap:8 PCMA/8000\n",
		},
		{"one in common", g722, "m=audio 5000 RTP/AVP 0 9\n", ""},
		{"the first in common", "m=audio 4000 RTP/AVP 0\n", "m=audio 5000 RTP/AVP 9 0\n", ""},
		{"in common by another number", "m=audio 4000 RTP/AVP 99\na=rtpmap:99 PCMA/8000\n", "m=audio 5000 RTP/AVP 8\n", ""},
		{"nothing that we speak on that side", g722, "m=audio 5000 RTP/AVP 96\na=rtpmap:96 opus/48000/2\n", ""},
		{"nothing that we speak on this side", "m=audio 4000 RTP/AVP 18\n", "m=audio 5000 RTP/AVP 0\n", ""},
		{"off", "m=audio 0 RTP/AVP 9\n", "m=audio 5000 RTP/AVP 0\n", ""},
		{"other type", g722, "m=video 5000 RTP/AVP 0\n", ""},
		{"no section", g722, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := parse(t, head+tc.s)
			got, changed := Recode(s, parse(t, head+tc.able))
			if changed != (tc.want != "") || !changed && got != s {
				t.Fatalf("changed %v\n%s", changed, got.text)
			}
			if want := strings.ReplaceAll(head+tc.want, "\n", "\r\n"); changed && got.text != want {
				t.Errorf("got\n%s\nwant\n%s", got.text, want)
			}
		})
	}
	two := parse(t, head+"m=audio 4000 RTP/AVP 0\nm=audio 4002 RTP/AVP 9\na=rtpmap:9 G722/8000\na=mid:2\n")
	got, _ := Recode(two, parse(t, head+"m=audio 5000 RTP/AVP 0\nm=audio 5002 RTP/AVP 8\n"))
	if !strings.HasSuffix(got.text, "m=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 8\r\na=mid:2\r\na=rtpmap:8 PCMA/8000\r\n") {
		t.Errorf("two sections\n%s", got.text)
	}
}

func TestCovers(t *testing.T) {
	const before = "m=audio 4000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n"
	for _, tc := range []struct {
		name, after string
		want        bool
	}{
		{"the same elsewhere", strings.Replace(before, "4000", "5000", 1), true},
		{"more of them", "m=audio 5000 RTP/SAVP 0 8 101\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n", true},
		{"less", "m=audio 5000 RTP/AVP 8\n", false},
		{"another", "m=audio 5000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n", false},
		{"by another number", "m=audio 5000 RTP/AVP 8 96\na=rtpmap:96 telephone-event/8000\na=fmtp:96 0-15\n", false},
		{"other parameters", strings.Replace(before, "0-15", "0-16", 1), false},
		{"off", "m=audio 0 RTP/AVP 8 101\n", false},
		{"other type", "m=video 4000 RTP/AVP 8\n", false},
		{"one section more", before + "m=video 4002 RTP/AVP 99\n", false},
	} {
		if got := Covers(parse(t, head+before), parse(t, head+tc.after)); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
	const fax = "m=image 4000 udptl t38\n"
	if !Covers(parse(t, head+fax), parse(t, head+fax)) || Covers(parse(t, head+fax), parse(t, head+"m=image 4000 udptl other\n")) {
		t.Error("fax")
	}
}

func FuzzRecode(f *testing.F) {
	corpus.Add(f)
	f.Add([]byte(head+"m=audio 4000 RTP/AVP 9\na=rtpmap:9 G722/8000\n"), []byte(head+"m=audio 5000 RTP/AVP 0 101\n"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		s, err := Parse(a)
		if err != nil {
			return
		}
		able, err := Parse(b)
		if err != nil {
			return
		}
		Widen(s)
		if !Covers(s, s) {
			t.Error("it does not cover itself")
		}
		if r, changed := Recode(s, able); changed && len(r.Media) != len(s.Media) {
			t.Errorf("%d sections became %d", len(s.Media), len(r.Media))
		}
	})
}
