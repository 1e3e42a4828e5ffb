package policy

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// bomb takes ten million steps and reads a fact, so that nothing folds it.
const bomb = `["0","1","2","3","4","5","6","7","8","9"].all(a, ["0","1","2","3","4","5","6","7","8","9"].all(b, ["0","1","2","3","4","5","6","7","8","9"].all(c, ["0","1","2","3","4","5","6","7","8","9"].all(d, ["0","1","2","3","4","5","6","7","8","9"].all(e, ["0","1","2","3","4","5","6","7","8","9"].all(f, ["0","1","2","3","4","5","6","7","8","9"].all(g, a + b + c + d + e + f + g != subject.identifier)))))))`

func TestTheCostLimitBites(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"in a rule":     "rules: [{name: r, allow: " + quoteYAML(bomb) + "}]",
		"in a variable": "variables: {b: " + quoteYAML(bomb) + "}\nrules: [{name: r, allow: vars.b}]",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := load(t, header+text)
			d := decide(p, client(t))
			assert.Equal(t, OutcomeUnknown, d.Outcome())
			assert.Equal(t, ReasonError, d.Reason())
			assert.Contains(t, d.Message(), "cost limit")
			assert.Equal(t, diag.VerdictUnknown, d.Explain().Verdict, "the explaining program has a limit too")
		})
	}
	deny := load(t, header+"rules: [{name: r, deny: "+quoteYAML(bomb)+"}, {name: rest, allow: 'true'}]")
	assert.Equal(t, OutcomeDeny, decide(deny, client(t)).Outcome())

	p := load(t, header+"rules: [{name: r, allow: "+quoteYAML(bomb)+"}]")
	s := client(t)
	b := newBinding(context.Background(), facts{p: p, s: s, whole: s})
	program, err := b.explaining(p.rules[0].when)
	require.NoError(t, err)
	_, details, err := program.Eval(b)
	require.ErrorContains(t, err, "cost limit")
	if details != nil && details.ActualCost() != nil {
		assert.Less(t, *details.ActualCost(), uint64(2*explainCost))
	}
}

// Membership and equality of lists whose type nobody knows when the policy loads
// go over all elements, and are paid for.
func TestWholeListsArePaidFor(t *testing.T) {
	t.Parallel()
	items := make([]code.Value, 900)
	for i := range items {
		items[i] = plist.String(strings.Repeat("x", 2000) + strconv.Itoa(i))
	}
	s := edit(t, func(s *code.Subject) {
		s.Info = code.Known(dict(t, "a", plist.Array(items...), "b", plist.Array(items...), "k", strings.Repeat("x", 2004)))
	})
	for _, condition := range []string{
		`subject.info.a.all(x, x in subject.info.b)`,
		`subject.info.a.all(x, !(x in subject.info.b) || true)`,
		`subject.info.a.all(x, subject.info.a == subject.info.b)`,
		`subject.info.a.all(x, subject.info == subject.info)`,
		`subject.info.a.exists(x, x == subject.info.k)`,
	} {
		p := allowing(t, condition)
		require.False(t, p.rules[0].when.simple, condition)
		d := decide(p, s)
		assert.Equal(t, OutcomeUnknown, d.Outcome(), condition)
		assert.Contains(t, d.Message(), "cost limit", condition)
		assert.Equal(t, diag.VerdictUnknown, d.Explain().Verdict, condition)
	}
	assert.True(t, decide(allowing(t, `subject.info.a.exists(x, x in ["a", "b"]) || subject.identifier in subject.info.a || true`), s).Allow())
}

func TestTheContextInterrupts(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, condition := range []string{"true", `subject.cdhashes.exists(h, h != "")`} {
		d := allowing(t, condition).Decide(cancelled, Request{Subject: client(t)})
		assert.Equal(t, OutcomeUnknown, d.Outcome())
		assert.Equal(t, ReasonError, d.Reason())
	}
	p := allowing(t, bomb)
	e := p.rules[0].when
	require.False(t, e.simple)
	unlimited, err := e.env.Program(e.ast, cel.InterruptCheckFrequency(interruptAt))
	require.NoError(t, err)
	short, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer stop()
	s := client(t)
	_, _, err = unlimited.ContextEval(short, newBinding(short, facts{p: p, s: s, whole: s}))
	require.Error(t, err, "an interrupt stops a program that no cost limit stops")
}

// late is a context that ends after it was asked a number of times.
type late struct {
	context.Context
	left int
}

