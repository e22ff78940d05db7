package message

import (
	"bytes"
	"strings"
	"testing"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func TestMask(t *testing.T) {
	const start = "INVITE sip:416@pbx.example.com SIP/2.0\r\n"
	sdp := func(lines ...string) string {
		return start + "Content-Type: application/sdp\r\n\r\nv=0\r\n" + strings.Join(lines, "\r\n") + "\r\n"
	}
	for _, c := range []struct{ name, in, want string }{
		{"nothing to hide", start + "Subject: a:b\r\n\r\n", start + "Subject: a:b\r\n\r\n"},
		{"nothing", "", ""},
		{
			"digest", start + "Authorization: Digest username=\"iris\", realm=\"x\",nonce=\"n\", uri=\"sip:x\", response=\"abc\", cnonce=\"d,e\", nc=00000001, qop=auth, algorithm=MD5\r\n\r\n",
			start + "Authorization: Digest username=\"iris\", realm=\"x\", nonce=\"n\", uri=\"sip:x\", response=***, cnonce=***, nc=00000001, qop=auth, algorithm=MD5\r\n\r\n",
		},
		{
			"digest, folded, proxy, odd case", start + "PROXY-authorization \t: digest username=iris,\r\n\tResponse\r\n = \"abc\"\r\nTo: x\r\n\r\n",
			start + "PROXY-authorization \t: digest username=iris, Response=***\r\nTo: x\r\n\r\n",
		},
		{"open quote", start + "Authorization: Digest username=\"iris, response=\"abc\r\n\r\n", start + "Authorization: Digest username=***\r\n\r\n"},
		{"no commas", start + "Authorization: Digest realm=x;response=\"abc\"\r\n\r\n", start + "Authorization: Digest realm=***\r\n\r\n"},
		{"no equals sign", start + "Authorization: Digest secret, sec ret\r\n\r\n", start + "Authorization: Digest secret=***, ***\r\n\r\n"},
		{"basic", start + "Authorization: Basic aXJpczpzZWNyZXQ=\r\n\r\n", start + "Authorization: Basic ***\r\n\r\n"},
		{"no scheme", start + "Authorization: aXJpczpzZWNyZXQ=\r\n\r\n", start + "Authorization: ***\r\n\r\n"},
		{"info", start + "Authentication-Info: rspauth=\"a\", nextnonce=\"b\", qop=auth\r\n\r\n", start + "Authentication-Info: rspauth=***, nextnonce=***, qop=auth\r\n\r\n"},
		{"behind a bare CR", start + "Subject: x\rAuthorization: Digest response=abc\r\n\r\n", start + "Subject: x\rAuthorization: Digest response=***\r\n\r\n"},
		{"no end", start + "Authorization: Digest response=abc", start + "Authorization: Digest response=***"},
		{
			"password in URIs", "INVITE sips:a:pass@x SIP/2.0\r\nTo: \"x\" <SIP:b:s,e;c?r@y:5061;p>, <sip:y:5060>, sip:c@z\r\n\r\n",
			"INVITE sips:a:***@x SIP/2.0\r\nTo: \"x\" <SIP:b:***@y:5061;p>, <sip:y:5060>, sip:c@z\r\n\r\n",
		},
		{"credentials in a URI", start + "Refer-To: <sip:a@b?Proxy-Authorization=Digest%20x&Subject=y>\r\n\r\n", start + "Refer-To: <sip:a@b?Proxy-Authorization=**********&Subject=y>\r\n\r\n"},
		{
			"keys in SDP", sdp("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4;inline:abcd KDR=2", "a=ICE-pwd:secret", "k=clear:key", "a=key-mgmt:mikey AQAFgM0X"),
			sdp("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:****************************************|2^20|1:4;inline:**** KDR=2", "a=ICE-pwd:******", "k=*********", "a=key-mgmt:**************"),
		},
		{"key of another form", sdp("a=crypto:1 X other:key"), sdp("a=crypto:*************")},
		{"keys whose header was cut off", "a=crypto:1 X inline:key|x\r\nk=clear:x\r\n", "a=crypto:1 X inline:***|x\r\nk=*******\r\n"},
		{"other body", start + "c: application/dtmf-relay\r\n\r\nSignal=5\r\n", start + "c: application/dtmf-relay\r\n\r\n**********"},
		{"body without type", start + "\r\nhello", start + "\r\n*****"},
		{"body of two types", start + "c: application/sdp\r\nc: text/plain\r\n\r\nhello", start + "c: application/sdp\r\nc: text/plain\r\n\r\n*****"},
		{"body in another coding", start + "c: application/sdp\r\ne: x\r\n\r\nhello", start + "c: application/sdp\r\ne: x\r\n\r\n*****"},
		{"body that is told twice", start + "\r\nv=0\r\n\r\nx", start + "\r\n********"},
		{"after keep-alives", "\r\n\r\n" + start + "\r\nhello", "\r\n\r\n" + start + "\r\n*****"},
		{"part of a message", start + "c: message/sipfrag\r\n\r\nSIP/2.0 200 OK\r\n", start + "c: message/sipfrag\r\n\r\nSIP/2.0 200 OK\r\n"},
		{"part of a message with a secret", start + "c: message/sipfrag\r\n\r\nAuthorization: Basic longer\r\n", start + "c: message/sipfrag\r\n\r\n*****************************"},
		{
			"multipart", start + "Content-Type: multipart/mixed;\r\n boundary=\"b\"\r\n\r\nx\r\n--b\r\nContent-Type: application/sdp\r\n\r\nk=x\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n",
			start + "Content-Type: multipart/mixed;\r\n boundary=\"b\"\r\n\r\n*\r\n--b\r\nContent-Type: application/sdp\r\n\r\nk=*\r\n--b\r\nContent-Type: text/plain\r\n\r\n*****\r\n--b--\r\n",
		},
		{"multipart without headers", start + "c: multipart/x;boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b-- x", start + "c: multipart/x;boundary=b\r\n\r\n--b\r\n\r\n*****\r\n--b-- *"},
		{"multipart without boundary", start + "c: multipart/x\r\n\r\n--b\r\n", start + "c: multipart/x\r\n\r\n*****"},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := []byte(c.in)
			got := Mask(raw)
			if string(got) != c.want {
				t.Errorf("got\n%q, want\n%q", got, c.want)
			}
			if string(raw) != c.in {
				t.Error("the message itself was changed")
			}
			if again := Mask(got); !bytes.Equal(again, got) {
				t.Errorf("masked again:\n%q", again)
			}
		})
	}
}

