package macho

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// pending names vectors whose verdict or facts are not right yet, and why. A vector
// that stands here and comes out right fails, so that the list cannot grow old.
var pending = map[string]string{}

// TestThreatModel builds every vector and compares what comes out with what must:
// our verdict, Apple's where it is known, warnings, facts, and what requirements
// say of the code.
func TestThreatModel(t *testing.T) {
	t.Parallel()
	for _, c := range fixtures.Cases() {
		t.Run(c.ID+" "+c.Name, func(t *testing.T) {
			t.Parallel()
			s := verifyCase(t, c)
			wrong := judge(t, c, s)
			if why, ok := pending[c.Name]; ok {
				require.NotEmpty(t, wrong, "it comes out right: take it off the list of pending vectors")
				t.Logf("PENDING: %s: %s", why, strings.Join(wrong, "\n"))
				return
			}
			assert.Empty(t, strings.Join(wrong, "\n"), describe(s))
		})
	}
}

// verifyCase writes a vector and verifies its target.
func verifyCase(t *testing.T, c fixtures.Case) *code.Subject {
	t.Helper()
	o := Options{Now: fixtures.Clock, Requirement: satisfied, AllowProfileRoots: [][32]byte{fixtures.RootSHA256()}}
	tree := c.Tree()
	if n := tree[c.Target]; n.Xattr != nil && !n.Dir {
		o.Attributes = func(name string) ([]byte, bool, error) {
			v, ok := n.Xattr[name]
			return v, ok, nil
		}
		return VerifyReader(context.Background(), bytes.NewReader(n.Data), int64(len(n.Data)), o)
	}
	dir := t.TempDir()
	require.NoError(t, tree.Write(dir))
	for name, n := range tree {
		for attribute, value := range n.Xattr {
			if runtime.GOOS == "linux" {
				attribute = "user." + attribute
			}
			require.NoError(t, unix.Setxattr(filepath.Join(dir, name), attribute, value, 0), "the folder for temporary files must keep extended attributes")
		}
	}
	s, err := Verify(context.Background(), filepath.Join(dir, filepath.FromSlash(c.Target)), o)
	require.NoError(t, err)
	return s
}

// satisfied judges sealed requirements as the front door of this module does.
func satisfied(text string, s *code.Subject) code.Status {
	e, err := requirement.Parse("sealed requirement", text)
	if err != nil {
		return code.StatusReqInvalid
	}
	switch requirement.Eval(e, s, requirement.Options{}).Outcome {
	case requirement.True:
		return code.StatusSuccess
	case requirement.False:
		return code.StatusReqFailed
	}
	return code.StatusSignatureNotVerifiable
}

// judge lists what is not as the vector expects.
func judge(t *testing.T, c fixtures.Case, s *code.Subject) (wrong []string) {
	t.Helper()
	miss := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if got := s.Validity.Status; got != expected(t, c.Expect) {
		miss("the verdict is %s, want %s", got, c.Expect)
	}
	if good := c.Expect == "ok"; good != (s.Verified() == nil) {
		miss("Verified says: %v", s.Verified())
	}
	if c.Apple != "unknown" {
		apple, known, _ := s.Validity.Apple.Get()
		if !known || apple != expected(t, c.Apple) {
			miss("Apple's verdict is %v (known: %v), want %s", apple, known, c.Apple)
		}
	}
	if c.Warning != "" && !hasWarning(s, c.Warning) {
		miss("there is no warning %s among %v", c.Warning, s.Validity.Warnings)
	}
	for _, f := range c.Facts {
		if got, ok := holds(t, s, f); !ok {
			miss("%s is %s, want %s", f.Path, got, f.Want)
		}
	}
	if c.Requirements != nil {
		for _, r := range c.Requirements() {
			e, err := requirement.Parse("vector", r.Text)
			require.NoError(t, err)
			if got := requirement.Eval(e, s, requirement.Options{}).Outcome.String(); got != r.Want {
				miss("%s is %s, want %s", r.Text, got, r.Want)
			}
		}
	}
	if c.Team != "" {
		team := s.VerifiedTeam(func(root *code.Certificate) bool { return root.SHA256 == fixtures.RootSHA256() })
		if got, known, err := team.Get(); err != nil || known != (c.Team != fixtures.NoTeam) || known && got != c.Team {
			miss("the verified team is %q (known: %v, error: %v), want %s", got, known, err, c.Team)
		}
	}
	return wrong
}

