package policy

import (
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/parser"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// clause is what an explanation says of a part whoever asks.
type clause struct {
	label string
	slots []int // what it reads
}

// explaining returns the program that keeps the value of every part. It
// evaluates what the plain one skips, so its cost limit is larger.
func (b *binding) explaining(e *expression) (cel.Program, error) {
	e.explainOnce.Do(func() {
		options := []cel.ProgramOption{cel.EvalOptions(cel.OptExhaustiveEval, cel.OptTrackState)}
		if !e.simple {
			options = append(options, limits(explainCost)...)
		}
		e.explainer, e.explainErr = e.env.Program(e.ast, options...)
		x := &explanation{b: b, ast: e.ast.NativeRep()}
		e.clauses = map[int64]*clause{}
		ast.PostOrderVisit(x.ast.Expr(), ast.NewExprVisitor(func(part ast.Expr) {
			if !x.isLogical(part) {
				e.clauses[part.ID()] = &clause{label(x.ast, part), x.collect(part)}
			}
		}))
	})
	return e.explainer, e.explainErr
}

// explanation is the state of one explained evaluation.
type explanation struct {
	b    *binding
	e    *expression
	ast  *ast.AST
	vals func(id int64) (ref.Val, bool)
}

// explain returns the clauses of an expression with their answers, and the answer
// of the whole.
func (b *binding) explain(e *expression) ([]*diag.Node, answer) {
	x, out, err := b.explained(e)
	if x == nil {
		a, _ := b.ask(e)
		return []*diag.Node{{Label: oneLine(e.text), Note: err.Error()}}, a
	}
	n := x.node(x.ast.Expr(), 0)
	if err != nil && n.Verdict == diag.VerdictUnknown && n.Note == "" {
		n.Note = quoteless(err.Error())
	}
	a := unknown
	switch {
	case err == nil && out == types.True:
		a = yes
	case err == nil && out == types.False:
		a = no
	case err != nil: // evaluating everything may reach a limit that the decision did not
		a, _ = b.ask(e)
	}
	return []*diag.Node{n}, a
}

const maxTreeDepth = 60

// node explains one clause: the logical operators as branches, everything else
// as a leaf with what was expected and found.
func (x *explanation) node(e ast.Expr, depth int) *diag.Node {
	if x.isLogical(e) && depth < maxTreeDepth {
		call := e.AsCall()
		switch fn := call.FunctionName(); fn {
		case operators.LogicalAnd, operators.LogicalOr:
			label := map[string]string{operators.LogicalAnd: "and", operators.LogicalOr: "or"}[fn]
			n := &diag.Node{Label: label, Verdict: x.verdict(e)}
			for _, part := range x.flatten(e, fn, nil) {
				n.Add(x.node(part, depth+1))
			}
			return n
		case operators.LogicalNot:
			return (&diag.Node{Label: "not", Verdict: x.verdict(e)}).Add(x.node(call.Args()[0], depth+1))
		case operators.Conditional:
			return (&diag.Node{Label: "if, then, else", Verdict: x.verdict(e)}).Add(
				x.node(call.Args()[0], depth+1), x.node(call.Args()[1], depth+1), x.node(call.Args()[2], depth+1))
		}
	}
	return x.leaf(e)
}

// isLogical reports whether a part is a branch of the tree and no leaf.
func (x *explanation) isLogical(e ast.Expr) bool {
	if e.Kind() != ast.CallKind || x.macro(e) != "" {
		return false
	}
	switch e.AsCall().FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional:
		return true
	}
	return false
}

// flatten returns the operands of a chain of one operator.
func (x *explanation) flatten(e ast.Expr, fn string, parts []ast.Expr) []ast.Expr {
	if _, isMacro := x.ast.SourceInfo().GetMacroCall(e.ID()); isMacro || e.Kind() != ast.CallKind || e.AsCall().FunctionName() != fn {
		return append(parts, e)
	}
	for _, arg := range e.AsCall().Args() {
		parts = x.flatten(arg, fn, parts)
	}
	return parts
}

func (x *explanation) leaf(e ast.Expr) *diag.Node {
	n := &diag.Node{Label: x.text(e), Verdict: x.verdict(e)}
	v := x.value(e)
	if bad, ok := v.(*types.Err); ok {
		n.Note = quoteless(bad.Error())
		if name, _, isKey := strings.Cut(bad.Error(), ":"); isKey && name == "no such key" {
			n.Note += `; ask first whether it is there, with "KEY" in MAP`
		}
		return n
	}
	if u, ok := v.(*types.Unknown); ok {
		n.Note = x.b.trouble(u, nil).reason
	}
	switch {
	case e.Kind() == ast.IdentKind && strings.HasPrefix(e.AsIdent(), "@"):
		if i, ok := x.b.p.slotOf[e.AsIdent()]; ok {
			switch s := &x.b.p.slots[i]; {
			case s.requirement != nil:
				n.Add(s.requirement.explain(&x.b.facts))
				n.Note = ""
			case s.peer != nil:
				n.Add(s.peer.explain(&x.b.facts)...)
				n.Note = ""
			}
		}
	case n.Note != "":
	case x.macro(e) == "entitled":
		key, _ := literal(e.AsCall().Args()[0].AsCall().Args()[0])
		n.Expected, n.Found = "true", x.b.entitlement(key)
	case isComparison(e):
		x.compared(n, e.AsCall())
	case e.Kind() == ast.LiteralKind:
	case v == types.True || v == types.False:
		if facts := x.operands(e); facts != "" {
			n.Note = facts
		}
	}
	return n
}

