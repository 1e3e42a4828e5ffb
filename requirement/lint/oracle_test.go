package lint_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
	"github.com/xpcpolicy/xpcpolicy/requirement/lint"
)

// clauses are what random requirements are made of.
var clauses = []string{
	`anchor apple generic`, `anchor apple generic`, `anchor apple`, `identifier a`, `identifier b`,
	team, `certificate leaf[subject.OU] = "XYZZY12345"`, store, `certificate leaf[field.1.2.840.113635.100.6.1.13]`,
	`certificate 1[field.1.2.840.113635.100.6.2.6]`, `certificate leaf[subject.CN] = "Example"`,
	`certificate leaf = H"0123456789abcdef0123456789abcdef01234567"`, `cdhash H"89abcdef0123456789abcdef0123456701234567"`,
	`info[CFBundleVersion] >= "2"`, `info[CFBundleVersion] < "1"`, `entitlement[x]`, `certificate leaf[policy.1.2.3]`,
}

func randomText(r *rand.Rand, depth int) string {
	switch n := r.IntN(12); {
	case depth == 0 || n < 3:
		return clauses[r.IntN(len(clauses))]
	case n == 3:
		return "! (" + randomText(r, depth-1) + ")"
	case n < 9:
		return "(" + randomText(r, depth-1) + ") and (" + randomText(r, depth-1) + ")"
	}
	return "(" + randomText(r, depth-1) + ") or (" + randomText(r, depth-1) + ")"
}

// strangers say what somebody can be who has nothing to do with those that a
// requirement names, as a requirement: code that Apple has nothing to do with, and
// code of another developer outside of the stores.
var strangers = map[string]struct {
	is       string
	findings []string // which say that such code passes; nobody else may report them
}{
	"code that Apple has nothing to do with": {
		`! anchor apple and ! anchor apple generic`, []string{"RQ100", "RQ101", "RQ112", "RQ305", "RQ516"},
	},
	"another developer's code": {
		`anchor apple generic and ! anchor apple and ! ` + store +
			` and ! ` + team + ` and ! certificate leaf[subject.OU] = "XYZZY12345" and ! certificate leaf[subject.CN] = "Example"`,
		[]string{"RQ102"},
	},
}

const noPins = ` and ! certificate leaf = H"0123456789abcdef0123456789abcdef01234567" and ! cdhash H"89abcdef0123456789abcdef0123456701234567"`

// TestStrangersArePointedOut compares the rules with the prover: when a stranger
// can satisfy a requirement, something is an error, and when none can, no finding
// says so.
func TestStrangersArePointedOut(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	open, shut := 0, 0
	for range 4000 {
		text := randomText(r, 4)
		e, err := requirement.Parse("", text)
		require.NoError(t, err)
		findings := check(text, lint.Config{})
		for name, s := range strangers {
			both := fmt.Sprintf("(%s) and %s", text, s.is+noPins)
			q, err := requirement.Parse("", both)
			require.NoError(t, err)
			switch requirement.Contradiction(q, requirement.ImpliesOptions{}).Answer {
			case requirement.No:
				open++
				assert.True(t, slices.ContainsFunc(findings, func(f lint.Finding) bool { return f.Severity == diag.Error }),
					"%s satisfies %s, which has no error", name, requirement.Format(e))
			case requirement.Yes:
				shut++
				for _, f := range findings {
					if f.Severity == diag.Error && slices.Contains(s.findings, f.Rule.ID) {
						t.Errorf("%s never satisfies %s, but %s: %s at %s", name, text, f.Rule.Name(), f.Message, text[f.Span.Start:f.Span.End])
					}
				}
			}
		}
		if t.Failed() {
			return
		}
	}
	assert.Greater(t, open, 500)
	assert.Greater(t, shut, 500)
}

// TestFixesOfRandomTexts holds the properties of FuzzCheck for texts that are
// nearly requirements.
func TestFixesOfRandomTexts(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	pieces := [][2]string{
		{`"`, `“`}, {" and ", " AND "}, {" and ", " && "}, {" ", "\u00a0"}, {`"ABCDE12345"`, `9ABCDE1234`}, {`identifier a`, `identifier a-b`},
		{" ", "\r\n"}, {`"`, "&quot;"}, {"(", "( /* x **/"}, {"subject.OU", "OU"}, {"ABCDE12345", "$(TEAM)"}, {" and ", " /* and identifier x */ and "},
		{"! ", "not "}, {")", ""}, {`"Example"`, `"\(name)"`}, {"= ", "= = "},
	}
	for range 3000 {
		text := randomText(r, 3)
		for range r.IntN(3) {
			p := pieces[r.IntN(len(pieces))]
			n := 1
			if r.IntN(2) == 0 {
				n = -1
			}
			text = strings.Replace(text, p[0], p[1], n)
		}
		properties(t, text, lint.Config{Target: lint.Target(r.IntN(6))})
	}
}
