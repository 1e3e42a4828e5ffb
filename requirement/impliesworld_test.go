package requirement

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// world is a set of programs small enough to ask them all, and the terms that
// tell them apart.
type world struct {
	programs []*code.Subject
	term     func(m *maker) *Expr
}

// chains returns all chains of at most most certificates of these kinds.
func chains(kinds []code.Certificate, most int) []*code.Subject {
	var out []*code.Subject
	for level := [][]code.Certificate{nil}; most >= 0; most-- {
		var next [][]code.Certificate
		for _, certs := range level {
			s := unsigned()
			if len(certs) > 0 {
				s.Certs = code.Known(certs)
			}
			out = append(out, s)
			for _, k := range kinds {
				next = append(next, append(certs[:len(certs):len(certs)], k))
			}
		}
		level = next
	}
	return out
}

// words returns all texts of at most most of these letters.
func words(letters string, most int) []string {
	out, from := []string{""}, 0
	for ; most > 0; most-- {
		for _, w := range out[from:] {
			from++
			for _, c := range letters {
				out = append(out, w+string(c))
			}
		}
	}
	return out
}

var worldSlots = []int32{0, 1, 2, 3, -1, -2, -3}

// hashWorld has chains of certificates with one of two hashes, an extension or not.
func hashWorld() world {
	var kinds []code.Certificate
	for hash := byte(1); hash <= 2; hash++ {
		for _, ext := range [][]code.OID{nil, {code.OIDDeveloperID}} {
			c := code.Certificate{Extensions: ext, TrustSetting: code.TrustUnspecified}
			c.SHA1[19] = hash
			kinds = append(kinds, c)
		}
	}
	return world{chains(kinds, 4), func(m *maker) *Expr {
		if m.IntN(2) == 0 {
			return &Expr{Op: OpAnchorHash, Slot: pick(m, worldSlots), Value: string(append(make([]byte, 19), byte(1+m.IntN(2))))}
		}
		return &Expr{Op: OpCertGeneric, Slot: pick(m, worldSlots), Key: string(code.OIDDeveloperID), Match: pick(m, []MatchOp{MatchExists, MatchAbsent})}
	}}
}

// trustWorld has chains of certificates with all trust settings.
func trustWorld() world {
	kinds := []code.Certificate{{TrustSetting: code.TrustUnspecified}, {TrustSetting: code.TrustRoot}, {TrustSetting: code.TrustDeny}}
	for i := range kinds {
		kinds[i].SHA1[0] = 1
	}
	return world{chains(kinds, 4), func(m *maker) *Expr {
		switch m.IntN(4) {
		case 0:
			return &Expr{Op: OpTrustedCerts}
		case 1:
			return &Expr{Op: OpCertGeneric, Slot: pick(m, worldSlots), Key: "*", Match: MatchAbsent} // is there
		}
		return &Expr{Op: OpTrustedCert, Slot: pick(m, worldSlots)}
	}}
}

// dateWorld has leaves with and without the Developer ID date, and both answers of
// Apple's list.
func dateWorld() world {
	var kinds []code.Certificate
	cutoff := int64(legacyAccount)
	for _, ext := range [][]code.OID{nil, {code.OIDDeveloperIDDate}} {
		kinds = append(kinds, code.Certificate{Extensions: ext})
		for _, d := range []float64{0, 1, 2, 3, float64(cutoff) - 1, float64(cutoff), float64(cutoff) + 1} {
			kinds = append(kinds, code.Certificate{Extensions: ext, Dates: []code.DateExtension{{OID: code.OIDDeveloperIDDate, Seconds: d}}})
		}
	}
	programs := chains(kinds, 1)
	for _, s := range programs[:len(programs):len(programs)] {
		listed := *s
		listed.LegacyListed = code.Known(true)
		programs = append(programs, &listed)
	}
	return world{programs, func(m *maker) *Expr {
		e := &Expr{Slot: SlotLeaf, Key: string(code.OIDDeveloperIDDate)}
		switch m.IntN(6) {
		case 0:
			return &Expr{Op: OpLegacy}
		case 1:
			e.Op, e.Match = OpCertGeneric, pick(m, []MatchOp{MatchExists, MatchAbsent})
		default:
			e.Op, e.Match = OpCertDate, pick(m, m.matches(OpCertDate))
			if date := pick(m, []int64{0, 1, 2, 3, cutoff - 1, cutoff}); e.Match.HasDate() {
				e.Value = dateValue(date)
			}
		}
		return e
	}}
}

