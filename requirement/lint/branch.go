package lint

import (
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// Bounds of the disjunctive form. Real requirements have less than twenty
// branches, and evaluation gives up at 1000 levels; what has more is an error.
const (
	maxBranches = 1024
	maxNodes    = 4096
	maxLiterals = 1 << 15 // of all branches together
)

// literal is a term or its negation.
type literal struct {
	e   *requirement.Expr
	not bool
}

// branch is one way to satisfy a requirement: all of its literals together.
type branch struct {
	lits []literal
	// via is the operand of the outermost `or` that this branch comes through, nil
	// when there is none.
	via  *requirement.Expr
	dead *conflict // not nil when no program satisfies it
	branchFacts
}

// split returns the disjunctive form; false when it is beyond the bounds.
func split(e *requirement.Expr) ([]branch, bool) {
	n := 0
	for range requirement.All(e) {
		if n++; n > maxNodes {
			return nil, false
		}
	}
	var s splitter
	out := s.expand(e, false)
	if s.over {
		return nil, false
	}
	for i := range out {
		out[i].read()
	}
	return out, true
}

type splitter struct {
	over     bool
	literals int
}

// expand recurses: maxNodes bounds how deep.
func (s *splitter) expand(e *requirement.Expr, not bool) []branch {
	op := e.Op
	switch {
	case s.over:
		return nil
	case op == requirement.OpNot && e.X != nil:
		return s.expand(e.X, !not)
	case op == requirement.OpTrue, op == requirement.OpFalse:
		if (op == requirement.OpTrue) == not {
			return nil
		}
		return []branch{{}}
	case (op == requirement.OpAnd || op == requirement.OpOr) && e.X != nil && e.Y != nil:
		if (op == requirement.OpOr) != not {
			return s.join(e, not, nil)
		}
		return s.product(s.expand(e.X, not), s.expand(e.Y, not))
	}
	s.count(1)
	return []branch{{lits: []literal{{e, not}}}}
}

// join appends the branches of all operands of a chain.
func (s *splitter) join(e *requirement.Expr, not bool, out []branch) []branch {
	for _, x := range [...]*requirement.Expr{e.X, e.Y} {
		if x.Op == e.Op && x.X != nil && x.Y != nil {
			out = s.join(x, not, out)
			continue
		}
		from := len(out)
		out = append(out, s.expand(x, not)...)
		for i := from; i < len(out); i++ {
			out[i].via = x
		}
	}
	if len(out) > maxBranches {
		s.over = true
	}
	return out
}

func (s *splitter) product(a, b []branch) []branch {
	switch {
	case s.over, len(a) == 0, len(b) == 0:
		return nil
	case len(a)*len(b) > maxBranches:
		s.over = true
		return nil
	case len(b) == 1 && len(a) == 1:
		if a[0].via == nil {
			a[0].via = b[0].via
		}
		a[0].lits = append(a[0].lits, b[0].lits...)
		return a
	}
	out := make([]branch, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			lits := make([]literal, 0, len(x.lits)+len(y.lits))
			lits = append(append(lits, x.lits...), y.lits...)
			s.count(len(lits))
			via := x.via
			if via == nil {
				via = y.via
			}
			out = append(out, branch{lits: lits, via: via})
		}
	}
	return out
}

func (s *splitter) count(n int) {
	if s.literals += n; s.literals > maxLiterals {
		s.over = true
	}
}
