package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

func TestDiffAnswersFitTheirSchema(t *testing.T) {
	t.Parallel()
	s, decision := readSchema(t, "diff-1.schema.json"), readSchema(t, "decision-1.schema.json")
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(testDir, "../../examples/helper"))))
	for _, name := range []string{"two-identifiers", "designated-notarized"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), programs[name](), 0o755))
	}
	unsigned, err := os.ReadFile(filepath.Join(testDir, "../../fixtures/data/unsigned"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "unsigned"), unsigned, 0o755))
	seen := map[string]bool{}
	for _, old := range []string{"client", "client-adhoc", "unsigned", "absent"} {
		for _, new := range []string{"client", "client-old", "client-adhoc", "client-debuggable", "client-other-team", "two-identifiers", "designated-notarized", "unsigned", "root.der", "absent"} {
			for _, by := range [][]string{nil, {"-p", filepath.Join(dir, "policy.yaml")}, {"-r", `identifier "com.example.client"`}, {"-r", "notarized"}} {
				var out, errs bytes.Buffer
				args := append(append([]string{"diff", "--format", "ndjson"}, by...), filepath.Join(dir, old), filepath.Join(dir, new))
				exit := Main(args, nil, &out, &errs)
				assert.Empty(t, errs.String())
				s.checkJSON(t, out.Bytes(), strings.Join(args, " "))
				var v struct {
					Flips      bool
					Conclusion string
					Old, New   struct{ Decision json.RawMessage }
				}
				require.NoError(t, json.Unmarshal(out.Bytes(), &v))
				seen[v.Conclusion] = true
				assert.Equal(t, v.Flips, exit == 1, "%v", args)
				for _, d := range []json.RawMessage{v.Old.Decision, v.New.Decision} {
					assert.Equal(t, by != nil, len(d) > 0)
					if len(d) > 0 {
						decision.checkJSON(t, d, strings.Join(args, " "))
					}
				}
			}
		}
	}
	for _, want := range s.root["properties"].(map[string]any)["conclusion"].(map[string]any)["enum"].([]any) {
		if want != concludeOwnDoubt { // an old build whose own requirement nobody can answer
			assert.True(t, seen[want.(string)], "no pair of builds comes to: %s", want)
		}
	}
}

// TestDiffPrintsNothingThatATerminalObeys compares builds whose names are hostile.
func TestDiffPrintsNothingThatATerminalObeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a\x1b[31m\n"), filepath.Join(dir, "b\u202e")
	require.NoError(t, os.WriteFile(a, programs["reversed-name"](), 0o755))
	require.NoError(t, os.WriteFile(b, programs["designated-other"](), 0o755))
	for _, args := range [][]string{{a, b}, {b, a}, {"-r", "identifier x", a, b}, {"--format", "json", a, b}} {
		var out, errs bytes.Buffer
		Main(append([]string{"diff"}, args...), nil, &out, &errs)
		for _, bad := range []string{"\x1b", "\u202e"} {
			assert.NotContains(t, out.String(), bad)
		}
		assert.NotEmpty(t, out.String())
	}
}

func TestAVersionThatFellMatters(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		old, new code.Fact[string]
		matters  bool
	}{
		"rises":          {code.Known("1.9"), code.Known("1.10"), false},
		"falls":          {code.Known("1.10"), code.Known("1.9"), true},
		"is gone":        {code.Known("1.0"), code.Absent[string](), true},
		"was not there":  {code.Absent[string](), code.Known("1.0"), false},
		"nobody can say": {code.Known("1.0"), code.Unknown[string](nil), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := downgrades([]code.Difference{
				{Field: code.FieldCDHash}, {Field: code.FieldInfo, Key: "CFBundleVersion", Old: tt.old, New: tt.new},
			})
			i := 1
			if tt.matters {
				i = 0
			}
			assert.Equal(t, code.FieldInfo, got[i].Field)
			assert.Equal(t, tt.matters, got[i].Matters)
		})
	}
}
