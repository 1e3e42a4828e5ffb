//go:build unix

package token

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// maxInfoPlist bounds the Info.plist of a running program, in bytes.
const maxInfoPlist = 1 << 20

// diskImage is the file of a running program.
type diskImage struct {
	*os.File
	bundle *os.Root // the directory that an Info.plist may lie in; nil when there is none
}

// OpenImage opens the file of a running program as [Kernel.Open] does on a Mac: a regular
// file by its absolute path, through no link in its last place. A pipe in place of a
// file does not block.
func OpenImage(path string) (Image, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("%q is no absolute path", path)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		f.Close()
		if err == nil {
			err = fmt.Errorf("%s is no regular file", path)
		}
		return nil, err
	}
	d := &diskImage{File: f}
	dir := filepath.Dir(path)
	if filepath.Base(dir) == "MacOS" && filepath.Base(filepath.Dir(dir)) == "Contents" {
		dir = filepath.Dir(dir)
	}
	// No directory means no Info.plist: its facts are unknown then, never empty,
	// unless the signature seals none.
	d.bundle, _ = os.OpenRoot(dir)
	return d, nil
}

// Stat implements [Image].
func (d *diskImage) Stat() (FileID, error) {
	st, err := d.File.Stat()
	if err != nil {
		return FileID{}, err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return FileID{}, errors.New("the file system does not say which file this is")
	}
	return FileID{Device: uint64(sys.Dev), Inode: sys.Ino, Size: st.Size(), Modified: st.ModTime(), Changed: changed(sys)}, nil
}

// InfoPlist implements [Image].
func (d *diskImage) InfoPlist() ([]byte, error) {
	if d.bundle == nil {
		return nil, nil
	}
	st, err := d.bundle.Lstat("Info.plist")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, errors.New("the Info.plist is no regular file")
	}
	f, err := d.bundle.OpenFile("Info.plist", os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() { // replaced since
		return nil, errors.Join(err, errors.New("the Info.plist is no regular file"))
	}
	b, err := io.ReadAll(io.LimitReader(f, maxInfoPlist+1))
	if err == nil && len(b) > maxInfoPlist {
		err = fmt.Errorf("the Info.plist has more than %d bytes", maxInfoPlist)
	}
	return b, err
}

// Close implements [Image].
func (d *diskImage) Close() error {
	err := d.File.Close()
	if d.bundle != nil {
		err = errors.Join(err, d.bundle.Close())
	}
	return err
}
