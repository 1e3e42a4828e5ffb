package requirement

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// maker makes requirements and programs of few values, so that they meet.
type maker struct {
	*rand.Rand
	texts []string
	keys  []string
	oids  []string
	dates []int64
	slots []int32
	// plain leaves out what no facts can make true or false.
	plain bool
	// about holds the terms that most terms are variants of; empty for any.
	about []*Expr
}

// focus makes most terms be about two facts.
func (m *maker) focus() {
	for len(m.about) < 2 {
		if e := m.term(); e.Op.hasMatch() || e.Op == OpAnchorHash {
			m.about = append(m.about, e)
		}
	}
	m.texts = m.texts[:6+m.IntN(10)]
}

func newMaker(seed uint64) *maker {
	return &maker{
		Rand:  rand.New(rand.NewPCG(seed, 1)),
		texts: []string{"", "a", "b", "ab", "ba", "abc", "1", "01", "1.0", "1.0.0", "2", "10", "a1", "1a", "é", "b-"},
		keys:  []string{"k", "j"},
		oids:  []string{string(code.OIDDeveloperIDDate), string(code.OIDAppleSoftware), string(code.MustOID("1.2.3"))},
		dates: []int64{0, 1, 2, 576374400, -5, 576374401},
		slots: []int32{0, 0, 1, -1, -2, 2, -3},
	}
}

func pick[T any](m *maker, from []T) T { return from[m.IntN(len(from))] }

func (m *maker) hash() string {
	return string(append(make([]byte, 19), byte(1+m.IntN(3))))
}

func (m *maker) expr(depth int) *Expr {
	if depth > 1 && m.IntN(10) == 0 { // in a chain of a certain length
		n := int32(m.IntN(4))
		exists := func(slot int32) *Expr {
			return &Expr{Op: OpOr, X: &Expr{Op: OpCertGeneric, Slot: slot, Key: "*"}, Y: &Expr{Op: OpCertGeneric, Slot: slot, Key: "*", Match: MatchAbsent}}
		}
		pinned := &Expr{Op: OpAnd, X: m.expr(depth - 1), Y: &Expr{Op: OpNot, X: exists(n)}}
		if n > 0 {
			pinned = &Expr{Op: OpAnd, X: exists(n - 1), Y: pinned}
		}
		return pinned
	}
	if depth <= 0 || m.IntN(4) == 0 {
		return m.term()
	}
	switch m.IntN(5) {
	case 0, 1:
		return &Expr{Op: OpAnd, X: m.expr(depth - 1), Y: m.expr(depth - 1)}
	case 2, 3:
		return &Expr{Op: OpOr, X: m.expr(depth - 1), Y: m.expr(depth - 1)}
	}
	return &Expr{Op: OpNot, X: m.expr(depth - 1)}
}