// textWorld has all short texts as one attribute, which may be missing.
func textWorld() world {
	kinds := []code.Certificate{{}}
	for _, w := range words("a01.", 4) {
		kinds = append(kinds, code.Certificate{Subject: []code.Attribute{{Type: code.OIDCommonName, Value: w}}})
	}
	values := words("a01.", 2)
	return world{chains(kinds, 1), func(m *maker) *Expr {
		return &Expr{Op: OpCertField, Slot: SlotLeaf, Key: "subject.CN", Match: pick(m, m.matches(OpCertField)), Value: pick(m, values)}
	}}
}

// listWorld has all pairs of short texts as one value of Info.plist, single texts,
// and values of other types.
func listWorld() world {
	items := []code.Value{plist.Bool(false), plist.Bool(true), plist.DateAt(0), plist.DateAt(0.5), plist.DateAt(1), plist.DateAt(2), plist.Int(1), plist.Array()}
	for _, w := range words("a1.", 3) {
		items = append(items, plist.String(w))
	}
	programs := []*code.Subject{unsigned()}
	add := func(v code.Value) {
		d, err := plist.Dict(code.Entry{Key: "k", Value: v})
		if err != nil {
			panic(err)
		}
		s := unsigned()
		s.Info = code.Known(d)
		programs = append(programs, s)
	}
	for i, x := range items {
		add(x)
		for _, y := range items[i:] {
			add(plist.Array(x, y))
		}
	}
	values := words("a1.", 2)
	return world{programs, func(m *maker) *Expr {
		e := &Expr{Op: OpInfo, Key: "k", Match: pick(m, m.matches(OpInfo)), Value: pick(m, values)}
		if date := int64(m.IntN(3)); e.Match.HasDate() {
			e.Value = dateValue(date)
		}
		return e
	}}
}

// TestImpliesInSmallWorlds asks every program of a few small worlds, so that no
// wrong Yes about them can hide. That a Yes is missed shows as a CannotTell, of
// which there may be few, because each No is confirmed.
func TestImpliesInSmallWorlds(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func() world{
		"hashes": hashWorld, "trust": trustWorld, "dates": dateWorld, "texts": textWorld, "lists": listWorld,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := build()
			m := &maker{Rand: rand.New(rand.NewPCG(7, 7))}
			count := map[Answer]int{}
			reasons := map[string]int{}
			for range 1200 {
				// conjunctions on the left: their terms meet
				a, b := w.expr(m, OpAnd, 2+m.IntN(4)), w.expr(m, OpOr, 1+m.IntN(3))
				i := Implies(a, b, ImpliesOptions{})
				count[i.Answer]++
				reasons[i.Reason]++
				if i.Answer != Yes {
					continue
				}
				for _, s := range w.programs {
					if Eval(b, s, Options{}).Outcome == False {
						require.NotEqual(t, True, Eval(a, s, Options{}).Outcome, "yes, with a counterexample: %s\n=>\n%s\n%s", Format(a), Format(b), describeFacts(s))
					}
				}
			}
			t.Log(len(w.programs), "programs", count, reasons)
			assert.Greater(t, count[Yes], 100)
			assert.Greater(t, count[No], 100)
		})
	}
}

// expr joins terms, or now and then pairs of the other operator, some negated.
func (w world) expr(m *maker, op Op, n int) *Expr {
	var e *Expr
	for range n {
		x := w.term(m)
		if m.IntN(4) == 0 {
			x = &Expr{Op: OpAnd + OpOr - op, X: x, Y: w.term(m)}
		}
		if m.IntN(3) == 0 {
			x = &Expr{Op: OpNot, X: x}
		}
		if e == nil {
			e = x
		} else {
			e = &Expr{Op: op, X: e, Y: x}
		}
	}
	return e
}
