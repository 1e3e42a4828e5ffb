package policy

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
	"github.com/xpcpolicy/xpcpolicy/requirement/lint"
)

// lint warns of what is wrong with the text of a requirement. Rules about who
// signed speak of a requirement that stands alone; beside a team, or where a rule
// asks for more, it need not say who, so that they count only where a peer relies
// on the requirement. Whether strangers can match a peer is proved by checkPeer,
// which refuses; everything here is a warning.
func (c *compiler) lint(r *reader, n *yamlpos.Node, req *requirementText, relied bool) {
	if req == nil || req.expr == nil {
		return
	}
	for _, f := range lint.Check(diag.NewSource(req.label, n.Value), req.expr, lint.Config{}) {
		alone := f.Rule.Group() == lint.GroupIdentity && f.Rule.ID != "RQ111" || f.Rule.ID == "RQ205"
		if f.Severity == diag.Info || alone && !relied {
			continue
		}
		d := f.Diagnostic()
		start, end := n.At(f.Span.Start, f.Span.End)
		d.Severity, d.Source, d.Span, d.Summary = diag.Warning, r.src, diag.Span{Start: start, End: end}, "requirement: "+d.Summary
		c.add(d)
	}
}

// relied are the named requirements that a peer relies on for who signed.
func relied(d *document) map[string]bool {
	names := map[string]bool{}
	for i := range d.peers {
		if p := &d.peers[i]; p.requirement != nil && len(p.teams) == 0 {
			if name, ok := strings.CutPrefix(p.requirement.Value, "requirements."); ok {
				names[name] = true
			}
		}
	}
	return names
}
