package lint

import (
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

var alwaysTrue = Rule{
	ID: "RQ200", Slug: "always-true", Severity: diag.Error,
	What:  "the requirement, or one branch of it, holds for every program",
	Why:   "everything with a signature passes, ad-hoc signatures of anyone included",
	Fix:   "say who signed: anchor, team and identifier",
	Bad:   `identifier "com.example.app" or always`,
	Good:  `info[CFBundleVersion] exists and cdhash H"0123456789abcdef0123456789abcdef01234567" or info[CFBundleVersion] absent and cdhash H"0123456789abcdef0123456789abcdef01234567"`,
	check: checkAlways,
}

func checkAlways(p *pass) {
	if p.expr == nil || !p.always() {
		return
	}
	for i := range p.branches {
		if b := &p.branches[i]; len(b.lits) == 0 && b.via != nil {
			p.report(b.via.Span(), "this alternative holds for every program, so the whole requirement does")
			return
		}
	}
	p.report(p.expr.Span(), "this holds for every program")
}

var neverTrue = Rule{
	ID: "RQ201", Slug: "never-true", Severity: diag.Warning,
	What:  "no program satisfies the requirement, or one branch of it",
	Why:   "whoever it was written for is refused, or part of it does nothing",
	Fix:   "drop the branch, or the term that is wrong in it",
	Bad:   `anchor apple generic and identifier "com.example.app" and identifier "com.example.tool" and certificate leaf[subject.OU] = "ABCDE12345"`,
	Good:  `anchor apple generic and (identifier "com.example.app" or identifier "com.example.tool") and certificate leaf[subject.OU] = "ABCDE12345"`,
	check: checkNever,
}

func checkNever(p *pass) {
	if p.expr == nil || p.over {
		return
	}
	if len(p.branches) == 0 {
		p.report(p.expr.Span(), "no program satisfies this")
		return
	}
	for i := range p.branches {
		b := &p.branches[i]
		switch d := b.dead; {
		case d == nil || d.a != nil && d.b == nil: // a term that is never true has a rule of its own
		case d.a == nil:
			p.report(p.at(b), "no program satisfies this")
		default:
			at := d.b
			if d.a.Span().Start > at.Span().Start {
				d = &conflict{d.b, d.a, d.why}
				at = d.b
			}
			f := p.report(at.Span(), p.shown(at)+" and "+p.shown(d.a)+" never hold together"+p.consequence())
			if d.why != "" {
				f.Why = d.why
			}
		}
	}
}

// consequence says what a branch without programs means for the whole.
func (p *pass) consequence() string {
	if len(p.live()) == 0 {
		return ", so nothing satisfies this requirement"
	}
	return ", so this alternative does nothing"
}

// shown is a term as the source has it, or as it would be written.
func (p *pass) shown(e *requirement.Expr) string {
	const most = 60
	text := ""
	if s := p.patch.span(e.Span()); p.src != nil && s.Start < s.End && s.End <= len(p.text) {
		text = p.text[s.Start:s.End]
	} else {
		text = requirement.Format(e)
	}
	return diag.Printable(cutAt(text, most))
}

var contradictoryRange = Rule{
	ID: "RQ202", Slug: "contradictory-range", Severity: diag.Warning,
	What: "a value must be above and below bounds that leave nothing between them",
	Why:  "no value satisfies both, so no program passes",
	Fix:  "compare from the lower bound up, as in >= \"4\" and < \"5\"",
	Bad:  `anchor apple and identifier "com.apple.finder" and info[CFBundleVersion] >= "5" and info[CFBundleVersion] < "4"`,
	Good: `anchor apple and identifier "com.apple.finder" and info[CFBundleVersion] >= "4" and info[CFBundleVersion] < "5"`,
	check: func(p *pass) {
		for i := range p.branches {
			b := &p.branches[i]
			for j, l := range b.lits {
				for _, m := range b.lits[:j] {
					if !l.not && !m.not && sameSubject(l.e, m.e) && empty(l.e, m.e) {
						p.report(l.e.Span(), "no value is "+comparison(m.e)+" and "+comparison(l.e))
					}
				}
			}
		}
	},
}

// empty reports whether two comparisons leave no text between them.
func empty(a, b *requirement.Expr) bool {
	if lower(b) && !lower(a) {
		a, b = b, a
	}
	switch {
	case lower(a) && upper(b):
		c := requirement.CompareVersions(a.Value, b.Value)
		return c > 0 || c == 0 && (a.Match == requirement.MatchGreater || b.Match == requirement.MatchLess)
	case a.Match == requirement.MatchEqual:
		a, b = b, a
		fallthrough
	case b.Match == requirement.MatchEqual:
		c := requirement.CompareVersions(b.Value, a.Value)
		return lower(a) && (c < 0 || c == 0 && a.Match == requirement.MatchGreater) ||
			upper(a) && (c > 0 || c == 0 && a.Match == requirement.MatchLess)
	}
	return false
}

func lower(e *requirement.Expr) bool {
	return e.Match == requirement.MatchGreater || e.Match == requirement.MatchGreaterEqual
}

func upper(e *requirement.Expr) bool {
	return e.Match == requirement.MatchLess || e.Match == requirement.MatchLessEqual
}

// comparison is the end of a term in words.
func comparison(e *requirement.Expr) string {
	op := map[requirement.MatchOp]string{
		requirement.MatchEqual: "= ", requirement.MatchLess: "< ", requirement.MatchLessEqual: "<= ",
		requirement.MatchGreater: "> ", requirement.MatchGreaterEqual: ">= ",
	}[e.Match]
	return op + quote(e.Value)
}
