package media

import (
	"math"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

func compound(t testing.TB, packets ...rtcp.Packet) []byte {
	t.Helper()
	b, err := rtcp.Marshal(packets)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRoundTrip has our report sent at 10 s and answered by one that was held for half a
// second and comes at 10.62 s: the way there and back took 120 ms.
func TestRoundTrip(t *testing.T) {
	const mid = 0x12345678
	reception := func(ssrc, lsr uint32) rtcp.ReceptionReport {
		return rtcp.ReceptionReport{SSRC: ssrc, FractionLost: 64, TotalLost: 5, Jitter: 80, LastSenderReport: lsr, Delay: 0x8000}
	}
	sent := compound(t, &rtcp.SenderReport{SSRC: 7, NTPTime: 0xaaaa<<48 | mid<<16 | 0xbbbb})
	tests := []struct {
		name   string
		answer []byte
		want   time.Duration // -1: not measured
		blocks uint64
	}{
		{"receiver report", compound(t, &rtcp.ReceiverReport{SSRC: 9, Reports: []rtcp.ReceptionReport{reception(7, mid)}}), 120 * time.Millisecond, 1},
		{"sender report, second block", compound(t, &rtcp.SenderReport{SSRC: 9, Reports: []rtcp.ReceptionReport{reception(8, mid), reception(7, mid)}}), 120 * time.Millisecond, 1},
		{"behind another packet", compound(t, &rtcp.SourceDescription{}, &rtcp.ReceiverReport{SSRC: 9, Reports: []rtcp.ReceptionReport{reception(7, mid)}}), 120 * time.Millisecond, 1},
		{"of another report", compound(t, &rtcp.ReceiverReport{SSRC: 9, Reports: []rtcp.ReceptionReport{reception(7, mid+1)}}), -1, 1},
		{"of none yet", compound(t, &rtcp.ReceiverReport{SSRC: 9, Reports: []rtcp.ReceptionReport{reception(7, 0)}}), -1, 1},
		{"of another stream", compound(t, &rtcp.ReceiverReport{SSRC: 9, Reports: []rtcp.ReceptionReport{reception(8, mid)}}), -1, 0},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			var r reports
			r.passed(sent, 10*time.Second)
			r.heard(tc.answer, 7, 10620*time.Millisecond)
			var s Stats
			s.quality(&r, 8000)
			if s.RoundTrip != tc.want || s.Reports != tc.blocks {
				t.Fatalf("%v after %d blocks, want %v after %d", s.RoundTrip, s.Reports, tc.want, tc.blocks)
			}
			if tc.blocks > 0 && (s.RemoteLost != 5 || s.RemoteLoss != 0.25 || s.RemoteJitterMS != 10) {
				t.Errorf("lost %d, %v of all lately, jitter %v", s.RemoteLost, s.RemoteLoss, s.RemoteJitterMS)
			}
		})
	}
}

