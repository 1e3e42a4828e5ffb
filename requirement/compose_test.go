package requirement

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWithout(t *testing.T) {
	t.Parallel()
	isInfo := func(e *Expr) bool { return e.Op == OpInfo }
	for in, want := range map[string]string{
		`info[a] and always`:                             `always`,
		`always and info[a]`:                             `always`,
		`always and (never or info[a]) and legacy`:       `always and never and legacy`,
		`always and ! info[a]`:                           `always`,
		`always and (info[b] or ! (info[a] or info[c]))`: `always`,
		`always and (never and legacy)`:                  `always and (never and legacy)`,
		`info[a]`:                                        ``,
		`! ! info[a] or info[b]`:                         ``,
	} {
		e := parsed(t, in)
		before := Encode(e)
		got := Without(e, isInfo)
		assert.Equal(t, before, Encode(e), "the input changed")
		if want == "" {
			assert.Nil(t, got, in)
			continue
		}
		require.NotNil(t, got, in)
		assert.Equal(t, want, FormatStyle(got, StyleExact), in)
	}
	groups := Without(parsed(t, `always and (never or legacy)`), func(e *Expr) bool { return e.Op == OpOr })
	assert.Equal(t, `always`, Format(groups))
	assert.Nil(t, Without(nil, isInfo))
}

func TestReplaceIdentifier(t *testing.T) {
	t.Parallel()
	e := parsed(t, `identifier a and (identifier b or ! identifier a)`)
	got, err := ReplaceIdentifier(e, "a", `x"y`)
	require.NoError(t, err)
	assert.Equal(t, `identifier "x\"y" and (identifier b or ! identifier "x\"y")`, Format(got))
	assert.Equal(t, `identifier a and (identifier b or ! identifier a)`, Format(e))

	_, err = ReplaceIdentifier(e, "c", "d")
	assert.ErrorContains(t, err, `no term says identifier "c"`)
	_, err = ReplaceIdentifier(e, "a", "")
	assert.ErrorContains(t, err, "is empty")
	_, err = ReplaceIdentifier(nil, "a", "b")
	assert.Error(t, err)
}

func TestSimplify(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`identifier a and identifier a`:                                      `identifier a`,
		`identifier a and (identifier b and identifier a)`:                   `identifier a and identifier b`,
		`identifier a or identifier b or identifier a`:                       `identifier a or identifier b`,
		`! ! identifier a`:                                                   `identifier a`,
		`! ! ! identifier a`:                                                 `! identifier a`,
		`! ! (identifier a and identifier b) and identifier b`:               `identifier a and identifier b`,
		`always and identifier a`:                                            `identifier a`,
		`never or identifier a or never`:                                     `identifier a`,
		`always and always`:                                                  `always`,
		`never or (never or never)`:                                          `never`,
		`(identifier a or identifier a) and identifier a`:                    `identifier a`,
		`(identifier a and identifier b) or identifier a and identifier b`:   `identifier a and identifier b`,
		`identifier a and (identifier b or identifier b and identifier a)`:   `identifier a and (identifier b or identifier b and identifier a)`,
		`identifier a or always`:                                             `identifier a or always`, // the left side may abort
		`identifier a and never`:                                             `identifier a and never`,
		`identifier a and (identifier b and identifier c)`:                   `identifier a and (identifier b and identifier c)`,
		`info[a] = x and info[a] = y and info[a]`:                            `info[a] = x and info[a] = y and info[a] /* exists */`,
		`identifier a and identifier b or identifier b and identifier a`:     `identifier a and identifier b or identifier b and identifier a`,
		`certificate leaf[subject.OU] = x and certificate 1[subject.OU] = x`: `certificate leaf[subject.OU] = x and certificate 1[subject.OU] = x`,
	} {
		e := parsed(t, in)
		before := Encode(e)
		assert.Equal(t, want, FormatStyle(Simplify(e), StyleExact), in)
		assert.Equal(t, before, Encode(e), "the input changed")
	}
	assert.Nil(t, Simplify(nil))
}

// TestComposeOfLongChains is about the stack and the time: nothing recurses, and
// nothing is quadratic.
func TestComposeOfLongChains(t *testing.T) {
	t.Parallel()
	e, same := &Expr{Op: OpTrue}, &Expr{Op: OpIdent, Value: "a"}
	for i := range 200000 {
		e = &Expr{Op: OpAnd + Op(i%2), X: e, Y: same}
	}
	assert.Equal(t, Encode(e), Encode(copied(e)))
	assert.NotNil(t, Simplify(e))
	assert.Equal(t, `always`, Format(Without(e, func(n *Expr) bool { return n.Op == OpIdent })))
}

// FuzzCompose holds for all trees and facts: a simpler requirement has the same
// answer, and simplifying again changes nothing.
func FuzzCompose(f *testing.F) {
	for i, v := range vectors(f, "eval") {
		if i%17 == 0 {
			f.Add(v.blob(f), uint16(i))
		}
	}
	for _, text := range []string{`! ! (notarized and legacy) and notarized`, `always and (never or notarized or never)`} {
		f.Add(Encode(parsed(f, text)), uint16(0xffff))
	}
	f.Fuzz(func(t *testing.T, blob []byte, hide uint16) {
		e, err := Decode(blob)
		if err != nil {
			return
		}
		s := hidden(benchSubject(t), hide)
		want := Eval(e, s, Options{})
		simple := Simplify(e)
		if got := Eval(simple, s, Options{}); want.Err == nil {
			require.NoError(t, got.Err)
			require.Equal(t, want.Outcome, got.Outcome, "%s became %s", Format(e), Format(simple))
		} else if levels(e) < maxEval {
			require.Error(t, got.Err, "%s became %s", Format(e), Format(simple))
		}
		require.Equal(t, Encode(simple), Encode(Simplify(simple)))
		require.Equal(t, blob, Encode(e), "the input changed")
		require.Equal(t, Format(e), Format(copied(e)))

		built, err := build.Requirement(e).Expr()
		if err == nil {
			require.Equal(t, want.Outcome, Eval(built, s, Options{}).Outcome)
		}
		if e.Op == OpConstraint {
			return
		}
		less := Without(e, func(n *Expr) bool { return n.Op == OpInfo })
		for n := range All(less) {
			require.NotEqual(t, OpInfo, n.Op)
		}
	})
}