func (c *late) Err() error {
	if c.left--; c.left < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

func TestAnExpiredContextNeverAllows(t *testing.T) {
	t.Parallel()
	p := load(t, header+"rules: [{name: first, allow: 'false'}, {name: r, allow: 'true'}]")
	allowed := false
	for n := range 10 {
		d := p.Decide(&late{context.Background(), n}, Request{Subject: client(t), Now: clock})
		allowed = d.Allow()
		if n < 5 { // before and after each rule, and before the answer
			require.False(t, allowed, "ended at look %d", n)
			assert.Equal(t, ReasonError, d.Reason())
			assert.Contains(t, d.Message(), "deadline")
		}
	}
	assert.True(t, allowed)
}

func TestLargePropertyListsAreRefused(t *testing.T) {
	t.Parallel()
	array := func(n int) code.Value {
		items := make([]code.Value, n)
		for i := range items {
			items[i] = plist.String(strconv.Itoa(i))
		}
		return plist.Array(items...)
	}
	many := make([]any, 0, 2*maxElements+2)
	for i := range maxElements + 1 {
		many = append(many, strconv.Itoa(i), i)
	}
	large := edit(t, func(s *code.Subject) {
		s.Info = code.Known(dict(t, "a", array(100_000), "b", array(100_000), "d", dict(t, "a", array(maxElements)), "small", array(maxElements), "x", "y"))
		s.Entitlements = code.Known(dict(t, many...))
	})
	for condition, why := range map[string]string{
		`subject.info.a.all(g, g in subject.info.b)`:     "more than 2000 elements",
		`subject.info.small.all(g, g in subject.info.b)`: "more than 2000 elements",
		`subject.info.a == subject.info.b`:               "more than 2000 elements",
		`!("0" in subject.info.a)`:                       "more than 2000 elements",
		`size(subject.info.d) == 1`:                      "more than 2000 elements",
		`subject.info == subject.info`:                   "more than 2000 elements",
		`!("x" in subject.entitlements)`:                 "more than 2000 elements",
	} {
		d := decide(allowing(t, condition), large)
		assert.Equal(t, OutcomeUnknown, d.Outcome(), condition)
		assert.Equal(t, ReasonError, d.Reason(), condition)
		assert.Contains(t, d.Message(), why, condition)
	}
	assert.True(t, decide(allowing(t, `subject.info.x == "y" && "7" in subject.info.small`), large).Allow(), "what else is there can be read")
}

// What is evaluated without a limit must be unable to reach one.
func TestSimpleExpressions(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]bool{
		sevenClauses: true,
		`version(subject.version) >= version("2") && subject.identifier.startsWith("com.")`: true,
		`subject.cdhashes.exists(h, h == "x")`:                                              false,
		`subject.identifier.matches("^com[.]")`:                                             false,
		`subject.identifier + "x" == "y"`:                                                   false,
		`subject.cdhashes.map(h, h) == []`:                                                  false,
		`string(subject.platform_byte) == "0"`:                                              false,
		`process.euid + 1 == 5`:                                                             false,
		`subject.team_id in ["A", "B"]`:                                                     true,
		`subject.team_id == null || "x" in subject.info`:                                    true,
		`[subject.identifier] == ["x"]`:                                                     false,
		`size([subject.identifier]) == 1`:                                                   false,
		`{"k": subject.identifier}.k == "x"`:                                                false,
		`subject.cdhashes == ["x"]`:                                                         false,
		`subject.info.a in subject.info.b`:                                                  false,
		`subject.info.a == subject.info.b`:                                                  false,
	} {
		assert.Equal(t, want, allowing(t, condition).rules[0].when.simple, condition)
	}
	p := load(t, header+"variables: {v: 'subject.cdhashes.exists(h, h == \"\")'}\nrules: [{name: r, allow: '!vars.v'}]")
	assert.False(t, p.rules[0].when.simple, "a variable is part of the rule that reads it")
}

func TestNestingIsBounded(t *testing.T) {
	t.Parallel()
	for name, condition := range map[string]string{
		"parentheses": strings.Repeat("(", 3000) + "true" + strings.Repeat(")", 3000),
		"lists":       strings.Repeat("[", 500) + strings.Repeat("]", 500) + " == []",
		"ternaries":   strings.Repeat("true ? true : ", 500) + "true",
		"long":        strings.Repeat("true && ", 2000) + "true",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("deep.yaml", []byte(header+"rules: [{name: r, allow: "+quoteYAML(condition)+"}]"))
			require.Error(t, err)
			assert.IsType(t, diag.List{}, err)
		})
	}
}
