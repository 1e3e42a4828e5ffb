package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A document that is as large as it may be loads, and no larger one does.
func TestLargeDocuments(t *testing.T) {
	t.Parallel()
	many := func(n int, line func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(line(i))
		}
		return b.String()
	}
	for name, doc := range map[string]string{
		"rules":     "rules:\n" + many(maxRules, func(i int) string { return fmt.Sprintf("  - {name: r%d, allow: 'subject.team_id == \"T%d\"'}\n", i, i) }),
		"variables": "variables:\n" + many(maxNamed, func(i int) string { return fmt.Sprintf("  v%d: '\"%d\"'\n", i, i) }) + "rules: [{name: r, allow: vars.v0 == vars.v999}]\n",
		"peers":     "peers:\n" + many(maxNamed, func(i int) string { return fmt.Sprintf("  p%d: {team: ABCDE12345}\n", i) }) + "rules: [{name: r, allow: 'matches(\"p7\")'}]\n",
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Parse("large.yaml", []byte(header+doc))
			require.NoError(t, err)
			assert.NotEmpty(t, p.Rules())
			decide(p, client(t))
		})
	}
	for name, doc := range map[string]string{
		"too many rules":     "rules:\n" + many(maxRules+1, func(i int) string { return fmt.Sprintf("  - {name: r%d, allow: 'true'}\n", i) }),
		"too many variables": "variables:\n" + many(maxNamed+1, func(i int) string { return fmt.Sprintf("  v%d: '1'\n", i) }) + "rules: [{name: r, allow: 'true'}]\n",
		"too many mistakes":  "rules:\n" + many(1000, func(int) string { return "  - 1\n" }),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("large.yaml", []byte(header+doc))
			require.Error(t, err)
		})
	}
}

func TestARequirementWithANULIsALoadError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"rules: [{name: r, allow: 'satisfies(\"anchor apple\\u0000 and never\")'}]",
		"requirements: {a: \"anchor apple\\0 and never\"}\nrules: [{name: r, allow: 'satisfies(requirements.a)'}]",
	} {
		_, err := Parse("nul.yaml", []byte(header+text))
		require.Error(t, err, text)
		require.ErrorContains(t, err, "NUL", text)
		require.ErrorContains(t, err, "nul.yaml:3:", text)
	}
}

func TestPolicyAccessors(t *testing.T) {
	t.Parallel()
	p := allowing(t, "true")
	assert.Equal(t, "test", p.Name())
	assert.Len(t, p.Revision(), 64)
	assert.Equal(t, []string{"r"}, p.Rules())
	assert.Equal(t, "test.yaml", p.Source().Name())
	assert.NotEqual(t, p.Revision(), allowing(t, "false").Revision())
}
