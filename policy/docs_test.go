package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
)

const (
	docPath    = "../docs/policy.md"
	schemaPath = "../docs/schema/policy-v1.schema.json"
)

// generated writes the tables of docs/policy.md from the tables in code.
var generated = map[string]func() string{
	"keys": func() string {
		var b strings.Builder
		var list func(keys []key, path string)
		list = func(keys []key, path string) {
			b.WriteString("\n| key | type | meaning |\n|---|---|---|\n")
			for _, k := range keys {
				doc := k.doc
				if k.enum != nil && k.name != "apiVersion" {
					doc += " One of: `" + strings.Join(k.enum, "`, `") + "`."
				}
				if k.required {
					doc += " Required."
				}
				fmt.Fprintf(&b, "| `%s%s` | %s | %s |\n", path, k.name, kindName(&k), cell(doc))
			}
			for _, k := range keys {
				if k.keys != nil && !slices.Contains([]string{"forbid"}, k.name) && !(path != "" && slices.Contains([]string{"peers", "rules", "floor", "trust"}, k.name)) {
					sub := path + k.name + "."
					switch {
					case k.kind == namedKey:
						sub = path + k.name + ".NAME."
					case k.kind == listKey, k.kind == textsKey:
						sub = path + k.name + "[]."
					}
					list(k.keys, sub)
				}
			}
		}
		list(documentKeys, "")
		return b.String()
	},
	"floor": func() string {
		b := "\n| item | demands that | can be relaxed |\n|---|---|---|\n"
		for _, item := range floorItems {
			b += fmt.Sprintf("| `%s` | %s | %s |\n", item.name, cell(item.doc), map[bool]string{true: "no", false: "yes"}[item.always])
		}
		return b
	},
	"fields": func() string {
		b := "\n| name | type | null when there is none | meaning |\n|---|---|---|---|\n"
		for _, f := range fields {
			b += fmt.Sprintf("| `%s` | %s | %s | %s |\n", f.name, fieldTypeNames[f.typ], map[bool]string{true: "yes", false: ""}[f.null], cell(f.doc))
		}
		return b
	},
	"functions": func() string {
		b := "\n| function | meaning |\n|---|---|\n"
		for _, f := range functionDocs {
			b += fmt.Sprintf("| `%s` | %s |\n", f.signature, cell(f.doc))
		}
		return b
	},
	"hosts": func() string {
		b := fmt.Sprintf("\nVersion %d of the lists.\n\nInterpreters:", code.HostsVersion)
		for _, h := range code.Interpreters() {
			b += " `" + h.Identifier + "`"
		}
		b += "\n\nPlug-in hosts:"
		for _, h := range code.PluginHosts() {
			b += " `" + h.Identifier + "`"
		}
		return b + "\n"
	},
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func kindName(k *key) string {
	if k.kind == textsKey && k.keys != nil {
		return "text, object, or list of these"
	}
	return [...]string{textKey: "text", celKey: "CEL", boolKey: "true or false", textsKey: "text or list of texts",
		objectKey: "object", listKey: "list of objects", namedKey: "object of named values"}[k.kind]
}

// TestDocs runs docs/policy.md: tables between <!-- NAME --> and <!-- /NAME -->
// come from code, every policy in it loads, and the block after
// <!-- explain SUBJECT OPERATION -->, nearest, json, findings or errors is what the policy before
// it gives.
func TestDocs(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(docPath)
	require.NoError(t, err)
	doc := string(raw)
	for name, make := range generated {
		open, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, ok := strings.Cut(doc, open)
		require.True(t, ok, name)
		_, after, ok := strings.Cut(rest, end)
		require.True(t, ok, name)
		doc = before + open + make() + "\n" + end + after
	}
	doc = runBlocks(t, doc)
	if *update {
		require.NoError(t, os.WriteFile(docPath, []byte(doc), 0o644))
		return
	}
	assert.Equal(t, doc, string(raw), "run go test -update and read the difference")
}

func runBlocks(t *testing.T, doc string) string {
	t.Helper()
	parts := strings.SplitAfter(doc, "```\n")
	var policyText, directive string
	for i, part := range parts {
		if prose, block, ok := strings.Cut(part, "```yaml\n"); ok {
			directive = lastComment(prose)
			policyText = strings.TrimSuffix(block, "```\n")
			if _, err := Parse("policy.yaml", []byte(policyText)); directive != "errors" && strings.HasPrefix(policyText, "apiVersion") {
				require.NoError(t, err, policyText)
			}
			continue
		}
		prose, _, ok := strings.Cut(part, "```text\n")
		if !ok {
			continue
		}
		if c := lastComment(prose); c != "" {
			directive = c
		}
		var out string
		switch word, rest, _ := strings.Cut(directive, " "); word {
		case "errors":
			_, err := Parse("policy.yaml", []byte(policyText))
			var list diag.List
			require.ErrorAs(t, err, &list)
			out = diag.Text(list...)
		case "findings":
			p, err := Parse("policy.yaml", []byte(policyText))
			require.NoError(t, err)
			out = diag.Text(p.Findings()...)
		case "explain", "json", "nearest":
			name, operation, _ := strings.Cut(rest, " ")
			require.NotNil(t, subjects[name], name)
			p, err := Parse("policy.yaml", []byte(policyText))
			require.NoError(t, err)
			d := p.Decide(context.Background(), Request{Subject: edit(t, func(s *code.Subject) { subjects[name](t, s) }), Operation: operation, Now: clock})
			out = diag.Tree(d.Explain(), diag.TreeOptions{})
			if word == "nearest" {
				out = d.NearestMiss(context.Background()).String() + "\n"
			}
			if word == "json" {
				b, err := json.MarshalIndent(d, "", "  ")
				require.NoError(t, err)
				out = string(b) + "\n"
			}
		default:
			continue
		}
		parts[i] = prose + "```text\n" + out + "```\n"
		directive = ""
	}
	return strings.Join(parts, "")
}

func lastComment(prose string) string {
	i := strings.LastIndex(prose, "<!-- ")
	if i < 0 {
		return ""
	}
	c, rest, _ := strings.Cut(prose[i+5:], " -->")
	if strings.TrimSpace(rest) != "" {
		return ""
	}
	return c
}

// TestSchema keeps the JSON Schema for editors in step with the strict reader.
func TestSchema(t *testing.T) {
	t.Parallel()
	root := schemaOf(&key{kind: objectKey, keys: documentKeys, doc: "A policy: who may talk to a program."})
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = APIVersion
	root["oneOf"] = []any{ // a policy, or a file that one includes
		map[string]any{"required": []string{"name"}, "anyOf": []any{
			map[string]any{"required": []string{"rules"}}, map[string]any{"required": []string{"include"}}}},
		map[string]any{"not": map[string]any{"anyOf": []any{
			map[string]any{"required": []string{"name"}}, map[string]any{"required": []string{"trust"}}, map[string]any{"required": []string{"profiles"}}}}},
	}
	want, err := json.MarshalIndent(root, "", "  ")
	require.NoError(t, err)
	want = append(want, '\n')
	if *update {
		require.NoError(t, os.WriteFile(schemaPath, want, 0o644))
		return
	}
	got, err := os.ReadFile(schemaPath)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "run go test -update and read the difference")
}

