package policytest

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
	"github.com/xpcpolicy/xpcpolicy/policy/invent"
)

var update = flag.Bool("update", false, "rewrite docs/testing.md and the schema of suites from the tables in code")

const (
	docPath    = "../../docs/testing.md"
	schemaPath = "../../docs/schema/suite-v1.schema.json"
)

var kindWords = [...]string{textKey: "text", textsKey: "text or list of texts", timeKey: "time", percentKey: "number",
	objectKey: "object", listKey: "list of objects", namedKey: "object of named values", wordsKey: "text, or object of texts by peer",
	mutationsKey: "`auto` or object", freeKey: "object"}

// generated writes the tables of docs/testing.md from the tables in code.
var generated = map[string]func() string{
	"keys": func() string {
		var b strings.Builder
		var list func(keys []key, path string)
		list = func(keys []key, path string) {
			b.WriteString("\n| key | type | meaning |\n|---|---|---|\n")
			for _, k := range keys {
				doc := k.doc
				if k.required {
					doc += " Required."
				}
				fmt.Fprintf(&b, "| `%s%s` | %s | %s |\n", path, k.name, kindWords[k.kind], strings.ReplaceAll(doc, "|", `\|`))
			}
			for _, k := range keys {
				switch {
				case k.keys == nil:
				case k.kind == namedKey:
					list(k.keys, path+k.name+".NAME.")
				case k.kind == listKey:
					list(k.keys, path+k.name+"[].")
				default:
					list(k.keys, path+k.name+".")
				}
			}
		}
		list(suiteKeys, "")
		return b.String()
	},
	"bases": func() string {
		names, docs := invent.BaseNames()
		b := "\n| name | stands for |\n|---|---|\n"
		for i := range names {
			b += fmt.Sprintf("| `%s` | %s |\n", names[i], docs[i])
		}
		return b
	},
	"facts": func() string {
		paths, docs := invent.Paths()
		b := "\n| fact | takes |\n|---|---|\n"
		for i := range paths {
			b += fmt.Sprintf("| `%s` | %s |\n", paths[i], docs[i])
		}
		return b
	},
	"attackers": func() string {
		b := "\n| kind | what somebody has |\n|---|---|\n"
		for _, k := range invent.Kinds() {
			b += fmt.Sprintf("| `%s` | %s |\n", k.Name, k.Doc)
		}
		return b
	},
}

// TestTablesOfTheDocsComeFromCode compares what stands between <!-- NAME --> and
// <!-- /NAME --> in docs/testing.md with the tables.
func TestTablesOfTheDocsComeFromCode(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(docPath)
	require.NoError(t, err)
	doc := string(raw)
	for name, table := range generated {
		open, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, ok := strings.Cut(doc, open)
		require.True(t, ok, name)
		_, after, ok := strings.Cut(rest, end)
		require.True(t, ok, name)
		doc = before + open + table() + "\n" + end + after
	}
	if *update {
		require.NoError(t, os.WriteFile(docPath, []byte(doc), 0o644))
		return
	}
	assert.Equal(t, doc, string(raw), "run go test -update and read the difference")
}

// TestSuitesInTheDocsParse parses every suite that the page shows.
func TestSuitesInTheDocsParse(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(docPath)
	require.NoError(t, err)
	n := 0
	for _, part := range strings.Split(string(raw), "```yaml\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		if strings.Contains(block, "suite:") {
			n++
			_, err := Parse("docs/testing.md", []byte(block))
			assert.NoError(t, err, block)
		}
	}
	assert.GreaterOrEqual(t, n, 2)
}

type object = map[string]any

// schemaOf is the JSON Schema of one key.
func schemaOf(k *key) object {
	text := object{"type": "string", "pattern": `\S`}
	if k.enum != nil {
		text = object{"enum": k.enum}
	}
	o := object{}
	switch k.kind {
	case textKey:
		o = text
	case textsKey:
		o = object{"anyOf": []any{text, object{"type": "array", "minItems": 1, "items": text}}}
	case timeKey:
		o = object{"type": "string", "pattern": `^[0-9]{4}-[0-9]{2}-[0-9]{2}(T.*)?$`}
	case percentKey:
		o = object{"type": "number", "minimum": 0, "maximum": 100}
	case objectKey:
		o = schemaOfObject(k.keys)
	case listKey:
		o = object{"type": "array", "items": schemaOfObject(k.keys)}
	case namedKey:
		value := object{"anyOf": []any{text, object{"type": "array", "minItems": 1, "items": text}}}
		if k.keys != nil {
			value = schemaOfObject(k.keys)
		}
		o = object{"type": "object", "additionalProperties": value}
	case wordsKey:
		o = object{"anyOf": []any{text, object{"type": "object", "additionalProperties": text}}}
	case mutationsKey:
		o = object{"anyOf": []any{object{"const": "auto"}, schemaOfObject(k.keys)}}
	case freeKey:
		o = object{"type": "object"}
	}
	out := object{"description": k.doc}
	for name, v := range o {
		out[name] = v
	}
	return out
}

