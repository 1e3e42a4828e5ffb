package requirement

import "github.com/xpcpolicy/xpcpolicy/code"

// atom is a term in a normal form: two terms that mean the same in every program
// are the same atom where that can be seen from the term alone. Three operators
// have another meaning here: OpAppleAnchor is the trust cache, OpLegacy is what
// `legacy` asks beyond the leaf, and in OpUnknown the value is the encoded term.
type atom struct {
	op         Op
	slot       int32
	match      MatchOp
	date       int64
	key, value string
}

// formula is a requirement, or two, in negation normal form.
type formula struct {
	atoms []atom // by variable; the first is no variable, the second is true
	index map[atom]int32
	nodes []node // children stand before their parents
}

// node is a literal, or a conjunction or disjunction of nodes.
type node struct {
	and  bool
	lit  int32 // not zero: this literal
	kids []int32
}

const constTrue int32 = 1

func newFormula() *formula {
	return &formula{atoms: make([]atom, 2), index: map[atom]int32{}}
}

func (f *formula) add(n node) int32 {
	f.nodes = append(f.nodes, n)
	return int32(len(f.nodes) - 1)
}

func (f *formula) leaf(lit int32, neg bool) int32 {
	if neg {
		lit = -lit
	}
	return f.add(node{lit: lit})
}

func (f *formula) literal(a atom) int32 {
	v, ok := f.index[a]
	if !ok {
		v = int32(len(f.atoms))
		f.atoms, f.index[a] = append(f.atoms, a), v
	}
	return v
}

// build adds a requirement, or its negation. The requirement was evaluated
// without abort, so its depth is bounded.
func (f *formula) build(e *Expr, neg bool) int32 {
	for e.Op == OpNot {
		e, neg = e.X, !neg
	}
	switch e.Op {
	case OpAnd, OpOr:
		var kids []int32
		for todo := []*Expr{e}; len(todo) > 0; {
			t := todo[len(todo)-1]
			if todo = todo[:len(todo)-1]; t.Op == e.Op {
				todo = append(todo, t.Y, t.X)
				continue
			}
			kids = append(kids, f.build(t, neg))
		}
		return f.add(node{and: (e.Op == OpAnd) != neg, kids: kids})
	case OpAppleAnchor:
		cache := f.leaf(f.literal(atom{op: OpAppleAnchor}), neg)
		return f.add(node{and: neg, kids: []int32{f.build(&appleSoftwareTerms, neg), cache}})
	case OpLegacy:
		rest := f.leaf(f.literal(atom{op: OpLegacy}), neg)
		return f.add(node{and: !neg, kids: []int32{rest, f.build(&legacyLeaf, neg)}})
	}
	return f.leaf(f.term(e), neg)
}

// What `anchor apple` asks of the certificates, and `legacy` of the leaf.
var (
	appleSoftwareTerms = Expr{Op: OpAnd,
		X: &Expr{Op: OpAnd, X: &Expr{Op: OpAppleGeneric}, Y: &Expr{Op: OpCertGeneric, Slot: SlotLeaf, Key: string(code.OIDAppleSoftware)}},
		Y: &Expr{Op: OpAnd, X: &Expr{Op: OpCertField, Slot: -2, Key: "subject.CN", Match: MatchEqual, Value: appleCodeCA},
			Y: &Expr{Op: OpCertField, Slot: -2, Key: "subject.O", Match: MatchEqual, Value: appleOrg}},
	}
	legacyLeaf = Expr{Op: OpOr,
		X: &Expr{Op: OpCertGeneric, Slot: SlotLeaf, Key: string(code.OIDDeveloperIDDate), Match: MatchAbsent},
		Y: &Expr{Op: OpAnd, X: &Expr{Op: OpCertGeneric, Slot: SlotLeaf, Key: string(code.OIDDeveloperIDDate)},
			Y: &Expr{Op: OpCertDate, Slot: SlotLeaf, Key: string(code.OIDDeveloperIDDate), Match: MatchBefore, Value: dateValue(int64(legacyAccount))}},
	}
)

