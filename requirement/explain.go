package requirement

import (
	"strconv"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
)

// Explain evaluates as [Eval] does, with the same result, and also returns a tree
// that says of each term what was expected and what was found. A chain of `and`
// or `or` is one node with many children. After an abort the tree is one node
// that says why.
func Explain(e *Expr, s *code.Subject, o Options) (Result, *diag.Node) {
	r := Eval(e, s, o)
	if r.Err != nil {
		n := &diag.Node{Label: "requirement", Note: r.Err.Error()}
		if e != nil && e.Span() != (diag.Span{}) {
			span := e.Span()
			n.Span = &span
		}
		return r, n
	}
	x := explainer{v: newEvaluator(s, o, 0)}
	root, _ := x.node(e)
	return r, root
}

// explainer builds the tree of an evaluation that was not aborted, hence is less
// than 1000 levels deep.
type explainer struct {
	v    evaluator
	free []explained
	b    []byte // scratch
}

// explained is a node and what its Span points to.
type explained struct {
	diag.Node
	span diag.Span
}

// fresh returns a node that shares its allocation with others.
func (x *explainer) fresh(e *Expr, label string) *diag.Node {
	if len(x.free) == 0 {
		x.free = make([]explained, 8)
	}
	n := &x.free[0]
	x.free = x.free[1:]
	n.Label = label
	if n.span = e.Span(); n.span != (diag.Span{}) {
		n.Span = &n.span
	}
	return &n.Node
}

func (x *explainer) node(e *Expr) (*diag.Node, Outcome) {
	switch {
	case e.Op == OpAnd:
		return x.chain(e, "and", True, and)
	case e.Op == OpOr:
		return x.chain(e, "or", False, or)
	case e.Op == OpNot:
		n := x.fresh(e, "not")
		child, out := x.node(e.X)
		n.Add(child)
		return judge(n, not(out))
	case e.operands() == 1:
		n := x.fresh(e, "opcode "+strconv.Itoa(int(e.Slot&0xffffff)))
		n.Hint = "not known; skipped, as its flags ask"
		child, out := x.node(e.X)
		n.Add(child)
		return judge(n, out)
	case e.Op == OpUnknown:
		n := x.fresh(e, "opcode "+strconv.Itoa(int(e.Slot&0xffffff)))
		n.Note = "this opcode is not known, and its flags say to take it as false"
		return judge(n, False)
	}
	n := x.fresh(e, x.label(e))
	out := x.v.term(e)
	x.describe(n, e, out)
	return judge(n, out)
}

// label is the text of a term, without the comment signs around "exists".
func (x *explainer) label(e *Expr) string {
	x.b = printer{}.term(x.b[:0], e)
	if e.Op.hasMatch() && e.Match == MatchExists {
		x.b = append(x.b[:len(x.b)-len("/* exists */")], "exists"...)
	}
	return string(x.b)
}

// chain makes one node of all operands of the same operator, however they nest.
func (x *explainer) chain(e *Expr, label string, start Outcome, fold func(x, y Outcome) Outcome) (*diag.Node, Outcome) {
	n := x.fresh(e, label)
	out := start
	var room [16]*Expr
	count := 0
	for todo := append(room[:0], e); len(todo) > 0; {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if t.Op == e.Op {
			todo = append(todo, t.Y, t.X)
		} else {
			count++
		}
	}
	n.Children = make([]*diag.Node, 0, count)
	for todo := append(room[:0], e); len(todo) > 0; {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if t.Op == e.Op {
			todo = append(todo, t.Y, t.X)
			continue
		}
		child, answer := x.node(t)
		n.Children = append(n.Children, child)
		out = fold(out, answer)
	}
	return judge(n, out)
}

func judge(n *diag.Node, out Outcome) (*diag.Node, Outcome) {
	switch out {
	case True:
		n.Verdict = diag.Yes
	case False:
		n.Verdict = diag.No
	default:
		n.Verdict = diag.VerdictUnknown
	}
	return n, out
}
