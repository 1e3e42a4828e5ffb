package macho

import (
	"os"
	"path/filepath"
)

// MainExecutable returns the path of the main executable of the bundle at dir,
// relative to it and with slashes, as [Verify] chooses it. It reads the Info.plist
// and verifies nothing, and the file need not be there. The error says why the
// directory is no bundle.
func MainExecutable(dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", openError(err)
	}
	defer root.Close()
	b, err := openBundle(rootFS{root}, filepath.Base(dir))
	if err != nil {
		return "", err
	}
	return b.executable, nil
}