// TestReportMade lets a phone send, loses two of ten packets, and reads what it is reported.
func TestReportMade(t *testing.T) {
	p := startPlane(t, nil)
	a, b, fa, fb := call(t, p)
	send := func(seq uint16) {
		pkt := rtpPacket(8, seq, uint32(seq)*160, 7, make([]byte, 160)...)
		fa.send(fa.rtp, a.Local(), pkt)
		fb.expect(fb.rtp, b.Local(), pkt)
		fb.send(fb.rtp, b.Local(), pkt)
		fa.expect(fa.rtp, a.Local(), pkt)
	}
	send(1)
	a.Anchor()
	fa.send(fa.rtcp, a.LocalRTCP(), compound(t, &rtcp.SenderReport{SSRC: 7, NTPTime: 0x0001_2345_6789_0000, PacketCount: 1}))
	eventually(t, "the report to be read", func() bool { return a.Stats().RTCP == 1 })
	for _, seq := range []uint16{2, 3, 5, 6, 8, 9, 10} {
		send(seq)
	}
	a.mu.Lock()
	a.reports.next = 1 // it is time
	a.mu.Unlock()
	packets, err := rtcp.Unmarshal(fa.read(fa.rtcp))
	if err != nil {
		t.Fatal(err)
	}
	sr, ok := packets[0].(*rtcp.SenderReport)
	if !ok || sr.SSRC != a.stream.ssrc || sr.PacketCount != 8 || sr.OctetCount != 8*160 || len(sr.Reports) != 1 {
		t.Fatalf("%+v", packets[0])
	}
	r := sr.Reports[0]
	if r.SSRC != 7 || r.TotalLost != 2 || r.FractionLost != 256*2/10 || r.LastSequenceNumber != 10 || r.LastSenderReport != 0x23456789 || r.Delay == 0 || r.Delay > 0x50000 {
		t.Errorf("%+v", r)
	}
	if off := time.Duration(int64(sr.NTPTime>>32)-2208988800)*time.Second - time.Duration(time.Now().Unix())*time.Second; off.Abs() > 2*time.Second {
		t.Errorf("the clock is off by %v", off)
	}
	if ahead := sr.RTPTime - 1600; ahead > 8*8000 {
		t.Errorf("RTP time %d", sr.RTPTime)
	}
	name, ok := packets[1].(*rtcp.SourceDescription)
	if !ok || len(name.Chunks) != 1 || name.Chunks[0].Source != sr.SSRC || len(name.Chunks[0].Items[0].Text) != 16 {
		t.Errorf("%+v", packets[1])
	}
	fb.empty(fb.rtcp) // what a reports is not for b

	// What the phone answers tells us the round trip.
	fa.send(fa.rtcp, a.LocalRTCP(), compound(t, &rtcp.ReceiverReport{SSRC: 7, Reports: []rtcp.ReceptionReport{{
		SSRC: sr.SSRC, FractionLost: 128, LastSenderReport: uint32(sr.NTPTime >> 16),
	}}}))
	eventually(t, "a round trip", func() bool { return a.Stats().RoundTrip >= 0 })
	if s := a.Stats(); s.RemoteLoss != 0.5 || s.RoundTrip > 5*time.Second || s.RemoteMOS > 2 || s.MOS > 3 || s.MOS < 2 || s.Loss != 0.2 {
		t.Errorf("%+v", s)
	}
	a.Close()
	if packets, err = rtcp.Unmarshal(fa.read(fa.rtcp)); err != nil {
		t.Fatal(err)
	}
	if bye, ok := packets[len(packets)-1].(*rtcp.Goodbye); !ok || bye.Sources[0] != sr.SSRC {
		t.Errorf("at the end: %+v", packets)
	}
}

func TestReportTimes(t *testing.T) {
	for range 1000 {
		var r reports
		if r.due(time.Second) {
			t.Fatal("at once")
		}
		first := r.next - time.Second
		r.next = time.Second
		if !r.due(time.Second) {
			t.Fatal("not when it is time")
		}
		later := r.next - time.Second
		if first < 1026*time.Millisecond || first > 3079*time.Millisecond || later < 2052*time.Millisecond || later > 6157*time.Millisecond {
			t.Fatalf("after %v, then after %v", first, later)
		}
	}
}

func TestMOS(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		codec             string
		loss              float64
		jitter, roundTrip time.Duration
		want              float64
	}{
		{"PCMA", 0, 0, 0, 4.400},        // R 92.72
		{"PCMA", 0.05, 0, 0, 3.903},     // R 76.94
		{"G729", 0, 0, 400 * ms, 3.699}, // d 220 ms, R 72.22
		{"PCMU", 0, 50 * ms, 0, 4.347},  // d 120 ms, R 90.32
		{"PCMU", 1, 0, 0, 1.165},        // Ie,eff 75.94, R 16.78: the curve dips below 1
		{"GSM", 1, time.Second, 20 * time.Second, 1},
	}
	for _, tc := range tests {
		if got := mos(tc.codec, tc.loss, tc.jitter, tc.roundTrip); math.Abs(got-tc.want) > 0.001 {
			t.Errorf("%s, loss %v, jitter %v, round trip %v: %.4f, want %.3f", tc.codec, tc.loss, tc.jitter, tc.roundTrip, got, tc.want)
		}
	}
}

func FuzzReports(f *testing.F) {
	corpus.Add(f)
	f.Add(compound(f, &rtcp.SenderReport{SSRC: 7, Reports: []rtcp.ReceptionReport{{SSRC: 1, LastSenderReport: 1}}}))
	f.Add(compound(f, &rtcp.ReceiverReport{SSRC: 7, Reports: []rtcp.ReceptionReport{{SSRC: 1}}}, &rtcp.Goodbye{Sources: []uint32{7}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r reports
		r.passed(b, time.Second)
		r.heard(b, 1, 2*time.Second)
		var s Stats
		s.quality(&r, 8000)
		if s.RoundTrip < -1 || s.RoundTrip > maxRoundTrip || s.RemoteLoss < 0 || s.RemoteLoss > 1 || s.Reports > 0 && (s.RemoteMOS < 1 || s.RemoteMOS > 4.5) {
			t.Errorf("%+v", s)
		}
	})
}
