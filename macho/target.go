package macho

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// rootFS is a directory handle as a file system. A pipe that takes a file's place
// does not block it.
type rootFS struct{ *os.Root }

func (r rootFS) Open(name string) (fs.File, error) {
	return r.OpenFile(filepath.FromSlash(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

func (r rootFS) Lstat(name string) (fs.FileInfo, error) {
	return r.Root.Lstat(filepath.FromSlash(name))
}

// Stat is that of the directory itself: nothing else is asked for, because a link
// could stand in the place of every other name.
func (r rootFS) Stat(name string) (fs.FileInfo, error) { return r.Root.Lstat(name) }

// Sub opens a directory in this one; the result is a handle of its own, to be
// closed.
func (r rootFS) Sub(name string) (fs.FS, error) {
	sub, err := r.OpenRoot(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	return rootFS{sub}, nil
}

func (r rootFS) ReadLink(name string) (string, error) {
	return r.Readlink(filepath.FromSlash(name))
}

// open finds what lies at a path and verifies it.
func (v *verification) open(name string) (*code.Subject, error) {
	if name == "" { // never the working directory
		return nil, &code.Error{Status: code.StatusStaticCodeNotFound, Part: "file", Off: -1, Err: errors.New("no path was given")}
	}
	real, err := filepath.EvalSymlinks(name) // once: everything else goes through handles
	if err != nil {
		return nil, openError(err)
	}
	if abs, err := filepath.Abs(real); err == nil {
		real = abs
	}
	st, err := os.Stat(real)
	if err != nil {
		return nil, openError(err)
	}
	defer v.shared.close()
	var subject *code.Subject
	if st.IsDir() {
		subject, err = v.openDir(real, "")
	} else if dir, exe := enclosingBundle(real); dir != "" {
		subject, err = v.openDir(dir, exe)
	} else {
		subject, err = v.openDir(filepath.Dir(real), "./"+filepath.Base(real))
	}
	if err != nil {
		return nil, err
	}
	subject.Path = name
	return subject, nil
}

// openDir verifies the bundle at dir. With exe, a path below dir, the bundle's
// main executable must be that file; otherwise the file is verified alone, and
// always so when exe begins with "./".
func (v *verification) openDir(dir, exe string) (*code.Subject, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, openError(err)
	}
	fsys := rootFS{root}
	defer fsys.Close()
	if alone, ok := strings.CutPrefix(exe, "./"); ok {
		return v.openFile(fsys, alone)
	}
	opened, err := fsys.Stat(".")
	if err != nil {
		return nil, openError(err)
	}
	v.stillThere = func() error {
		if now, err := os.Lstat(dir); err != nil || !os.SameFile(opened, now) {
			return errors.New("another directory took the place of the bundle while it was read")
		}
		return nil
	}
	return v.openBundleAt(fsys, filepath.Base(dir), exe)
}

// openBundleAt verifies the bundle whose directory fsys is. exe is as for openDir.
func (v *verification) openBundleAt(fsys fs.FS, name, exe string) (*code.Subject, error) {
	b, err := openVersion(fsys, name, v.version)
	if exe != "" && (err != nil || b.executable != exe) {
		v.stillThere = nil
		return v.openFile(fsys, exe)
	}
	var shape *shapeError
	if errors.As(err, &shape) {
		return v.refuse(shape.status, shape.err), nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, openError(err)
	}
	if errors.Is(err, errReplaced) {
		return v.refuse(code.StatusStaticCodeChanged, err), nil
	}
	if err != nil {
		return v.refuse(code.StatusBadBundleFormat, err), nil
	}
	v.bundle = b
	s, err := v.openFile(fsys, b.executable)
	if code.StatusOf(err) == code.StatusStaticCodeNotFound {
		return v.refuse(code.StatusBadBundleFormat, fmt.Errorf("the main executable %s is missing", b.executable)), nil
	}
	return s, err
}

// refuse is the verdict on what is no file or bundle that could hold code.
func (v *verification) refuse(status code.Status, err error) *code.Subject {
	part, format := "file", "special file"
	if status != code.StatusRegularFile {
		part, format = "bundle", "directory"
	}
	p := rejected(status, part, -1, "%w", err)
	if !errors.Is(err, errNoBundle) {
		p.apple = code.Unknown[code.Status](err) // our readers refuse more than Apple's
	}
	v.report.checks = []check{{id: "F1", name: "container", outcome: code.Failed, problems: []problem{p}}}
	return &code.Subject{Origin: code.OriginDisk, Format: format, Validity: v.report.validity()}
}

// enclosingBundle returns the directory of the bundle that a file would be the
// main executable of, and the file's path in it; "" when its place is none of
// the known ones.
func enclosingBundle(file string) (dir, exe string) {
	up := func(n int) string {
		d := file
		for range n {
			d = filepath.Dir(d)
		}
		return d
	}
	rel := func(d string) string {
		r, err := filepath.Rel(d, file)
		if err != nil {
			return ""
		}
		return filepath.ToSlash(r)
	}
	switch {
	case filepath.Base(up(1)) == "MacOS" && filepath.Base(up(2)) == "Contents":
		dir = up(3)
	case filepath.Base(up(2)) == "Versions" && filepath.Ext(up(3)) == ".framework":
		dir = up(3)
	case existsAt(filepath.Join(up(1), "Info.plist")), existsAt(filepath.Join(up(1), "Resources/Info.plist")):
		dir = up(1)
	default:
		return "", ""
	}
	return dir, rel(dir)
}

func existsAt(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// openFile verifies one regular file through one handle, and compares what the
// file is before and after.
func (v *verification) openFile(fsys fs.FS, name string) (*code.Subject, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, openError(err)
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return nil, openError(err)
	}
	r, readable := f.(io.ReaderAt)
	if !before.Mode().IsRegular() || !readable {
		return v.refuse(code.StatusRegularFile, fmt.Errorf("it is no plain file but %s", before.Mode().Type())), nil
	}
	if file, ok := f.(*os.File); ok {
		v.attributes = fileAttributes(file)
	}
	return v.run(r, before.Size(), func() error {
		after, err := f.Stat()
		if err != nil {
			return err
		}
		if !unaltered(before, after) {
			return errors.New("the file changed while it was read")
		}
		if v.bundle != nil {
			if now, err := fs.Lstat(fsys, name); err != nil || !now.Mode().IsRegular() || !sameFile(before, now) {
				return errors.New("something else took its place while it was read")
			}
			if err := v.bundle.unaltered(); err != nil {
				return err
			}
		}
		if v.stillThere != nil {
			return v.stillThere()
		}
		return nil
	}), nil
}

// openError says why nothing could be judged. A file that may not be read is
// never called unsigned.
func openError(err error) error {
	var e *code.Error
	if errors.As(err, &e) {
		return err
	}
	status := code.StatusSignatureNotVerifiable
	if errors.Is(err, fs.ErrNotExist) {
		status = code.StatusStaticCodeNotFound
	}
	return &code.Error{Status: status, Part: "file", Off: -1, Err: pathless(err)}
}

// pathless is an error of the file system without its path, which is not the one
// that people know.
func pathless(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
