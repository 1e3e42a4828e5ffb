package policy

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// Limits of the proofs about rules: they are warnings, and loading must not take
// long for them.
const (
	proofRules = 200
	proofSteps = 20_000
)

// review warns of a rule that decides nothing or lets strangers in, and refuses
// one that lets in whoever claims something.
func (c *compiler) review(d *ruleDocument, e *expression) {
	find := func(severity diag.Severity, rule, summary, why string) {
		c.add(diag.Diagnostic{Severity: severity, Rule: rule, Source: e.source, Span: e.span, Summary: summary, Why: why})
	}
	name := "rule " + quoteShort(d.name.Value)
	if !d.deny && c.p.trust.apple {
		r := c.reviewer(e)
		root := e.ast.NativeRep().Expr()
		switch {
		case root.Kind() == ast.LiteralKind, r.pins(root, true).names():
		case c.reads(e, "subject.claimed_team_id"):
			find(diag.Error, "PV102 claimed-team", name+" lets in whoever claims something: subject.claimed_team_id is what a signature says of itself",
				"anybody can sign with any claimed team; compare subject.team_id, which the certificates vouch for")
		default:
			find(diag.Warning, "PV101 nobody-named", name+" does not say who signed: every developer whom Apple knows can make code that it lets in",
				"add team(\"…\") or matches(\"…\"); identifiers, entitlements, users and process identifiers can be claimed or reused")
		}
	}
	c.reach(d, e, find, name)
}

// reach finds rules that never decide, and those that always do. The proofs are
// those of the requirement language: a condition is written as a requirement in
// which each clause that has no counterpart is an unknown of its own.
func (c *compiler) reach(d *ruleDocument, e *expression, find func(diag.Severity, string, string, string), name string) {
	if len(c.terms) >= proofRules {
		return
	}
	r := c.reviewer(e)
	term := r.term(e.ast.NativeRep().Expr())
	expr, err := term.Expr()
	if err != nil {
		c.terms = append(c.terms, ruleTerm{operations: d.operations})
		return
	}
	o := requirement.ImpliesOptions{MaxSteps: proofSteps}
	var b requirement.Builder
	var earlier []requirement.Term
	var names []string
	for _, t := range c.terms {
		if t.known && covers(t.operations, d.operations) {
			earlier, names = append(earlier, t.term), append(names, t.name)
		}
	}
	c.terms = append(c.terms, ruleTerm{name: d.name.Value, term: term, operations: d.operations, known: true})
	switch {
	case requirement.Contradiction(expr, o).Answer == requirement.Yes:
		find(diag.Warning, "PV003 never-true", name+" is never true", "its clauses contradict each other")
		return
	case requirement.Tautology(expr, o).Answer == requirement.Yes && !d.deny:
		find(diag.Warning, "PV002 always-true", name+" is always true: it lets in everybody whom the floor and the rules above it do not stop",
			"say who may come in")
	}
	if len(earlier) == 0 {
		return
	}
	any, err := b.Or(earlier...).Expr()
	if err != nil || requirement.Implies(expr, any, o).Answer != requirement.Yes {
		return
	}
	why := "the rules above it decide first whenever it is true"
	for i := range earlier {
		if one, err := earlier[i].Expr(); err == nil && requirement.Implies(expr, one, o).Answer == requirement.Yes {
			why = "rule " + quoteShort(names[i]) + " above it decides first whenever it is true"
			break
		}
	}
	find(diag.Warning, "PV001 never-reached", name+" is never reached", why)
}

// ruleTerm is the condition of a rule as a requirement.
type ruleTerm struct {
	name       string
	term       requirement.Term
	operations []string
	known      bool
}

// covers reports whether a rule about some operations speaks about all of others.
func covers(rule, others []string) bool {
	if len(rule) == 0 {
		return true
	}
	for _, o := range others {
		if !slices.Contains(rule, o) {
			return false
		}
	}
	return len(others) > 0
}

