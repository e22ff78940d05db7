package calls

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/koppelfeld/koppelfeld/internal/corpus"
)

// fill sets every field of v, and of what it holds, to something.
func fill(v reflect.Value, rnd *rand.Rand) {
	texts := []string{"", "x", `a"b\c`, "Jürgen €\U0001F4DE", "\x00\x1f\x7f\r\n\t", "<&>\u2028\u2029", "a\xffb\xc3", "ends \xe2\x82"}
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = time.Unix(rnd.Int64N(4e9), rnd.Int64N(1e9)).UTC()
		if rnd.IntN(4) == 0 {
			*p = time.Time{}
		}
		return
	case *json.RawMessage:
		*p = [][]byte{nil, []byte(`[{"code":"row"}]`), []byte("[\n 1,\n 2 ]")}[rnd.IntN(3)]
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(texts[rnd.IntN(len(texts))])
	case reflect.Bool:
		v.SetBool(rnd.IntN(2) == 0)
	case reflect.Int, reflect.Int64:
		v.SetInt(rnd.Int64() - rnd.Int64())
	case reflect.Uint64:
		v.SetUint(rnd.Uint64())
	case reflect.Float64:
		v.SetFloat([]float64{0, 0.5, 1e-9, 123456789.25, 1e300, -2}[rnd.IntN(6)])
	case reflect.Pointer:
		if rnd.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), rnd)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rnd.IntN(4), 4))
		for i := range v.Len() {
			fill(v.Index(i), rnd)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), rnd)
		}
	default:
		panic(fmt.Sprintf("a record holds a %s now", v.Type()))
	}
}

// TestAppendJSON holds the encoder against the one of the standard library, for
// every field there is.
func TestAppendJSON(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var r Record
		fill(reflect.ValueOf(&r).Elem(), rnd)
		b := r.AppendJSON(nil)
		standard, err := json.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		var got, want Record
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%v in %s", err, b)
		}
		if err := json.Unmarshal(standard, &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-standard +ours):\n%s", diff)
		}
		if bytes.IndexByte(b, '\n') >= 0 {
			t.Fatalf("more than one line: %q", b)
		}
	}
}

// TestAppendJSONOfTheImpossible: what json.Marshal refuses does not cost the record.
func TestAppendJSONOfTheImpossible(t *testing.T) {
	r := Record{
		ID: "x", Start: time.Date(123456, 1, 1, 0, 0, 0, 0, time.UTC), Reasons: json.RawMessage("{\n"),
		MediaCaller: &Media{JitterMS: math.NaN()}, MediaCallee: &Media{JitterMS: math.Inf(1)},
	}
	var got Record
	if err := json.Unmarshal(r.AppendJSON(nil), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Record{ID: "x", MediaCaller: &Media{}, MediaCallee: &Media{}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzAppendText(f *testing.F) {
	corpus.Add(f)
	f.Add("Jürgen \"x\"\\\x00\xff\u2028")
	f.Fuzz(func(t *testing.T, s string) {
		var got, want string
		if err := json.Unmarshal(appendText(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		standard, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(standard, &want); err != nil || got != want {
			t.Fatalf("%q comes back as %q, want %q (%v)", s, got, want, err)
		}
	})
}

func BenchmarkRecordJSON(b *testing.B) {
	now := time.Now()
	r := Record{
		ID: "01KAFT7Z0Z0000000000000000", Start: now, RingAt: now, AnswerAt: now, End: now, Class: "inside", From: "2000770", FromName: "User 77",
		FromUser: "01KAFT7Z0Z0000000000000001", FromSlot: "01KAFT7Z0Z0000000000000002", To: "2000502", Number: "2000502", ToUser: "01KAFT7Z0Z0000000000000003",
		Result: Answered, Status: 200, HangupBy: "caller", Cause: "hung up", SIPCallID: "1-4711@127.0.0.1", Reasons: json.RawMessage("[" + string(bytes.Repeat([]byte("1,"), 400)) + "1]"),
		Legs: []Leg{{SlotID: "01KAFT7Z0Z0000000000000004", Contact: "sip:callee@127.0.0.1:5070", Start: now, RingAt: now, End: now, Status: 200, Result: "answered"}},
	}
	b.Run("append", func(b *testing.B) {
		var buf []byte
		for b.Loop() {
			buf = r.AppendJSON(buf[:0])
		}
	})
	b.Run("marshal", func(b *testing.B) {
		for b.Loop() {
			if _, err := json.Marshal(&r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
