package lint

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

var mixedOperators = Rule{
	ID: "RQ204", Slug: "mixed-and-or-no-parens", Severity: diag.Info,
	What: "`and` and `or` without parentheses, where a reader may group them otherwise",
	Why:  "`and` binds tighter; parentheses say whether that is meant",
	Fix:  "put one of the groups into parentheses",
	Bad:  `anchor apple and identifier "com.apple.mail" or identifier "com.apple.finder" and anchor apple`,
	Good: `(anchor apple and identifier "com.apple.mail") or (identifier "com.apple.finder" and anchor apple)`,
	check: func(p *pass) {
		if p.expr == nil || p.over || p.src == nil || p.found("RQ203") {
			return
		}
		for e := range requirement.All(p.expr) {
			if e.Op != requirement.OpOr || e.X == nil || e.Y == nil {
				continue
			}
			ops := p.operands(e)
			for i := 1; i < len(ops); i++ {
				x, y := ops[i-1], ops[i]
				if x.Op != requirement.OpAnd && y.Op != requirement.OpAnd || x.Op == requirement.OpAnd && p.inParens(x) || y.Op == requirement.OpAnd && p.inParens(y) {
					continue
				}
				if last, first := p.edge(x, true), p.edge(y, false); sameKind(last, first) {
					p.report(diag.Span{Start: last.Span().Start, End: first.Span().End}, `"and" binds tighter than "or" here`)
				}
			}
		}
	},
}

// edge is the last or the first term of a conjunction, or the term itself.
func (p *pass) edge(e *requirement.Expr, last bool) *requirement.Expr {
	if e.Op != requirement.OpAnd {
		return e
	}
	terms := p.operands(e)
	if last {
		return terms[len(terms)-1]
	}
	return terms[0]
}

// maxChain is how long chains may be that are searched for duplicates.
const maxChain = 256

// chains calls f with the operands of every longest chain of one operator.
func (p *pass) chains(f func(op requirement.Op, terms []*requirement.Expr)) {
	if p.expr == nil || p.over {
		return
	}
	inside := map[*requirement.Expr]bool{}
	for e := range requirement.All(p.expr) {
		if (e.Op != requirement.OpAnd && e.Op != requirement.OpOr) || e.X == nil || e.Y == nil || inside[e] {
			continue
		}
		var terms []*requirement.Expr
		for todo := []*requirement.Expr{e}; len(todo) > 0; {
			x := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if x.Op == e.Op && x.X != nil && x.Y != nil {
				if x != e {
					inside[x] = true
				}
				todo = append(todo, x.Y, x.X)
				continue
			}
			terms = append(terms, x)
		}
		if len(terms) <= maxChain {
			f(e.Op, terms)
		}
	}
}

var duplicateTerm = Rule{
	ID: "RQ206", Slug: "duplicate-term", Severity: diag.Info,
	What: "a clause stands twice in one chain",
	Why:  "the second one says nothing; often another value was meant",
	Fix:  "drop it, or correct its value",
	Bad:  `anchor apple and identifier "com.apple.mail" and identifier "com.apple.mail"`,
	Good: `anchor apple and (identifier "com.apple.mail" or identifier "com.apple.finder")`,
	check: func(p *pass) {
		p.chains(func(op requirement.Op, terms []*requirement.Expr) {
			for i, e := range terms {
				for _, before := range terms[:i] {
					if same(before, e) {
						f := p.report(e.Span(), "this says again what "+quote(p.shown(before))+" said")
						f.Edits = p.dropped(op, terms[i-1], e)
						f.Safe = f.Edits != nil
						break
					}
				}
			}
		})
	},
}

// dropped deletes a term together with the operator between it and the one before;
// nil where more than that stands between them, or the text is not the source.
func (p *pass) dropped(op requirement.Op, before, e *requirement.Expr) []Edit {
	word, text := "and", p.patch.text
	if op == requirement.OpOr {
		word = "or"
	}
	end := e.Span().End
	if p.src == nil || p.patch.off != nil || end > len(text) {
		return nil
	}
	from := skipBlank(text, before.Span().End)
	if !strings.HasPrefix(text[from:], word) || skipBlank(text, from+len(word)) != e.Span().Start {
		return nil
	}
	for from > 0 && (text[from-1] == ' ' || text[from-1] == '\t') {
		from--
	}
	return []Edit{{diag.Span{Start: from, End: end}, ""}}
}