func FuzzMask(f *testing.F) {
	corpus.Add(f)
	for _, raw := range torture(f) {
		f.Add(raw)
	}
	f.Add([]byte("X\r\nAuthorization: Digest a=b,\r\n c=\"d\"\r\nc: multipart/x;boundary=b\r\n\r\n--b\r\nc: application/sdp\r\n\r\na=crypto:1 X inline:a|b\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Parse(bytes.Clone(raw))
		if err != nil {
			Mask(raw)
			return
		}
		masked := Mask(m.Raw())
		n, err := Parse(bytes.Clone(masked))
		if err != nil {
			return // what was strange but good may be so no longer
		}
		if len(n.Body()) != len(m.Body()) || n.CallID() != m.CallID() && !strings.Contains(m.CallID(), ":") {
			t.Fatalf("masked\n%q\nis\n%q", m.Raw(), masked)
		}
		for _, id := range []ID{HAuthorization, HProxyAuthorization} {
			for l := range n.Lines(id) {
				for _, secret := range []string{"response=", "cnonce="} {
					if i := strings.Index(strings.ToLower(l), secret); i >= 0 && !strings.Contains(l, `"`) && !strings.HasPrefix(l[i+len(secret):], "***") {
						t.Fatalf("%q shows %s", l, secret)
					}
				}
			}
		}
	})
}
