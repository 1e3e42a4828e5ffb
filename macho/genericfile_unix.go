//go:build linux || darwin

package macho

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// noAttributes reports whether an open file certainly has no extended attribute:
// one question instead of one for each name.
func noAttributes(f *os.File) bool {
	n, err := unix.Flistxattr(int(f.Fd()), nil)
	return n == 0 && err == nil
}

// fileAttributes reads the extended attributes of an open file, so that no second
// look-up by path can be tricked. Linux has no attribute without a namespace: what
// a Mac calls com.apple.cs.X is kept there as user.com.apple.cs.X.
func fileAttributes(f *os.File) attributeReader {
	return func(name string) ([]byte, bool, error) {
		if runtime.GOOS == "linux" {
			name = "user." + name
		}
		fd := int(f.Fd())
		n, err := unix.Fgetxattr(fd, name, nil)
		switch {
		case errors.Is(err, noAttribute), errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.EPERM):
			return nil, false, nil // none, or the file system has none
		case err != nil:
			return nil, false, fmt.Errorf("%s: %w", name, err)
		case n > maxPart:
			return nil, false, fmt.Errorf("%s has %d bytes, at most %d are read", name, n, maxPart)
		case n == 0:
			return []byte{}, true, nil
		}
		b := make([]byte, n)
		if n, err = unix.Fgetxattr(fd, name, b); err != nil || n != len(b) {
			return nil, false, fmt.Errorf("%s changed while it was read (%d of %d bytes, error %v)", name, n, len(b), err)
		}
		return b, true, nil
	}
}
