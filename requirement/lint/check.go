package lint

import (
	"cmp"
	"slices"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// Check returns what is wrong with a requirement, in the order of its text. e is
// the compiled form of the source; nil has the source compiled here, whose errors
// are findings like others. A nil source stands for a tree that was decoded: its
// findings have no place.
//
// The same input always gives the same findings. Time and memory are bounded, by
// numbers of branches and of proof steps.
func Check(src *diag.Source, e *requirement.Expr, c Config) []Finding {
	p := &pass{cfg: c, src: src, steps: allSteps}
	if src != nil {
		p.text = src.Text()
		p.patch.text = p.text
	}
	if e != nil {
		p.read(e)
	} else {
		p.parse()
	}
	for _, p.rule = range catalogue {
		severity, on := p.rule.Level(c)
		if on {
			p.severity = severity
			p.rule.check(p)
		}
	}
	return p.sorted()
}

// pass is one text while the rules look at it.
type pass struct {
	cfg  Config
	src  *diag.Source
	text string

	expr     *requirement.Expr
	set      *requirement.Set // of a text that is a set; its designated requirement is expr
	patch    patch            // the text that expr comes from, when that is not the source's
	faults   []fault          // why the source does not compile
	holes    []hole           // what was filled in so that it compiles
	repaired bool             // the faults have repairs, and with them it compiles
	branches []branch
	over     bool // the branches are too many to judge
	steps    int  // of proof that are left

	rule     *Rule
	severity diag.Severity
	out      []Finding
}

func (p *pass) read(e *requirement.Expr) {
	p.expr = e
	branches, ok := split(e)
	p.branches, p.over = branches, !ok
	p.judge()
}

// report records a finding of the rule that runs, and returns it for the caller to
// add to, until the next report.
func (p *pass) report(at diag.Span, message string) *Finding {
	if p.src != nil { // a tree that came with another source must not point outside
		at.End = min(at.End, len(p.patch.text))
		at.Start = min(at.Start, at.End)
	}
	return p.add(p.patch.span(at), p.shownHoles(message))
}

// add is report for places of the source itself.
func (p *pass) add(at diag.Span, message string) *Finding {
	for i := range p.out {
		f := &p.out[i]
		if f.Rule == p.rule && f.Span == at && f.Message == message {
			return f
		}
	}
	p.out = append(p.out, Finding{
		Rule: p.rule, Source: p.src, Span: at, Severity: p.severity,
		Message: message, Why: p.rule.Why, Fix: p.rule.Fix,
	})
	return &p.out[len(p.out)-1]
}

// found reports whether a rule found something already.
func (p *pass) found(r string) bool {
	return slices.ContainsFunc(p.out, func(f Finding) bool { return f.Rule.ID == r })
}

// at places a branch: the operand of the `or` that it comes through, or the whole.
func (p *pass) at(b *branch) diag.Span {
	if b.via != nil {
		return b.via.Span()
	}
	return p.expr.Span()
}

func (p *pass) sorted() []Finding {
	slices.SortStableFunc(p.out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Rule.ID, b.Rule.ID))
	})
	return p.out
}
