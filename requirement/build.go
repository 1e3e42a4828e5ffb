package requirement

import (
	"errors"
	"fmt"
)

// Builder makes requirements out of values, for programs that would otherwise
// paste text together: a value is always data, so no value can become syntax.
//
//	var build requirement.Builder
//	e, err := build.And(
//		build.DeveloperID(team),
//		build.Or(build.Identifier("com.example.app"), build.Identifier("com.example.agent")),
//	).Expr()
//
// Its methods only make values, and the zero Builder is ready. Mistakes (an empty
// identifier, an object identifier that is none, a comparison that can never be
// true) are kept and reported together by [Term.Expr], which gives nothing
// otherwise.
type Builder struct{}

// Term is a part of a requirement that a [Builder] made, or the whole. The zero
// Term is a mistake.
type Term struct {
	e   *Expr
	err error
}

// Expr returns the finished requirement, or everything that is wrong with it.
//
// It also refuses what is nested so deep that every evaluation gives up: 1000
// levels, where each `and` and `or` of a chain is one.
func (t Term) Expr() (*Expr, error) {
	switch {
	case t.err != nil:
		return nil, t.err
	case t.e == nil:
		return nil, errNoTerm
	case levels(t.e) >= maxEval:
		return nil, fmt.Errorf("the requirement has %d levels, and evaluation gives up at %d", levels(t.e), maxEval)
	}
	return t.e, nil
}

// String returns the text of the requirement, or what is wrong with it in
// parentheses and after a question mark, which does not parse.
func (t Term) String() string {
	e, err := t.Expr()
	if err != nil {
		return "?(" + err.Error() + ")"
	}
	return Format(e)
}

var errNoTerm = errors.New("a term that no Builder made")

func bad(format string, args ...any) Term { return Term{err: fmt.Errorf(format, args...)} }

// And is true when all terms are. Without any term it would always be, so that is
// a mistake.
func (Builder) And(terms ...Term) Term { return chainOf(OpAnd, "And", terms) }

// Or is true when one of the terms is.
func (Builder) Or(terms ...Term) Term { return chainOf(OpOr, "Or", terms) }

func chainOf(op Op, name string, terms []Term) Term {
	if len(terms) == 0 {
		return bad("%s without a term", name)
	}
	var out *Expr
	var errs []error
	for i, t := range terms {
		switch {
		case t.err != nil:
			errs = append(errs, t.err)
		case t.e == nil:
			errs = append(errs, fmt.Errorf("%s: term %d: %w", name, i+1, errNoTerm))
		case out == nil:
			out = t.e
		default:
			out = &Expr{Op: op, X: out, Y: t.e}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Term{err: err}
	}
	return Term{e: out}
}

// Not is true when the term is false, and unknown when it is unknown.
func (Builder) Not(t Term) Term {
	switch {
	case t.err != nil:
		return t
	case t.e == nil:
		return Term{err: fmt.Errorf("Not: %w", errNoTerm)}
	}
	return Term{e: &Expr{Op: OpNot, X: t.e}}
}

// Requirement is a copy of an existing requirement, parsed or decoded, so that it
// can be a part of another. Launch constraints can be no part, and a tree that
// misses an operand is refused.
func (Builder) Requirement(e *Expr) Term {
	if e == nil {
		return bad("Requirement of nil")
	}
	for n := range All(e) {
		switch k := n.operands(); {
		case n.Op == OpConstraint:
			return bad("a launch constraint can not be part of a requirement")
		case n.Op >= opCount && n.Op != OpUnknown:
			return bad("operator %d does not exist", n.Op)
		case k > 0 && n.X == nil, k == 2 && n.Y == nil:
			return bad("operator %d misses an operand", n.Op)
		}
	}
	return Term{e: copied(e)}
}

// levels returns how deep a tree is; a term alone has one level.
func levels(e *Expr) int {
	type visit struct {
		e     *Expr
		depth int
	}
	most := 0
	for todo := []visit{{e, 1}}; len(todo) > 0; {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if v.e == nil {
			continue
		}
		most = max(most, v.depth)
		switch v.e.operands() {
		case 2:
			todo = append(todo, visit{v.e.X, v.depth + 1}, visit{v.e.Y, v.depth + 1})
		case 1:
			todo = append(todo, visit{v.e.X, v.depth + 1})
		}
	}
	return most
}
