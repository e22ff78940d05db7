package sdp

import (
	"errors"
	"testing"
)

func TestFit(t *testing.T) {
	const head = "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\n"
	const audio, video, image = "m=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n", "m=video 4002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n", "m=image 4004 udptl t38\r\n"
	for _, test := range []struct {
		name, offer, answer, want string // want "": a mismatch
	}{
		{"same", head + audio + video, head + audio + video, head + audio + video},
		{"video left out", head + audio + video, head + audio, head + audio + "m=video 0 RTP/AVP 99\r\n"},
		{"two left out, no line end", head + audio + video + image, head + "m=audio 4000 RTP/AVP 0", head + "m=audio 4000 RTP/AVP 0\r\nm=video 0 RTP/AVP 99\r\nm=image 0 udptl t38\r\n"},
		{"one too many", head + audio, head + audio + video, head + audio},
		{"none offered", head, head + audio, head},
		{"none answered", head + audio, head, ""},
		{"another type", head + audio, head + video, ""},
		{"another order", head + audio + video, head + video + audio, ""},
		{"another profile", head + audio, head + "m=Audio 4000 RTP/SAVP 0\r\n", head + "m=Audio 4000 RTP/SAVP 0\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			offer, err := Parse([]byte(test.offer))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := Parse([]byte(test.answer))
			if err != nil {
				t.Fatal(err)
			}
			got, err := Fit(answer, offer)
			switch {
			case test.want == "" && errors.Is(err, ErrUnfit):
			case test.want == "" || err != nil:
				t.Errorf("got %v, %v", got, err)
			case got.String() != test.want || len(got.Media) != len(offer.Media):
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}
