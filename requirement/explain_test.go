package requirement

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
)

// TestExplainLeaves holds for the sentence under a term.
func TestExplainLeaves(t *testing.T) {
	t.Parallel()
	for req, want := range map[string]string{
		`certificate leaf[field.1.2.840.113635.100.6.1.12]`:   `leaf is "Developer ID Application: Example (ABCDE12345)", which carries 6.1.13 (Developer ID Application), not 6.1.12 (Mac Development)`,
		`certificate leaf[subject.OU] = "43AQ936H96"`:         `expected "43AQ936H96", found "ABCDE12345" in leaf "Developer ID Application: Example (ABCDE12345)"`,
		`certificate leaf[subject.TEAM] = x`:                  `Apple's interpreter knows no field "subject.TEAM", so this is never true`,
		`certificate leaf[subject.L] absent`:                  `leaf "Developer ID Application: Example (ABCDE12345)" has no subject.L; Apple never takes an attribute of the subject as absent`,
		`certificate 5[subject.CN]`:                           `expected a value, found no certificate 5: the chain has 3`,
		`info[CFBundleVersion] >= "411"`:                      `expected >= "411", found "410"`,
		`info[cfbundleversion]`:                               `expected a value, found no value, but one under "CFBundleVersion": keys count case`,
		`entitlement["com.apple.security.app-sandbox"] = "1"`: `expected "1", found the boolean true, and only strings compare with a text`,
		`anchor apple`:                    "found the leaf is \"Developer ID Application: Example (ABCDE12345)\", not Apple's own software; other developers need `anchor apple generic`",
		`notarized`:                       `found no valid notarisation ticket for this code`,
		`platform = 300`:                  `no code has platform 300: it is one byte`,
		`never`:                           `this is never true`,
		`identifier "COM.example.helper"`: `expected "COM.example.helper", found "com.example.helper", which differs in case, and case counts`,
		`cdhash H"ffffffffffffffffffffffffffffffffffffffff"`: `expected ffffffffffffffffffffffffffffffffffffffff, found 00112233445566778899aabbccddeeff00112233`,
	} {
		_, n := Explain(parsed(t, req), benchSubject(t), Options{})
		assert.Equal(t, diag.No, n.Verdict, req)
		tree := diag.Tree(n, diag.TreeOptions{})
		assert.Contains(t, tree, "[1] "+want+"\n", req)
	}
}

func TestExplainTree(t *testing.T) {
	t.Parallel()
	s := benchSubject(t)
	s.Notarized = code.Unknown[bool](errors.New("no Mac"))
	e := parsed(t, `identifier "com.example.helper" and (anchor apple generic and (! legacy and notarized))`)
	r, n := Explain(e, s, Options{})
	assert.Equal(t, Unknown, r.Outcome)
	assert.Equal(t, []string{"notarized"}, r.Missing)
	require.Len(t, n.Children, 4, "a chain is one node")
	assert.Equal(t, "and", n.Label)
	assert.Equal(t, diag.VerdictUnknown, n.Verdict)
	assert.Equal(t, diag.Yes, n.Children[0].Verdict)
	assert.Equal(t, "not", n.Children[2].Label)
	assert.Equal(t, "nobody knows notarized", n.Children[3].Note)
	assert.Equal(t, &diag.Span{Start: 0, End: 31}, n.Children[0].Span)
	assert.Equal(t, "signed under an Apple root", n.Children[1].Hint)
}

// TestExplainEverything explains all that the vectors evaluate: the answers are
// those of Eval, and no term of a clear answer lacks words.
func TestExplainEverything(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t, "eval") {
		e, err := Decode(v.blob(t))
		if err != nil {
			continue
		}
		s, err := ContextSubject(v.Ctx)
		require.NoError(t, err)
		r, n := Explain(e, s, Options{})
		if r.Err != nil {
			assert.NotEmpty(t, n.Note)
			continue
		}
		assert.Equal(t, outcomeVerdict[r.Outcome], n.Verdict, v.ID)
		n.Walk(func(n *diag.Node) {
			if len(n.Children) == 0 {
				assert.NotEmpty(t, n.Note+n.Found, "%s: %s", v.ID, n.Label)
			}
		})
	}
}
