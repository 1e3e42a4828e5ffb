package policy

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
)

const itemsDocument = header + `
floor: {relax: [interpreter]}
variables: {ours: 'subject.team_id == "ABCDE12345" || subject.adhoc', team: '"ABCDE12345"'}
peers: {app: {team: ABCDE12345, min_version: "2"}}
rules:
  - {name: betas, deny: 'subject.channel == "testflight"'}
  - {name: apps, allow: 'vars.ours && (matches("app") || entitled("x")) && true'}
  - {name: rest, allow: '!(subject.identifier == vars.team)'}
`

func visited(t *testing.T, p *Policy, s *code.Subject) map[string]diag.Verdict {
	t.Helper()
	seen := map[string]diag.Verdict{}
	decide(p, s).Visit(context.Background(), func(i Item, v diag.Verdict) { seen[i.ID] = v })
	return seen
}

func TestItemsListEveryQuestionOnce(t *testing.T) {
	t.Parallel()
	p := load(t, itemsDocument)
	var ids []string
	for _, i := range p.Items() {
		if i.Kind == ItemFloor {
			assert.NotEqual(t, "floor:interpreter", i.ID, "a relaxed item is no question")
			continue
		}
		assert.NotEmpty(t, i.Label)
		assert.Equal(t, "test.yaml", i.Source.Name())
		assert.Less(t, i.Span.Start, i.Span.End)
		ids = append(ids, i.ID)
	}
	assert.Equal(t, []string{
		"rule:betas", "rule:betas/0",
		"rule:apps", "rule:apps/0/0", "rule:apps/0/1/0", "rule:apps/0/1/1",
		"rule:rest", "rule:rest/0/0",
		"vars.ours/0/0", "vars.ours/0/1", "peer:app/0", "peer:app/1",
	}, ids)
}

func TestVisitSeesWhatTheDecisionCameTo(t *testing.T) {
	t.Parallel()
	p := load(t, itemsDocument)
	known := map[string]bool{}
	for _, i := range p.Items() {
		known[i.ID] = true
	}
	seen := visited(t, p, client(t))
	for id := range seen {
		assert.True(t, known[id], id)
	}
	assert.Equal(t, diag.Yes, seen["floor:debuggable"])
	assert.Equal(t, diag.No, seen["rule:betas"])
	assert.Equal(t, diag.Yes, seen["rule:apps"])
	assert.Equal(t, diag.Yes, seen["peer:app/1"])
	assert.NotContains(t, seen, "vars.ours/0/1", "the operand before it decided")
	assert.NotContains(t, seen, "rule:apps/0/1/1", "the operand before it decided")
	assert.NotContains(t, seen, "rule:rest", "an earlier rule decided")

	stranger := edit(t, func(s *code.Subject) { s.Certs = code.Known(developerID("ZZZZZ99999")) })
	seen = visited(t, p, stranger)
	assert.Equal(t, diag.No, seen["vars.ours/0/1"])
	assert.Equal(t, diag.No, seen["rule:apps/0/0"])
	assert.NotContains(t, seen, "peer:app/0", "the operand before it decided")
	assert.Equal(t, diag.No, seen["rule:rest/0/0"])
	assert.Equal(t, diag.Yes, seen["rule:rest"])

	debuggable := edit(t, func(s *code.Subject) { s.Entitlements = code.Known(dict(t, "get-task-allow", true)) })
	seen = visited(t, p, debuggable)
	assert.Equal(t, diag.No, seen["floor:debuggable"])
	assert.NotContains(t, seen, "floor:plugin-host", "an earlier item decided")
	assert.NotContains(t, seen, "rule:betas")

	dim := visited(t, load(t, header+"rules: [{name: r, allow: subject.notarized}]"), client(t))
	assert.Equal(t, diag.VerdictUnknown, dim["rule:r/0"])
	require.Contains(t, dim, "rule:r/0")

	Decision{}.Visit(context.Background(), func(Item, diag.Verdict) { t.Error("the zero Decision asked nothing") })
}
