package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// scan runs a scan and returns its lines by path relative to dir, the exit code and
// the summary.
func scan(t *testing.T, dir string, flags ...string) (map[string]record, int, string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := Main(append(append([]string{"scan"}, flags...), dir), nil, &out, &errs)
	return lines(t, dir, out.String()), code, errs.String()
}

func lines(t *testing.T, dir, out string) map[string]record {
	t.Helper()
	s := readSchema(t, "scan-1.schema.json")
	found := map[string]record{}
	for line := range strings.Lines(out) {
		require.True(t, strings.HasSuffix(line, "}\n"), line)
		s.checkJSON(t, []byte(line), line)
		var r record
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		name := strings.TrimPrefix(r.Path, dir+"/")
		assert.NotContains(t, found, name, "a path stands there twice")
		found[name] = r
	}
	return found
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, content, 0o755))
}

// TestScanFindsEachPieceOnce scans a bundle with nested code and looks for what must
// not be listed: main executables, the versions of a framework, resources.
func TestScanFindsEachPieceOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "F3.app"), os.DirFS(filepath.Join(testDir, "../../fixtures/data/F3.app"))))
	found, _, _ := scan(t, dir)
	parents := map[string]string{}
	for name, r := range found {
		parents[name] = strings.TrimPrefix(r.Parent, dir+"/")
	}
	assert.Equal(t, map[string]string{
		"F3.app": "",
		"F3.app/Contents/Frameworks/Example.framework": "F3.app",
		"F3.app/Contents/MacOS/helper":                 "F3.app",
		"F3.app/Contents/XPCServices/Service.xpc":      "F3.app",
	}, parents)
	app := found["F3.app"]
	assert.Equal(t, "app", app.Kind)
	assert.Equal(t, []string{"x86_64", "arm64"}, app.Archs)
	assert.Equal(t, "com.example.app", app.Identifier)
	assert.Equal(t, "ABCDE12345", app.ClaimedTeamID)
	assert.Empty(t, app.TeamID, "its root is not one of Apple's")
	assert.Equal(t, "private", app.Channel)
	assert.True(t, *app.HardenedRuntime)
	assert.Equal(t, filepath.Join(dir, "F3.app/Contents/MacOS/F3"), app.Executable)
}

// TestScanGoesByContent gives files names that say nothing or lie.
func TestScanGoesByContent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	debuggable := fixtures.Good()
	debuggable.Entitlements = map[string]any{
		"com.apple.security.get-task-allow": true, "com.apple.security.cs.debugger": false, "com.apple.security.app-sandbox": true,
	}
	object := fixtures.Good()
	object.FileType = fixtures.TypeObject
	broken := fixtures.F1()
	broken[100] ^= 1
	for name, content := range map[string][]byte{
		"a.txt": fixtures.F1(), "deep/b": fixtures.Sign(debuggable), "c": broken,
		"d.o": fixtures.Sign(object), "tool": []byte("#!/bin/sh\n"), "e.dylib": []byte("not code"), "empty": nil, "two": {0xca, 0xfe},
		"Some.class": append([]byte{0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61}, make([]byte, 100)...),
		"fat.a":      append(universal(0x30), "!<arch>\nrest"...), "short": {0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2},
		"Info.plist": []byte("<plist><dict/></plist>"), "Assets.bundle/Info.plist": []byte("<plist><dict/></plist>"),
		"src/Info.plist": []byte("no list"), "src/Contents/readme": nil,
	} {
		write(t, filepath.Join(dir, name), content)
	}
	found, code, summary := scan(t, dir)
	verdicts := map[string]string{}
	for name, r := range found {
		verdicts[name] = r.Verdict
	}
	assert.Equal(t, map[string]string{"a.txt": "valid", "deep/b": "valid", "c": "invalid", "short": "invalid"}, verdicts)
	assert.Equal(t, []string{"com.apple.security.get-task-allow"}, found["deep/b"].Dangerous)
	assert.Equal(t, "errSecCSSignatureFailed", found["c"].StatusName)
	assert.NotEmpty(t, found["c"].Reason)
	assert.Equal(t, int(exitNo), code)
	assert.Regexp(t, `^4 pieces of code in 15 files and 5 directories; `, summary)
	assert.Regexp(t, `(?m)^  verdict +2  invalid$`, summary)
	assert.Regexp(t, `(?m)^  dangerous +1  com.apple.security.get-task-allow$`, summary)
}

// universal is a header with one slice at an offset.
func universal(offset byte) []byte {
	b := make([]byte, offset)
	copy(b, []byte{0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 1, 1, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, offset, 0, 0, 0, 8})
	return b
}

