package macho

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

func TestFactsOfABundle(t *testing.T) {
	t.Parallel()
	b := fixtures.F3()
	b.Files = fixtures.Tree{"Resources/logo.txt": {Data: []byte("logo\n")}, "Resources/tool": {Data: fixtures.AdHoc()}, "Resources/link": {Link: "logo.txt"}}
	tree := b.Tree()
	tree["Contents/Resources/.DS_Store"] = fixtures.Node{Data: []byte("x"), Exec: true}
	tree["Contents/Frameworks/Example.framework/Versions/A/.DS_Store"] = fixtures.Node{Data: []byte("x")}
	tree["Contents/_MASReceipt/receipt"] = fixtures.Node{Data: []byte("x")}
	for _, name := range []string{"Icon\r", "Contents/CodeResources", "Contents/Frameworks/Example.framework/module.map", "Contents/Frameworks/Example.framework/Versions/.DS_Store"} {
		tree[name] = fixtures.Node{Data: []byte("x")}
	}
	s := verifyTree(t, "F3.app", tree, nil)
	require.NoError(t, s.Verified(), describe(s))
	facts, ok, err := s.Bundle.Get()
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, code.FileList{Total: 7, First: []string{
		"Contents/CodeResources", "Contents/Frameworks/Example.framework/Versions/.DS_Store",
		"Contents/Frameworks/Example.framework/Versions/A/.DS_Store", "Contents/Frameworks/Example.framework/module.map",
		"Contents/Resources/.DS_Store", "Contents/_MASReceipt/receipt", "Icon\r",
	}}, facts.Unsealed)
	assert.Equal(t, code.FileList{Total: 1, First: []string{"Contents/Resources/tool"}}, facts.CodeAsData)
	assert.True(t, hasWarning(s, "unsealedExecutable"))
	assert.Equal(t, int64(1), facts.Links)
	require.Len(t, facts.Nested, 3)
	assert.Equal(t, 3, facts.NestedTotal)
	for i, path := range []string{"Contents/Frameworks/Example.framework", "Contents/MacOS/helper", "Contents/XPCServices/Service.xpc"} {
		n := facts.Nested[i]
		assert.Equal(t, path, n.Path)
		assert.Equal(t, code.StatusSuccess, n.Status)
		assert.Contains(t, n.Requirement, n.Identifier)
		assert.Equal(t, n.SealedCDHash, n.CDHash)
		assert.False(t, n.CDHashDiffers)
	}
	assert.Equal(t, "framework with Mach-O thin (x86_64)", facts.Nested[0].Format)
	// The framework has an Info.plist among its resources, the app two files.
	assert.Equal(t, int64(3), facts.Sealed)

	alone := verifyBytes(t, fixtures.F1())
	assert.True(t, alone.Bundle.IsAbsent())
	for _, id := range []string{"R2", "R8", "R10", "T1", "T4"} {
		assert.Equal(t, code.NotApplicable, alone.Validity.Find(id).Outcome, id)
	}
}