// term returns the literal that a term means.
func (f *formula) term(e *Expr) int32 {
	a := atom{op: e.Op}
	switch e.Op {
	case OpFalse:
		return -constTrue
	case OpTrue:
		return constTrue
	case OpIdent, OpNamedAnchor, OpNamedCode:
		a.value = e.Value
	case OpCDHash:
		if a.value = e.Value; len(e.Value) != 20 {
			return -constTrue
		}
	case OpPlatform:
		if a.slot = e.Slot; e.Slot < 0 || e.Slot > 255 {
			return -constTrue
		}
	case OpInfoValue:
		a.op, a.match = OpInfo, MatchEqual
		a.key, _ = operand(e.Key)
		a.value, _ = operand(e.Value)
	case OpInfo, OpEntitlement:
		a.key, _ = operand(e.Key)
		return f.compared(a, e)
	case OpAnchorHash:
		a.slot, a.value = e.Slot, e.Value
	case OpTrustedCert:
		a.slot = e.Slot
	case OpCertField, OpCertGeneric, OpCertPolicy, OpCertDate:
		a.slot, a.key = e.Slot, e.Key
		return f.certificate(a, e)
	case OpNotarized, OpAppleGeneric, OpTrustedCerts:
	default: // OpUnknown, OpConstraint
		a = atom{op: OpUnknown, value: string(Encode(e))}
	}
	return f.literal(a)
}

// compared returns the literal of a term that ends in a comparison of texts or
// dates. Some can never be true.
func (f *formula) compared(a atom, e *Expr) int32 {
	switch a.match = e.Match; {
	case e.Match >= matchCount:
		return -constTrue
	case e.Match.HasDate():
		a.date = e.Date()
	case e.Match.HasValue():
		a.value, _ = operand(e.Value)
		if a.value == "" && (e.Match == MatchContains || e.Match == MatchBeginsWith || e.Match == MatchEndsWith || e.Match == MatchLess) {
			return -constTrue
		}
	}
	return f.literal(a)
}

func (f *formula) certificate(a atom, e *Expr) int32 {
	switch {
	case e.Op == OpCertField:
		oid, ok := SubjectField(e.Key)
		if e.Key == "email" {
			return f.literal(atom{op: OpCertField, slot: e.Slot, key: "email", value: string(Encode(e))})
		}
		if a.key = string(oid); !ok || e.Match == MatchAbsent || e.Match.HasDate() {
			return -constTrue
		}
		return f.compared(a, e)
	case e.Match == MatchAbsent && e.Op == OpCertDate: // also of a certificate that is missing
		return -f.literal(a)
	case e.Match == MatchExists || e.Match == MatchAbsent:
		a.match = e.Match
		return f.literal(a)
	case e.Op == OpCertDate && e.Match.HasDate():
		a.match, a.date = e.Match, e.Date()
		return f.literal(a)
	}
	return -constTrue
}

// solver makes clauses that hold exactly where the last node can.
func (f *formula) solver(steps *int) *solver {
	base := int32(len(f.atoms))
	s := newSolver(len(f.atoms)+len(f.nodes)-1, steps)
	s.add(constTrue)
	name := func(i int32) int32 {
		if l := f.nodes[i].lit; l != 0 {
			return l
		}
		return base + i
	}
	for i, n := range f.nodes {
		switch {
		case n.lit != 0:
			s.add(-(base + int32(i))) // the variable has no use
		case n.and:
			for _, k := range n.kids {
				s.add(-(base + int32(i)), name(k))
			}
		default:
			clause := append(make([]int32, 0, len(n.kids)+1), -(base + int32(i)))
			for _, k := range n.kids {
				clause = append(clause, name(k))
			}
			s.add(clause...)
		}
		if *steps <= 0 {
			break
		}
	}
	s.add(name(int32(len(f.nodes) - 1)))
	return s
}

// needed returns literals of an assignment that alone make the last node true.
func (f *formula) needed(s *solver) []int32 {
	*s.steps -= len(f.nodes)
	truth := make([]bool, len(f.nodes))
	for i, n := range f.nodes {
		if n.lit != 0 {
			truth[i] = s.of(n.lit) > 0
			continue
		}
		truth[i] = n.and
		for _, k := range n.kids {
			if truth[k] != n.and {
				truth[i] = !n.and
				break
			}
		}
	}
	var lits []int32
	had := make([]bool, len(f.atoms))
	for todo := []int32{int32(len(f.nodes) - 1)}; len(todo) > 0; {
		n := f.nodes[todo[len(todo)-1]]
		todo = todo[:len(todo)-1]
		switch {
		case n.lit != 0:
			if v := variable(n.lit); v != constTrue && !had[v] {
				had[v] = true
				lits = append(lits, n.lit)
			}
		case n.and:
			todo = append(todo, n.kids...)
		default:
			for _, k := range n.kids {
				if truth[k] {
					todo = append(todo, k)
					break
				}
			}
		}
	}
	return lits
}
