package requirement

import (
	"testing"
)

// FuzzImplies checks the laws of implication on requirements that people published
// (the first numbers choose two of them) and on random ones: a Yes is never refuted
// by a program, a No always confirmed by one, and implication is reflexive and
// transitive. There are no texts to mutate: few of those would parse.
func FuzzImplies(f *testing.F) {
	var wild []string
	for _, v := range vectors(f, "wild") {
		if _, err := Parse("wild", v.Text); err == nil && len(v.Text) < 1000 {
			wild = append(wild, v.Text)
		}
	}
	wild = append(wild, developerID, appStore, xcode, software, `anchor apple`, `anchor apple generic`, `legacy`, `anchor trusted`)
	for i := 0; i < len(wild); i += 1 + len(wild)/40 {
		f.Add(uint16(i), uint16(len(wild)-1-i%8), uint64(i))
		f.Add(uint16(65535), uint16(i), uint64(i))
		f.Add(uint16(65535), uint16(65535), uint64(i))
	}
	f.Fuzz(func(t *testing.T, first, second uint16, seed uint64) {
		m := newMaker(seed)
		if seed%2 == 0 {
			m.focus()
		}
		depth := int(seed / 2 % 6)
		one := func(i uint16) *Expr {
			if int(i) < len(wild) {
				e := parsed(t, wild[i])
				m.meet(e) // so that the others share its values
				return e
			}
			return m.expr(depth)
		}
		a, b := one(first), one(second)
		laws(t, m, a, b, m.expr(depth))
		laws(t, m, a, &Expr{Op: OpOr, X: m.expr(1), Y: b}, b)
	})
}
