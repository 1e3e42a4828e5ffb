package token

import (
	"context"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/macho"
)

// TestDocumentedSteps compares the table of docs/audit-tokens.md with the checks that an
// identification really has. P11 is the Guard's, and compared there.
func TestDocumentedSteps(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/audit-tokens.md")
	require.NoError(t, err)
	var want [][2]string
	for _, m := range regexp.MustCompile(`(?m)^\| (P\d) \| ([^|]*) \| `).FindAllStringSubmatch(string(doc), -1) {
		want = append(want, [2]string{m[1], m[2]})
	}
	r := run(t, hardened(), 0)
	var got [][2]string
	collect := func(s *code.Subject, keep func(string) bool) {
		for _, c := range s.Validity.Checks {
			if c.ID[0] == 'P' && keep(c.ID) {
				got = append(got, [2]string{c.ID, c.Name})
			}
		}
	}
	nobody := Identify(context.Background(), r.kernel, r.token, Options{Now: fixtures.Clock, Verifier: new(macho.Verifier),
		Remember: func(StaticKey, func() *code.Subject) *code.Subject { return nil }})
	assert.Equal(t, code.StatusSignatureNotVerifiable, nobody.Validity.Status)
	assert.Error(t, nobody.Verified())
	collect(nobody, func(string) bool { return true }) // P1 to P7
	collect(r.identify(), func(id string) bool { return id > "P7" })
	assert.Equal(t, want, got)
}
