package requirement

import (
	"testing"
)

// FuzzImplies checks the laws of implication on texts, and where they are none on
// requirements made at random: a Yes is never refuted by a program, a No always
// confirmed by one, and implication is reflexive and transitive.
func FuzzImplies(f *testing.F) {
	before := `anchor apple generic`
	for i, v := range vectors(f, "wild") {
		if i%25 == 0 && len(v.Text) < 1000 {
			f.Add(v.Text, before, uint64(i))
			before = v.Text
		}
	}
	f.Add(developerID, `anchor apple generic`, uint64(0))
	f.Add(software, `anchor apple`, uint64(1))
	f.Add(`info[v] = "2"* and ! info[v] < "3"`, `info[v] >= "2" or info[v] absent`, uint64(2))
	f.Add(`anchor trusted and ! certificate leaf trusted`, `certificate 1 trusted or certificate -1 = H"0000000000000000000000000000000000000001"`, uint64(3))
	f.Add(`legacy`, date33+` < timestamp "20190408000000Z"`, uint64(4))
	f.Add(`certificate leaf[subject.CN] = ab* and certificate leaf[subject.CN] = *ba`, `certificate leaf[subject.CN] ~ "aba"`, uint64(5))
	f.Fuzz(func(t *testing.T, first, second string, seed uint64) {
		m := newMaker(seed)
		if seed%2 == 0 {
			m.focus()
		}
		depth := int(seed / 2 % 6)
		a, err := Parse("a", first)
		if err != nil || len(first) > 2000 {
			a = m.expr(depth)
		}
		b, err := Parse("b", second)
		if err != nil || len(second) > 2000 {
			b = m.expr(depth)
		}
		m.meet(a, b) // so that the third shares their terms
		laws(t, m, a, b, m.expr(depth))
		laws(t, m, a, &Expr{Op: OpOr, X: m.expr(1), Y: b}, b)
	})
}
