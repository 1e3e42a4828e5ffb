package macho

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

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
	name       string // the directory's own name
	kind       string // "app bundle", "framework", "bundle", …
	support    string // the directory that the seal's paths begin in
	version    string // of a versioned framework: the directory's name in Versions
	other      bool   // it is not the version in use
	executable string
	infoPath   string
	info       []byte // Info.plist; nil when there is none
	parsed     code.Value
	parseErr   error
	resources  []byte // _CodeSignature/CodeResources; nil when there is none
	ticket     int64  // size of a stapled ticket
	// infoLink and resourcesLink say that the file, or a directory above it, is a
	// link or no plain file, so that nothing was read from it.
	infoLink, resourcesLink bool
	read                    map[string]fs.FileInfo // the files that regular read
	problems                []problem              // of its shape
}

var errNoBundle = errors.New("no Info.plist and no executable where a bundle has them")

// shapeError is a directory that is no usable bundle, with a status of its own.
type shapeError struct {
	status code.Status
	err    error
}

func (e *shapeError) Error() string { return e.err.Error() }

// kinds names bundles by the suffix of the directory.
var kinds = map[string]string{
	".app": "app bundle", ".framework": "framework", ".xpc": "XPC service", ".appex": "app extension",
	".systemextension": "system extension", ".dext": "driver extension", ".xcframework": "XCFramework",
}

// openBundle finds the parts of a bundle. name is the directory's own name.
func openBundle(fsys fs.FS, name string) (*bundle, error) { return openVersion(fsys, name, "") }

// openVersion finds the parts of a bundle. name is the directory's own name, version
// that of a framework's version to look at; "" is the one in use.
func openVersion(fsys fs.FS, name, version string) (*bundle, error) {
	b := &bundle{fsys: fsys, name: name, kind: "bundle"}
	ext := path.Ext(name)
	if k := kinds[ext]; k != "" {
		b.kind = k
	}
	exeDir, err := b.layout(version)
	if err != nil {
		return nil, err
	}
	if b.info, b.infoLink, err = b.regular(b.infoPath, maxPlist); err != nil {
		return nil, err
	}
	if b.infoLink {
		b.problems = append(b.problems, b.oddInfo())
	}
	if b.resources, b.resourcesLink, err = b.regular(path.Join(b.support, "_CodeSignature/CodeResources"), maxResources); err != nil {
		return nil, err
	}
	if st, err := fs.Lstat(fsys, path.Join(b.support, "CodeResources")); err == nil && st.Mode().IsRegular() {
		b.ticket = st.Size()
	}
	if b.info != nil {
		if b.parsed, b.parseErr = parseInfo(b.info); b.parseErr == nil && b.parsed.Kind() != plist.KindDict {
			b.parseErr = fmt.Errorf("the root is a %s, want a dictionary", b.parsed.Kind())
		}
	}
	exe, err := b.executableName(strings.TrimSuffix(name, ext))
	if err != nil {
		return nil, err
	}
	b.executable = path.Join(exeDir, exe)
	if b.codeless() && !exists(fsys, b.executable) {
		b.executable = b.infoPath
	}
	if st, err := fs.Lstat(fsys, b.executable); err == nil && (!st.Mode().IsRegular() || b.behindLink(b.executable)) {
		return nil, &shapeError{code.StatusRegularFile, fmt.Errorf("the main executable %s is no plain file, or lies behind a link", b.executable)}
	}
	return b, nil
}

// layout decides which of the known layouts the directory has, and returns where
// the executable lies.
func (b *bundle) layout(version string) (exeDir string, err error) {
	fsys := b.fsys
	framework := path.Ext(b.name) == ".framework" && exists(fsys, "Versions")
	versioned := framework && (version != "" || exists(fsys, "Versions/Current"))
	switch {
	case isDir(fsys, "Contents"):
		b.support, b.infoPath, exeDir = "Contents", "Contents/Info.plist", "Contents/MacOS"
		if framework {
			b.problems = append(b.problems, unjudged(code.StatusAmbiguousBundleFormat, "bundle", -1, "it has both Contents and Versions: readers disagree which of them counts"))
		}
	case exists(fsys, "Contents"):
		return "", &shapeError{code.StatusUnsealedAppRoot, errors.New("what is called Contents is no directory")}
	case versioned:
		if b.other = version != ""; !b.other {
			if version, err = currentVersion(fsys); err != nil {
				return "", err
			}
		}
		b.version, b.support = version, path.Join("Versions", version)
		exeDir, b.infoPath = b.support, path.Join(b.support, "Resources/Info.plist")
		for _, name := range []string{"Info.plist", "_CodeSignature"} {
			if exists(fsys, name) {
				b.problems = append(b.problems, unjudged(code.StatusAmbiguousBundleFormat, name, -1, "it lies beside Versions: readers disagree which of them counts"))
			}
		}
	case isFile(fsys, "Info.plist"):
		b.support, b.infoPath, exeDir = ".", "Info.plist", "."
	case isFile(fsys, "Resources/Info.plist"):
		b.support, b.infoPath, exeDir = ".", "Resources/Info.plist", "."
	case framework:
		return "", errors.New("there is no Versions/Current")
	default:
		return "", errNoBundle
	}
	if framework && b.support == "." {
		b.problems = append(b.problems, unjudged(code.StatusUnsealedFrameworkRoot, "Versions/Current", -1, "it is missing, so that the framework has no version in use"))
	}
	return exeDir, nil
}

