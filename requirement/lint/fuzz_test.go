package lint_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
	"github.com/xpcpolicy/xpcpolicy/requirement/lint"
)

// FuzzCheck: places are inside the source, the same text gives the same findings,
// safe fixes give a text that compiles, to the same meaning where there was one,
// and fixing again changes nothing.
func FuzzCheck(f *testing.F) {
	for _, r := range lint.Rules() {
		if len(r.Bad) < 4096 {
			f.Add(r.Bad, uint8(0))
			f.Add(r.Good, uint8(1))
		}
	}
	for i, w := range wild(f) {
		if i%40 == 0 || len(w.Tags) > 0 && i%4 == 0 {
			f.Add(w.Text, uint8(i))
		}
	}
	for _, s := range []string{`identifier &quot;a&quot;`, "a\r\nb \u00a0c", `“a” ‘b’`, `identifier "\(x)" and x = $y`, `always /* a ** / b */ and {x} < <y>`} {
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, use uint8) {
		if len(text) > 1<<14 {
			return
		}
		properties(t, text, lint.Config{Target: lint.Target(use % 6), Release: lint.Release(use / 6 % 2), Set: use >= 128})
	})
}

func properties(t *testing.T, text string, c lint.Config) {
	t.Helper()
	findings := check(text, c)
	for _, f := range findings {
		ok := f.Span.Start >= 0 && f.Span.Start <= f.Span.End && f.Span.End <= len(text)
		require.True(t, ok, "%s at %v of %d bytes", f.Rule.Name(), f.Span, len(text))
		require.NotEmpty(t, f.Message)
		require.NotEmpty(t, diag.Text(f.Diagnostic()))
		for _, e := range f.Edits {
			require.True(t, e.Span.Start >= 0 && e.Span.Start <= e.Span.End && e.Span.End <= len(text), "%s edits %v", f.Rule.Name(), e.Span)
		}
	}
	require.Equal(t, findings, check(text, c), "not the same twice")

	fixed := lint.Fix(text, c, false)
	require.Equal(t, fixed, lint.Fix(fixed, c, false), "fixing again changes %q", fixed)
	before, errBefore := requirement.ParseAny("before", text)
	after, errAfter := requirement.ParseAny("after", fixed)
	switch {
	case fixed == text:
	case errAfter != nil:
		t.Fatalf("the fixed text %q does not compile: %v", fixed, errAfter)
	case errBefore != nil: // there was no meaning to keep
	case before.Set != nil:
		assert.Equal(t, before.Encode(), after.Encode())
	default:
		answer := requirement.Equivalent(before.Expr, after.Expr, requirement.ImpliesOptions{MaxSteps: 200_000})
		require.NotEqual(t, requirement.No, answer.Answer, "%q means something else than %q: %v", fixed, text, answer)
	}
	again := lint.Fix(text, c, true)
	require.Equal(t, again, lint.Fix(again, c, true), "unsafe fixes do not come to an end: %q", again)
}

// TestFixesOfPublishedTexts holds the properties of FuzzCheck for real texts.
func TestFixesOfPublishedTexts(t *testing.T) {
	t.Parallel()
	changed := 0
	for _, w := range wild(t) {
		c := w.config()
		properties(t, w.Text, c)
		if lint.Fix(w.Text, c, false) != w.Text {
			changed++
		}
	}
	assert.Positive(t, changed)
}

func TestFixes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, safe, unsafe string }{
		"a team that begins with a digit": {
			`anchor apple generic and certificate leaf[subject.OU] = 9ABCDE1234`,
			`anchor apple generic and certificate leaf[subject.OU] = "9ABCDE1234"`, ``,
		},
		"curly quotes, carriage returns and shouting": {
			"anchor apple AND identifier “com.apple.mail”\r\nor identifier com.apple.some-tool and anchor apple",
			"anchor apple and identifier \"com.apple.mail\"\nor identifier \"com.apple.some-tool\" and anchor apple", ``,
		},
		"entities": {
			`anchor apple and identifier &quot;com.apple.mail&quot;`, `anchor apple and identifier "com.apple.mail"`, ``,
		},
		"a long hash of code": {
			`cdhash H"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"`,
			`cdhash H"0123456789abcdef0123456789abcdef01234567"`, ``,
		},
		"what cannot be repaired whole is left alone": {
			`identifier com.example.some-tool and`, `identifier com.example.some-tool and`, ``,
		},
		"an or without parentheses, only when asked for": {
			`anchor apple and identifier a or identifier b`, ``, `anchor apple and (identifier a or identifier b)`,
		},
		"a comment that lost its stars, only when asked for": {
			`anchor apple /* exists / and identifier "com.apple.mail" / exists */`, ``,
			`anchor apple /* exists */ and identifier "com.apple.mail" /* exists */`,
		},
		"a clause that stands twice": {
			`anchor apple /* it */ and anchor apple /* exists */ and (identifier "com.apple.mail")`,
			`anchor apple /* it */ /* exists */ and (identifier "com.apple.mail")`, ``,
		},
		"a missing anchor, only when asked for": {
			team + ` and identifier a or ` + team + ` and identifier b`, ``,
			`anchor apple generic and (` + team + ` and identifier a or ` + team + ` and identifier b)`,
		},
		"the label of a set, only when asked for": {
			`designated => anchor apple and identifier "com.apple.mail"`, ``, `anchor apple and identifier "com.apple.mail"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			safe := tt.safe
			if safe == "" {
				safe = tt.text
			}
			assert.Equal(t, safe, lint.Fix(tt.text, lint.Config{}, false))
			if tt.unsafe != "" {
				assert.Equal(t, tt.unsafe, lint.Fix(tt.text, lint.Config{}, true))
			}
		})
	}
}