func (m *maker) term() *Expr {
	if len(m.about) == 2 && m.IntN(8) > 0 {
		e := *pick(m, m.about)
		if e.Op == OpAnchorHash {
			e.Slot, e.Value = pick(m, m.slots), m.hash()
			return &e
		}
		e.Match, e.Value = pick(m, m.matches(e.Op)), pick(m, m.texts)
		if date := pick(m, m.dates); e.Match.HasDate() {
			e.Value = dateValue(date)
		}
		if e.Op != OpInfo && e.Op != OpEntitlement && m.IntN(3) == 0 {
			e.Slot = pick(m, m.slots)
		}
		return &e
	}
	e := &Expr{Slot: pick(m, m.slots), Match: MatchOp(m.IntN(int(matchCount))), Value: pick(m, m.texts)}
	if date := pick(m, m.dates); e.Match.HasDate() {
		e.Value = dateValue(date)
	}
	switch m.IntN(20) {
	case 0:
		return &Expr{Op: OpIdent, Value: pick(m, m.texts)}
	case 1:
		return &Expr{Op: pick(m, []Op{OpAppleAnchor, OpAppleGeneric, OpTrustedCerts, OpNotarized, OpLegacy, OpTrue, OpFalse})}
	case 2:
		return &Expr{Op: pick(m, []Op{OpAppleAnchor, OpAppleGeneric, OpLegacy})}
	case 3:
		return &Expr{Op: OpAnchorHash, Slot: e.Slot, Value: m.hash()}
	case 4:
		return &Expr{Op: OpCDHash, Value: m.hash()}
	case 5:
		return &Expr{Op: OpPlatform, Slot: int32(pick(m, []int{0, 1, 2, 256}))}
	case 6, 7, 8:
		e.Op, e.Key = OpInfo, pick(m, m.keys)
	case 9:
		e.Op, e.Key = OpEntitlement, pick(m, m.keys)
	case 10, 11, 12:
		e.Op, e.Key = OpCertField, pick(m, []string{"subject.CN", "subject.O", "subject.OU", "subject.X"})
		if m.IntN(6) == 0 {
			e = &Expr{Op: OpCertField, Slot: -2, Key: "subject.CN", Match: MatchEqual, Value: appleCodeCA}
		} else if m.IntN(6) == 0 {
			e = &Expr{Op: OpCertField, Slot: -2, Key: "subject.O", Match: MatchEqual, Value: appleOrg}
		}
	case 13, 14:
		e.Op, e.Key, e.Match = OpCertGeneric, pick(m, m.oids), pick(m, []MatchOp{MatchExists, MatchAbsent, MatchEqual})
	case 15:
		e.Op, e.Key, e.Match = OpCertPolicy, pick(m, m.oids), pick(m, []MatchOp{MatchExists, MatchAbsent})
	case 16, 17:
		e.Op, e.Key = OpCertDate, pick(m, m.oids)
	case 18:
		e = &Expr{Op: pick(m, []Op{OpTrustedCert, OpTrustedCert, OpTrustedCerts}), Slot: e.Slot}
	default:
		if m.plain {
			return &Expr{Op: OpInfoValue, Key: pick(m, m.keys), Value: pick(m, m.texts)}
		}
		return m.opaque()
	}
	return e
}

// matches returns comparisons that can be true.
func (m *maker) matches(op Op) []MatchOp {
	texts := []MatchOp{MatchExists, MatchEqual, MatchContains, MatchBeginsWith, MatchEndsWith, MatchLess, MatchGreater, MatchLessEqual, MatchGreaterEqual}
	dates := []MatchOp{MatchExists, MatchAbsent, MatchOn, MatchBefore, MatchAfter, MatchOnOrBefore, MatchOnOrAfter}
	switch op {
	case OpCertField:
		return texts
	case OpCertDate:
		return dates
	case OpCertGeneric, OpCertPolicy:
		return dates[:2]
	}
	return append(texts, dates...)
}

func (m *maker) opaque() *Expr {
	switch m.IntN(7) {
	case 0:
		return &Expr{Op: OpNamedCode, Value: pick(m, m.texts)}
	case 1:
		return &Expr{Op: OpNamedAnchor, Value: pick(m, m.texts)}
	case 2:
		return &Expr{Op: OpUnknown, Slot: 99, Flags: FlagFalse, Value: pick(m, m.texts)}
	case 3:
		return &Expr{Op: OpUnknown, Slot: 99, Flags: FlagSkip, X: m.term()}
	case 4:
		return &Expr{Op: OpConstraint, Value: pick(m, m.texts)}
	case 5:
		return &Expr{Op: OpCertField, Key: "email", Slot: pick(m, m.slots), Match: MatchEqual, Value: pick(m, m.texts)}
	}
	return &Expr{Op: OpUnknown, Slot: 99} // aborts
}

// meet adds the values of a requirement to those of the programs.
func (m *maker) meet(es ...*Expr) {
	for _, root := range es {
		n := 0
		for e := range All(root) {
			if n++; n > 200 {
				break
			}
			switch e.Op {
			case OpInfo, OpEntitlement, OpInfoValue:
				m.keys = append(m.keys, e.Key)
			case OpCertGeneric, OpCertPolicy, OpCertDate:
				m.oids = append(m.oids, e.Key)
			}
			m.dates = append(m.dates, e.Date(), e.Date()+1, e.Date()-1)
			if v, ok := operand(e.Value); ok && len(v) < 200 {
				m.texts = append(m.texts, v, v+pick(m, m.texts), pick(m, m.texts)+v, "0"+v, v+".0")
			}
		}
	}
	if n := 400; len(m.texts) > n {
		m.texts = m.texts[len(m.texts)-n:]
	}
}

