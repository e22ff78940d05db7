//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// BenchmarkPages measures in Chromium what a big company costs: a list of 10,000 users that is filtered while one types, and a matrix of
// 20 rows and 20 columns by keyboard. make bench-pages runs it, once; nothing of it is in make test.
func BenchmarkPages(b *testing.B) {
	d := newDaemon(b, "sqlite")
	d.start()
	d.crowd(b, 10_000)
	d.square(20)
	c := startChromium(b, "pages.mjs")
	p := look(b, c, d, "admin", nil)
	p.open("/admin/users")
	p.login("supervisor", d.password)
	p.sees("armin.artmann")
	b.Run("users=10000/filter", func(b *testing.B) {
		for b.Loop() {
			p.open("/admin/users")
			p.sees("armin.artmann")
			p.settled()
			from := len(d.log.String())
			p.do("measure", nil, nil)
			for _, text := range []string{"muller", "zoe schafer", "user.07777"} {
				p.do("fill", args{"label": "Filtern …", "value": ""}, nil)
				p.do("type", args{"label": "Filtern …", "value": text}, nil)
				p.do("sees", args{"text": map[string]string{"muller": "Müller", "zoe schafer": "Schäfer", "user.07777": "user.07777"}[text], "pattern": true}, nil)
				p.settled()
			}
			p.tasks(b)
			b.ReportMetric(float64(d.slowest(b, "list-users", from).Microseconds())/1000, "ms-server")
		}
	})
	b.Run("matrix=20x20/keys", func(b *testing.B) {
		for b.Loop() {
			p.open("/admin/users/square")
			p.do("sees", args{"role": "checkbox", "name": "^30019 auf", "pattern": true}, nil)
			p.settled()
			p.do("measure", nil, nil)
			p.do("focus", args{"selector": `[data-at="0:0"]`}, nil)
			p.keys(strings.Repeat("ArrowRight ", 19) + strings.Repeat("ArrowDown ", 19) + "Control+Home")
			p.keys(strings.Repeat("Shift+ArrowRight ", 9) + strings.Repeat("Shift+ArrowDown ", 9))
			p.press(" ")
			p.sees("100 Haken geändert")
			p.tasks(b)
			p.click("button", "Zurücksetzen")
			p.do("gone", args{"text": "100 Haken geändert"}, nil)
		}
	})
}

// keys presses one key after the other.
func (p *person) keys(list string) {
	p.t.Helper()
	for _, k := range strings.Fields(list) {
		p.press(k)
	}
}

// tasks reports what the browser had to do at once since it was measured, at most: by the clock, and of the processor's time alone.
func (p *person) tasks(b *testing.B) {
	b.Helper()
	var got struct {
		Wall, CPU float64 // ms
		Long      int     // by the clock over 50 ms, as PerformanceObserver counts them
		Worst     string
	}
	p.do("measured", nil, &got)
	b.ReportMetric(got.CPU, "ms-task-cpu")
	b.ReportMetric(got.Wall, "ms-task")
	b.ReportMetric(float64(got.Long), "long-tasks")
	b.ReportMetric(0, "ns/op")
	b.Log(got.Worst)
}

var took = regexp.MustCompile(`took=(\S+)`)

// slowest is how long the daemon took for an operation at most, from that place of its log.
func (d *daemon) slowest(b *testing.B, operation string, from int) time.Duration {
	b.Helper()
	var most time.Duration
	for line := range strings.Lines(d.log.String()[from:]) {
		if m := took.FindStringSubmatch(line); m != nil && strings.Contains(line, "operation="+operation) {
			t, err := time.ParseDuration(m[1])
			if err != nil {
				b.Fatal(err)
			}
			most = max(most, t)
		}
	}
	if most == 0 {
		b.Fatalf("%s is not in the log", operation)
	}
	return most
}

// crowd imports users, each with a number and two slots.
func (d *daemon) crowd(b *testing.B, users int) {
	b.Helper()
	d.license(users + 100)
	first, last := []string{"Änne", "Jürgen", "Zoë", "Anna", "Peter"}, []string{"Müller", "Schmidt", "Groß", "Öztürk", "Meier", "Weiß", "Schäfer"}
	const at = 2500
	for from := 0; from < users; from += at {
		var text strings.Builder
		text.WriteString("username;first_name;last_name;email;language;numbers;slots\n")
		for i := from; i < min(users, from+at); i++ {
			fmt.Fprintf(&text, "user.%05d;%s;%s;user.%05d@koppelfeld.example;de;%d;desk dect\n", i, first[i%len(first)], last[i%len(last)], i, 10_000+i)
		}
		req, err := http.NewRequestWithContext(b.Context(), "POST", "https://"+d.admin+"/api/users/import", strings.NewReader(text.String()))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Content-Type", "text/csv")
		req.Header.Set("Authorization", "Bearer "+d.token)
		res, err := d.web().Do(req)
		if err != nil {
			b.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			b.Fatalf("importing users: %s", res.Status)
		}
	}
}

// square makes a user with as many numbers as slots.
func (d *daemon) square(size int) {
	d.t.Helper()
	d.api("POST", "/api/users", map[string]any{"username": "square", "last_name": "Square"}, nil)
	for i := range size {
		d.api("POST", "/api/users/square/numbers", map[string]any{"number": fmt.Sprint(30_000 + i)}, nil)
		d.api("POST", "/api/users/square/slots", map[string]any{"type": []string{"desk", "dect", "softphone", "ucc"}[i%4]}, nil)
	}
}
