package policy

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
)

func find(t *testing.T, root *diag.Node, id string) *diag.Node {
	t.Helper()
	var found *diag.Node
	root.Walk(func(n *diag.Node) {
		if n.ID == id {
			require.Nil(t, found, "two nodes are called %s", id)
			found = n
		}
	})
	require.NotNil(t, found, id)
	return found
}

// What ran into a limit is shown as it was found: trying again could take as long,
// and could come to another answer.
func TestExplanationsShowWhatWasFound(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for effect, want := range map[string]Outcome{"allow": OutcomeUnknown, "deny": OutcomeDeny} {
		p := load(t, header+"rules: [{name: r, "+effect+": 'team(\"ABCDE12345\")'}, {name: rest, allow: 'team(\"ABCDE12345\")'}]")
		d := p.Decide(cancelled, Request{Subject: client(t), Now: clock})
		require.Equal(t, want, d.Outcome())
		root := d.Explain()
		assert.Equal(t, verdictOfOutcome(want), root.Verdict)
		assert.Contains(t, root.Note, "canceled")
		r := find(t, root, "rule:r")
		assert.Equal(t, diag.VerdictUnknown, r.Verdict)
		assert.Contains(t, r.Note, "canceled")
		assert.Empty(t, r.Children)
	}
}

func TestExplanationsHonourTheContext(t *testing.T) {
	t.Parallel()
	p := load(t, header+"rules: [{name: r, allow: 'team(\"ABCDE12345\") && subject.cdhashes.exists(h, h.startsWith(\"aa\"))'}]")
	d := decide(p, client(t))
	require.True(t, d.Allow())
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	root := d.ExplainContext(cancelled)
	assert.Equal(t, diag.Yes, root.Verdict, "the decision stays what it was")
	assert.Equal(t, diag.Yes, find(t, root, "rule:r").Verdict)
	assert.Equal(t, diag.Yes, find(t, d.Explain(), "rule:r/0/1").Verdict)
}

func TestNodesHaveStableNames(t *testing.T) {
	t.Parallel()
	p := load(t, itemsDocument)
	names := func(s *code.Subject) map[string]string {
		m := map[string]string{}
		decide(p, s).Explain().Walk(func(n *diag.Node) {
			require.NotEmpty(t, n.ID, n.Label)
			require.NotContains(t, m, n.ID)
			m[n.ID] = n.Label
		})
		return m
	}
	first := names(client(t))
	for id, label := range names(edit(t, func(s *code.Subject) { s.Certs = code.Known(developerID("ZZZZZ99999")) })) {
		if before, both := first[id]; both && id != "decision" {
			assert.Equal(t, before, label, "another caller, the same question")
		}
	}
	for _, item := range p.Items() {
		if item.Kind == ItemClause && item.ID[:5] == "rule:" && item.ID != "rule:rest/0/0" { // skipped: an earlier rule decided
			assert.Equal(t, item.Label, first[item.ID], item.ID)
		}
	}
}
