package transfer

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/koppelfeld/koppelfeld/routing/calendar"
)

// Schema returns the JSON Schema (draft 2020-12) of the parts of a file, made from the types that read and write them. It lies in each file.
func Schema() []byte {
	s := schemas{defs: map[string]any{}}
	root := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"$id":     "urn:koppelfeld:export:1",
		"title":   "Parts of an export of Koppelfeld, version 1 of the format",
		"$defs":   s.defs,
	}
	var any []map[string]string
	for name, v := range map[string]reflect.Type{
		partManifest: reflect.TypeFor[Manifest](), partUsers: reflect.TypeFor[usersPart](), partPhones: reflect.TypeFor[phonesPart](),
		partGroups: reflect.TypeFor[groupsPart](), partSystem: reflect.TypeFor[systemPart](), partSecrets: reflect.TypeFor[secretsPart](),
	} {
		s.defs[name] = s.object(v)
	}
	for _, name := range []string{partManifest, partUsers, partPhones, partGroups, partSystem, partSecrets} {
		any = append(any, map[string]string{"$ref": "#/$defs/" + name})
	}
	root["anyOf"] = any
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	if err := e.Encode(root); err != nil {
		panic("describing the export: " + err.Error()) // maps of strings
	}
	return out.Bytes()
}

// schemas collects the types that others refer to.
type schemas struct{ defs map[string]any }

func (s *schemas) of(t reflect.Type) any {
	switch t {
	case reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case reflect.TypeFor[calendar.Days]():
		return map[string]any{"type": "array", "items": map[string]any{"type": "string"}}
	}
	if t.Kind() != reflect.Pointer && t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return map[string]any{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Slice:
		return map[string]any{"type": "array", "items": s.of(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint8:
		return map[string]any{"type": "integer"}
	case reflect.Struct:
		if _, there := s.defs[t.Name()]; !there {
			s.defs[t.Name()] = nil // ends circles
			s.defs[t.Name()] = s.object(t)
		}
		return map[string]any{"$ref": "#/$defs/" + t.Name()}
	}
	return map[string]any{"type": "string"}
}

func (s *schemas) object(t reflect.Type) map[string]any {
	properties, required := map[string]any{}, []string{}
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := s.of(f.Type)
		if doc := f.Tag.Get("doc"); doc != "" {
			p = described(p, doc)
		}
		properties[name] = p
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties, "required": required}
}

func described(p any, doc string) any {
	m, ok := p.(map[string]any)
	if !ok {
		return p
	}
	out := map[string]any{"description": doc}
	for k, v := range m {
		out[k] = v
	}
	return out
}
