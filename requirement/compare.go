package requirement

import (
	"fmt"
	"slices"
	"strings"
)

// Equivalence is the answer of [Equivalent]. The zero Equivalence tells nothing.
type Equivalence struct {
	// Answer is Yes when both directions are, and No when one of them is.
	Answer Answer `json:"answer"`
	// Forward is whether the first implies the second, Backward the converse.
	Forward  Implication `json:"forward"`
	Backward Implication `json:"backward"`
}

// String returns the answer, and what each direction has to add.
func (e Equivalence) String() string {
	s := e.Answer.String()
	for _, d := range [...]struct {
		name string
		i    Implication
	}{{"first implies second", e.Forward}, {"second implies first", e.Backward}} {
		if e.Answer != Yes || d.i.Reason != "" {
			s += "\n" + d.name + ": " + strings.ReplaceAll(d.i.String(), "\n", "\n  ")
		}
	}
	return s
}

// Equivalent decides whether the same programs satisfy a and b. See [Implies],
// which answers each direction with the steps of o.
func Equivalent(a, b *Expr, o ImpliesOptions) Equivalence {
	e := Equivalence{Forward: Implies(a, b, o), Backward: Implies(b, a, o)}
	switch f, g := e.Forward.Answer, e.Backward.Answer; {
	case f == No || g == No:
		e.Answer = No
	case f == Yes && g == Yes:
		e.Answer = Yes
	}
	return e
}

// Relation is how a second requirement compares with a first. The zero Relation
// is RelationUnknown.
type Relation uint8

// The relations.
const (
	// RelationUnknown means that one of the implications could not be told. The
	// other one may still say something.
	RelationUnknown Relation = iota
	// RelationEquivalent means that the same programs satisfy both.
	RelationEquivalent
	// RelationStricter means that the second refuses more, and admits nothing new.
	RelationStricter
	// RelationLooser means that the second admits more, and refuses nothing new.
	RelationLooser
	// RelationIncomparable means that it refuses some and admits others.
	RelationIncomparable
)

var relationNames = [...]string{"cannot tell", "equivalent", "stricter", "looser", "incomparable"}

// String returns "equivalent", "stricter", "looser", "incomparable" or "cannot tell".
func (r Relation) String() string {
	if int(r) < len(relationNames) {
		return relationNames[r]
	}
	return relationNames[RelationUnknown]
}

// MarshalText returns the text of String.
func (r Relation) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the text of String.
func (r *Relation) UnmarshalText(b []byte) error {
	for i, name := range relationNames {
		if name == string(b) {
			*r = Relation(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a relation", b)
}

func relation(forward, backward Answer) Relation {
	switch {
	case forward == Yes && backward == Yes:
		return RelationEquivalent
	case forward == No && backward == Yes:
		return RelationStricter
	case forward == Yes && backward == No:
		return RelationLooser
	case forward == No && backward == No:
		return RelationIncomparable
	}
	return RelationUnknown
}

// Clause is one operand of the outermost `and` or `or` of a requirement.
type Clause struct {
	Text string `json:"text"` // in the default style
	Expr *Expr  `json:"-"`
}

// Difference is how a second requirement differs from a first. The zero Difference
// tells nothing.
type Difference struct {
	Relation Relation `json:"relation"`
	// Joined says how the clauses are joined: "or" when both requirements are
	// alternatives, else "and".
	Joined string `json:"joined"`
	// Kept are the clauses of both, as the second has them; Added those of the
	// second alone, Removed those of the first alone. Clauses are the same when
	// their text in the default style is, so one that says the same in other
	// words is both added and removed.
	Kept    []Clause `json:"kept,omitempty"`
	Added   []Clause `json:"added,omitempty"`
	Removed []Clause `json:"removed,omitempty"`
	// Forward is whether the first implies the second: its counterexample is a
	// program that is refused now. Backward is the converse: its counterexample
	// is a program that is admitted now.
	Forward  Implication `json:"forward"`
	Backward Implication `json:"backward"`
}

// String returns the relation, a line for each clause with a sign before it
// (a space, - or +), and what is refused and what is admitted now.
func (d Difference) String() string {
	var b strings.Builder
	b.WriteString(d.Relation.String())
	for _, group := range [...]struct {
		sign    string
		clauses []Clause
	}{{"  ", d.Kept}, {"- ", d.Removed}, {"+ ", d.Added}} {
		for _, c := range group.clauses {
			b.WriteString("\n" + group.sign + c.Text)
		}
	}
	for _, way := range [...]struct {
		title string
		i     Implication
	}{{"refused now", d.Forward}, {"admitted now", d.Backward}} {
		switch {
		case way.i.Counterexample != nil:
			b.WriteString("\n" + way.title + ":\n  " + strings.ReplaceAll(describeFacts(way.i.Counterexample), "\n", "\n  "))
		case way.i.Answer == CannotTell:
			b.WriteString("\n" + way.title + ": cannot tell: " + way.i.Reason)
		}
	}
	return b.String()
}

// Compare says which clauses the second requirement has lost and won, and whether
// it is stricter or looser than the first. The relation comes from [Implies], not
// from the clauses: a clause more need not make a difference.
func Compare(a, b *Expr, o ImpliesOptions) Difference {
	d := Difference{Joined: "and"}
	if !fits(a, o) || !fits(b, o) {
		d.Forward, d.Backward = Implication{Reason: tooLarge}, Implication{Reason: tooLarge}
		return d
	}
	op := OpAnd
	if a != nil && b != nil && a.Op == OpOr && b.Op == OpOr {
		op, d.Joined = OpOr, "or"
	}
	olds, news := clauses(a, op), clauses(b, op)
	left := map[string]int{}
	for _, c := range olds {
		left[c.key()]++
	}
	for _, c := range news {
		if k := c.key(); left[k] > 0 {
			left[k]--
			d.Kept = append(d.Kept, c)
		} else {
			d.Added = append(d.Added, c)
		}
	}
	for i := len(olds) - 1; i >= 0; i-- { // of equal clauses the last are left
		if k := olds[i].key(); left[k] > 0 {
			left[k]--
			d.Removed = append(d.Removed, olds[i])
		}
	}
	slices.Reverse(d.Removed)
	e := Equivalent(a, b, o)
	d.Forward, d.Backward = e.Forward, e.Backward
	d.Relation = relation(e.Forward.Answer, e.Backward.Answer)
	return d
}

// key tells clauses apart: by their text, or by their bytes where two may have
// the same text.
func (c *Clause) key() string {
	if HasText(c.Expr, StyleDefault) {
		return c.Text
	}
	return "\x00" + string(Encode(c.Expr))
}

// clauses returns the operands of a chain of one operator, from left to right.
func clauses(e *Expr, op Op) []Clause {
	var out []Clause
	for todo := []*Expr{e}; len(todo) > 0; {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch {
		case t == nil:
		case t.Op == op:
			todo = append(todo, t.Y, t.X)
		default:
			out = append(out, Clause{Text: Format(t), Expr: t})
		}
	}
	return out
}
