package macho

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// sealedTree is a small ad-hoc application with these files, all of them sealed.
func sealedTree(files fixtures.Tree, rules map[string]any) fixtures.Tree {
	files2 := map[string]any{}
	for name, n := range files {
		if n.Link != "" {
			files2[name] = map[string]any{"symlink": n.Link}
		} else {
			files2[name] = map[string]any{"hash2": fixtures.HashOf(fixtures.HashSHA256, n.Data)}
		}
	}
	rules[`^.*`], rules[`^Info\.plist$`] = true, map[string]any{"omit": true, "weight": 20}
	seal := fixtures.Plist(map[string]any{"files": map[string]any{}, "rules": map[string]any{}, "files2": files2, "rules2": rules})
	info := infoXML(plistHead, "")
	tree := app(info, seal, fixtures.Sign(fixtures.Options{AdHoc: true, InfoFile: info, Resources: seal}))
	tree.Merge("Contents", files)
	return tree
}

// TestLinksThatGoUpAndDown: without a bound, 30 such links took 15 seconds, and each
// further one a second.
func TestLinksThatGoUpAndDown(t *testing.T) {
	t.Parallel()
	dir, text := strings.Repeat("a/", 50), strings.Repeat("d/../", 700)
	files := fixtures.Tree{dir + "d/f": {Data: []byte("x")}, dir + "l30": {Data: []byte("x")}}
	for i := range 30 {
		files[fmt.Sprint(dir, "l", i)] = fixtures.Node{Link: fmt.Sprint(text, "l", i+1)}
	}
	begin := time.Now()
	s := verifyTree(t, "X.app", sealedTree(files, map[string]any{}), nil)
	assert.Less(t, time.Since(begin), 5*time.Second)
	require.Equal(t, code.StatusInvalidSymlink, s.Validity.Status, describe(s))
	assert.Equal(t, 30, s.Validity.Find("R8").Total)
	assert.Equal(t, "unknown", appleSays(s), "the limit is ours")
}

// TestWorkOnRulesAndLinksIsBounded begins just below the bound, which takes minutes
// to reach.
func TestWorkOnRulesAndLinksIsBounded(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]fixtures.Tree{
		"rules": {strings.Repeat("a", 200): {Data: []byte("x")}},
		"links": {"f": {Data: []byte("x")}, "l": {Link: strings.Repeat("../Contents/", 100) + "f"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "X.app")
			require.NoError(t, sealedTree(files, map[string]any{"a{1,200}": true}).Write(dir))
			verify := func(spent int64) *code.Subject {
				v := new(Verifier).start(t.Context(), options(), true)
				v.shared.effort = spent
				s, err := v.open(dir)
				require.NoError(t, err)
				return s
			}
			assert.NoError(t, verify(0).Verified())
			s := verify(maxEffort - 40_000)
			assert.Equal(t, code.StatusTooBig, s.Validity.Status, describe(s))
			assert.Equal(t, "unknown", appleSays(s), "the limit is ours")
		})
	}
}

// TestHolesAreNotReadForever: anybody who can write to a bundle can make a sealed file
// as long as he likes.
func TestHolesAreNotReadForever(t *testing.T) {
	t.Parallel()
	tree := sealedTree(fixtures.Tree{"hole": {Data: []byte("x")}}, map[string]any{})
	s := verifyTree(t, "X.app", tree, func(dir string) error {
		return os.Truncate(filepath.Join(dir, "Contents/hole"), 2<<40)
	})
	assert.Equal(t, code.StatusTooBig, s.Validity.Status, describe(s))
	assert.Equal(t, "unknown", appleSays(s), "the limit is ours")
}

// TestRootOfAFrameworkIsReadOnce and not again for each of its versions, of which there
// can be thousands.
func TestRootOfAFrameworkIsReadOnce(t *testing.T) {
	t.Parallel()
	tree := fixtures.F3().Bundles["Frameworks/Example.framework"].Tree()
	for n, node := range tree {
		if rest, ok := strings.CutPrefix(n, "Versions/A/"); ok {
			tree["Versions/B/"+rest] = node
		}
	}
	tree["stray"] = fixtures.Node{Data: []byte("x")}
	s := verifyTree(t, "Example.framework", tree, nil)
	assert.Equal(t, code.StatusUnsealedFrameworkRoot, s.Validity.Find("T4").Status, describe(s))
	assert.Equal(t, code.Passed, s.Validity.Find("R9").Outcome, "the other version itself is sound")
}