// term writes a condition as a requirement.
func (r *reviewer) term(e ast.Expr) requirement.Term {
	var b requirement.Builder
	if r.deep++; r.deep > maxNodes {
		return b.Identifier("") // a mistake: no proof
	}
	if e.Kind() == ast.LiteralKind {
		switch e.AsLiteral() {
		case types.True:
			return b.Always()
		case types.False:
			return b.Never()
		}
	}
	if i, ok := r.x.slotOf(e); ok {
		if v := r.c.p.slots[i].variable; v != nil {
			inner := *r
			inner.x = &explanation{b: r.b, e: v, ast: v.ast.NativeRep()}
			t := inner.term(inner.x.ast.Expr())
			r.deep = inner.deep
			return t
		}
		if req := r.c.p.slots[i].requirement; req != nil && req.expr != nil {
			return b.Requirement(req.expr)
		}
		return r.unknown(r.c.p.slots[i].name)
	}
	if e.Kind() != ast.CallKind {
		return r.unknown(r.x.text(e))
	}
	args := e.AsCall().Args()
	switch fn := e.AsCall().FunctionName(); fn {
	case operators.LogicalNot:
		return b.Not(r.term(args[0]))
	case operators.LogicalAnd:
		return b.And(r.term(args[0]), r.term(args[1]))
	case operators.LogicalOr:
		return b.Or(r.term(args[0]), r.term(args[1]))
	case operators.Conditional:
		if e.Kind() == ast.CallKind && r.x.ast.GetType(e.ID()).Kind() == types.BoolKind {
			when := r.term(args[0])
			return b.Or(b.And(when, r.term(args[1])), b.And(b.Not(when), r.term(args[2])))
		}
	case operators.Equals, operators.NotEquals:
		for i, fact := range args {
			if t, ok := r.equals(fact, r.constant(args[1-i])); ok && fn == operators.Equals {
				return t
			} else if ok {
				return b.Not(t)
			}
		}
	case operators.In:
		if list := r.constant(args[1]); list != nil {
			var any []requirement.Term
			for _, v := range flat(list) {
				t, ok := r.equals(args[0], v)
				if !ok {
					return r.unknown(r.x.text(e))
				}
				any = append(any, t)
			}
			if len(any) > 0 {
				return b.Or(any...)
			}
			return b.Never()
		}
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		if t, ok := r.ordered(fn, args); ok {
			return t
		}
	}
	return r.unknown(r.x.text(e))
}

// unknown is a clause about which nothing is known but that it is the same
// wherever it is written the same.
func (r *reviewer) unknown(text string) requirement.Term {
	var b requirement.Builder
	return b.Info("clause "+text, b.Equal("true"))
}

// equals writes that a text field equals a constant.
func (r *reviewer) equals(fact ast.Expr, v any) (requirement.Term, bool) {
	var b requirement.Builder
	text, isText := v.(types.String)
	i, isSlot := r.x.slotOf(fact)
	if !isText || text == "" || strings.IndexByte(string(text), 0) >= 0 || !isSlot || r.c.p.slots[i].field == nil || r.c.p.slots[i].field.typ != typeString {
		return requirement.Term{}, false
	}
	if name := r.c.p.slots[i].name; name != "subject.identifier" {
		return b.Info("fact "+name, b.Equal(string(text))), true
	}
	return b.Identifier(string(text)), true
}

// ordered writes version(FIELD) against version("…"). Versions that are written
// without final zeros stand in the same order in both languages. Nothing is older
// than every version, so that "less" is the opposite of "at least".
func (r *reviewer) ordered(fn string, args []ast.Expr) (requirement.Term, bool) {
	var b requirement.Builder
	left, right := r.versionOf(args[0]), r.versionOf(args[1])
	if left == nil || right == nil {
		return requirement.Term{}, false
	}
	least, ok := literal(right)
	if !ok {
		fn, left = mirrored[fn], right
		if least, ok = literal(r.versionOf(args[0])); !ok {
			return requirement.Term{}, false
		}
	}
	i, isSlot := r.x.slotOf(left)
	v, isVersion := parseVersion(least)
	if !isSlot || r.c.p.slots[i].field == nil || !isVersion || v.pre != nil {
		return requirement.Term{}, false
	}
	key, number := "version "+r.c.p.slots[i].name, strings.Join(v.numbers, ".")
	switch fn {
	case operators.GreaterEquals:
		return b.Info(key, b.GreaterEqual(number)), true
	case operators.Greater:
		return b.Info(key, b.Greater(number)), true
	case operators.Less:
		return b.Not(b.Info(key, b.GreaterEqual(number))), true
	}
	return b.Not(b.Info(key, b.Greater(number))), true
}

// versionOf is the argument of version(), or nil.
func (r *reviewer) versionOf(e ast.Expr) ast.Expr {
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == "version" && len(e.AsCall().Args()) == 1 {
		return e.AsCall().Args()[0]
	}
	return nil
}
