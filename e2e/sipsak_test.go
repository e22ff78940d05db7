//go:build e2e

package e2e

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// sipsak runs it within a time; it is killed afterwards.
func sipsak(t *testing.T, within time.Duration, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	out, err := exec.CommandContext(ctx, "sipsak", args...).CombinedOutput()
	return string(out), err
}

// TestSipsak pings, registers, is refused with a wrong password, and floods; a call passes meanwhile.
func TestSipsak(t *testing.T) {
	r := newPair(t)
	// It looks the host up itself, so the domain cannot be named.
	uri, server := "sip:"+r.caller.SIP.Username+"@"+r.sip, "sip:"+r.sip
	user := []string{"-u", r.caller.SIP.Username, "-s", uri}
	t.Run("ping", func(t *testing.T) {
		if out, err := sipsak(t, 20*time.Second, "-vv", "-s", server); err != nil || !strings.Contains(out, "SIP/2.0 200 OK") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("register", func(t *testing.T) {
		out, err := sipsak(t, 20*time.Second, append(user, "-U", "-i", "-H", "127.0.0.1", "-vv", "-x", "120", "-C", "sip:sipsak@127.0.0.1:5999", "-a", r.caller.SIP.Password)...)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if !strings.Contains(out, "completed successful") {
			t.Error(out)
		}
		if kept := r.inside("?slot=" + r.caller.ID).Registers; len(kept) != 1 || kept[0].Status != 200 || !strings.Contains(kept[0].Text, "sipsak@127.0.0.1:5999") {
			t.Errorf("kept of the registration: %+v", kept)
		}
		if n := r.number(`koppelfeld_sip_registers_total{result="accepted"}`); n < 1 {
			t.Errorf("%.0f registers counted", n)
		}
	})
	t.Run("wrong password", func(t *testing.T) {
		if out, err := sipsak(t, 20*time.Second, append(user, "-U", "-i", "-H", "127.0.0.1", "-vv", "-a", "wrong")...); err == nil || strings.Contains(out, "SIP/2.0 200") {
			t.Errorf("let in:\n%s", out)
		}
		for _, kept := range r.inside("").Refusals {
			if kept.Reason == "wrong_password" && kept.Status == 401 && strings.Contains(kept.Text, r.caller.SIP.Username) && strings.Contains(kept.Text, "***") {
				return
			}
		}
		t.Error("the refusal is not kept, or not masked")
	})
	t.Run("flood", func(t *testing.T) {
		before := r.numbers([]string{"process_resident_memory_bytes", `koppelfeld_sip_requests_total{method="OPTIONS"}`})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = sipsak(t, 10*time.Second, "-F", "-e", "200000", "-s", server) // killed, or done
		}()
		// The flood takes the budget of strangers at its own address; from another one a phone still gets in.
		newPeer(t, r.daemon, r.callee, "UDP", "127.0.0.9:0").register()
		<-ended
		after := r.numbers([]string{"process_resident_memory_bytes", `koppelfeld_sip_requests_total{method="OPTIONS"}`})
		if after[1]-before[1] < 1000 {
			t.Errorf("only %.0f OPTIONS came", after[1]-before[1])
		}
		if grown := after[0] - before[0]; grown > 64<<20 {
			t.Errorf("memory has grown by %.0f MB", grown/1e6)
		}
	})
	r.clean(t)
}
