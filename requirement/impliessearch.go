package requirement

import (
	"slices"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// search looks for a program that satisfies a and not b.
type search struct {
	a, b  *Expr
	f     *formula
	steps int
	doubt string // why the absence of a counterexample proves nothing; the first reason
}

const (
	tooHard  = "the search took too many steps"
	tooLarge = "the requirements are too large"
)

func newSearch(a, b *Expr, steps int) *search {
	q := &search{a: a, b: b, f: newFormula(), steps: steps}
	x, y := q.f.build(a, false), q.f.build(b, true)
	q.f.add(node{and: true, kids: []int32{x, y}})
	q.steps -= 4 * len(q.f.nodes)
	return q
}

// run returns a confirmed counterexample, or nil: then there is none, unless
// doubt says why one may have been missed.
func (q *search) run() *code.Subject {
	if s := q.f.solver(&q.steps); !s.solve() && (s.broken || q.steps > 0) {
		return nil // whatever the terms mean
	}
	lengths, ok := q.lengths()
	if !ok {
		q.steps = 0
	}
	for _, n := range lengths {
		if s := q.chain(n); s != nil {
			return s
		}
		if q.steps <= 0 {
			break
		}
	}
	if q.steps <= 0 {
		q.doubt = tooHard
	}
	return nil
}

// lengths returns lengths of chains such that every other length is like one of
// them: the same slots exist, and the same slots are the same certificate.
func (q *search) lengths() ([]int64, bool) {
	starts, anchor := []int64{0}, false
	front, back := map[int64]bool{}, map[int64]bool{}
	for i := range q.f.atoms {
		slot := int64(q.f.atoms[i].slot)
		switch q.f.atoms[i].op {
		case OpTrustedCerts:
			anchor, slot = true, 0
		case OpAppleGeneric:
			slot = int64(SlotRoot)
		case OpAnchorHash, OpTrustedCert, OpCertField, OpCertGeneric, OpCertPolicy, OpCertDate:
		default:
			continue
		}
		if slot < 0 {
			back[-slot] = true
		} else {
			front[slot] = true
		}
	}
	if q.steps -= 4 * (len(front) + 1) * (len(back) + 1); q.steps <= 0 {
		return nil, false
	}
	for p := range front {
		starts = append(starts, p+1) // from here on it exists
		for m := range back {
			starts = append(starts, p+m, p+m+1) // the same certificate, and no more
		}
	}
	for m := range back {
		starts = append(starts, m)
	}
	if anchor { // with a certificate that no term names
		for _, n := range slices.Clone(starts) {
			starts = append(starts, n+1)
		}
	}
	slices.Sort(starts)
	return slices.Compact(starts), true
}

// chain looks for a program with a chain of n certificates.
func (q *search) chain(n int64) *code.Subject {
	s := q.f.solver(&q.steps)
	facts := make([]fact, len(q.f.atoms))
	for v := constTrue + 1; int(v) < len(facts); v++ {
		var ok bool
		if facts[v], ok = place(&q.f.atoms[v], n); !ok {
			s.add(-v)
		}
	}
	for s.solve() {
		subject, refused := q.attempt(n, facts, q.f.needed(s))
		if subject != nil {
			return subject
		}
		for _, r := range refused {
			for i := range r.core {
				r.core[i] = -r.core[i]
			}
			s.add(r.core...)
		}
	}
	return nil
}

// attempt makes a program in which the literals hold, or says which of them
// cannot hold together. Doubts are only returned when there is no proof.
func (q *search) attempt(n int64, facts []fact, lits []int32) (*code.Subject, []refusal) {
	q.steps -= 8 * len(lits)
	wants := map[fact][]*want{}
	var order []fact
	for _, l := range lits {
		v := variable(l)
		a := q.f.atoms[v]
		if _, ok := place(&a, n); !ok {
			continue // false, as it must be
		}
		f := facts[v]
		if wants[f] == nil {
			order = append(order, f)
		}
		wants[f] = append(wants[f], &want{a, l})
	}
	v := values{map[fact]bool{}, map[fact]string{}, map[fact]float64{}, map[fact]code.Value{}, map[int64]code.TrustSetting{}, map[fact]map[string]bool{}}
	var proofs, doubts []refusal
	for _, f := range order {
		switch r := v.solve(f, wants[f], n, &q.steps); {
		case r == nil:
		case r.doubt == "":
			proofs = append(proofs, *r)
		default:
			doubts = append(doubts, *r)
		}
		if q.steps <= 0 {
			return nil, nil
		}
	}
	if len(proofs) > 0 {
		return nil, proofs
	}
	doubts = append(doubts, v.unreal(wants)...)
	if n > maxChain && len(doubts) == 0 {
		doubts = append(doubts, refusal{slices.Clone(lits), "only chains of more than " + itoa(maxChain) + " certificates would tell them apart"})
	}
	if len(doubts) == 0 {
		s := v.subject(n)
		if q.confirms(s) {
			return s, nil
		}
		doubts = append(doubts, q.unconfirmed(lits))
	}
	if q.doubt == "" {
		q.doubt = doubts[0].doubt
	}
	return nil, doubts
}

func (q *search) confirms(s *code.Subject) bool {
	q.steps -= 2 * len(q.f.nodes)
	return Eval(q.a, s, Options{}).Outcome == True && Eval(q.b, s, Options{}).Outcome == False
}

// unconfirmed blames the opaque terms, which alone can differ from what was
// assumed of them.
func (q *search) unconfirmed(lits []int32) refusal {
	r := refusal{doubt: "it depends on opcodes or constraints that cannot be evaluated here"}
	for _, l := range lits {
		if q.f.atoms[variable(l)].op == OpUnknown {
			r.core = append(r.core, l)
		}
	}
	if r.core == nil {
		r = refusal{slices.Clone(lits), "a counterexample was not confirmed"}
	}
	return r
}