// currentVersion returns what a framework's Versions/Current points at: the name
// of one directory beside it.
func currentVersion(fsys fs.FS) (string, error) {
	v, err := fs.ReadLink(fsys, "Versions/Current")
	if errors.Is(err, fs.ErrNotExist) {
		return "", errors.New("there is no Versions/Current")
	}
	if err != nil {
		return "", &shapeError{code.StatusUnsealedFrameworkRoot, fmt.Errorf("Versions/Current is no link: %w", pathless(err))}
	}
	if !plainName(v) {
		return "", &shapeError{code.StatusUnsealedFrameworkRoot, fmt.Errorf("Versions/Current points at %q, want the name of a directory beside it", v)}
	}
	return v, nil
}

// executableName reads CFBundleExecutable; a bundle without Info.plist has an
// executable of its own name. The Info.plist is not verified yet: whatever file it
// names is what gets verified, but the name must be a plain one, and a list that
// others may read differently names nothing.
func (b *bundle) executableName(fallback string) (string, error) {
	name := fallback
	if b.info != nil {
		if b.parseErr != nil {
			return "", fmt.Errorf("the Info.plist: %w", b.parseErr)
		}
		if e, ok := b.parsed.Get("CFBundleExecutable"); ok {
			s, isText := e.Str()
			if !isText {
				return "", errors.New("CFBundleExecutable is no string")
			}
			name = s
		}
	}
	if !plainName(name) || !fs.ValidPath(name) {
		return "", fmt.Errorf("CFBundleExecutable %q is no file name", name)
	}
	return name, nil
}

// codeless reports whether a bundle need not hold a program, so that its list stands
// for one: it names none. A program that it does name must be there.
func (b *bundle) codeless() bool {
	if b.kind == "XCFramework" || b.info == nil {
		return b.kind == "XCFramework"
	}
	_, program := b.parsed.Get("CFBundleExecutable")
	_, page := b.parsed.Get("MainHTML") // Apple: takes the page of a widget for the program
	return !program && !page
}

// plainName reports whether a text is the name of one file, and no path.
func plainName(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "/\\\x00")
}

// behindLink reports whether a directory above a file is a symbolic link. Only a
// framework's Versions/Current may be one, and that is not on any path here.
func (b *bundle) behindLink(name string) bool {
	for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if st, err := fs.Lstat(b.fsys, dir); err == nil && st.Mode()&fs.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

// regular reads a small file of the bundle; nil when there is none. odd says that
// a link or another kind of file stands in its place, which is not read.
func (b *bundle) regular(name string, limit int64) (data []byte, odd bool, err error) {
	st, err := fs.Lstat(b.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if !st.Mode().IsRegular() || b.behindLink(name) {
		return nil, true, nil
	}
	f, err := openSame(b.fsys, name, st)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	if b.read == nil {
		b.read = map[string]fs.FileInfo{}
	}
	b.read[name] = st
	if data, err = io.ReadAll(io.LimitReader(f, limit+1)); err != nil {
		return nil, false, err
	}
	if int64(len(data)) > limit {
		return nil, false, fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	if data == nil {
		data = []byte{}
	}
	return data, false, nil
}

// unaltered says which of the files that were read is not what it was.
func (b *bundle) unaltered() error {
	for name, st := range b.read {
		if now, err := fs.Lstat(b.fsys, name); err != nil || !now.Mode().IsRegular() || !sameFile(st, now) || !unaltered(st, now) {
			return fmt.Errorf("%s changed, or something else took its place, after it was read", name)
		}
	}
	return nil
}

// oddInfo is an Info.plist that was not read.
func (b *bundle) oddInfo() problem {
	return rejected(code.StatusRegularFile, b.infoPath, -1, "it is no plain file, or lies behind a link")
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