var comparisons = map[string]string{
	operators.Equals: "", operators.NotEquals: "anything but ", operators.In: "one of ",
	operators.Less: "less than ", operators.LessEquals: "at most ",
	operators.Greater: "more than ", operators.GreaterEquals: "at least ",
}

// macro is the name of the macro that wrote a part, or "".
func (x *explanation) macro(e ast.Expr) string {
	if call, ok := x.ast.SourceInfo().GetMacroCall(e.ID()); ok && call.Kind() == ast.CallKind {
		return call.AsCall().FunctionName()
	}
	return ""
}

func isComparison(e ast.Expr) bool {
	if e.Kind() != ast.CallKind {
		return false
	}
	_, ok := comparisons[e.AsCall().FunctionName()]
	return ok
}

// mirrored is what an operator says when its sides are exchanged.
var mirrored = map[string]string{
	operators.Equals: operators.Equals, operators.NotEquals: operators.NotEquals,
	operators.Less: operators.Greater, operators.LessEquals: operators.GreaterEquals,
	operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals,
}

// compared sets what a comparison expected and found. The side that reads no
// fact is the expectation.
func (x *explanation) compared(n *diag.Node, call ast.CallExpr) {
	fn, left, right := call.FunctionName(), call.Args()[0], call.Args()[1]
	switch {
	case !x.readsFacts(right):
	case !x.readsFacts(left) && mirrored[fn] != "":
		fn, left, right = mirrored[fn], right, left
	default:
		n.Note = x.operands(call.Args()[0], call.Args()[1])
		return
	}
	n.Expected, n.Found = comparisons[fn]+show(x.value(right)), show(x.value(left))
	if i, ok := x.slotOf(left); ok {
		n.Found += x.b.claim(x.b.p.slots[i].name)
	}
}

// readsFacts reports whether an expression reads anything but constants and
// variables made of constants.
func (x *explanation) readsFacts(e ast.Expr) bool {
	for _, i := range x.slots(e) {
		if v := x.b.p.slots[i].variable; v == nil || len(v.reads) > 0 {
			return true
		}
	}
	return false
}

// slots lists what a part reads, in the order of the text.
func (x *explanation) slots(e ast.Expr) []int {
	if c := x.e.clauses[e.ID()]; c != nil {
		return c.slots
	}
	return x.collect(e)
}

func (x *explanation) collect(e ast.Expr) []int {
	var list []int
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if i, ok := x.slotOf(e); ok && !slices.Contains(list, i) {
			list = append(list, i)
		}
	}))
	return list
}

func (x *explanation) slotOf(e ast.Expr) (int, bool) {
	r := x.ast.ReferenceMap()[e.ID()]
	if r == nil || len(r.OverloadIDs) > 0 {
		return 0, false
	}
	i, ok := x.b.p.slotOf[strings.TrimPrefix(r.Name, ".")]
	return i, ok
}

// operands writes the values of the facts that expressions read.
func (x *explanation) operands(es ...ast.Expr) string {
	var parts []string
	var seen []int
	for _, e := range es {
		for _, i := range x.slots(e) {
			if !slices.Contains(seen, i) {
				seen = append(seen, i)
				parts = append(parts, x.b.p.slots[i].shown()+" is "+show(x.b.value(i)))
			}
		}
	}
	return strings.Join(parts, ", ")
}

// value is what a part came to: recorded, or the constant that it is.
func (x *explanation) value(e ast.Expr) ref.Val {
	if v, ok := x.vals(e.ID()); ok {
		return v
	}
	if i, ok := x.slotOf(e); ok {
		return x.b.value(i)
	}
	switch e.Kind() {
	case ast.LiteralKind:
		return e.AsLiteral()
	case ast.ListKind:
		var l []ref.Val
		for _, item := range e.AsList().Elements() {
			l = append(l, x.value(item))
		}
		return types.NewRefValList(types.DefaultTypeAdapter, l)
	}
	return nil
}

func (x *explanation) verdict(e ast.Expr) diag.Verdict {
	switch x.value(e) {
	case types.True:
		return diag.Yes
	case types.False:
		return diag.No
	}
	return diag.VerdictUnknown
}

// text is a clause as its author wrote it.
func (x *explanation) text(e ast.Expr) string {
	if c := x.e.clauses[e.ID()]; c != nil {
		return c.label
	}
	return label(x.ast, e)
}

func label(a *ast.AST, e ast.Expr) string {
	s, err := parser.Unparse(e, a.SourceInfo(), parser.WrapOnColumn(1<<20))
	if err != nil {
		return "clause " + strconv.FormatInt(e.ID(), 10)
	}
	return oneLine(s)
}

// oneLine joins lines and cuts what is too long for a label.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 2*maxShown {
		s = strings.ToValidUTF8(s[:2*maxShown], "") + "…"
	}
	return s
}
