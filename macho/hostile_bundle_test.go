package macho

import (
	"bytes"
	"context"
	"encoding/binary"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// verifyTree writes a bundle and verifies it. alter changes what lies in the
// directory; nil leaves it.
func verifyTree(t *testing.T, name string, tree fixtures.Tree, alter func(dir string) error) *code.Subject {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	require.NoError(t, tree.Write(dir))
	if alter != nil {
		require.NoError(t, alter(dir))
	}
	s, err := Verify(context.Background(), dir, options())
	require.NoError(t, err)
	return s
}

// plainSeal seals the files of a small bundle, by path below the support directory,
// with the rules of bundles that have no Resources directory.
func plainSeal(files map[string]string) []byte {
	files2 := map[string]any{}
	for name, text := range files {
		files2[name] = map[string]any{"hash2": fixtures.HashOf(fixtures.HashSHA256, []byte(text))}
	}
	return fixtures.Plist(map[string]any{
		"files": map[string]any{}, "rules": map[string]any{}, "files2": files2,
		"rules2": map[string]any{`^.*`: true, `^Info\.plist$`: map[string]any{"omit": true, "weight": 20}},
	})
}

// app is a bundle of three files; a nil one is left out.
func app(info, resources, program []byte) fixtures.Tree {
	tree := fixtures.Tree{"Contents/MacOS/X": {Data: program, Exec: true}}
	if info != nil {
		tree["Contents/Info.plist"] = fixtures.Node{Data: info}
	}
	if resources != nil {
		tree["Contents/_CodeSignature/CodeResources"] = fixtures.Node{Data: resources}
	}
	return tree
}

const plistHead = `<?xml version="1.0" encoding="UTF-8"?>`

func infoXML(head, more string) []byte {
	return []byte(head + `<plist version="1.0"><dict><key>CFBundleExecutable</key><string>X</string>` + more + `</dict></plist>`)
}

// manifold is a binary property list with one string that an array names often.
func manifold(size, references int) []byte {
	b := []byte("bplist00")
	var at []uint32
	object := func(parts ...[]byte) { at, b = append(at, uint32(len(b))), append(b, bytes.Join(parts, nil)...) }
	object([]byte{0xd1, 1, 2}, nil) // {"a": […]}
	object([]byte{0x51, 'a'})
	object([]byte{0xaf, 0x10, byte(references)}, bytes.Repeat([]byte{3}, references))
	object(binary.BigEndian.AppendUint32([]byte{0x5f, 0x12}, uint32(size)), bytes.Repeat([]byte{'x'}, size))
	table := uint64(len(b))
	for _, off := range at {
		b = binary.BigEndian.AppendUint32(b, off)
	}
	b = append(b, 0, 0, 0, 0, 0, 0, 4, 1)
	for _, v := range []uint64{uint64(len(at)), 0, table} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

func TestInfoPlistIsReadOnceForAllSlices(t *testing.T) {
	info, resources := manifold(64<<10, 60), plainSeal(nil)
	cost := func(n int) uint64 {
		o := fixtures.Options{AdHoc: true, InfoFile: info, Resources: resources}
		for i := range n {
			o.Arches = append(o.Arches, fixtures.Arch{CPUType: uint32(100 + i), Wide: true, PageShift: 12})
		}
		tree := app(info, resources, fixtures.Sign(o))
		var s *code.Subject
		used := allocated(func() { s = verifyTree(t, "X.app", tree, nil) })
		require.NoError(t, s.Verified())
		require.Len(t, s.Slices, n)
		return used
	}
	few, many := cost(2), cost(32)
	assert.Greater(t, few, uint64(60*64<<10), "the list is big in memory")
	assert.Less(t, many, 2*few, "and 30 further slices do not read it again")
}

func TestPropertyListsOfAllSlicesShareOneBudget(t *testing.T) {
	t.Parallel()
	xml := append([]byte(plistHead+`<plist version="1.0"><dict><key>a</key><string>`), bytes.Repeat([]byte{'x'}, 200<<10)...)
	xml = append(xml, `</string></dict></plist>`...)
	for slices, want := range map[int]code.Status{2: code.StatusSuccess, 3: code.StatusInvalidEntitlements} {
		o := fixtures.Options{AdHoc: true, Room: 220 << 10, EntitlementsXML: fixtures.Blob(fixtures.MagicEntitlements, xml)}
		o.Arches = []fixtures.Arch{fixtures.I386, fixtures.X8664, fixtures.ARM64}[:slices]
		s := verifyBytes(t, fixtures.Sign(o))
		assert.Equal(t, want, s.Validity.Status, "%d slices: %s", slices, describe(s))
		if want != code.StatusSuccess {
			assert.Equal(t, "unknown", appleSays(s), "the limit is ours")
			assert.True(t, s.Slices[2].Entitlements.IsUnknown())
		}
	}
}

func TestBundleNeedsASeal(t *testing.T) {
	t.Parallel()
	info, resources := infoXML(plistHead, ""), plainSeal(nil)
	bare := fixtures.Options{Identifier: "com.example.tool"}
	sealed := fixtures.Options{InfoFile: info, Resources: resources}
	half := fixtures.Options{InfoFile: info}
	for name, tt := range map[string]struct {
		tree fixtures.Tree
		want code.Status
	}{
		"a sealed bundle":                       {app(info, resources, fixtures.Sign(sealed)), code.StatusSuccess},
		"a tool that was signed for itself":     {app(info, nil, fixtures.Sign(bare)), code.StatusResourcesNotFound},
		"the same with somebody's seal":         {app(info, resources, fixtures.Sign(bare)), code.StatusResourcesNotFound},
		"a seal of Info.plist alone":            {app(info, nil, fixtures.Sign(half)), code.StatusResourcesNotFound},
		"what a linker signed":                  {app(info, nil, fixtures.F5()), code.StatusResourcesNotFound},
		"a tool in a directory without a list":  {app(nil, nil, fixtures.Sign(bare)), code.StatusResourcesNotFound},
		"a sealed bundle whose seal is missing": {app(info, nil, fixtures.Sign(sealed)), code.StatusResourceDirectoryFailed},
		"a sealed bundle with another seal":     {app(info, []byte("x"), fixtures.Sign(sealed)), code.StatusResourceDirectoryFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := verifyTree(t, "X.app", tt.tree, nil)
			assert.Equal(t, tt.want, s.Validity.Status, describe(s))
			if tt.want == code.StatusSuccess {
				assert.NoError(t, s.Verified())
				return
			}
			assert.Equal(t, tt.want, s.Validity.Find("R1").Status)
			assert.Equal(t, tt.want.Name(), appleSays(s))
		})
	}
}

func TestInfoPlistThatReadersMayReadDifferentlyNamesNothing(t *testing.T) {
	t.Parallel()
	for name, info := range map[string][]byte{
		"two executables":       infoXML(plistHead, "<key>CFBundleExecutable</key><string>other</string>"),
		"a root that is a list": []byte(plistHead + `<plist version="1.0"><array><string>X</string></array></plist>`),
		"two roots":             append(infoXML(plistHead, ""), infoXML("", "")...),
		"noise":                 []byte("CFBundleExecutable"),
		"nothing":               {},
		"an executable that is no text": []byte(plistHead +
			`<plist version="1.0"><dict><key>CFBundleExecutable</key><integer>1</integer></dict></plist>`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := fixtures.Sign(fixtures.Options{InfoFile: info, Resources: plainSeal(nil)})
			s := verifyTree(t, "X.app", app(info, plainSeal(nil), program), nil)
			assert.Equal(t, code.StatusBadBundleFormat, s.Validity.Status, describe(s))
			assert.Error(t, s.Verified())
			assert.False(t, s.Identifier.IsKnown())
		})
	}
}