func TestNestedCode(t *testing.T) {
	t.Parallel()
	const (
		helper  = "Contents/MacOS/helper"
		service = "Contents/XPCServices/Service.xpc"
	)
	signedAs := func(identifier string) fixtures.Node {
		o := fixtures.Good()
		o.Identifier = identifier
		return fixtures.Node{Data: fixtures.Sign(o), Exec: true}
	}
	for name, tt := range map[string]struct {
		change func(tree fixtures.Tree)
		want   code.Status
		apple  string
		path   string
	}{
		"nothing changed": {func(fixtures.Tree) {}, code.StatusSuccess, "errSecSuccess", ""},
		"a helper of another name": {func(tree fixtures.Tree) { tree[helper] = signedAs("com.example.other") },
			code.StatusBadNestedCode, "errSecCSBadNestedCode", helper},
		"a newer helper": {func(tree fixtures.Tree) {
			o := fixtures.Good()
			o.Identifier, o.Version = "com.example.helper", "9.9.9"
			tree[helper] = fixtures.Node{Data: fixtures.Sign(o), Exec: true}
		}, code.StatusSuccess, "errSecSuccess", ""},
		"a helper with a changed page": {func(tree fixtures.Tree) {
			b := bytes.Clone(tree[helper].Data)
			b[0x1100] ^= 1
			tree[helper] = fixtures.Node{Data: b, Exec: true}
		}, code.StatusSignatureFailed, "errSecCSSignatureFailed", helper},
		"a helper that is a script": {func(tree fixtures.Tree) { tree[helper] = fixtures.Node{Data: []byte("#!/bin/sh\n"), Exec: true} },
			code.StatusUnsigned, "errSecCSUnsigned", helper},
		"a file of a service changed": {func(tree fixtures.Tree) {
			tree[service+"/Contents/Resources/added"] = fixtures.Node{Data: []byte("x")}
		}, code.StatusBadResource, "errSecCSBadResource", service + "/Contents/Resources/added"},
		"another name counts before a file": {func(tree fixtures.Tree) {
			for name := range tree {
				if strings.HasPrefix(name, service) {
					delete(tree, name)
				}
			}
			b := fixtures.Bundle{Name: "Service", Code: fixtures.Good(), Type: "XPC!"}
			tree.Merge(service, b.Tree())
			tree[service+"/Contents/Resources/added"] = fixtures.Node{Data: []byte("x")}
		}, code.StatusBadNestedCode, "errSecCSBadNestedCode", service},
		"a service that is a file": {func(tree fixtures.Tree) {
			for name := range tree {
				if strings.HasPrefix(name, service) {
					delete(tree, name)
				}
			}
			tree[service] = fixtures.Node{Data: []byte("x")}
		}, code.StatusUnsigned, "errSecCSUnsigned", service},
		"a helper that is gone": {func(tree fixtures.Tree) { delete(tree, helper) },
			code.StatusBadResource, "errSecCSBadResource", helper},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := fixtures.F3().Tree()
			tt.change(tree)
			s := verifyTree(t, "F3.app", tree, nil)
			assert.Equal(t, tt.want, s.Validity.Status, describe(s))
			assert.Equal(t, tt.apple, appleSays(s), describe(s))
			if tt.path != "" {
				var e *code.Error
				require.ErrorAs(t, s.Verified(), &e)
				assert.Equal(t, tt.path, e.Path)
			}
			facts, ok, _ := s.Bundle.Get()
			assert.True(t, ok)
			for _, n := range facts.Nested {
				assert.Equal(t, n.CDHash != n.SealedCDHash, n.CDHashDiffers, n.Path)
			}
		})
	}
}

func TestWithoutAJudgeNestedCodeIsNotVerified(t *testing.T) {
	t.Parallel()
	dir := writeBundle(t)
	for name, tt := range map[string]struct {
		change func(o *Options)
		notRun []string
		reason string
	}{
		"nobody judges requirements": {func(o *Options) { o.Requirement = nil }, []string{"R9"}, "requirements"},
		"nested code was looked at":  {func(o *Options) { o.Shallow = true }, []string{"R9"}, "C20"},
		"the files were left out":    {func(o *Options) { o.NoResources = true }, []string{"R1", "R2", "R8", "R9", "R10"}, "left out"},
		"a requirement nobody answers": {func(o *Options) {
			o.Requirement = func(string, *code.Subject) code.Status { return code.StatusSignatureNotVerifiable }
		}, nil, ""},
	} {
		o := options()
		tt.change(&o)
		s, err := Verify(t.Context(), dir, o)
		require.NoError(t, err)
		assert.Error(t, s.Verified(), name)
		assert.True(t, s.Validity.Apple.IsUnknown(), name)
		for _, id := range tt.notRun {
			assert.Equal(t, code.NotRun, s.Validity.Find(id).Outcome, "%s: %s", name, id)
			assert.Contains(t, s.Validity.Find(id).Reason, tt.reason, "%s: %s", name, id)
		}
		if tt.notRun == nil {
			assert.Equal(t, code.StatusSignatureNotVerifiable, code.StatusOf(s.Verified()), name)
		}
	}
}

func TestRequirementIsAskedForEverySlice(t *testing.T) {
	t.Parallel()
	b := fixtures.F3()
	helper := b.Tools["MacOS/helper"]
	helper.Arches = []fixtures.Arch{fixtures.X8664, fixtures.ARM64}
	b.Tools = map[string]fixtures.Options{"MacOS/helper": helper}
	b.Bundles = nil
	dir := filepath.Join(t.TempDir(), "F3.app")
	require.NoError(t, b.Tree().Write(dir))
	var seen []string
	o := options()
	o.Requirement = func(_ string, s *code.Subject) code.Status {
		seen = append(seen, s.Arch)
		if s.Arch == "arm64" {
			return code.StatusReqFailed
		}
		return code.StatusSuccess
	}
	s, err := Verify(t.Context(), dir, o)
	require.NoError(t, err)
	assert.Equal(t, code.StatusBadNestedCode, s.Validity.Status, describe(s))
	assert.Equal(t, []string{"x86_64", "arm64"}, seen)
}