func schemaOfObject(keys []key) object {
	properties, required := object{}, []string{}
	for i := range keys {
		properties[keys[i].name] = schemaOf(&keys[i])
		if keys[i].required {
			required = append(required, keys[i].name)
		}
	}
	o := object{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// fitsSchema reports whether a value fits one of our schemas; it knows the keywords
// that schemaOf writes.
func fitsSchema(t *testing.T, s object, v any) bool {
	t.Helper()
	for word, want := range s {
		ok := true
		list, isList := v.([]any)
		o, isObject := v.(object)
		text, isText := v.(string)
		n, isNumber := v.(float64)
		switch word {
		case "description", "title", "$schema", "$id":
		case "type":
			ok = map[string]bool{"string": isText, "array": isList, "object": isObject, "number": isNumber}[want.(string)]
		case "pattern":
			ok = isText && regexp.MustCompile(want.(string)).MatchString(text)
		case "enum":
			ok = isText && slices.Contains(want.([]any), v)
		case "const":
			ok = v == want
		case "anyOf":
			ok = slices.ContainsFunc(want.([]any), func(s any) bool { return fitsSchema(t, s.(object), v) })
		case "minItems":
			ok = len(list) >= int(want.(float64))
		case "minimum":
			ok = n >= want.(float64)
		case "maximum":
			ok = n <= want.(float64)
		case "items":
			ok = !slices.ContainsFunc(list, func(v any) bool { return !fitsSchema(t, want.(object), v) })
		case "required":
			for _, name := range want.([]any) {
				_, there := o[name.(string)]
				ok = ok && there
			}
		case "properties", "additionalProperties":
			properties, _ := s["properties"].(object)
			for name, v := range o {
				sub, known := properties[name].(object)
				if !known {
					sub, known = s["additionalProperties"].(object)
				}
				ok = ok && (known && fitsSchema(t, sub, v) || !known && s["additionalProperties"] != false)
			}
		default:
			t.Fatalf("the test does not know the keyword %q", word)
		}
		if !ok {
			return false
		}
	}
	return true
}

// TestSuitesFitTheSchema has the schema accept what Parse accepts, and refuse what
// is wrong in form.
func TestSuitesFitTheSchema(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(schemaPath)
	require.NoError(t, err)
	var s object
	require.NoError(t, json.Unmarshal(b, &s))
	value := func(text string) any {
		root, failure := yamlpos.Parse([]byte(text))
		require.Nil(t, failure)
		b, err := json.Marshal(plainValue(root))
		require.NoError(t, err)
		var v any
		require.NoError(t, json.Unmarshal(b, &v))
		return v
	}
	good := []string{strongSuite}
	files, err := filepath.Glob("../../examples/*/*_test.yaml")
	require.NoError(t, err)
	more, err := filepath.Glob("../../examples/*/*/*_test.yaml")
	require.NoError(t, err)
	for _, f := range append(files, more...) {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		good = append(good, string(text))
	}
	require.Greater(t, len(good), 15)
	for _, text := range good {
		assert.True(t, fitsSchema(t, s, value(text)), text)
	}
	const small = "suite: s\npeers: {a: {like: $adhoc}}\n"
	require.True(t, fitsSchema(t, s, value(small)))
	for _, bad := range []string{
		"suite: s\n", small + "pears: {}\n", small + "apiVersion: v2\n", small + "cases: [{name: c, expect: alow}]\n",
		small + "cases: [{name: c}]\n", small + "mutations: none\n", small + "coverage: {rules: 101}\n",
		small + "options: {now: soon}\n", small + "matrix: {operations: []}\n", small + "policy: 7\n",
	} {
		assert.False(t, fitsSchema(t, s, value(bad)), bad)
		_, err := Parse("bad.yaml", []byte(bad))
		assert.Error(t, err, bad)
	}
}

func TestSchemaComesFromTheTableOfKeys(t *testing.T) {
	t.Parallel()
	s := schemaOfObject(suiteKeys)
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["$id"] = "https://github.com/xpcpolicy/xpcpolicy/docs/schema/suite-v1.schema.json"
	s["title"] = "Suite of policy tests, version 1"
	b, err := json.MarshalIndent(s, "", "  ")
	require.NoError(t, err)
	want := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b)) + "\n"
	if *update {
		require.NoError(t, os.WriteFile(schemaPath, []byte(want), 0o644))
		return
	}
	got, err := os.ReadFile(schemaPath)
	require.NoError(t, err)
	assert.Equal(t, want, string(got), "run go test -update and read the difference")
}
