package policy

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Four ways in which CEL surprises, each with what is done about it.

// Trap 1: the project moved. What is imported is cel.dev/cel-go; the old path stays
// behind, and versions of it ignore a cost limit when state is tracked.
func TestTrapTheCostLimitHoldsInEveryMode(t *testing.T) {
	t.Parallel()
	p := load(t, header+"rules: [{name: r, allow: "+quoteYAML(bomb)+"}]")
	e, s := p.rules[0].when, client(t)
	for name, options := range map[string]cel.EvalOption{
		"plain": 0, "optimised": cel.OptOptimize, "tracking": cel.OptTrackState, "exhaustive": cel.OptExhaustiveEval | cel.OptTrackState, "partial": cel.OptPartialEval,
	} {
		program, err := e.env.Program(e.ast, append(limits(decideCost), cel.EvalOptions(options))...)
		require.NoError(t, err)
		_, _, err = program.Eval(newBinding(context.Background(), facts{p: p, s: s, whole: s}))
		require.ErrorContains(t, err, "cost limit", name)
	}
}

// Trap 2: `error || true` is true, and `!has(m.k)` of an empty map is true. A fact
// that nobody looked up is therefore no empty value and no error, but unknown.
func TestTrapNothingIsNotUnknown(t *testing.T) {
	t.Parallel()
	unread := edit(t, func(s *code.Subject) {
		s.Entitlements = code.Unknown[code.Value](errUnread)
		s.Info = code.Unknown[code.Value](errUnread)
	})
	relaxed := header + "floor: {relax: [debuggable, library-validation, dyld-environment, executable-page-protection]}\nrules: [{name: r, allow: "
	for _, condition := range []string{
		`!has(subject.entitlements.bad)`, `!("bad" in subject.entitlements)`, `subject.entitlements.size() == 0`,
		`!(subject.entitlements["bad"] == true)`, `subject.entitlements == {}`, `!subject.info.exists(k, k == "bad")`,
	} {
		assert.Equal(t, OutcomeUnknown, decide(load(t, relaxed+quoteYAML(condition)+"}]"), unread).Outcome(), condition)
	}
	assert.True(t, decide(load(t, relaxed+quoteYAML(`subject.entitlements["bad"] == true || true`)+"}]"), unread).Allow(), "what does not need the fact is true")
}

// Trap 3: an undecidable condition gives an Unknown and no error. Only the boolean
// true lets in.
func TestTrapAnUnknownIsNoError(t *testing.T) {
	t.Parallel()
	p, s := allowing(t, "subject.notarized"), client(t)
	b := newBinding(context.Background(), facts{p: p, s: s, whole: s})
	v, err := b.run(p.rules[0].when)
	require.NoError(t, err, "CEL reports no error")
	require.True(t, types.IsUnknown(v))
	a, why := b.ask(p.rules[0].when)
	assert.Equal(t, unknown, a)
	assert.Equal(t, []string{"subject.notarized"}, why.facts)
	assert.False(t, decide(p, s).Allow())
}

// Trap 4: an expression that is not boolean compiles.
func TestTrapAConditionIsBoolean(t *testing.T) {
	t.Parallel()
	for _, condition := range []string{`subject.identifier`, `1`, `"true"`, `[true]`, `subject.entitlements["x"]`, `dyn(true)`, `null`, `subject.adhoc ? 1 : 2`} {
		_, err := Parse("test.yaml", []byte(header+"rules: [{name: r, allow: "+quoteYAML(condition)+"}]"))
		require.ErrorContains(t, err, "a condition must be true or false", condition)
	}
}

// FuzzPolicies: for random policies and facts, forgetting a fact never turns a
// denial into an allow, removing an allow rule never adds an allow, and the nearest
// miss, applied, allows.
func FuzzPolicies(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, []byte{byte(seed), 3, 7}, "read")
	}
	f.Fuzz(func(t *testing.T, seed uint64, choices []byte, operation string) {
		all := changes(t)
		r := rand.New(rand.NewPCG(seed, 21))
		rules := randomRules(r)
		p, err := Parse("random.yaml", []byte(propertyHead+strings.Join(rules, "")))
		require.NoError(t, err)
		s := edit(t, func(s *code.Subject) {
			for _, c := range choices[:min(len(choices), 6)] {
				all[int(c)%len(all)](s)
			}
		})
		ask := func(p *Policy, s *code.Subject) Decision {
			return p.Decide(context.Background(), Request{Subject: s, Operation: operation, Now: clock})
		}
		d := ask(p, s)
		for i := range rules {
			if len(rules) == 1 || !strings.Contains(rules[i], " allow: ") {
				continue
			}
			fewer, err := Parse("random.yaml", []byte(propertyHead+strings.Join(append(append([]string{}, rules[:i]...), rules[i+1:]...), "")))
			require.NoError(t, err)
			if ask(fewer, s).Allow() {
				require.True(t, d.Allow(), "removing rule %d allowed", i)
			}
		}
		if d.Allow() {
			return
		}
		for i, forgotten := range forget(s) {
			require.False(t, ask(p, forgotten).Allow(), "forgetting fact %d allowed", i)
		}
		found := 0
		checkNearest(t, d, &found)
	})
}
