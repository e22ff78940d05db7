//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"github.com/koppelfeld/koppelfeld/internal/media/mediatest"
)

// TestForgedAudio lets a phone with SRTP play a tone to a baresip, while packets under a wrong key and packets that were sent before come
// from the phone's own address, as from somebody who can forge it. The tone is heard unharmed, and the record counts
// what was dropped.
func TestForgedAudio(t *testing.T) {
	r := newPair(t)
	callee := startPhone(t, phoneOptions{name: "armin-desk", account: r.callee, server: r.sip, transport: "udp", tone: toneArmin, answer: true})
	caller := newPeer(t, r.daemon, r.caller, "UDP", "127.0.0.1:0")
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	key := bytes.Repeat([]byte{7}, 30)
	offer := strings.Replace(description("127.0.0.1", conn.LocalAddr().(*net.UDPAddr).Port, 1, "sendrecv", "0 PCMU/8000"), "RTP/AVP", "RTP/SAVP", 1) +
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + base64.StdEncoding.EncodeToString(key) + "\r\n"
	k := caller.dial("sip:416@"+domain, "", offer)
	res := k.answered("")
	to := net.UDPAddrFromAddrPort(mustAddr(t, mediaOf(t, res.body)))
	ours := regexp.MustCompile(`(?m)^a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:(\S+)`).FindStringSubmatch(res.body)
	if ours == nil || !strings.Contains(res.body, "RTP/SAVP 0") {
		t.Fatalf("answered with\n%s", res.body)
	}
	theirs, err := base64.StdEncoding.DecodeString(ours[1])
	if err != nil {
		t.Fatal(err)
	}
	context := func(key []byte) *srtp.Context {
		c, err := srtp.CreateContext(key[:16], key[16:], srtp.ProtectionProfileAes128CmHmacSha1_80, srtp.SRTPReplayProtection(64))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	good, wrong, in := context(key), context(bytes.Repeat([]byte{8}, 30)), context(theirs)

	const packets = 150
	tone, noise := mediatest.NewTone(toneIris, 0.4), mediatest.NewTone(2500, 0.9)
	samples, ticks := make([]int16, mediatest.FrameSamples), time.NewTicker(20*time.Millisecond)
	defer ticks.Stop()
	send := func(c *srtp.Context, from *mediatest.Tone, seq uint16) []byte {
		data := make([]byte, mediatest.FrameSamples)
		from.Fill(samples)
		mediatest.PCMU.Encode(data, samples)
		sealed, err := c.EncryptRTP(nil, rtpPacket(0, seq, uint32(seq)*mediatest.FrameSamples, 42, data), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.WriteToUDP(sealed, to); err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	heard := 0
	for seq := range uint16(packets) {
		<-ticks.C
		send(wrong, noise, seq)
		sent := send(good, tone, seq)
		send(wrong, noise, seq+1)
		if _, err := conn.WriteToUDP(sent, to); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 2048)
		_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		for {
			n, err := conn.Read(b)
			if err != nil {
				break
			}
			if _, err := in.DecryptRTP(nil, b[:n], nil); err == nil {
				heard++
			}
		}
	}
	k.send("BYE", "", "")
	callee.await("CALL_CLOSED")
	if share, blocks := callee.purity(toneIris); blocks < 8 || share < 0.75 {
		t.Errorf("the phone heard %d Hz in %.0f %% of %d blocks", toneIris, share*100, blocks)
	}
	if heard < packets/2 {
		t.Errorf("%d packets of the phone could be decrypted", heard)
	}
	m := r.record(t, k.callID).MediaCaller
	if m == nil || m.Packets != packets || m.Forged != 2*packets || m.Replayed != packets || m.Lost != 0 || !strings.Contains(m.Security, "keys sent in the clear") {
		t.Errorf("media %+v", m)
	}
}
