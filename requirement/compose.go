package requirement

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Without returns a requirement without the clauses for which drop is true, nil
// when nothing is left. It asks about every node, operators too, so a whole group
// can go. An `and` or `or` that keeps one side becomes that side; a `!` goes with
// its operand.
//
// What it means depends on where the clause stood: without an operand of `and`
// more code satisfies the requirement, without one of `or` less does. The result
// is a new tree; e stays as it is.
func Without(e *Expr, drop func(*Expr) bool) *Expr {
	return rewrite(e, func(n, x, y *Expr) *Expr {
		switch {
		case drop(n):
			return nil
		case n.operands() == 2 && x != nil && y != nil:
			return renew(n, x, y)
		case n.operands() == 2 && y == nil:
			return x
		case n.operands() == 2:
			return y
		case n.operands() == 1 && x == nil:
			return nil
		}
		return renew(n, x, y)
	})
}

// ReplaceIdentifier returns a requirement in which the identifier from is to, in
// every `identifier` term that says exactly from. It fails when there is none, so
// that a misspelt name does not pass for a change, and when to is no identifier.
// The result is a new tree; e stays as it is.
func ReplaceIdentifier(e *Expr, from, to string) (*Expr, error) {
	if err := checkText("identifier", to, false); err != nil {
		return nil, err
	}
	found := false
	out := rewrite(e, func(n, x, y *Expr) *Expr {
		n = renew(n, x, y)
		if n.Op == OpIdent && n.Value == from {
			n.Value, found = to, true
		}
		return n
	})
	if !found {
		return nil, fmt.Errorf("no term says identifier %q", from)
	}
	return out, nil
}

// Simplify returns a requirement without what says nothing: a clause that its own
// `and` or `or` repeats, `! !`, `always` in an `and`, `never` in an `or`. The
// result is true, false or unknown where e is; it aborts where e does, but for the
// limit of 999 levels, which a smaller tree may stay below. A chain without
// anything to leave out keeps its nesting. The result is a new tree; e stays as
// it is.
func Simplify(e *Expr) *Expr {
	s := simplifier{ids: map[string]uint64{}, of: map[*Expr]uint64{}}
	return s.run(e)
}

// rewrite builds a tree from the bottom: f gets each node with what became of its
// operands, nil for those that are gone or were never there. Nothing recurses.
func rewrite(e *Expr, f func(n, x, y *Expr) *Expr) *Expr {
	if e == nil {
		return nil
	}
	var nodes []*Expr
	for n := range All(e) {
		nodes = append(nodes, n)
	}
	var done []*Expr // of the nodes behind, the nearest last
	pop := func() *Expr {
		x := done[len(done)-1]
		done = done[:len(done)-1]
		return x
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		var x, y *Expr
		switch { // as in after
		case n.operands() == 2 && n.X != nil && n.Y != nil:
			x, y = pop(), pop()
		case n.operands() > 0 && n.X != nil:
			x = pop()
		case n.operands() > 0 && n.Op != OpNot && n.Y != nil:
			y = pop()
		}
		done = append(done, f(n, x, y))
	}
	return done[0]
}

// renew returns a copy of n with other operands, without its place in a source and
// without the bytes of a binary that mean nothing.
func renew(n, x, y *Expr) *Expr {
	c := *n
	c.X, c.Y, c.start, c.end, c.odd = x, y, 0, 0, nil
	return &c
}

// copied returns a new tree that says the same.
func copied(e *Expr) *Expr { return rewrite(e, renew) }

// simplifier finds subtrees that are the same by numbering them from the bottom:
// two have one number when their nodes and the numbers of their operands are the
// same. So no subtree is read twice.
type simplifier struct {
	ids map[string]uint64
	of  map[*Expr]uint64
	key []byte
}

func (s *simplifier) run(e *Expr) *Expr {
	roots := chainRoots(e)
	i := len(roots)
	return rewrite(e, func(n, x, y *Expr) *Expr {
		i-- // rewrite goes through the nodes from the last to the first
		switch {
		case n.Op == OpNot && x != nil && x.Op == OpNot && x.X != nil:
			return x.X
		case isChain(n) && roots[i]:
			return s.chain(s.number(renew(n, x, y)))
		}
		return s.number(renew(n, x, y))
	})
}

// chainRoots says of each node, in the order of All, whether it is an `and` or
// `or` that is no operand of the same operator.
func chainRoots(e *Expr) []bool {
	type visit struct {
		e      *Expr
		parent Op
	}
	var roots []bool
	for todo := []visit{{e, OpFalse}}; len(todo) > 0; {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if v.e == nil {
			continue
		}
		roots = append(roots, v.e.Op != v.parent)
		switch {
		case v.e.operands() == 2, v.e.operands() == 1 && v.e.X == nil && v.e.Op != OpNot:
			todo = append(todo, visit{v.e.Y, v.e.Op}, visit{v.e.X, v.e.Op})
		case v.e.operands() == 1:
			todo = append(todo, visit{v.e.X, v.e.Op})
		}
	}
	return roots
}

// number gives a new node its number.
func (s *simplifier) number(e *Expr) *Expr {
	s.key = appendNode(s.key[:0], e)
	for _, x := range []*Expr{e.X, e.Y} {
		s.key = binary.BigEndian.AppendUint64(s.key, s.of[x])
	}
	id, ok := s.ids[string(s.key)]
	if !ok {
		id = uint64(len(s.ids) + 1) // 0 is nothing
		s.ids[string(s.key)] = id
	}
	s.of[e] = id
	return e
}

// chain leaves out what says nothing in a chain.
func (s *simplifier) chain(e *Expr) *Expr {
	neutral := OpTrue
	if e.Op == OpOr {
		neutral = OpFalse
	}
	var keep []*Expr
	seen, all := map[uint64]bool{}, 0
	for todo := []*Expr{e}; len(todo) > 0; {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if isChain(t) && t.Op == e.Op {
			todo = append(todo, t.Y, t.X)
			continue
		}
		all++
		if t.Op != neutral && !seen[s.of[t]] {
			seen[s.of[t]] = true
			keep = append(keep, t)
		}
	}
	if len(keep) == all {
		return e
	}
	if len(keep) == 0 {
		return s.number(&Expr{Op: neutral})
	}
	out := keep[0]
	for _, t := range keep[1:] {
		out = s.number(&Expr{Op: e.Op, X: out, Y: t})
	}
	return out
}

// checkText refuses what cannot be a name, key or value: requirements see text up
// to its first NUL, and abort at what is not UTF-8.
func checkText(what, s string, empty bool) error {
	switch {
	case s == "" && !empty:
		return errors.New(what + " is empty")
	case strings.IndexByte(s, 0) >= 0:
		return fmt.Errorf("%s %q holds a NUL byte, which would end it", what, s)
	case !utf8.ValidString(s):
		return fmt.Errorf("%s %q is not UTF-8", what, s)
	}
	return nil
}
