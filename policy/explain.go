package policy

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// Explain is [Decision.ExplainContext] without a time limit; the limits of
// evaluation bound it.
func (d Decision) Explain() *diag.Node { return d.ExplainContext(context.Background()) }

// ExplainContext returns the whole way to the decision: the floor item by item,
// each rule with its operands and values, requirements and peers expanded. It is
// made when it is asked for, from the policy and the same facts. What the decision
// found stands in it as it was found: a rule that ran into a limit is not tried
// again. When ctx ends, the parts that are missing say so.
func (d Decision) ExplainContext(ctx context.Context) (root *diag.Node) {
	if d.policy == nil {
		return &diag.Node{ID: "decision", Label: "no decision was made", Verdict: diag.No}
	}
	root = &diag.Node{ID: "decision", Label: d.headline(), Verdict: verdictOfOutcome(d.Outcome()), Note: d.finding.message}
	if d.finding.reason == ReasonDefaultDeny || d.finding.reason == ReasonError || d.request.Subject == nil {
		root.Note = d.finding.detail
	}
	defer func() { // what made the decision fail may fail here again
		if v := recover(); v != nil {
			root.Add(&diag.Node{ID: "error", Label: "explanation", Note: fmt.Sprint("internal error: ", v)})
		}
	}()
	if d.request.Subject == nil {
		return root
	}
	all := d.perSlice()
	for _, f := range all {
		one := explainer{ctx: ctx, facts: f}
		if f.s.Arch == d.finding.slice || len(all) == 1 {
			one.found = &d.finding
		}
		if len(f.whole.Slices) == 0 {
			return root.Add(one.slice()...)
		}
		one.prefix = "slice:" + f.s.Arch + "/"
		n := &diag.Node{ID: "slice:" + f.s.Arch, Label: "slice " + f.s.Arch}
		n.Add(one.slice()...)
		n.Verdict = one.outcome
		root.Add(n)
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

// explainer explains what one slice came to.
type explainer struct {
	facts
	ctx     context.Context
	prefix  string
	found   *finding // nil: this slice did not decide
	outcome diag.Verdict
}

func (x *explainer) slice() []*diag.Node {
	floor := x.floor()
	if x.outcome = floor.Verdict; floor.Verdict != diag.Yes {
		return []*diag.Node{floor, {ID: x.prefix + "rules", Label: "rules", Verdict: diag.Skipped, Hint: "the floor comes first"}}
	}
	nodes := make([]*diag.Node, 1, 1+len(x.p.rules))
	nodes[0] = floor
	b := newBinding(x.ctx, x.facts)
	x.outcome = diag.No
	decided := false
	for i := range x.p.rules {
		r := &x.p.rules[i]
		n := x.rule(r)
		nodes = append(nodes, n)
		switch {
		case decided:
			n.Verdict, n.Hint = diag.Skipped, n.Hint+", an earlier rule decided"
		case !r.about(x.operation):
			n.Verdict, n.Hint = diag.Skipped, n.Hint+", only for "+strings.Join(r.operations, ", ")
		default:
			x.asked(b, r, n)
			switch decided = n.Verdict == diag.Yes || n.Verdict == diag.VerdictUnknown && r.deny; {
			case decided && r.deny:
				x.outcome = diag.No
			case decided:
				x.outcome = diag.Yes
			case n.Verdict == diag.VerdictUnknown:
				x.outcome = diag.VerdictUnknown
			}
		}
		number(n)
	}
	return nodes
}

func (x *explainer) rule(r *rule) *diag.Node {
	n := &diag.Node{ID: x.prefix + "rule:" + r.name, Label: "rule " + strconv.Quote(r.name), Hint: r.effect(), Span: &r.when.span}
	if len(x.p.files) > 1 {
		n.File = r.when.source.Name()
	}
	return n
}

// asked fills in what a rule that was asked came to.
func (x *explainer) asked(b *binding, r *rule, n *diag.Node) {
	recorded := x.found != nil && x.found.rule == r.name
	if recorded && x.found.reason == ReasonError && x.found.limit {
		n.Note = x.found.detail
		if r.deny {
			n.Note = "denied, because it cannot be ruled out: " + n.Note
		}
		return
	}
	clauses, a := b.explain(r.when)
	n.Add(clauses...)
	n.Verdict = verdictOf(a)
	if recorded {
		n.Verdict = diag.VerdictUnknown
		if x.found.reason == ReasonRule {
			n.Verdict = diag.Yes
		}
	}
	switch {
	case n.Verdict == diag.VerdictUnknown && r.deny:
		n.Note = "denied, because it cannot be ruled out"
	case n.Verdict == diag.No && r.deny: // what it looked for is not there, which is nothing to mend
		n.Walk(func(c *diag.Node) { c.Expected, c.Found, c.Note = "", "", "" })
	}
}

// number names the nodes below one by their place.
func number(n *diag.Node) {
	for i, c := range n.Children {
		c.ID = n.ID + "/" + strconv.Itoa(i)
		number(c)
	}
}

func (r *rule) effect() string {
	if r.deny {
		return "denies"
	}
	return "allows"
}

// floor lists the items that do not say yes, and all others by name.
func (x *explainer) floor() *diag.Node {
	n := &diag.Node{ID: x.prefix + "floor", Label: "floor", Verdict: diag.Yes, Children: make([]*diag.Node, 0, floorCount)}
	nodes := new([floorCount]diag.Node)
	for i := range floorItems {
		item, c := &floorItems[i], &nodes[i]
		a, found := item.check(&x.facts)
		c.Label, c.Verdict = item.name, verdictOf(a)
		c.ID = floorIDs[i]
		if x.prefix != "" {
			c.ID = x.prefix + c.ID
		}
		if a != yes {
			c.Note = "demanded: " + item.doc + "; found: " + found
		}
		switch {
		case x.facts.waived(i):
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

// isLimit reports whether an evaluation ended because of a limit, so that trying
// again would take as long again.
func isLimit(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		err != nil && strings.Contains(err.Error(), "limit exceeded")
}