func TestManyFaultsAreCountedAndTheFirstNamed(t *testing.T) {
	t.Parallel()
	tree := fixtures.F3().Tree()
	for i := range 50 {
		tree["Contents/Resources/"+string(rune('A'+i/10))+string(rune('0'+i%10))] = fixtures.Node{Data: []byte("x")}
	}
	s := verifyTree(t, "F3.app", tree, nil)
	c := s.Validity.Find("R8")
	assert.Equal(t, code.StatusBadResource, c.Status)
	assert.Equal(t, 50, c.Total)
	require.Len(t, c.Paths, maxItemFaults)
	assert.Equal(t, "Contents/Resources/A0", c.Paths[0])
	assert.Contains(t, c.Reason, "and 49 more")
	assert.Equal(t, "errSecCSBadResource", appleSays(s))
}

func TestSpecialFilesAreRefusedAndNeverOpened(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"Contents/Resources/pipe", "Contents/MacOS/pipe", "Contents/pipe", "Contents/XPCServices/Service.xpc/Contents/pipe"} {
		s := verifyTree(t, "F3.app", fixtures.F3().Tree(), func(dir string) error {
			return syscall.Mkfifo(filepath.Join(dir, place), 0o600)
		})
		assert.Equal(t, code.StatusResourceNotSupported, s.Validity.Status, describe(s))
	}
}

func TestDeepDirectoriesAreRefused(t *testing.T) {
	t.Parallel()
	s := verifyTree(t, "F3.app", fixtures.F3().Tree(), func(dir string) error {
		return os.MkdirAll(filepath.Join(dir, "Contents/Resources"+strings.Repeat("/d", maxDirDepth+5)), 0o755)
	})
	assert.Equal(t, code.StatusTooBig, s.Validity.Status, describe(s))
	assert.True(t, s.Bundle.IsUnknown(), "the walk did not end")
}

func TestProgressIsToldAndNeverAtTheSameTime(t *testing.T) {
	t.Parallel()
	b := fixtures.F3()
	b.Files = fixtures.Tree{}
	for i := range 1000 {
		b.Files["Resources/"+string(rune('a'+i/100))+string(rune('a'+i/10%10))+string(rune('a'+i%10))] = fixtures.Node{Data: []byte("x")}
	}
	dir := filepath.Join(t.TempDir(), "F3.app")
	require.NoError(t, b.Tree().Write(dir))
	o := options()
	var told []Progress // the race detector looks at it
	o.Progress = func(p Progress) { told = append(told, p) }
	s, err := Verify(context.Background(), dir, o)
	require.NoError(t, err)
	require.NoError(t, s.Verified(), describe(s))
	require.NotEmpty(t, told)
	assert.LessOrEqual(t, len(told), 1002/progressFiles)
	for i, p := range told {
		assert.LessOrEqual(t, p.Files, p.Sealed)
		assert.True(t, i == 0 || p.Files > told[i-1].Files)
	}
}

func TestComponentsOfTwoPlacesAreRefused(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]code.Status{
		"CodeEntitlements": code.StatusSignatureFailed, // the program has none
		"CodeDirectory":    code.StatusUnsealedAppRoot, // the program has its own, so nobody reads it
		"CodeSignature":    code.StatusUnsealedAppRoot,
	} {
		tree := fixtures.F3().Tree()
		tree["Contents/_CodeSignature/"+name] = fixtures.Node{Data: []byte("x")}
		s := verifyTree(t, "F3.app", tree, nil)
		assert.Equal(t, want, s.Validity.Status, "%s: %s", name, describe(s))
	}
	tree := fixtures.F3().Tree()
	tree["Contents/_CodeSignature/CodeSignature"] = fixtures.Node{}
	s := verifyTree(t, "F3.app", tree, nil)
	assert.NoError(t, s.Verified(), "codesign leaves an empty one")
}