func TestDocumentTypesOfRealPropertyListsAreRead(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		head         string
		info         bool // accepted in an Info.plist
		entitlements bool // accepted as entitlements
	}{
		"Apple Computer's":      {plistHead + `<!DOCTYPE plist PUBLIC "-//Apple Computer//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">`, true, true},
		"Apple Inc.'s":          {plistHead + `<!DOCTYPE plist PUBLIC "-//Apple Inc.//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">`, true, true},
		"without an address":    {plistHead + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN">`, true, true},
		"without an identifier": {plistHead + `<!DOCTYPE plist>`, true, true},
		"of the system":         {plistHead + `<!DOCTYPE plist SYSTEM "file://localhost/System/Library/DTDs/PropertyList.dtd">`, true, true},
		"behind a line break":   {"\n" + plistHead, true, true},
		"behind a ruler":        {plistHead + "\n<!-- ---- made by ---- -->", true, false},
		"with an entity":        {plistHead + `<!DOCTYPE plist [<!ENTITY a "b">]>`, false, false},
		"with both":             {plistHead + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "x" [<!ENTITY a "b">]>`, false, false},
		"of another language":   {plistHead + `<!DOCTYPE html>`, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			info := infoXML(tt.head, "<key>CFBundleIdentifier</key><string>com.example.app</string>")
			program := fixtures.Sign(fixtures.Options{InfoFile: info, Resources: plainSeal(nil)})
			s := verifyTree(t, "X.app", app(info, plainSeal(nil), program), nil)
			want := code.StatusSuccess
			if !tt.info {
				want = code.StatusBadBundleFormat
			}
			assert.Equal(t, want, s.Validity.Status, describe(s))
			assert.Equal(t, tt.info, s.Info.IsKnown())

			o := fixtures.Good()
			o.EntitlementsXML = fixtures.Blob(fixtures.MagicEntitlements, []byte(tt.head+`<plist version="1.0"><dict/></plist>`))
			s = verifyBytes(t, fixtures.Sign(o))
			want = code.StatusSuccess
			if !tt.entitlements {
				want = code.StatusInvalidEntitlements
			}
			assert.Equal(t, want, s.Validity.Status, describe(s))
		})
	}
}

// move puts a file or directory elsewhere in the bundle and a link in its place.
func move(name, to, link string) func(dir string) error {
	return func(dir string) error {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, to)); err != nil {
			return err
		}
		return os.Symlink(link, filepath.Join(dir, name))
	}
}

// pipe puts a named pipe where a file was. Nobody writes to it: whoever opens it
// as a file waits for ever.
func pipe(name string) func(dir string) error {
	return func(dir string) error {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			return err
		}
		return syscall.Mkfifo(filepath.Join(dir, name), 0o600)
	}
}

func TestPartsOfABundleAreNeitherLinksNorPipes(t *testing.T) {
	t.Parallel()
	framework := fixtures.F3().Bundles["Frameworks/Example.framework"].Tree()
	for name, tt := range map[string]struct {
		framework bool
		alter     func(dir string) error
		want      code.Status
	}{
		"an honest app":                {false, nil, code.StatusSuccess},
		"an honest framework":          {true, nil, code.StatusSuccess},
		"Contents/MacOS is a link":     {false, move("Contents/MacOS", "Contents/Moved", "Moved"), code.StatusRegularFile},
		"the executable is a link":     {false, move("Contents/MacOS/F3", "Contents/MacOS/Moved", "Moved"), code.StatusRegularFile},
		"Info.plist is a link":         {false, move("Contents/Info.plist", "Contents/Moved", "Moved"), code.StatusRegularFile},
		"_CodeSignature is a link":     {false, move("Contents/_CodeSignature", "Contents/Moved", "Moved"), code.StatusUnsealedAppRoot},
		"CodeResources is a link":      {false, move("Contents/_CodeSignature/CodeResources", "Contents/Moved", "../Moved"), code.StatusUnsealedAppRoot},
		"Versions/A is a link":         {true, move("Versions/A", "Moved", "../Moved"), code.StatusRegularFile},
		"Versions/A/Resources is one":  {true, move("Versions/A/Resources", "Versions/A/Moved", "Moved"), code.StatusRegularFile},
		"the executable is a pipe":     {false, pipe("Contents/MacOS/F3"), code.StatusRegularFile},
		"Info.plist is a pipe":         {false, pipe("Contents/Info.plist"), code.StatusRegularFile},
		"CodeResources is a pipe":      {false, pipe("Contents/_CodeSignature/CodeResources"), code.StatusUnsealedAppRoot},
		"a framework's list is a pipe": {true, pipe("Versions/A/Resources/Info.plist"), code.StatusRegularFile},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree, dir := fixtures.F3().Tree(), "F3.app"
			if tt.framework {
				tree, dir = framework, "Example.framework"
			}
			s := verifyTree(t, dir, tree, tt.alter)
			assert.Equal(t, tt.want, s.Validity.Status, describe(s))
			assert.Contains(t, []string{"unknown", tt.want.Name()}, appleSays(s))
			assert.Equal(t, tt.want == code.StatusSuccess, s.Verified() == nil)
		})
	}
}

// swapped is a bundle in which a file becomes a pipe between the look at it and
// the opening: what is seen there is another file.
type swapped struct {
	rootFS
	name, seen string
}

func (s swapped) Lstat(name string) (fs.FileInfo, error) {
	if name == s.name {
		name = s.seen
	}
	return s.rootFS.Lstat(name)
}

func TestPipeThatTakesAFilesPlaceDoesNotBlock(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Contents/Info.plist", "Contents/_CodeSignature/CodeResources"} {
		dir := writeBundle(t)
		require.NoError(t, pipe(name)(dir))
		root, err := os.OpenRoot(dir)
		require.NoError(t, err)
		defer root.Close()
		b := &bundle{fsys: swapped{rootFS{root}, name, "Contents/PkgInfo"}}
		data, _, err := b.regular(name, 1<<20)
		assert.ErrorIs(t, err, errReplaced, name)
		assert.Empty(t, data, name)
	}
}

// TestGoLinkerSignsAdHoc builds a program with the Go linker, which signs for
// Apple silicon. In a bundle the same signature seals too little.
func TestGoLinkerSignsAdHoc(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/x\n\ngo 1.26\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() { println(1) }\n"), 0o600))
	build := exec.CommandContext(t.Context(), "go", "build", "-o", "x", ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOOS=darwin", "GOARCH=arm64", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	s, err := Verify(context.Background(), filepath.Join(dir, "x"), Options{Now: fixtures.Clock})
	require.NoError(t, err)
	require.NoError(t, s.Verified(), describe(s))
	assert.Equal(t, "errSecSuccess", appleSays(s))
	assert.Equal(t, code.FlagAdHoc|code.FlagLinkerSigned, s.Flags.Or(0))
	assert.True(t, s.Certs.IsAbsent())
	assert.Empty(t, s.Validity.Warnings)

	program, err := os.ReadFile(filepath.Join(dir, "x"))
	require.NoError(t, err)
	s = verifyTree(t, "X.app", app(infoXML(plistHead, ""), nil, program), nil)
	assert.Equal(t, code.StatusResourcesNotFound, s.Validity.Status, describe(s))
	assert.Equal(t, "errSecCSResourcesNotFound", appleSays(s))
	program[len(program)/2] ^= 1
	assert.Equal(t, code.StatusSignatureFailed, verifyBytes(t, program).Validity.Status)
}
