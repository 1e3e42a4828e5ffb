package policy

import (
	"context"
	"strconv"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// explain builds the tree of a decision: one branch for each slice when there is
// more than one.
func (p *Policy) explain(d Decision) *diag.Node {
	root := &diag.Node{Label: d.headline(), Verdict: verdictOfOutcome(d.Outcome()), Note: d.finding.message}
	if d.finding.reason == ReasonDefaultDeny || d.request.Subject == nil {
		root.Note = d.finding.detail
	}
	s := d.request.Subject
	if s == nil {
		return root
	}
	f := facts{p: p, s: s, whole: s, operation: d.request.Operation, now: d.request.Now, verified: d.verified}
	if len(s.Slices) == 0 {
		return root.Add(p.explainSlice(f)...)
	}
	for _, view := range s.PerSlice() {
		f.s = view
		one := p.judge(context.Background(), f)
		root.Add((&diag.Node{Label: "slice " + view.Arch, Verdict: verdictOfOutcome(one.outcome)}).Add(p.explainSlice(f)...))
	}
	return root
}

// headline is "deny: rule "x"" or the like.
func (d Decision) headline() string {
	s := d.Outcome().String() + ": " + d.Reason()
	if d.finding.rule != "" {
		s += " " + strconv.Quote(d.finding.rule)
	}
	if d.finding.slice != "" {
		s += ", slice " + d.finding.slice
	}
	return s
}

func verdictOfOutcome(o Outcome) diag.Verdict {
	switch o {
	case OutcomeAllow:
		return diag.Yes
	case OutcomeDeny:
		return diag.No
	}
	return diag.VerdictUnknown
}

func (p *Policy) explainSlice(f facts) []*diag.Node {
	floor := p.explainFloor(&f)
	nodes := []*diag.Node{floor}
	if floor.Verdict != diag.Yes {
		return append(nodes, &diag.Node{Label: "rules", Verdict: diag.Skipped, Hint: "the floor comes first"})
	}
	b := newBinding(context.Background(), f)
	decided := false
	for i := range p.rules {
		r := &p.rules[i]
		n := &diag.Node{Label: "rule " + strconv.Quote(r.name), Hint: r.effect(), Span: &diag.Span{Start: r.when.span.Start, End: r.when.span.End}}
		nodes = append(nodes, n)
		switch {
		case decided:
			n.Verdict, n.Hint = diag.Skipped, n.Hint+", an earlier rule decided"
		case !r.about(f.operation):
			n.Verdict, n.Hint = diag.Skipped, n.Hint+", only for "+strings.Join(r.operations, ", ")
		default:
			a, why := b.ask(r.when)
			n.Verdict = verdictOf(a)
			n.Add(b.explain(r.when)...)
			switch {
			case why != nil && r.deny:
				n.Note = "denied, because it cannot be ruled out"
			case a == no && r.deny: // what it looked for is not there, which is nothing to mend
				n.Walk(func(c *diag.Node) { c.Expected, c.Found, c.Note = "", "", "" })
			}
			decided = a == yes || a == unknown && r.deny
		}
	}
	return nodes
}

func (r *rule) effect() string {
	if r.deny {
		return "denies"
	}
	return "allows"
}

// explainFloor lists the items that do not say yes, and all others by name.
func (p *Policy) explainFloor(f *facts) *diag.Node {
	n := &diag.Node{Label: "floor", Verdict: diag.Yes, Children: make([]*diag.Node, 0, floorCount)}
	nodes := new([floorCount]diag.Node)
	for i := range floorItems {
		item, c := &floorItems[i], &nodes[i]
		a, found := item.check(f)
		c.Label, c.Verdict = item.name, verdictOf(a)
		if a != yes {
			c.Note = "demanded: " + item.doc + "; found: " + found
		}
		switch {
		case p.floor.relaxed[i]:
			c.Verdict, c.Hint = diag.Skipped, "relaxed by this policy"
		case a == no:
			n.Verdict = diag.No
		case a == unknown && n.Verdict == diag.Yes:
			n.Verdict = diag.VerdictUnknown
		}
		n.Add(c)
	}
	return n
}
