package macho

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMainExecutableIsTheOneThatIsVerified(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "F3.app")
	require.NoError(t, os.CopyFS(dir, os.DirFS("../fixtures/data/F3.app")))
	exe, err := MainExecutable(dir)
	require.NoError(t, err)
	assert.Equal(t, "Contents/MacOS/F3", exe)
	exe, err = MainExecutable(filepath.Join(dir, "Contents/Frameworks/Example.framework"))
	require.NoError(t, err)
	assert.Equal(t, "Versions/A/Example", exe)

	_, err = MainExecutable(filepath.Join(dir, "Contents/MacOS"))
	assert.Error(t, err, "a directory without the parts of a bundle")
	_, err = MainExecutable(filepath.Join(dir, "absent"))
	assert.Error(t, err)
}