func schemaOf(k *key) map[string]any {
	text := map[string]any{"type": "string", "pattern": `\S`}
	if k.enum != nil {
		text = map[string]any{"enum": k.enum}
	}
	var s map[string]any
	switch k.kind {
	case textKey, celKey:
		s = text
	case boolKey:
		s = map[string]any{"type": "boolean"}
	case textsKey:
		one := []any{text}
		if k.keys != nil {
			one = append(one, objectSchema(k.keys))
		}
		item := any(text)
		if len(one) > 1 {
			item = map[string]any{"oneOf": one}
		}
		s = map[string]any{"oneOf": append(one, map[string]any{"type": "array", "minItems": 1, "items": item})}
	case objectKey:
		s = objectSchema(k.keys)
	case listKey:
		s = map[string]any{"type": "array", "minItems": 1, "items": objectSchema(k.keys)}
	case namedKey:
		value := text
		if k.value == objectKey {
			value = objectSchema(k.keys)
		}
		s = map[string]any{"type": "object", "additionalProperties": value}
	}
	s["description"] = k.doc
	return s
}

func objectSchema(keys []key) map[string]any {
	properties, required := map[string]any{}, []string{}
	for i := range keys {
		properties[keys[i].name] = schemaOf(&keys[i])
		if keys[i].required {
			required = append(required, keys[i].name)
		}
	}
	s := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	if _, isRule := properties["allow"]; isRule {
		s["oneOf"] = []any{map[string]any{"required": []string{"allow"}}, map[string]any{"required": []string{"deny"}}}
	}
	return s
}
