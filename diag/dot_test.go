package diag

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDOT(t *testing.T) {
	t.Parallel()
	n := &Node{ID: "decision", Label: "deny", Verdict: No, Children: []*Node{
		{ID: "rule:a", Label: `team == "A\"` + "\x1b", Verdict: Yes},
		{Label: "notarized", Note: "nobody knows", Hint: "allows"},
	}}
	assert.Equal(t, `digraph "peer" {
  rankdir=LR;
  node [shape=box, style=filled, fontname="sans-serif"];
  n0 [label="deny\nno", fillcolor="#f5d0d0", id="decision"];
  n1 [label="team == \"A\\\"\\x1b\nyes", fillcolor="#d5f0d5", id="rule:a"];
  n0 -> n1;
  n2 [label="notarized (allows)\nunknown\nnobody knows", fillcolor="#f8ecc0"];
  n0 -> n2;
}
`, DOT("peer", n))
	assert.Equal(t, "digraph \"\" {\n  rankdir=LR;\n  node [shape=box, style=filled, fontname=\"sans-serif\"];\n}\n", DOT("", nil))
}
