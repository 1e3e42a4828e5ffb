package diag

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sample() *Node {
	return (&Node{Label: `rule "release"`, Verdict: No}).Add(
		&Node{Label: "anchor apple generic", Verdict: Yes, Note: "chain ends in Apple Root CA"},
		(&Node{Label: "or", Verdict: No}).Add(
			&Node{Label: `certificate leaf[subject.OU] = "A"`, Verdict: No, Expected: `"A"`, Found: "\"B\"\x1b"},
			&Node{Label: "notarized", Verdict: VerdictUnknown, Note: "only macOS knows"},
		),
		&Node{Label: "certificate 1[field.1.2.840.113635.100.6.2.6]", Hint: "Developer ID CA", Verdict: Skipped},
	)
}

func TestTree(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `rule "release"                                                        no
├─ anchor apple generic                                               yes
├─ or                                                                 no
│  ├─ certificate leaf[subject.OU] = "A"                              no      [1]
│  └─ notarized                                                       unknown [2]
└─ certificate 1[field.1.2.840.113635.100.6.2.6]   (Developer ID CA)  skipped

[1] expected "A", found "B"\x1b
[2] only macOS knows
`, Tree(sample(), TreeOptions{}))
	assert.Contains(t, Tree(sample(), TreeOptions{Notes: true}), "[1] chain ends in Apple Root CA")
	assert.Empty(t, Tree(nil, TreeOptions{}))
}

func TestZeroVerdictIsUnknown(t *testing.T) {
	t.Parallel()
	var n Node
	assert.Equal(t, "unknown", n.Verdict.String())
	require.NoError(t, json.Unmarshal([]byte(`{"label":"x","verdict":"perhaps"}`), &n))
	assert.Equal(t, VerdictUnknown, n.Verdict, "a word that nobody knows is no yes")
}

func TestNodeSurvivesJSON(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(sample())
	require.NoError(t, err)
	back := new(Node)
	require.NoError(t, json.Unmarshal(b, back))
	assert.Equal(t, sample(), back)
}