// same reports whether two terms are written the same; only terms are compared,
// and groups of a few.
func same(a, b *requirement.Expr) bool {
	type pair struct{ a, b *requirement.Expr }
	for todo := []pair{{a, b}}; len(todo) > 0; {
		x := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch a, b := x.a, x.b; {
		case a == nil && b == nil:
			continue
		case a == nil || b == nil, a.Op != b.Op, a.Slot != b.Slot, a.Match != b.Match, a.Key != b.Key, a.Value != b.Value, a.Flags != b.Flags:
			return false
		default:
			todo = append(todo, pair{a.Y, b.Y}, pair{a.X, b.X})
		}
	}
	return true
}

var impliedTerm = Rule{
	ID: "RQ207", Slug: "tautological-term", Severity: diag.Info,
	What: "a clause follows from the others",
	Why:  "it says nothing, and a reader may think it does",
	Fix:  "drop it",
	Bad:  `anchor apple and identifier "com.apple.mail" and ! identifier "com.apple.finder"`,
	Good: `anchor apple and identifier "com.apple.mail"`,
	check: func(p *pass) {
		for _, b := range p.live() {
			if b.apple != nil && b.generic != nil && b.generic.Op == requirement.OpAppleGeneric {
				p.report(b.generic.Span(), "beside `anchor apple` this only refuses system code that has no certificates")
			}
			if len(b.lits) > 12 || plain(b.lits) {
				continue
			}
			for i, l := range b.lits {
				if p.follows(b.lits, i) {
					p.report(l.e.Span(), p.shown(l.e)+" says nothing that the other clauses do not say")
				}
			}
		}
	},
}

// follows reports whether the literal at i follows from those others of a branch
// that look at the same thing.
func (p *pass) follows(lits []literal, i int) bool {
	var rest []literal
	for j, l := range lits {
		if j != i && !same(l.e, lits[i].e) && sameSubject(l.e, lits[i].e) {
			rest = append(rest, l)
		}
	}
	if len(rest) == 0 {
		return false
	}
	others, one := conjunction(rest), conjunction(lits[i:i+1])
	return p.proved(func(o requirement.ImpliesOptions) requirement.Implication {
		return requirement.Implies(others, one, o)
	})
}

// maxDepth is how deep operators may stand inside each other before Apple's
// evaluator gives up.
const maxDepth = 999

var tooDeep = Rule{
	ID: "RQ214", Slug: "depth", Severity: diag.Error,
	What:  "operators stand inside each other a thousand deep, or there are more alternatives than can be judged",
	Why:   "beyond 999 levels evaluation gives up with errSecCSReqInvalid (-67052), so everybody is refused",
	Fix:   "split the requirement; a launch constraint takes lists",
	Bad:   chainOf(1001),
	Good:  `anchor apple and (` + chainOf(50) + `)`,
	check: checkDepth,
}

// chainOf is an `or` of n identifiers of Apple's.
func chainOf(n int) string {
	text := make([]byte, 0, 40*n) // whoever starts the command waits for this
	for i := range n {
		if i > 0 {
			text = append(text, " or "...)
		}
		text = strconv.AppendInt(append(text, `identifier "com.apple.example`...), int64(i), 10)
		text = append(text, '"')
	}
	return string(text)
}

func checkDepth(p *pass) {
	if p.expr == nil {
		return
	}
	type level struct {
		e     *requirement.Expr
		depth int
	}
	deepest := 0
	for todo := []level{{p.expr, 1}}; len(todo) > 0; {
		x := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if deepest = max(deepest, x.depth); deepest > maxDepth {
			p.report(p.expr.Span(), "operators stand more than 999 deep, which Apple's evaluator refuses")
			return
		}
		for _, y := range [...]*requirement.Expr{x.e.X, x.e.Y} {
			if y != nil {
				todo = append(todo, level{y, x.depth + 1})
			}
		}
	}
	if p.over {
		f := p.report(p.expr.Span(), fmt.Sprintf("more than %d alternatives: nobody judged whether one of them is weak", maxBranches))
		f.Why = "an attacker chooses the weakest alternative, and a person cannot look at so many either"
	}
}