func (m *maker) value(depth int) code.Value {
	switch m.IntN(10) {
	case 0, 1, 2, 3:
		return plist.String(strings.ToValidUTF8(pick(m, m.texts), "?"))
	case 4:
		return plist.Bool(m.IntN(2) == 0)
	case 5:
		return plist.DateAt(float64(pick(m, m.dates)) + float64(m.IntN(2))/2)
	case 6:
		return plist.Int(int64(m.IntN(3)))
	case 7:
		return plist.Data([]byte("a"))
	}
	var vs []code.Value
	for i := m.IntN(4); i > 0 && depth > 0; i-- {
		vs = append(vs, m.value(depth-1))
	}
	return plist.Array(vs...)
}

func (m *maker) dict() code.Fact[code.Value] {
	if m.IntN(4) == 0 {
		return code.Absent[code.Value]()
	}
	var entries []code.Entry
	had := map[string]bool{}
	for range m.IntN(4) {
		if k, ok := operand(pick(m, m.keys)); ok && !had[k] {
			had[k] = true
			entries = append(entries, code.Entry{Key: k, Value: m.value(2)})
		}
	}
	d, err := plist.Dict(entries...)
	if err != nil {
		return code.Absent[code.Value]()
	}
	return code.Known(d)
}

func (m *maker) fact() code.Fact[bool] {
	if m.IntN(8) == 0 {
		return code.Absent[bool]()
	}
	return code.Known(m.IntN(2) == 0)
}

// subject makes a program; about one in eight has facts that nobody looked up.
func (m *maker) subject() *code.Subject {
	s := unsigned()
	s.Notarized, s.LegacyListed = m.fact(), m.fact()
	if m.IntN(3) == 0 {
		s.InTrustCache = m.fact()
	}
	s.Identifier, s.PlatformByte = code.Known(pick(m, m.texts)), code.Known(uint8(m.IntN(3)))
	h := code.CDHash{Type: code.HashSHA256}
	copy(h.Hash[:], m.hash())
	if m.IntN(8) > 0 {
		s.CDHashes = code.Known([]code.CDHash{h})
	}
	if m.IntN(4) == 0 {
		s.SignedAt = code.Known(time.Unix(1_400_000_000+300_000_000*int64(m.IntN(2)), 0))
	}
	s.Info, s.Entitlements = m.dict(), m.dict()
	if n := m.IntN(5); n > 0 {
		certs := make([]code.Certificate, n)
		for i := range certs {
			m.certificate(&certs[i])
		}
		s.Certs = code.Known(certs)
	}
	switch m.IntN(40) {
	case 0:
		s.Info = code.Unknown[code.Value](nil)
	case 1:
		s.Certs = code.Unknown[[]code.Certificate](nil)
	case 2:
		s.InTrustCache = code.Unknown[bool](nil)
	case 3:
		s.Notarized, s.LegacyListed = code.Unknown[bool](nil), code.Unknown[bool](nil)
	case 4:
		s.Identifier = code.Absent[string]()
	}
	return s
}

func (m *maker) certificate(c *code.Certificate) {
	c.AppleRoot = m.IntN(2) == 0
	copy(c.SHA1[:], m.hash())
	c.TrustSetting = pick(m, []code.TrustSetting{code.TrustUnspecified, code.TrustUnspecified, code.TrustRoot, code.TrustAsRoot, code.TrustDeny, code.TrustUnknown})
	for range m.IntN(4) {
		c.Subject = append(c.Subject, code.Attribute{Type: pick(m, subjectFields[:3]).oid, Value: pick(m, m.texts)})
	}
	if m.IntN(3) == 0 {
		c.Subject = append(c.Subject, code.Attribute{Type: code.OIDCommonName, Value: appleCodeCA}, code.Attribute{Type: code.OIDOrganization, Value: appleOrg})
	}
	for _, o := range m.oids[:min(len(m.oids), 8)] {
		if m.IntN(2) == 0 {
			c.Extensions = append(c.Extensions, code.OID(o))
		}
		if m.IntN(3) == 0 {
			c.Policies = append(c.Policies, code.OID(o))
		}
		if m.IntN(3) == 0 {
			c.Dates = append(c.Dates, code.DateExtension{OID: code.OID(o), Seconds: float64(pick(m, m.dates)) + float64(m.IntN(5)/4)/2})
		}
	}
}

