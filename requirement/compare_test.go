package requirement

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func texts(cs []Clause) []string {
	var out []string
	for _, c := range cs {
		out = append(out, c.Text)
	}
	return out
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		a, b                 string
		want                 Relation
		joined               string
		kept, added, removed []string
	}{
		"the same": {`identifier a and notarized`, `identifier a and notarized`, RelationEquivalent, "and",
			[]string{`identifier a`, `notarized`}, nil, nil},
		"another order and nesting": {`identifier a and (notarized and legacy)`, `legacy and identifier a and notarized`, RelationEquivalent, "and",
			[]string{`legacy`, `identifier a`, `notarized`}, nil, nil},
		"a clause more is stricter": {`identifier a`, `identifier a and notarized`, RelationStricter, "and",
			[]string{`identifier a`}, []string{`notarized`}, nil},
		"a clause less is looser": {`identifier a and notarized`, `notarized`, RelationLooser, "and",
			[]string{`notarized`}, nil, []string{`identifier a`}},
		"an alternative more is looser": {`identifier a or identifier b`, `identifier a or identifier b or identifier c`, RelationLooser, "or",
			[]string{`identifier a`, `identifier b`}, []string{`identifier c`}, nil},
		"another identifier": {`anchor apple generic and identifier a`, `anchor apple generic and identifier b`, RelationIncomparable, "and",
			[]string{`anchor apple generic`}, []string{`identifier b`}, []string{`identifier a`}},
		"a clause that says nothing new": {developerID, developerID + ` and (anchor apple generic or notarized)`, RelationEquivalent, "and",
			[]string{`anchor apple generic`, `certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */`, `certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */`},
			[]string{`anchor apple generic or notarized`}, nil},
		"a higher version": {`identifier a and info[v] >= "1"`, `identifier a and info[v] >= "2"`, RelationStricter, "and",
			[]string{`identifier a`}, []string{`info[v] >= "2"`}, []string{`info[v] >= "1"`}},
		"one of two equal clauses": {`notarized and notarized`, `notarized`, RelationEquivalent, "and",
			[]string{`notarized`}, nil, []string{`notarized`}},
		"a conjunction and a disjunction": {`identifier a and notarized`, `identifier a or notarized`, RelationLooser, "and",
			nil, []string{`identifier a or notarized`}, []string{`identifier a`, `notarized`}},
		"what depends on a named requirement": {`(helper) and identifier a`, `identifier b and (helper)`, RelationUnknown, "and",
			[]string{`(helper)`}, []string{`identifier b`}, []string{`identifier a`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := parsed(t, tt.a), parsed(t, tt.b)
			d := Compare(a, b, ImpliesOptions{})
			assert.Equal(t, tt.want, d.Relation, d.String())
			assert.Equal(t, tt.joined, d.Joined)
			assert.Equal(t, tt.kept, texts(d.Kept))
			assert.Equal(t, tt.added, texts(d.Added))
			assert.Equal(t, tt.removed, texts(d.Removed))
			assert.Equal(t, tt.want == RelationStricter || tt.want == RelationIncomparable, d.Forward.Counterexample != nil)
			assert.Equal(t, tt.want == RelationLooser || tt.want == RelationIncomparable, d.Backward.Counterexample != nil)

			raw, err := json.Marshal(d)
			require.NoError(t, err)
			var again Difference
			require.NoError(t, json.Unmarshal(raw, &again))
			assert.Equal(t, d.Relation, again.Relation)
			assert.Equal(t, d.Forward.Answer, again.Forward.Answer)

			back := Compare(b, a, ImpliesOptions{})
			opposite := map[Relation]Relation{RelationStricter: RelationLooser, RelationLooser: RelationStricter}
			if o, ok := opposite[d.Relation]; ok {
				assert.Equal(t, o, back.Relation)
			} else {
				assert.Equal(t, d.Relation, back.Relation)
			}
		})
	}
}

func TestEquivalent(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]impliesCase{
		"a designated requirement and its other nesting": {`identifier a and anchor apple generic and notarized`, `identifier a and (anchor apple generic and notarized)`, Yes},
		"anchor apple and its definition on disk":        {`anchor apple`, software, No},
		"a chain of cdhashes in another order":           {`cdhash ` + h1 + ` or cdhash ` + h2, `cdhash ` + h2 + ` or cdhash ` + h1, Yes},
		"exclusive identifiers":                          {`identifier a`, `identifier a and ! identifier b`, Yes},
		"stricter is not equivalent":                     {`identifier a`, `identifier a and notarized`, No},
		"what nobody can tell":                           {`(helper) or identifier a`, `(other) or identifier a`, CannotTell},
		"two contradictions":                             {`never`, `identifier a and identifier b`, Yes},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := Equivalent(parsed(t, tt.a), parsed(t, tt.b), ImpliesOptions{})
			assert.Equal(t, tt.want, e.Answer, e.String())
			assert.NotEmpty(t, e.String())
		})
	}
}

func TestCompareOfWhatCannotBeEvaluated(t *testing.T) {
	t.Parallel()
	abort := &Expr{Op: OpUnknown, Slot: 99}
	for _, e := range []*Expr{nil, {Op: OpAnd}, {Op: OpNot}, abort, {Op: OpAnd, X: abort, Y: &Expr{Op: OpConstraint}}} {
		d := Compare(e, parsed(t, `identifier a`), ImpliesOptions{})
		assert.Equal(t, Yes, d.Forward.Answer)
		assert.Equal(t, RelationUnknown, d.Relation)
		assert.NotEmpty(t, d.String())
	}
	huge := &Expr{Op: OpTrue}
	for range 60 {
		huge = &Expr{Op: OpAnd, X: huge, Y: huge}
	}
	assert.Equal(t, RelationUnknown, Compare(huge, abort, ImpliesOptions{}).Relation)
	assert.Equal(t, CannotTell, Implies(abort, abort, ImpliesOptions{MaxSteps: 1}).Answer)
}

func TestAnswersHaveTexts(t *testing.T) {
	t.Parallel()
	for _, a := range []Answer{CannotTell, No, Yes} {
		raw, err := json.Marshal(a)
		require.NoError(t, err)
		var again Answer
		require.NoError(t, json.Unmarshal(raw, &again))
		assert.Equal(t, a, again)
	}
	for r := RelationUnknown; r <= RelationIncomparable; r++ {
		var again Relation
		require.NoError(t, again.UnmarshalText([]byte(r.String())))
		assert.Equal(t, r, again)
	}
	assert.Error(t, new(Answer).UnmarshalText([]byte("maybe")))
	assert.Error(t, new(Relation).UnmarshalText([]byte("maybe")))
	assert.Equal(t, "cannot tell", Answer(9).String())
	assert.Equal(t, "cannot tell", Relation(99).String())
	assert.Equal(t, CannotTell, Implication{}.Answer)
	assert.Equal(t, RelationUnknown, Difference{}.Relation)
}
