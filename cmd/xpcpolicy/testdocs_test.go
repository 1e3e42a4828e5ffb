package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// policyBlock is a policy of the cookbook that a page shows: the comment names it,
// the block is its text.
var policyBlock = regexp.MustCompile("(?s)<!-- policy ([^ ]+) -->\n(?:\n```yaml\n.*?```\n)?")

// TestPagesAboutTestsShowRealOutput runs the commands of the pages about testing and
// compares what they print, and the policies they show, byte for byte; -update
// rewrites them.
func TestPagesAboutTestsShowRealOutput(t *testing.T) {
	t.Chdir(filepath.Join(testDir, "..", ".."))
	for name, least := range map[string]int{"docs/testing.md": 4, "docs/cookbook.md": 1} {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		got, ran := replay(t, name, string(b))
		assert.GreaterOrEqual(t, ran, least, "%s shows too little", name)
		got = policyBlock.ReplaceAllStringFunc(got, func(block string) string {
			file := policyBlock.FindStringSubmatch(block)[1]
			text, err := os.ReadFile(filepath.Join("examples/cookbook", file))
			require.NoError(t, err)
			return "<!-- policy " + file + " -->\n\n```yaml\n" + string(text) + "```\n"
		})
		if *update {
			require.NoError(t, os.WriteFile(name, []byte(got), 0o644))
			continue
		}
		assert.Equal(t, string(b), got, name)
	}
}

// TestCookbookShowsEveryRecipe compares the page with the folder.
func TestCookbookShowsEveryRecipe(t *testing.T) {
	t.Parallel()
	root := filepath.Join(testDir, "..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs/cookbook.md"))
	require.NoError(t, err)
	recipes, err := os.ReadDir(filepath.Join(root, "examples/cookbook"))
	require.NoError(t, err)
	for _, r := range recipes {
		assert.Contains(t, string(page), "<!-- policy "+r.Name()+"/", "docs/cookbook.md")
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	for _, name := range []string{"docs/cookbook.md", "docs/testing.md"} {
		b, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			_, err := os.Stat(filepath.Join(root, filepath.Dir(name), m[1]))
			assert.NoError(t, err, "%s links to %s", name, m[1])
		}
		assert.False(t, strings.Contains(string(b), "\t"), "%s has a tab", name)
	}
}
