package macho

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// swapFS does something right before a file is opened by its path.
type swapFS struct {
	rootFS
	before func(name string)
}

func (s swapFS) Open(name string) (fs.File, error) {
	s.before(name)
	return s.rootFS.Open(name)
}

// TestFilesBecomeLinksBetweenTheLookAndTheOpening: the target lies where no seal looks,
// so that nothing but its place tells that it is not what it was.
func TestFilesBecomeLinksBetweenTheLookAndTheOpening(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Contents/MacOS/F3", "Contents/Info.plist", "Contents/_CodeSignature/CodeResources"} {
		t.Run(path.Base(name), func(t *testing.T) {
			t.Parallel()
			dir := writeBundle(t)
			s := openSwapped(t, dir, func(opened string) {
				if opened != name {
					return
				}
				link, err := filepath.Rel(path.Dir(name), "Contents/CodeResources")
				require.NoError(t, err)
				require.NoError(t, os.Rename(filepath.Join(dir, name), filepath.Join(dir, "Contents/CodeResources")))
				require.NoError(t, os.Symlink(link, filepath.Join(dir, name)))
			})
			assert.Error(t, s.Verified())
			assert.Contains(t, []code.Status{code.StatusStaticCodeChanged, code.StatusUnsealedAppRoot}, s.Validity.Status, describe(s))
		})
	}
}

// TestListChangesAfterItWasRead: no rule seals Info.plist, so the walk over the files
// does not meet its new content.
func TestListChangesAfterItWasRead(t *testing.T) {
	t.Parallel()
	dir := writeBundle(t)
	s := openSwapped(t, dir, func(opened string) {
		if opened == "Contents/MacOS/F3" { // after the lists were read
			require.NoError(t, os.WriteFile(filepath.Join(dir, "Contents/Info.plist"), []byte("evil"), 0o600))
		}
	})
	assert.Equal(t, code.StatusStaticCodeChanged, s.Validity.Find("F3").Status, describe(s))
}

func openSwapped(t *testing.T, dir string, before func(name string)) *code.Subject {
	t.Helper()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	v := new(Verifier).start(t.Context(), options(), true)
	defer v.shared.close()
	s, err := v.openBundleAt(swapFS{rootFS{root}, before}, filepath.Base(dir), "")
	require.NoError(t, err)
	return s
}

// TestDatesThatAreSetBackHideNoChange changes the program after its pages were hashed.
func TestDatesThatAreSetBackHideNoChange(t *testing.T) {
	t.Parallel()
	dir := writeBundle(t)
	exe := filepath.Join(dir, "Contents/MacOS/F3")
	o := options()
	o.Requirement = func(text string, s *code.Subject) code.Status {
		st, err := os.Stat(exe)
		require.NoError(t, err)
		time.Sleep(20 * time.Millisecond) // the clock of a file system has ticks
		f, err := os.OpenFile(exe, os.O_WRONLY, 0)
		require.NoError(t, err)
		defer f.Close()
		_, err = f.WriteAt([]byte("evil"), 0x400)
		require.NoError(t, err)
		require.NoError(t, os.Chtimes(exe, st.ModTime(), st.ModTime()))
		return satisfies(text, s)
	}
	s, err := Verify(t.Context(), dir, o)
	require.NoError(t, err)
	assert.Equal(t, code.StatusStaticCodeChanged, s.Validity.Find("F3").Status, describe(s))
}
