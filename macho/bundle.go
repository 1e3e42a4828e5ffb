package macho

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// maxResources bounds the CodeResources file, which is hashed as a whole.
const maxResources = 64 << 20

// bundle is a directory that holds a program: where its parts lie, seen from a
// handle of the directory, so that no second look-up by path can be tricked and
// no link leads out of it.
type bundle struct {
	fsys       fs.FS
	kind       string // "app bundle", "framework", "bundle"
	support    string // the directory that holds Info.plist's siblings
	executable string
	info       []byte // Info.plist; nil when there is none
	resources  []byte // _CodeSignature/CodeResources; nil when there is none
	ticket     int64  // size of a stapled ticket
	infoLink   bool   // Info.plist is no plain file, so nothing was read from it
	problems   []problem
}

var errNoBundle = errors.New("no Info.plist and no executable where a bundle has them")

// openBundle finds the parts of a bundle. name is the directory's own name.
func openBundle(fsys fs.FS, name string) (*bundle, error) {
	b := &bundle{fsys: fsys, kind: "bundle"}
	ext := path.Ext(name)
	var infoPath, exeDir string
	switch {
	case isDir(fsys, "Contents"):
		b.support, infoPath, exeDir = "Contents", "Contents/Info.plist", "Contents/MacOS"
	case ext == ".framework" && exists(fsys, "Versions/Current"):
		version, err := currentVersion(fsys)
		if err != nil {
			return nil, err
		}
		b.support = path.Join("Versions", version)
		infoPath, exeDir = path.Join(b.support, "Resources/Info.plist"), b.support
	case isFile(fsys, "Info.plist"):
		b.support, infoPath, exeDir = ".", "Info.plist", "."
	case isFile(fsys, "Resources/Info.plist"):
		b.support, infoPath, exeDir = ".", "Resources/Info.plist", "."
	default:
		return nil, errNoBundle
	}
	switch ext {
	case ".app":
		b.kind = "app bundle"
	case ".framework":
		b.kind = "framework"
	}
	var err error
	if b.info, err = b.regular(infoPath, maxPlist); err != nil {
		return nil, err
	}
	b.infoLink = len(b.problems) > 0
	if b.resources, err = b.regular(path.Join(b.support, "_CodeSignature/CodeResources"), maxResources); err != nil {
		return nil, err
	}
	if st, err := fs.Lstat(fsys, path.Join(b.support, "CodeResources")); err == nil && st.Mode().IsRegular() {
		b.ticket = st.Size()
	}
	exe, err := executableName(b.info, strings.TrimSuffix(name, ext))
	if err != nil {
		return nil, err
	}
	b.executable = path.Join(exeDir, exe)
	if st, err := fs.Lstat(fsys, b.executable); err == nil && !st.Mode().IsRegular() {
		b.problems = append(b.problems, rejected(code.StatusRegularFile, b.executable, -1, "the main executable is no plain file"))
	}
	return b, nil
}

// currentVersion returns what a framework's Versions/Current points at: the name
// of one directory beside it.
func currentVersion(fsys fs.FS) (string, error) {
	v, err := fs.ReadLink(fsys, "Versions/Current")
	if err != nil {
		return "", fmt.Errorf("Versions/Current: %w", err)
	}
	if v == "" || v == "." || v == ".." || strings.ContainsAny(v, "/\\\x00") {
		return "", fmt.Errorf("Versions/Current points at %q, want the name of a directory beside it", v)
	}
	return v, nil
}

// executableName reads CFBundleExecutable. The Info.plist is not verified yet:
// a name that is no plain file name is refused, and whatever file it names is
// what gets verified.
func executableName(info []byte, fallback string) (string, error) {
	name := fallback
	if v, err := plist.Parse(info, plist.Options{AllowBOM: true}); err == nil {
		if e, ok := v.Get("CFBundleExecutable"); ok {
			s, isText := e.Str()
			if !isText {
				return "", errors.New("CFBundleExecutable is no string")
			}
			name = s
		}
	}
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") || !fs.ValidPath(name) {
		return "", fmt.Errorf("CFBundleExecutable %q is no file name", name)
	}
	return name, nil
}

// regular reads a small file of the bundle; nil when there is none. A link or
// another kind of file in its place is a strict-validation error.
func (b *bundle) regular(name string, limit int64) ([]byte, error) {
	st, err := fs.Lstat(b.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		b.problems = append(b.problems, rejected(code.StatusRegularFile, name, -1, "it is no plain file"))
		return nil, nil
	}
	f, err := b.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	if data == nil {
		data = []byte{}
	}
	return data, nil
}

func isDir(fsys fs.FS, name string) bool {
	st, err := fs.Lstat(fsys, name)
	return err == nil && st.IsDir()
}

func exists(fsys fs.FS, name string) bool {
	_, err := fs.Lstat(fsys, name)
	return err == nil
}

func isFile(fsys fs.FS, name string) bool {
	st, err := fs.Lstat(fsys, name)
	return err == nil && !st.IsDir()
}

// open finds what lies at a path and verifies it.
func open(ctx context.Context, name string, o Options, pages bool) (*code.Subject, error) {
	v := &verification{ctx: ctx, opts: o, pages: pages}
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
	var subject *code.Subject
	if st.IsDir() {
		subject, err = v.openDir(real, "")
	} else if dir, exe := enclosingBundle(real); dir != "" {
		subject, err = v.openDir(dir, exe)
	} else {
		subject, err = v.openFile(os.OpenFile, real)
	}
	if err != nil {
		return nil, err
	}
	subject.Path = name
	return subject, nil
}

// openDir verifies the bundle at dir. With exe, a path below dir, the bundle's
// main executable must be that file; otherwise the file is verified alone.
func (v *verification) openDir(dir, exe string) (*code.Subject, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, openError(err)
	}
	defer root.Close()
	b, err := openBundle(root.FS(), filepath.Base(dir))
	if exe != "" && (err != nil || b.executable != exe) {
		return v.openFile(root.OpenFile, filepath.FromSlash(exe))
	}
	if err != nil {
		return v.badBundle(err), nil
	}
	v.bundle = b
	s, err := v.openFile(root.OpenFile, filepath.FromSlash(b.executable))
	if code.StatusOf(err) == code.StatusStaticCodeNotFound {
		return v.badBundle(fmt.Errorf("the main executable %s is missing", b.executable)), nil
	}
	return s, err
}

// badBundle is the verdict on a directory that is no usable bundle.
func (v *verification) badBundle(err error) *code.Subject {
	v.report.checks = []check{{id: "F1", name: "container", outcome: code.Failed,
		problems: []problem{rejected(code.StatusBadBundleFormat, "bundle", -1, "%w", err)}}}
	return &code.Subject{Origin: code.OriginDisk, Format: "directory", Validity: v.report.validity()}
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
func (v *verification) openFile(open func(string, int, os.FileMode) (*os.File, error), name string) (*code.Subject, error) {
	// A pipe in place of a file must not block.
	f, err := open(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, openError(err)
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return nil, openError(err)
	}
	if !before.Mode().IsRegular() {
		return nil, &code.Error{Status: code.StatusRegularFile, Part: "file", Off: -1, Err: fmt.Errorf("it is no plain file but %s", before.Mode().Type())}
	}
	return v.run(f, before.Size(), func() error {
		after, err := f.Stat()
		if err != nil {
			return err
		}
		if after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
			return errors.New("the file changed while it was read")
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
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &code.Error{Status: status, Part: "file", Off: -1, Err: err}
}
