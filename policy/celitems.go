package policy

import (
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types/ref"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// items lists the clauses of an expression.
func (e *expression) items(p *Policy, o owner, add func(Item)) {
	x := &explanation{b: &binding{facts: facts{p: p}}, e: e, ast: e.ast.NativeRep()}
	x.clauses(x.ast.Expr(), o.id+"/0", nil, func(part ast.Expr, id string) { add(x.item(part, id, o)) })
}

// visit calls see for the clauses that short-circuit evaluation comes to, and for
// what they read in turn.
func (b *binding) visit(e *expression, o owner, see func(Item, diag.Verdict)) {
	x, _, err := b.explained(e)
	if err != nil && x == nil {
		return
	}
	x.clauses(x.ast.Expr(), o.id+"/0", x.verdict, func(part ast.Expr, id string) {
		see(x.item(part, id, o), x.verdict(part))
		for _, i := range x.slots(part) {
			switch s := &b.p.slots[i]; {
			case s.peer != nil:
				s.peer.visit(&b.facts, see)
			case s.variable != nil:
				b.visit(s.variable, owner{id: s.name}, see)
			}
		}
	})
}

// item describes a clause.
func (x *explanation) item(part ast.Expr, id string, o owner) Item {
	return Item{Kind: ItemClause, ID: id, Label: x.text(part), Source: x.e.source, Span: x.e.span, Deny: o.deny}
}

// clauses walks the leaves of a condition in the order of the text. With answers,
// it leaves out what lies behind the operand that decides.
func (x *explanation) clauses(e ast.Expr, id string, answer func(ast.Expr) diag.Verdict, f func(part ast.Expr, id string)) {
	child := func(part ast.Expr, i int) { x.clauses(part, id+"/"+strconv.Itoa(i), answer, f) }
	if !x.isLogical(e) || strings.Count(id, "/") > maxTreeDepth {
		if e.Kind() != ast.LiteralKind && x.ast.GetType(e.ID()).IsExactType(cel.BoolType) {
			f(e, id)
		}
		return
	}
	args := e.AsCall().Args()
	switch fn := e.AsCall().FunctionName(); fn {
	case operators.LogicalAnd, operators.LogicalOr:
		decides := map[string]diag.Verdict{operators.LogicalAnd: diag.No, operators.LogicalOr: diag.Yes}[fn]
		for i, part := range x.flatten(e, fn, nil) {
			child(part, i)
			if answer != nil && answer(part) == decides {
				return
			}
		}
	case operators.LogicalNot:
		child(args[0], 0)
	default: // if, then, else
		child(args[0], 0)
		for i, taken := range []diag.Verdict{diag.Yes, diag.No} {
			if answer == nil || answer(args[0]) == taken {
				child(args[1+i], 1+i)
			}
		}
	}
}

// explained evaluates an expression so that the value of every part is kept.
func (b *binding) explained(e *expression) (*explanation, ref.Val, error) {
	program, err := b.explaining(e)
	if err != nil {
		return nil, nil, err
	}
	var out ref.Val
	var details *cel.EvalDetails
	if e.simple {
		out, details, err = program.Eval(b)
	} else {
		out, details, err = program.ContextEval(b.ctx, b)
	}
	x := &explanation{b: b, e: e, ast: e.ast.NativeRep(), vals: func(int64) (ref.Val, bool) { return nil, false }}
	if details != nil && details.State() != nil {
		x.vals = details.State().Value
	}
	return x, out, err
}
