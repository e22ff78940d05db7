package b2bua

import (
	"fmt"
	"testing"

	"github.com/koppelfeld/koppelfeld/sip/message"
)

func TestDescribe(t *testing.T) {
	const description = "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
	const multipart = "--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x\r\nContent-Type: application/sdp\r\n\r\n" + description + "\r\n--x--\r\n"
	for _, test := range []struct {
		name, header, body string
		media, status      int
	}{
		{"none", "", "", 0, 0},
		{"plain", "Content-Type: application/sdp\r\n", description, 1, 0},
		{"type in capitals, with parameter", "Content-Type: Application/SDP;charset=utf-8\r\n", description, 1, 0},
		{"without a type", "", description, 1, 0},
		{"part of several", "Content-Type: multipart/mixed;boundary=\"x\"\r\n", multipart, 1, 0},
		{"several, none fits", "Content-Type: multipart/mixed;boundary=\"y\"\r\n", multipart, 0, 415},
		{"another type", "Content-Type: text/plain\r\n", description, 0, 415},
		{"encoded", "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", description, 0, 415},
		{"nonsense", "Content-Type: application/sdp\r\n", "nonsense", 0, 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := fmt.Sprintf("INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n%sContent-Length: %d\r\n\r\n%s",
				test.header, len(test.body), test.body)
			m, err := message.Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			d, status := describe(m)
			media := 0
			if d != nil {
				media = len(d.Media)
			}
			if media != test.media || status != test.status {
				t.Errorf("%d media sections, status %d, want %d, %d", media, status, test.media, test.status)
			}
		})
	}
}
