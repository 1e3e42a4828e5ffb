package policy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
)

// fitsSchema reports whether a value fits a schema. It knows the keywords that our
// schema uses and fails the test for others.
func fitsSchema(t *testing.T, rule map[string]any, v any) bool {
	t.Helper()
	count := func(rules any) int {
		n := 0
		for _, r := range rules.([]any) {
			if fitsSchema(t, r.(map[string]any), v) {
				n++
			}
		}
		return n
	}
	object, isObject := v.(map[string]any)
	list, isList := v.([]any)
	text, isText := v.(string)
	ok := true
	for key, want := range rule {
		switch key {
		case "$schema", "title", "description":
		case "type":
			_, isBool := v.(bool)
			ok = ok && map[string]bool{"object": isObject, "array": isList, "string": isText, "boolean": isBool}[want.(string)]
		case "enum":
			ok = ok && slices.Contains(want.([]any), v)
		case "pattern":
			ok = ok && (!isText || regexp.MustCompile(want.(string)).MatchString(text))
		case "minItems":
			ok = ok && (!isList || len(list) >= int(want.(float64)))
		case "items":
			for _, item := range list {
				ok = ok && fitsSchema(t, want.(map[string]any), item)
			}
		case "required":
			for _, name := range want.([]any) {
				_, there := object[name.(string)]
				ok = ok && (!isObject || there)
			}
		case "properties":
			for name, value := range object {
				if r, known := want.(map[string]any)[name]; known {
					ok = ok && fitsSchema(t, r.(map[string]any), value)
				}
			}
		case "additionalProperties":
			known, _ := rule["properties"].(map[string]any)
			for name, value := range object {
				if _, described := known[name]; described {
					continue
				}
				other, isRule := want.(map[string]any)
				ok = ok && isRule && fitsSchema(t, other, value)
			}
		case "oneOf":
			ok = ok && count(want) == 1
		case "anyOf":
			ok = ok && count(want) > 0
		case "not":
			ok = ok && !fitsSchema(t, want.(map[string]any), v)
		default:
			t.Fatalf("the test does not know the schema keyword %q", key)
		}
	}
	return ok
}

func plainYAML(n *yamlpos.Node) any {
	switch {
	case n.Kind == yamlpos.Mapping:
		m := map[string]any{}
		for _, p := range n.Pairs {
			m[p.Key.Value] = plainYAML(p.Value)
		}
		return m
	case n.Kind == yamlpos.Sequence:
		l := []any{}
		for _, item := range n.Items {
			l = append(l, plainYAML(item))
		}
		return l
	case n.Type == "str":
		return n.Value
	case n.Type == "bool":
		return strings.EqualFold(n.Value, "true")
	}
	return 0.5 // a number, nothing or a time: no key takes one
}

func TestTheSchemaAcceptsWhatLoads(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(schemaPath)
	require.NoError(t, err)
	var schema map[string]any
	require.NoError(t, json.Unmarshal(raw, &schema))
	check := func(text string) bool {
		root, failure := yamlpos.Parse([]byte(text))
		require.Nil(t, failure, text)
		return fitsSchema(t, schema, plainYAML(root))
	}
	var documents []string
	names, err := filepath.Glob("testdata/explain/*.txtar")
	require.NoError(t, err)
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		require.NoError(t, err)
		documents = append(documents, string(a.Files[0].Data))
	}
	page, err := os.ReadFile(docPath)
	require.NoError(t, err)
	for _, part := range strings.Split(string(page), "```yaml\n")[1:] {
		if text, _, _ := strings.Cut(part, "```"); strings.HasPrefix(text, "apiVersion") {
			if _, err := Parse("page.yaml", []byte(text)); err == nil {
				documents = append(documents, text)
			}
		}
	}
	example, err := os.ReadFile("../examples/helper/policy.yaml")
	require.NoError(t, err)
	documents = append(documents, string(example), withProfile, propertyHead+"  - {name: r, deny: 'true'}",
		partHeader, partHeader+"peers: {p: {team: A}}\ninclude: [a.yaml]\nfloor: {plugin_hosts: x}\n", header+"include: a.yaml\n")
	require.Greater(t, len(documents), 15)
	for _, text := range documents {
		assert.True(t, check(text), text)
	}
	for _, text := range []string{
		header, "name: x\nrules: [{name: r, allow: 'true'}]\n", header + "rules: []\n", header + "rules: [{name: r}]\n",
		header + "rules: [{name: r, allow: 'true', deny: 'true'}]\n", header + "rules: [{name: r, allow: true}]\n",
		header + "rules: [{name: r, allow: 'true', mesage: x}]\n", header + "rules: [{name: r, allow: ' '}]\n",
		header + "rules: [{name: r, allow: 'true'}]\nfloor: {relax: signature}\n",
		header + "rules: [{name: r, allow: 'true'}]\ntrust: {roots: {sha256: a}}\n",
		header + "rules: [{name: r, allow: 'true'}]\npeers: {p: {team: 1234567890}}\n",
		header + "rules: [{name: r, allow: 'true'}]\nprofiles: {p: {trust: {apple: true}}}\n",
		header + "rules: [{name: r, allow: 'true'}]\npeers: {p: {team: A, channel: appstore}}\n",
		partHeader + "trust: {apple: false}\n", partHeader + "profiles: {}\n",
	} {
		assert.False(t, check(text), text)
		_, err := Parse("bad.yaml", []byte(text))
		assert.Error(t, err, text)
	}
}
