package macho

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

func TestBundleVectors(t *testing.T) {
	t.Parallel()
	for _, v := range fixtures.TreeVectors() {
		t.Run(v.ID+" "+v.Name, func(t *testing.T) {
			t.Parallel()
			name := "F3.app"
			if v.ID == "E31" {
				name = "Script.app" // without an Info.plist the directory's name counts
			}
			dir := filepath.Join(t.TempDir(), name)
			require.NoError(t, v.Build().Write(dir))
			s, err := Verify(context.Background(), dir, options())
			require.NoError(t, err)
			want := v.Expect
			if want == "ok" {
				want = "errSecSuccess"
			}
			assert.Equal(t, want, s.Validity.Status.Name(), describe(s))
			assert.Equal(t, want == "errSecSuccess", s.Verified() == nil)
			if apple, ok, _ := s.Validity.Apple.Get(); v.Apple != "unknown" && ok {
				n, _ := strconv.Atoi(v.Apple) // "ok" is 0
				assert.Equal(t, code.Status(n), apple, describe(s))
			}
		})
	}
}

// options verify as the root package does.
func options() Options {
	return Options{Now: fixtures.Clock, Requirement: satisfies}
}

func satisfies(text string, s *code.Subject) code.Status {
	e, err := requirement.Parse("seal", text)
	if err != nil {
		return code.StatusReqInvalid
	}
	r := requirement.Eval(e, s, requirement.Options{})
	if r.Outcome == requirement.Unknown && r.Err == nil {
		return code.StatusSignatureNotVerifiable
	}
	return r.Status
}

func writeBundle(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "F3.app")
	b := fixtures.F3()
	require.NoError(t, b.Tree().Write(dir))
	return dir
}

func TestBundleIsFoundFromItsExecutable(t *testing.T) {
	t.Parallel()
	dir := writeBundle(t)
	whole, err := Verify(context.Background(), dir, options())
	require.NoError(t, err)
	require.Equal(t, code.StatusSuccess, whole.Validity.Status, describe(whole))
	assert.Contains(t, whole.Format, "app bundle with Mach-O universal")
	info, ok, err := whole.Info.Get()
	require.NoError(t, err)
	require.True(t, ok, "slot 1 seals Info.plist")
	exe, _ := info.Get("CFBundleExecutable")
	name, _ := exe.Str()
	file, err := Verify(context.Background(), filepath.Join(dir, "Contents/MacOS", name), Options{Now: fixtures.Clock})
	require.NoError(t, err)
	assert.Equal(t, whole.Format, file.Format, "the main executable of a bundle is the bundle")
}

func TestInspectReadsNoPages(t *testing.T) {
	t.Parallel()
	dir := writeBundle(t)
	s, err := Inspect(context.Background(), dir, Options{Now: fixtures.Clock})
	require.NoError(t, err)
	assert.Equal(t, code.NotRun, s.Validity.Find("C20").Outcome)
	assert.Error(t, s.Verified(), "identity alone is never verified")
	assert.True(t, s.Identifier.IsKnown())
	assert.True(t, s.Certs.IsKnown())
}

func TestWhatCannotBeJudged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := Verify(context.Background(), filepath.Join(dir, "missing"), Options{})
	assert.Equal(t, code.StatusStaticCodeNotFound, code.StatusOf(err))

	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	s, err := Verify(context.Background(), pipe, Options{})
	require.NoError(t, err)
	assert.Equal(t, code.StatusRegularFile, s.Validity.Status, "a pipe must not block")

	s, err = Verify(context.Background(), dir, Options{})
	require.NoError(t, err)
	assert.Equal(t, code.StatusBadBundleFormat, s.Validity.Status)

	script := filepath.Join(dir, "script")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\nexit 0\n"), 0o700))
	s, err = Verify(context.Background(), script, Options{})
	require.NoError(t, err)
	assert.Equal(t, code.StatusUnsigned, s.Validity.Status)
	assert.True(t, s.Identifier.IsAbsent(), "looked, and there is none")
}

func TestCancelledVerificationIsNoSuccess(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s, err := Verify(ctx, writeBundle(t), Options{Now: fixtures.Clock})
	require.NoError(t, err)
	assert.Equal(t, code.StatusCancelled, s.Validity.Status)
}

func TestArchNarrowsAndSaysSo(t *testing.T) {
	t.Parallel()
	dir := writeBundle(t)
	s, err := Verify(context.Background(), dir, Options{Now: fixtures.Clock, Arch: "arm64"})
	require.NoError(t, err)
	assert.Equal(t, "arm64", s.Arch)
	assert.Len(t, s.Slices, 1)
	assert.True(t, hasWarning(s, "slicesLeftOut"))
	s, err = Verify(context.Background(), dir, Options{Now: fixtures.Clock, Arch: "ppc"})
	require.NoError(t, err)
	assert.Equal(t, code.StatusBadObjectFormat, s.Validity.Status)
	assert.Error(t, s.Verified())
}

func TestExecutableNameNeverLeavesTheBundle(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"../../bin/ls", "/bin/ls", "a/b", "..", ".", "", "x\\y"} {
		fsys := fstest.MapFS{
			"Contents/Info.plist": {Data: []byte(`<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>CFBundleExecutable</key><string>` + name + `</string></dict></plist>`)},
			"Contents/MacOS/x":    {Data: []byte("x")},
		}
		b, err := openBundle(fsys, "X.app")
		assert.Error(t, err, "%q gave %+v", name, b)
	}
}

func TestDefectOfAStepDenies(t *testing.T) {
	t.Parallel()
	c := guarded(func(*slice) check { panic("index out of range") }, nil)
	require.Equal(t, code.Failed, c.outcome)
	assert.Equal(t, code.StatusInternalError, c.problems[0].err.Status)
	assert.True(t, c.fatal(), "nothing runs after it")
}
