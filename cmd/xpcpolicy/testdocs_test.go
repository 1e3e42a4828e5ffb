package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPagesAboutTestsShowRealOutput runs the commands of the pages about testing and
// compares what they print, byte for byte; -update rewrites them.
func TestPagesAboutTestsShowRealOutput(t *testing.T) {
	t.Chdir(filepath.Join(testDir, "..", ".."))
	for _, name := range []string{"docs/testing.md"} {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		got, ran := replay(t, name, string(b))
		assert.GreaterOrEqual(t, ran, 4, "%s shows too little", name)
		if *update {
			require.NoError(t, os.WriteFile(name, []byte(got), 0o644))
			continue
		}
		assert.Equal(t, string(b), got, name)
	}
}
