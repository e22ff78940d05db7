package app

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/koppelfeld/koppelfeld/internal/app/adminjoin"
	"github.com/koppelfeld/koppelfeld/internal/config"
	"github.com/koppelfeld/koppelfeld/internal/example"
	"github.com/koppelfeld/koppelfeld/internal/store"
	"github.com/koppelfeld/koppelfeld/internal/store/storetest"
	"github.com/koppelfeld/koppelfeld/internal/transfer"
)

// BenchmarkTransfer exports 10,000 users with secrets and imports them into an empty server: reading the file, a preview, the import with its
// trial compile, the same once more. Memory is what is in use at the end of each step, above what there was before.
func BenchmarkTransfer(b *testing.B) {
	source := storetest.Open(b, storetest.Config(b, "sqlite"))
	if err := example.Generate(b.Context(), source, 10_000); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		cfg := storetest.Config(b, "sqlite")
		cfg.Validate = Trial(config.Config{})
		target := storetest.Open(b, cfg)
		var file bytes.Buffer
		var contents *transfer.Contents
		step := func(name string, run func() error) {
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := time.Now()
			if err := run(); err != nil {
				b.Fatalf("%s: %v", name, err)
			}
			took := time.Since(begin)
			runtime.ReadMemStats(&after)
			b.ReportMetric(took.Seconds(), name+"-s")
			b.ReportMetric(float64(after.HeapAlloc-min(before.HeapAlloc, after.HeapAlloc))/1e6, name+"-MB")
		}
		step("export", func() error {
			_, err := transfer.Export(&file, source.Snapshot(), transfer.Options{Passphrase: "correct horse battery staple", MadeAt: time.Now()})
			return err
		})
		step("open", func() (err error) {
			contents, err = transfer.Open(bytes.NewReader(file.Bytes()), int64(file.Len()), "correct horse battery staple")
			return err
		})
		do := func(preview bool, want transfer.Action) func() error {
			return func() error {
				r, err := adminjoin.Import(b.Context(), target, contents, transfer.How{Mode: transfer.Merge}, preview, store.Change{Actor: "bench"})
				if err == nil && r.Count(transfer.KindUser, want) < 10_000 {
					err = fmt.Errorf("%d users are %s", r.Count(transfer.KindUser, want), want)
				}
				return err
			}
		}
		step("preview", do(true, transfer.New))
		step("import", do(false, transfer.New))
		step("again", do(false, transfer.Same))
		b.ReportMetric(float64(file.Len())/1e6, "file-MB")
	}
}
