package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/macho"
)

// schema is a JSON Schema of docs/schema. The test reads the few keywords that
// those documents use, and refuses others, so that nothing is silently unchecked.
type schema struct {
	root map[string]any
}

func readSchema(t *testing.T, name string) schema {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(testDir, "../../docs/schema", name))
	require.NoError(t, err)
	var s schema
	require.NoError(t, json.Unmarshal(b, &s.root))
	return s
}

// check returns what is wrong with a value.
func (s schema) check(rule map[string]any, v any, path string) (problems []string) {
	fail := func(format string, args ...any) {
		problems = append(problems, path+": "+fmt.Sprintf(format, args...))
	}
	for key, want := range rule {
		switch key {
		case "$schema", "$id", "$defs", "title", "description", "format", "additionalProperties":
		case "$ref":
			name := strings.TrimPrefix(want.(string), "#/$defs/")
			problems = append(problems, s.check(s.root["$defs"].(map[string]any)[name].(map[string]any), v, path)...)
		case "anyOf":
			if !slices.ContainsFunc(want.([]any), func(r any) bool { return len(s.check(r.(map[string]any), v, path)) == 0 }) {
				fail("%v fits no alternative", v)
			}
		case "type":
			if got := kindOf(v); got != want && !(want == "number" && got == "integer") {
				fail("it is a %s, want %s", got, want)
			}
		case "const":
			if !reflect.DeepEqual(v, want) {
				fail("it is %v, want %v", v, want)
			}
		case "enum":
			if !slices.Contains(want.([]any), v) {
				fail("%v is none of %v", v, want)
			}
		case "pattern":
			if text, ok := v.(string); ok && !regexp.MustCompile(want.(string)).MatchString(text) {
				fail("%q does not match %s", text, want)
			}
		case "items":
			list, _ := v.([]any)
			for i, item := range list {
				problems = append(problems, s.check(want.(map[string]any), item, fmt.Sprintf("%s[%d]", path, i))...)
			}
		case "minItems":
			if list, ok := v.([]any); ok && len(list) < int(want.(float64)) {
				fail("it has %d items", len(list))
			}
		case "maxItems":
			if list, ok := v.([]any); ok && len(list) > int(want.(float64)) {
				fail("it has %d items", len(list))
			}
		case "required":
			for _, name := range want.([]any) {
				if o, ok := v.(map[string]any); ok && !hasKey(o, name.(string)) {
					fail("%s is missing", name)
				}
			}
		case "properties":
			o, _ := v.(map[string]any)
			for name, value := range o {
				if r, ok := want.(map[string]any)[name]; ok {
					problems = append(problems, s.check(r.(map[string]any), value, path+"."+name)...)
				} else if rule["additionalProperties"] == false {
					fail("the key %q is not described", name)
				}
			}
		default:
			fail("the test does not know the schema keyword %q", key)
		}
	}
	return problems
}

func hasKey(o map[string]any, name string) bool {
	_, ok := o[name]
	return ok
}

func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
	}
	return "number"
}

func (s schema) checkJSON(t *testing.T, b []byte, name string) {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal(b, &v), name)
	assert.Empty(t, s.check(s.root, v, "$"), name)
}

func TestFactsOfEveryFixtureFitTheirSchema(t *testing.T) {
	t.Parallel()
	s := readSchema(t, "subject-1.schema.json")
	programs := map[string][]byte{"two identifiers": programs["two-identifiers"]()}
	for _, dir := range []string{"fixtures/data", "examples/helper"} {
		names, err := filepath.Glob(filepath.Join(testDir, "../..", dir, "*"))
		require.NoError(t, err)
		for _, name := range names {
			if st, err := os.Stat(name); err == nil && st.Mode().IsRegular() {
				programs[name], err = os.ReadFile(name)
				require.NoError(t, err)
			}
		}
	}
	for i, v := range fixtures.Vectors() {
		if i%5 == 0 { // a fifth of them: package macho verifies them all
			programs[v.Name] = v.Build()
		}
	}
	for name, b := range programs {
		subject := macho.VerifyReader(context.Background(), bytes.NewReader(b), int64(len(b)), macho.Options{Now: fixtures.Clock})
		out, err := json.Marshal(subject)
		require.NoError(t, err, name)
		s.checkJSON(t, out, name)
		again, err := code.ReadFacts(out)
		require.NoError(t, err, name)
		assert.Equal(t, code.OriginReplay, again.Origin, name)
	}
}

func TestASubjectThatSaysEverythingFitsTheSchema(t *testing.T) {
	t.Parallel()
	s := readSchema(t, "subject-1.schema.json")
	full := &code.Subject{Origin: code.OriginKernel, Notarized: code.Known(true), LegacyListed: code.Unknown[bool](fmt.Errorf("nobody asked")),
		Process: &code.Process{Strength: code.StrengthMessage, Status: code.Known(code.CSValid)}}
	out, err := json.Marshal(full)
	require.NoError(t, err)
	s.checkJSON(t, out, "full")

	assert.NotEmpty(t, s.check(s.root, map[string]any{"schema": 2.0}, "$"), "another schema must not fit")
}

// TestSchemaListsEveryKey compares the schema with the Go types, so that a new
// field cannot be forgotten.
func TestSchemaListsEveryKey(t *testing.T) {
	t.Parallel()
	s := readSchema(t, "subject-1.schema.json")
	defs := s.root["$defs"].(map[string]any)
	for name, typ := range map[string]reflect.Type{
		"":               reflect.TypeFor[code.Subject](),
		"slice":          reflect.TypeFor[code.Slice](),
		"certificate":    reflect.TypeFor[code.Certificate](),
		"check":          reflect.TypeFor[code.Check](),
		"code_directory": reflect.TypeFor[code.CodeDirectory](),
		"signature":      reflect.TypeFor[code.Signature](),
	} {
		rule := s.root
		if name != "" {
			rule = defs[name].(map[string]any)
		}
		var keys []string
		for _, f := range reflect.VisibleFields(typ) {
			if key := strings.Split(f.Tag.Get("json"), ",")[0]; key != "" && key != "-" && len(f.Index) <= 2 {
				keys = append(keys, key)
			}
		}
		for _, key := range keys {
			assert.Contains(t, rule["properties"], key, "%s in subject-1.schema.json", typ)
		}
	}
}

func TestDecisionsFitTheirSchema(t *testing.T) {
	t.Parallel()
	s := readSchema(t, "decision-1.schema.json")
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(testDir, "../../examples/helper"))))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "two"), programs["two-identifiers"](), 0o644))
	policy := filepath.Join(dir, "policy.yaml")
	for _, target := range []string{"client", "client-other-team", "client-adhoc", "client-debuggable", "root.der", "two", "absent"} {
		for _, by := range [][]string{{"-p", policy, "--operation", "x"}, {"-r", `identifier "com.example.client"`}, {"-r", "notarized"}, {"-r", "anchor apple"}} {
			for _, explain := range []string{"--explain=false", "--explain"} {
				args := append([]string{"check", "--format", "ndjson", explain}, by...)
				var out, errs bytes.Buffer
				Main(append(args, filepath.Join(dir, target)), nil, &out, &errs)
				assert.Empty(t, errs.String())
				s.checkJSON(t, out.Bytes(), fmt.Sprint(args, target))
			}
		}
	}
	out, err := json.Marshal(xpcpolicy.Result{})
	require.NoError(t, err)
	s.checkJSON(t, out, "the zero Result")
}
