package policy

import (
	"context"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// reviewer looks at the conditions of rules for what they let in.
type reviewer struct {
	c    *compiler
	x    *explanation
	b    *binding // of nothing: for variables made of constants
	deep int
}

func (c *compiler) reviewer(e *expression) *reviewer {
	b := newBinding(context.Background(), facts{p: c.p, s: &code.Subject{}, whole: &code.Subject{}})
	return &reviewer{c: c, b: b, x: &explanation{b: b, e: e, ast: e.ast.NativeRep()}}
}

// pins says what a condition tells about the signer when it is true, or, with
// want false, when it is false. It is sound: a bit that is set holds always.
func (r *reviewer) pins(e ast.Expr, want bool) pin {
	if r.deep++; r.deep > 4*maxNodes { // variables that read variables
		return 0
	}
	if e.Kind() == ast.LiteralKind {
		if e.AsLiteral() == types.Bool(!want) {
			return pinAll // it never is
		}
		return 0
	}
	if i, ok := r.x.slotOf(e); ok {
		return r.slot(&r.c.p.slots[i], want)
	}
	if e.Kind() != ast.CallKind {
		return 0
	}
	args := e.AsCall().Args()
	switch fn := e.AsCall().FunctionName(); fn {
	case operators.LogicalNot:
		return r.pins(args[0], !want)
	case operators.LogicalAnd, operators.LogicalOr:
		if (fn == operators.LogicalAnd) == want {
			return r.pins(args[0], want) | r.pins(args[1], want)
		}
		return r.either(r.pins(args[0], want), r.pins(args[1], want))
	case operators.Conditional:
		return r.either(r.pins(args[0], true)|r.pins(args[1], want), r.pins(args[0], false)|r.pins(args[2], want))
	case operators.Equals:
		if want {
			return r.equal(args[0], args[1]) | r.equal(args[1], args[0])
		}
	case operators.NotEquals:
		if !want {
			return r.equal(args[0], args[1]) | r.equal(args[1], args[0])
		}
	case operators.In:
		if i, ok := r.x.slotOf(args[1]); want && ok && r.c.p.slots[i].name == "subject.cdhashes" && r.constant(args[0]) != nil {
			return pinSigner
		}
		if list := r.constant(args[1]); want && list != nil {
			all := pinAll
			for _, v := range flat(list) {
				all &= r.text(args[0], v)
			}
			return all
		}
	}
	return 0
}

// either is what two ways have in common. A way that names the signer by its
// identifier in a store names the signer.
func (r *reviewer) either(a, b pin) pin {
	for _, p := range []*pin{&a, &b} {
		if p.names() {
			*p |= pinSigner
		}
	}
	return a & b
}

func (r *reviewer) slot(s *slot, want bool) pin {
	switch {
	case s.variable != nil:
		inner := *r
		inner.x = &explanation{b: r.b, e: s.variable, ast: s.variable.ast.NativeRep()}
		p := inner.pins(inner.x.ast.Expr(), want)
		r.deep = inner.deep
		return p
	case want && s.requirement != nil:
		return s.requirement.pins()
	case want && s.peer != nil:
		return s.peer.doc.pins(s.peer.requirement)
	}
	return 0
}

// equal is what a fact tells that equals a constant.
func (r *reviewer) equal(fact, value ast.Expr) pin {
	if v := r.constant(value); v != nil {
		return r.text(fact, v)
	}
	return 0
}

func (r *reviewer) text(fact ast.Expr, v ref.Val) pin {
	text, ok := v.(types.String)
	if !ok || text == "" {
		return 0
	}
	if fact.Kind() == ast.SelectKind { // subject.certificates[0].sha256
		field := fact.AsSelect().FieldName()
		if of := fact.AsSelect().Operand(); (field == "sha256" || field == "sha1") && of.Kind() == ast.CallKind && of.AsCall().FunctionName() == operators.Index {
			i, ok := r.x.slotOf(of.AsCall().Args()[0])
			if at := of.AsCall().Args()[1]; ok && r.c.p.slots[i].name == "subject.certificates" && at.Kind() == ast.LiteralKind && at.AsLiteral() == types.Int(0) {
				return pinSigner
			}
		}
	}
	i, ok := r.x.slotOf(fact)
	if !ok {
		return 0
	}
	switch r.c.p.slots[i].name {
	case "subject.team_id", "subject.cdhash":
		return pinSigner
	case "subject.identifier":
		return pinIdentifier
	case "subject.channel":
		if slices.Contains(vouched, string(text)) {
			return pinVouched
		}
	}
	return 0
}

// constant is the value of an expression that reads no fact, or nil.
func (r *reviewer) constant(e ast.Expr) ref.Val {
	switch e.Kind() {
	case ast.LiteralKind:
		return e.AsLiteral()
	case ast.ListKind:
		var items []ref.Val
		for _, item := range e.AsList().Elements() {
			v := r.constant(item)
			if v == nil {
				return nil
			}
			items = append(items, v)
		}
		return types.NewRefValList(types.DefaultTypeAdapter, items)
	}
	if i, ok := r.x.slotOf(e); ok {
		if v := r.c.p.slots[i].variable; v != nil && len(v.reads) == 0 {
			if out, err := r.b.run(v); err == nil && !types.IsUnknownOrError(out) {
				return out
			}
		}
	}
	return nil
}

// reads reports whether an expression reads a field, through variables too.
func (c *compiler) reads(e *expression, name string) bool {
	for _, i := range e.reads {
		s := &c.p.slots[i]
		if s.field != nil && s.field.name == name || s.variable != nil && c.reads(s.variable, name) {
			return true
		}
	}
	return false
}