func TestOtherVersionsOfAFramework(t *testing.T) {
	t.Parallel()
	honest := fixtures.F3().Bundles["Frameworks/Example.framework"]
	for name, tt := range map[string]struct {
		change func(tree fixtures.Tree)
		want   code.Status
	}{
		"another version that is sound": {func(tree fixtures.Tree) {
			for n, node := range honest.Tree() {
				if rest, ok := strings.CutPrefix(n, "Versions/A/"); ok {
					tree["Versions/B/"+rest] = node
				}
			}
		}, code.StatusSuccess},
		"another version without a program": {func(tree fixtures.Tree) {
			tree["Versions/B/Resources/Info.plist"] = fixtures.Node{Data: []byte("x")}
		}, code.StatusBadFrameworkVersion},
		"a file among the versions":      {func(tree fixtures.Tree) { tree["Versions/evil"] = fixtures.Node{Data: []byte("x")} }, code.StatusUnsealedFrameworkRoot},
		"a link out of the versions":     {func(tree fixtures.Tree) { tree["Versions/B"] = fixtures.Node{Link: "../../evil"} }, code.StatusUnsealedFrameworkRoot},
		"a link to the version in use":   {func(tree fixtures.Tree) { tree["Versions/B"] = fixtures.Node{Link: "A"} }, code.StatusSuccess},
		"a root link under another name": {func(tree fixtures.Tree) { tree["Other"] = fixtures.Node{Link: "Versions/Current/Example"} }, code.StatusUnsealedFrameworkRoot},
		"a root link into a version":     {func(tree fixtures.Tree) { tree["Example"] = fixtures.Node{Link: "Versions/A/Example"} }, code.StatusSuccess},
		"Contents beside Versions": {func(tree fixtures.Tree) {
			tree["Contents/Info.plist"] = tree["Versions/A/Resources/Info.plist"]
			tree["Contents/MacOS/Example"] = tree["Versions/A/Example"]
			tree["Contents/_CodeSignature/CodeResources"] = tree["Versions/A/_CodeSignature/CodeResources"]
		}, code.StatusBadResource},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := honest.Tree()
			tt.change(tree)
			s := verifyTree(t, "Example.framework", tree, nil)
			assert.Equal(t, tt.want, s.Validity.Status, describe(s))
			assert.Equal(t, tt.want == code.StatusSuccess, s.Verified() == nil, describe(s))
			if name == "Contents beside Versions" {
				assert.Equal(t, code.StatusAmbiguousBundleFormat, s.Validity.Find("T4").Status)
			}
		})
	}
}

// unreadable is a bundle of which one name may be seen and not opened.
type unreadable struct {
	rootFS
	name string
}

func (u unreadable) Open(name string) (fs.File, error) {
	if name == u.name {
		return nil, fs.ErrPermission
	}
	return u.rootFS.Open(name)
}

func (u unreadable) Sub(name string) (fs.FS, error) {
	if name == u.name {
		return nil, fs.ErrPermission
	}
	sub, err := u.rootFS.Sub(name)
	if err != nil {
		return nil, err
	}
	return unreadable{sub.(rootFS), u.name}, nil
}

func TestWhatCannotBeReadIsNotCalledChanged(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"logo.txt", "Resources", "MacOS"} {
		root, err := os.OpenRoot(writeBundle(t))
		require.NoError(t, err)
		defer root.Close()
		v := new(Verifier).start(t.Context(), options(), true)
		s, err := v.openBundleAt(unreadable{rootFS{root}, name}, "F3.app", "")
		v.shared.close()
		require.NoError(t, err)
		assert.Equal(t, code.StatusSignatureNotVerifiable, s.Validity.Find("R8").Status, "%s: %s", name, describe(s))
		assert.Error(t, s.Verified())
	}
}

// replaced is a bundle in which one directory becomes another one between the look
// at it and the opening.
type replaced struct {
	rootFS
	name, by string
}

func (r replaced) Sub(name string) (fs.FS, error) {
	if name == r.name {
		name = r.by
	}
	sub, err := r.rootFS.Sub(name)
	if err != nil {
		return nil, err
	}
	return replaced{sub.(rootFS), r.name, r.by}, nil
}

func TestDirectoryThatIsReplacedIsNoticed(t *testing.T) {
	t.Parallel()
	root, err := os.OpenRoot(writeBundle(t))
	require.NoError(t, err)
	defer root.Close()
	v := new(Verifier).start(t.Context(), options(), true)
	defer v.shared.close()
	s, err := v.openBundleAt(replaced{rootFS{root}, "Resources", "MacOS"}, "F3.app", "")
	require.NoError(t, err)
	c := s.Validity.Find("R8")
	assert.Equal(t, code.StatusStaticCodeChanged, c.Status, describe(s))
	assert.Equal(t, []string{"Contents/Resources"}, c.Paths)
}

func TestCancelledInTheMiddleIsNoSuccess(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	o := options()
	o.Requirement = func(text string, s *code.Subject) code.Status {
		cancel()
		return satisfies(text, s)
	}
	s, err := Verify(ctx, writeBundle(t), o)
	require.NoError(t, err)
	assert.Equal(t, code.StatusCancelled, s.Validity.Status, describe(s))
	assert.True(t, s.Bundle.IsUnknown())
	assert.Error(t, s.Verified())
}