// expected is the status that "ok", a name or a number stands for.
func expected(t *testing.T, text string) code.Status {
	t.Helper()
	if text == "ok" {
		return code.StatusSuccess
	}
	if n, err := strconv.Atoi(text); err == nil {
		return code.Status(n)
	}
	status, ok := code.FindStatus(text)
	require.True(t, ok, "there is no status %s", text)
	return status
}

// holds looks up a fact in the JSON form of the Subject.
func holds(t *testing.T, s *code.Subject, f fixtures.Fact) (got string, ok bool) {
	t.Helper()
	raw, err := json.Marshal(s)
	require.NoError(t, err)
	var root any
	require.NoError(t, json.Unmarshal(raw, &root))
	path := strings.Split(strings.ReplaceAll(f.Path, `\.`, "\x00"), ".")
	var found []string
	for _, v := range lookUp(root, path) {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		found = append(found, string(b))
	}
	got = strings.Join(found, " or ")
	if not, negated := strings.CutPrefix(f.Want, "not "); negated {
		return got, !slices.Contains(found, not)
	}
	if f.Want == fixtures.Absent {
		return got, len(found) == 0
	}
	return got, slices.Contains(found, f.Want)
}

func lookUp(v any, path []string) []any {
	if len(path) == 0 {
		return []any{v}
	}
	key, rest := strings.ReplaceAll(path[0], "\x00", "."), path[1:]
	switch v := v.(type) {
	case map[string]any:
		if e, ok := v[key]; ok {
			return lookUp(e, rest)
		}
	case []any:
		var out []any
		for i, e := range v {
			if key == "*" || key == strconv.Itoa(i) {
				out = append(out, lookUp(e, rest)...)
			}
		}
		return out
	}
	return nil
}

// TestEveryRowOfTheCatalogueHasAVector counts the rows, and what stands for each.
func TestEveryRowOfTheCatalogueHasAVector(t *testing.T) {
	t.Parallel()
	rows, counts := map[string]bool{}, map[byte]int{}
	for _, r := range fixtures.Rows() {
		assert.False(t, rows[r.ID], "%s is there twice", r.ID)
		rows[r.ID] = true
		counts[r.ID[0]]++
		assert.Equal(t, fmt.Sprintf("%c%02d", r.ID[0], counts[r.ID[0]]), r.ID, "the rows stand in order, without a gap")
	}
	assert.Equal(t, fixtures.RowCounts(), counts)

	covered := map[string]bool{}
	names := map[string]bool{}
	seen := func(id, name string) {
		assert.True(t, rows[id], "%s (%s) is no row", id, name)
		assert.False(t, names[name], "%s is there twice", name)
		covered[id], names[name] = true, true
	}
	for _, c := range fixtures.Cases() {
		seen(c.ID, c.Name)
		if c.Expect == "ok" {
			assert.NotEmpty(t, c.Says, "%s: a good verdict needs words", c.Name)
			asserted := c.Warning != "" || len(c.Facts) > 0 || c.Requirements != nil || c.Team != ""
			assert.True(t, asserted, "%s: a good verdict alone would pass on any code", c.Name)
		}
	}
	tests := testFunctions(t)
	for _, l := range fixtures.LiveRows() {
		seen(l.ID, l.Name)
		assert.Contains(t, tests, l.Test, "%s names a test that does not exist", l.Name)
	}
	for _, u := range fixtures.UnbuiltRows() {
		assert.True(t, covered[u.ID], "nothing stands for %s", u.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		assert.True(t, covered[id], "nothing stands for %s", id)
	}
	for name := range pending {
		assert.True(t, names[name], "the pending %s is no vector", name)
	}
}

// testFunctions are the names of the tests of this package.
func testFunctions(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var out []string
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, "func "); ok && strings.HasPrefix(rest, "Test") {
				out = append(out, rest[:strings.IndexByte(rest, '(')])
			}
		}
	}
	return out
}
