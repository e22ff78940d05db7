// Package corpus keeps what fuzzing has found worth keeping in the repository: one compressed file for each target, in
// testdata/corpus beside it. Every run of its test plays the inputs again, and fuzzing begins with them. It is for tests only;
// `make fuzz-corpus` writes the files.
package corpus

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Dir is where the files of a package lie, below its folder.
const Dir = "testdata/corpus"

// Ext ends the name of a file, which begins with that of its target.
const Ext = ".gz"

// Bounds of one file.
const (
	MaxInputs = 1000
	MaxPlain  = 512 << 10 // bytes before compression
	MaxPacked = 48 << 10  // bytes of the file
)

// Add gives a fuzz target the inputs that are kept for it, if there are any.
func Add(f *testing.F) {
	f.Helper()
	inputs, err := ReadFile(filepath.Join(filepath.FromSlash(Dir), f.Name()+Ext))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		f.Fatal(err)
	}
	for _, in := range inputs {
		args, err := Values(in)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(args...)
	}
}

// ReadFile reads a file that WriteFile has written. The inputs are texts as the go command keeps them.
func ReadFile(name string) ([][]byte, error) {
	packed, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	r := bufio.NewReader(io.LimitReader(z, 2*MaxPlain))
	var inputs [][]byte
	for {
		n, err := binary.ReadUvarint(r)
		if errors.Is(err, io.EOF) {
			return inputs, nil
		}
		if err == nil && n > MaxPlain {
			err = errors.New("an input without end")
		}
		in := make([]byte, min(n, MaxPlain))
		if err == nil {
			_, err = io.ReadFull(r, in)
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		inputs = append(inputs, in)
	}
}

// WriteFile writes the smallest inputs, each once, as far as the bounds go. It returns how many it has written.
func WriteFile(name string, inputs [][]byte) (int, error) {
	inputs = slices.Clone(inputs)
	slices.SortFunc(inputs, func(a, b []byte) int { return cmp.Or(cmp.Compare(len(a), len(b)), bytes.Compare(a, b)) })
	inputs = slices.CompactFunc(inputs, bytes.Equal)
	inputs = inputs[:min(len(inputs), MaxInputs)]
	plain := 0
	for i, in := range inputs {
		if plain += len(in) + binary.MaxVarintLen64; plain > MaxPlain {
			inputs = inputs[:i]
			break
		}
	}
	packed, err := pack(inputs)
	for err == nil && len(packed) > MaxPacked {
		inputs = inputs[:len(inputs)*9/10]
		packed, err = pack(inputs)
	}
	if err != nil {
		return 0, err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return 0, err
	}
	return len(inputs), os.WriteFile(name, packed, 0o644)
}

func pack(inputs [][]byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	for _, in := range inputs {
		_, err = z.Write(append(binary.AppendUvarint(nil, uint64(len(in))), in...))
		if err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// header begins each input.
const header = "go test fuzz v1"

// Values reads the arguments of an input, which the go command keeps as one Go expression a line.
func Values(input []byte) ([]any, error) {
	lines := strings.Split(strings.TrimRight(string(input), "\n"), "\n")
	if strings.TrimRight(lines[0], "\r") != header {
		return nil, fmt.Errorf("corpus: an input begins with %q", lines[0])
	}
	var args []any
	for _, line := range lines[1:] {
		v, err := value(line)
		if err != nil {
			return nil, fmt.Errorf("corpus: %q: %w", line, err)
		}
		args = append(args, v)
	}
	return args, nil
}

var errType = errors.New("a value of a kind that no target takes")

// value reads one conversion, such as []byte("x") or int(-3).
func value(line string) (any, error) {
	e, err := parser.ParseExpr(line)
	if err != nil {
		return nil, err
	}
	call, ok := e.(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return nil, errType
	}
	if list, ok := call.Fun.(*ast.ArrayType); ok {
		if elem, ok := list.Elt.(*ast.Ident); !ok || list.Len != nil || elem.Name != "byte" {
			return nil, errType
		}
		s, err := text(call.Args[0])
		return []byte(s), err
	}
	kind, ok := call.Fun.(*ast.Ident)
	if !ok {
		return nil, errType
	}
	arg := call.Args[0]
	switch kind.Name {
	case "string":
		return text(arg)
	case "bool":
		return strconv.ParseBool(number(arg))
	case "int", "int64":
		v, err := strconv.ParseInt(number(arg), 0, 64)
		if kind.Name == "int" {
			return int(v), err
		}
		return v, err
	case "uint8", "byte":
		if lit, ok := arg.(*ast.BasicLit); ok && lit.Kind == token.CHAR {
			r, _, _, err := strconv.UnquoteChar(lit.Value[1:len(lit.Value)-1], '\'')
			return uint8(r), err
		}
		v, err := strconv.ParseUint(number(arg), 0, 8)
		return uint8(v), err
	case "uint16":
		v, err := strconv.ParseUint(number(arg), 0, 16)
		return uint16(v), err
	case "uint32":
		v, err := strconv.ParseUint(number(arg), 0, 32)
		return uint32(v), err
	case "uint64":
		return strconv.ParseUint(number(arg), 0, 64)
	case "int16":
		v, err := strconv.ParseInt(number(arg), 0, 16)
		return int16(v), err
	case "int32":
		v, err := strconv.ParseInt(number(arg), 0, 32)
		return int32(v), err
	case "uint":
		v, err := strconv.ParseUint(number(arg), 0, 64)
		return uint(v), err
	}
	return nil, errType
}

func text(e ast.Expr) (string, error) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", errType
	}
	return strconv.Unquote(lit.Value)
}

// number is the text of a literal with its sign, or of true and false.
func number(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.UnaryExpr:
		return e.Op.String() + number(e.X)
	case *ast.BasicLit:
		return e.Value
	case *ast.Ident:
		return e.Name
	}
	return ""
}