// implied asks, and holds the answer against what evaluation says.
func implied(t testing.TB, m *maker, a, b *Expr, others ...*code.Subject) Implication {
	t.Helper()
	i := Implies(a, b, ImpliesOptions{})
	switch i.Answer {
	case No:
		require.NotNil(t, i.Counterexample)
		require.Equal(t, True, Eval(a, i.Counterexample, Options{}).Outcome, "%s\n%s", Format(a), Format(b))
		require.Equal(t, False, Eval(b, i.Counterexample, Options{}).Outcome, "%s\n%s", Format(a), Format(b))
	case Yes:
		m.meet(a, b)
		for n := range 150 + len(others) {
			var s *code.Subject
			if n < len(others) {
				s = others[n]
			} else {
				s = m.subject()
			}
			if s != nil && Eval(a, s, Options{}).Outcome == True && Eval(b, s, Options{}).Outcome == False {
				require.Fail(t, "yes, with a counterexample", "%s\n=>\n%s\n%s", Format(a), Format(b), describeFacts(s))
			}
		}
	default:
		require.NotEmpty(t, i.Reason)
	}
	return i
}

// laws checks what holds of any three requirements.
func laws(t testing.TB, m *maker, a, b, c *Expr) (cannot string) {
	t.Helper()
	ab := implied(t, m, a, b)
	ba := implied(t, m, b, a, ab.Counterexample)
	bc := implied(t, m, b, c, ab.Counterexample, ba.Counterexample)
	ac := implied(t, m, a, c, ab.Counterexample, ba.Counterexample, bc.Counterexample)
	if ab.Answer == Yes && bc.Answer == Yes {
		require.NotEqual(t, No, ac.Answer, "not transitive:\n%s\n%s\n%s", Format(a), Format(b), Format(c))
	}
	require.Equal(t, Yes, Implies(a, a, ImpliesOptions{}).Answer, "not reflexive: %s", Format(a))
	both, either := &Expr{Op: OpAnd, X: a, Y: b}, &Expr{Op: OpOr, X: b, Y: a}
	require.Equal(t, Yes, Implies(both, b, ImpliesOptions{}).Answer, "a conjunction is stricter")
	if Eval(either, unsigned(), Options{}).Err == nil {
		require.Equal(t, Yes, Implies(a, either, ImpliesOptions{}).Answer, "a disjunction is looser")
		contra := implied(t, m, &Expr{Op: OpNot, X: b}, &Expr{Op: OpNot, X: a})
		require.False(t, contra.Answer == Yes && ab.Answer == No || contra.Answer == No && ab.Answer == Yes, "contraposition")
	}
	if ab.Answer == CannotTell {
		return ab.Reason
	}
	return ""
}

// TestImpliesOfRandomRequirements holds the search against evaluation, and counts
// how often it cannot tell although nothing is opaque.
func TestImpliesOfRandomRequirements(t *testing.T) {
	t.Parallel()
	count := map[Answer]int{}
	reasons := map[string]int{}
	for seed := range uint64(1200) {
		m := newMaker(seed)
		m.plain = seed%5 > 0
		depth := 1 + int(seed%4)
		if seed%2 == 0 {
			m.focus()
		}
		a, b, c := m.expr(depth), m.expr(depth), m.expr(depth)
		if seed%3 == 0 { // mostly related
			b = &Expr{Op: OpOr, X: b, Y: a.operandOr(m)}
		}
		laws(t, m, a, b, c)
		if m.plain {
			i := Implies(a, b, ImpliesOptions{})
			count[i.Answer]++
			if i.Answer == CannotTell {
				reasons[i.Reason]++
				t.Log(Format(a), "=>", Format(b), ":", i.Reason)
			}
		}
	}
	t.Log(count, reasons)
	assert.Less(t, count[CannotTell], 40, "%v", reasons)
	assert.Greater(t, count[Yes], 100)
	assert.Greater(t, count[No], 300)
}

// operandOr is some part of e.
func (e *Expr) operandOr(m *maker) *Expr {
	for e.Op == OpAnd && m.IntN(3) > 0 {
		e = e.X
	}
	return e
}
