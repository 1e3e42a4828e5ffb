package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCommittedFilesAreWhatIsGenerated(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	code := run("../..", true, io.Discard, &errs)
	assert.Zero(t, code, "run go run ./cmd/mkfixtures in the root of the repository: %s", errs.String())
}

func TestWritingTwiceGivesTheSameFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.Zero(t, run(dir, false, io.Discard, io.Discard))
	require.Zero(t, run(dir, false, io.Discard, io.Discard), "links must be replaceable")
	require.Zero(t, run(dir, true, io.Discard, io.Discard))
}

func TestCheckNamesWhatDiffers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.Zero(t, run(dir, false, io.Discard, io.Discard))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "fixtures/data/f1.thin"), []byte("x"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "fixtures/data/stray"), nil, 0o644))
	require.NoError(t, os.Remove(filepath.Join(dir, "examples/helper/client")))
	require.NoError(t, os.Remove(filepath.Join(dir, "fixtures/data/F3.app/Contents/Resources/latest.txt")))
	var errs bytes.Buffer
	assert.Equal(t, 1, run(dir, true, io.Discard, &errs))
	for _, want := range []string{
		"examples/helper/client: missing", "fixtures/data/f1.thin: differs", "fixtures/data/stray: not generated",
		"fixtures/data/F3.app/Contents/Resources/latest.txt: link",
	} {
		assert.Contains(t, errs.String(), want)
	}
}