// TestAStaticSliceHidesNoProgram mixes an archive with a program: such a file is
// looked at, whatever its first slice is.
func TestAStaticSliceHidesNoProgram(t *testing.T) {
	t.Parallel()
	program := fixtures.F1()
	b := make([]byte, 0x4000+len(program))
	copy(b, []byte{0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2,
		1, 0, 0, 7, 0, 0, 0, 3, 0, 0, 0x10, 0, 0, 0, 0, 8, 0, 0, 0, 3,
		1, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0x40, 0})
	copy(b[0x1000:], "!<arch>\n")
	copy(b[0x4000:], program)
	path := filepath.Join(t.TempDir(), "mixed")
	write(t, path, b)
	is, err := sniff(path)
	require.NoError(t, err)
	assert.Equal(t, looksMachO, is)
	copy(b[0x4000:], "!<arch>\n")
	write(t, path, b)
	is, err = sniff(path)
	require.NoError(t, err)
	assert.Equal(t, looksOther, is)
}

func TestScanOfADiskImageByItsTrailer(t *testing.T) {
	t.Parallel()
	trailer := append([]byte("koly"), make([]byte, 508)...)
	for size, content := range map[string][]byte{"short": trailer, "long": append(make([]byte, 10000), trailer...)} {
		path := filepath.Join(t.TempDir(), size)
		write(t, path, content)
		is, err := sniff(path)
		require.NoError(t, err)
		assert.Equal(t, looksImage, is, size)
		write(t, path, content[1:])
		is, err = sniff(path)
		require.NoError(t, err)
		want := looksOther
		if size == "long" {
			want = looksImage // its end is the same
		}
		assert.Equal(t, want, is, size)
	}
}

func TestScanSurvivesHostileTrees(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "Contents"), 0o644))
	require.NoError(t, os.Symlink(".", filepath.Join(dir, "loop")))
	require.NoError(t, os.Symlink("absent", filepath.Join(dir, "dangling")))
	write(t, filepath.Join(dir, "real"), fixtures.F1())
	require.NoError(t, os.Symlink("real", filepath.Join(dir, "link")))
	odd := "a\nb\x1b[31mc\u202ed\xff"
	write(t, filepath.Join(dir, odd), fixtures.F1())
	nest(t, dir, 1400)

	var out, errs bytes.Buffer
	code := Main([]string{"scan", dir}, nil, &out, &errs)
	for _, c := range out.Bytes() {
		require.True(t, c >= 0x20 || c == '\n', "a control character reaches the terminal")
	}
	found := lines(t, dir, out.String())
	assert.Equal(t, int(exitUnknown), code, "what is nested too deep was not looked at")
	assert.Contains(t, found, "real")
	require.Len(t, found, 3, "real, the odd name, and the path that is too long")
	named := 0
	for _, r := range found {
		if r.PathHex != "" {
			named++
		}
		if r.Kind == "directory" {
			assert.Equal(t, "unknown", r.Verdict)
			assert.Contains(t, r.Reason, "too long")
		}
	}
	assert.Equal(t, 1, named, "bytes that JSON cannot hold stand there in hexadecimal")
	assert.Regexp(t, `(?m)^  left out +3  symbolic links`, errs.String())
	assert.Regexp(t, `(?m)^  left out +2  pipes, sockets and devices`, errs.String())

	pipe, code, _ := scan(t, dir, filepath.Join(dir, "fifo"))
	assert.Equal(t, "unknown", pipe["fifo"].Verdict, "a pipe that was named is not passed over")
	assert.Equal(t, int(exitUnknown), code)

	var text bytes.Buffer
	Main([]string{"scan", "--format", "text", dir}, nil, &text, &errs)
	assert.Contains(t, text.String(), `a\nb\x1b[31mc`)
	assert.NotContains(t, text.String(), "\x1b")
	assert.NotContains(t, text.String(), "\u202e")
}

// nest makes directories inside each other, deeper than a path can name.
func nest(t *testing.T, dir string, depth int) {
	t.Helper()
	at, err := os.OpenRoot(dir)
	require.NoError(t, err)
	for range depth {
		require.NoError(t, at.Mkdir("ddd", 0o755))
		next, err := at.OpenRoot("ddd")
		require.NoError(t, err)
		at.Close()
		at = next
	}
	at.Close()
}

func TestScanSaysWhatItCouldNotRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "good"), fixtures.F1())
	write(t, filepath.Join(dir, "closed/hidden"), fixtures.F1())
	var out, errs bytes.Buffer
	a := &app{stdout: bufio.NewWriter(&out), stderr: &errs}
	s := &scanner{app: a, format: formatNDJSON, openDir: func(path string, follow bool) (dirReader, error) {
		if filepath.Base(path) == "closed" {
			return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.EACCES}
		}
		return openDirectory(path, follow)
	}}
	require.NoError(t, s.run(a.scanCommand(), []string{dir, filepath.Join(dir, "absent")}))
	a.flush()
	found := lines(t, dir, out.String())
	assert.Equal(t, "valid", found["good"].Verdict)
	assert.Equal(t, "errSecCSSignatureNotVerifiable", found["closed"].StatusName)
	assert.Equal(t, "directory", found["closed"].Kind)
	assert.Equal(t, "errSecCSStaticCodeNotFound", found["absent"].StatusName)
	assert.Len(t, found, 3)
	assert.Equal(t, exitUnknown, a.code)

	if os.Geteuid() == 0 {
		return // who may read everything
	}
	require.NoError(t, os.Chmod(filepath.Join(dir, "good"), 0))
	found, code, _ := scan(t, dir)
	assert.Equal(t, "unknown", found["good"].Verdict)
	assert.Equal(t, "errSecCSSignatureNotVerifiable", found["good"].StatusName)
	assert.Equal(t, int(exitUnknown), code)
}

// TestScanOfManyFilesHoldsFewOfThem scans 10,000 files and compares the memory in
// use with that of a small scan.
func TestScanOfManyFilesHoldsFewOfThem(t *testing.T) {
	dir := t.TempDir()
	for d := range 10 {
		sub := filepath.Join(dir, strconv.Itoa(d))
		require.NoError(t, os.Mkdir(sub, 0o755))
		for f := range 1000 {
			require.NoError(t, os.WriteFile(filepath.Join(sub, strconv.Itoa(f)+strings.Repeat("x", 100)), []byte("text"), 0o644))
		}
	}
	write(t, filepath.Join(dir, "0/program"), fixtures.F1())
	peak := watchHeap(func() {
		found, code, summary := scan(t, dir)
		assert.Len(t, found, 1)
		assert.Zero(t, code)
		assert.Contains(t, summary, "1 piece of code in 10001 files and 11 directories")
	})
	assert.Less(t, peak, uint64(8<<20), "bytes of live heap")
}

// TestWalkOfManyNamesHoldsFewOfThem walks directories that do not exist.
func TestWalkOfManyNamesHoldsFewOfThem(t *testing.T) {
	const total = 300_000
	names, largest := 0, 0
	w := &walker{count: &walked{}}
	w.openDir = func(string, bool) (dirReader, error) { return &endless{left: total}, nil }
	w.yield = func(p *piece) bool {
		names++
		largest = max(largest, w.held)
		return true
	}
	peak := watchHeap(func() { w.dir("dir", nil, false) })
	assert.Equal(t, total, names)
	assert.LessOrEqual(t, largest, maxBatch)
	assert.Less(t, peak, uint64(8<<20), "bytes of live heap")

	// Each directory holds a directory and more names than fit into one batch.
	depth := 0
	w = &walker{count: &walked{}, yield: func(*piece) bool { largest = max(largest, w.held); return true }}
	w.openDir = func(string, bool) (dirReader, error) {
		if depth++; depth > 80 {
			return &endless{}, nil
		}
		return &endless{left: maxBatch + 1, dir: true}, nil
	}
	largest = 0
	w.dir("dir", nil, false)
	assert.LessOrEqual(t, largest, maxHeld+80*minBatch, "deep trees of large directories hold no more")
	assert.Equal(t, 81, depth)
}

// endless is a directory of empty files, with one directory in front.
type endless struct {
	left int
	dir  bool
}

type entry struct {
	fs.DirEntry
	name string
	mode fs.FileMode
}

func (e entry) Name() string      { return e.name }
func (e entry) Type() fs.FileMode { return e.mode }

func (e *endless) ReadDir(n int) (out []fs.DirEntry, err error) {
	for len(out) < n && e.left > 0 {
		one := entry{name: "file" + strconv.Itoa(e.left)}
		if e.dir {
			one.mode, e.dir = fs.ModeDir, false
		}
		out, e.left = append(out, one), e.left-1
	}
	return out, nil
}

func (e *endless) Close() error { return nil }

// watchHeap runs f and returns by how much what the garbage collections meanwhile
// left was more than before.
func watchHeap(f func()) uint64 {
	live := func() uint64 {
		runtime.GC()
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	before, done, peak := live(), make(chan struct{}), make(chan uint64)
	go func() {
		worst := uint64(0)
		for {
			select {
			case <-done:
				peak <- worst
				return
			case <-time.After(20 * time.Millisecond):
				if now := live(); now > before {
					worst = max(worst, now-before)
				}
			}
		}
	}()
	f()
	close(done)
	return <-peak
}
