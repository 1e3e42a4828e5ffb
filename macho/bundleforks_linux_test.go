package macho

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

func TestResourceForksAreRefused(t *testing.T) {
	t.Parallel()
	for place, id := range map[string]string{"Contents/Resources/logo.txt": "R8", "": "T3"} {
		dir := writeBundle(t)
		err := syscall.Setxattr(filepath.Join(dir, place), "user.com.apple.FinderInfo", []byte("x"), 0)
		if err != nil {
			t.Skip("this file system keeps no extended attributes: " + err.Error())
		}
		s, err := Verify(t.Context(), dir, options())
		require.NoError(t, err)
		assert.Equal(t, code.StatusInvalidAssociatedFileData, s.Validity.Status, describe(s))
		assert.Equal(t, code.StatusInvalidAssociatedFileData, s.Validity.Find(id).Status)
	}
}
