package xpcpolicy_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/policy"
)

// TestPoliciesOfTheEmbeddingPage loads what docs/embedding.md shows, and compares its
// handler with the one of the example server.
func TestPoliciesOfTheEmbeddingPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("docs/embedding.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(page, -1)
	require.NotEmpty(t, blocks)
	for _, b := range blocks {
		_, err := policy.Load(nil, "embedding.yaml", policy.Options{Text: b[1], Profile: "linux"})
		assert.NoError(t, err)
	}
	server, err := os.ReadFile("examples/embed/c/server.c")
	require.NoError(t, err)
	handler := regexp.MustCompile("(?s)```c\n(static void handle.*?)    …\n```").FindSubmatch(page)
	require.NotNil(t, handler)
	assert.Contains(t, string(server), string(handler[1]))
}
