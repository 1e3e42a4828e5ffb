package requirement

import "strings"

// formatIndent writes a chain of `and` or `or` with one operand on each line, and
// a chain inside another in parentheses of its own, indented.
func formatIndent(e *Expr) string {
	var f indenter
	f.expr(e, 0)
	return f.b.String()
}

type indenter struct{ b strings.Builder }

// expr recurses once for each change of operator, not for each operand.
func (f *indenter) expr(e *Expr, depth int) {
	switch {
	case isChain(e):
		f.chain(e, depth)
	case e.operands() > 0 && e.X != nil:
		f.b.Write(printer{}.term(nil, e))
		if isChain(e.X) {
			f.group(e.X, depth)
		} else {
			f.expr(e.X, depth)
		}
	default:
		f.b.Write(printer{}.term(nil, e))
	}
}

func isChain(e *Expr) bool {
	return (e.Op == OpAnd || e.Op == OpOr) && e.X != nil && e.Y != nil
}

func (f *indenter) chain(e *Expr, depth int) {
	word := "and "
	if e.Op == OpOr {
		word = "or "
	}
	first := true
	for todo := []*Expr{e}; len(todo) > 0; {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if t.Op == e.Op && isChain(t) {
			todo = append(todo, t.Y, t.X)
			continue
		}
		if !first {
			f.line(depth)
			f.b.WriteString(word)
		}
		first = false
		if isChain(t) {
			f.group(t, depth)
		} else {
			f.expr(t, depth)
		}
	}
}

// group writes a chain in parentheses.
func (f *indenter) group(e *Expr, depth int) {
	f.b.WriteByte('(')
	f.line(depth + 1)
	f.chain(e, depth+1)
	f.line(depth)
	f.b.WriteByte(')')
}

func (f *indenter) line(depth int) {
	f.b.WriteByte('\n')
	for range min(depth, 40) {
		f.b.WriteString("    ")
	}
}
