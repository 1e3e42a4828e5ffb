package macho

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// TestDocumentedChecks compares the table of docs/verification.md with what a
// verification of a universal program in a bundle really runs, in order.
func TestDocumentedChecks(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/verification.md")
	require.NoError(t, err)
	var want [][2]string
	for _, m := range regexp.MustCompile(`(?m)^\| ([A-Z]\d+) \| (.*) \|$`).FindAllStringSubmatch(string(doc), -1) {
		want = append(want, [2]string{m[1], m[2]})
	}
	s, err := Verify(t.Context(), writeBundle(t), Options{Now: fixtures.Clock})
	require.NoError(t, err)
	var got [][2]string
	for _, c := range s.Validity.Checks {
		if next := [2]string{c.ID, c.Name}; len(got) == 0 || got[len(got)-1] != next {
			got = append(got, next)
		}
	}
	assert.Equal(t, want, got)
}

// TestMandatoryChecksExist: a mandatory check that no step has could never pass.
func TestMandatoryChecksExist(t *testing.T) {
	t.Parallel()
	order := checkOrder()
	for _, id := range code.Mandatory(code.OriginDisk) {
		assert.Contains(t, order, id)
	}
}
