package macho

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

func verifyNode(t *testing.T, data []byte, attributes map[string][]byte) *code.Subject {
	t.Helper()
	return VerifyReader(context.Background(), bytes.NewReader(data), int64(len(data)), Options{Now: fixtures.Clock,
		Attributes: func(name string) ([]byte, bool, error) { b, ok := attributes[name]; return b, ok, nil }})
}

func script(change func(f *fixtures.File)) fixtures.Node {
	f := fixtures.File{Data: []byte("#!/bin/sh\necho hello\n"), Code: fixtures.Options{Identifier: "com.example.script", Timestamp: true}}
	if change != nil {
		change(&f)
	}
	return f.Node()
}

func TestASignedScriptVerifies(t *testing.T) {
	t.Parallel()
	n := fixtures.F8()
	s := verifyNode(t, n.Data, n.Xattr)
	require.NoError(t, s.Verified(), describe(s))
	assert.Equal(t, "generic file", s.Format)
	assert.Equal(t, "com.example.script", s.Identifier.Or(""))
	assert.Equal(t, "extended attributes", s.Signature.Source)
	assert.True(t, s.Certs.IsKnown())
	assert.Equal(t, code.Known(code.StatusSuccess), s.Validity.Apple)

	two := script(func(f *fixtures.File) {
		f.Code.HashTypes = []byte{fixtures.HashSHA1, fixtures.HashSHA256}
		f.Code.Entitlements = fixtures.HelperEntitlements()
		f.Code.LaunchConstraint = fixtures.LaunchConstraint(map[string]any{"team-identifier": fixtures.Team})
	})
	s = verifyNode(t, two.Data, two.Xattr)
	require.NoError(t, s.Verified(), describe(s))
	assert.Equal(t, code.HashSHA256, s.CDHash().Or(code.CDHash{}).Type, "the alternate is the better one")
	assert.True(t, s.Entitlements.IsKnown())
	require.Len(t, s.Constraints, 1)
	assert.Equal(t, uint32(8), s.Constraints[0].Slot)

	adhoc := script(func(f *fixtures.File) { f.Code.AdHoc, f.Code.Timestamp = true, false })
	s = verifyNode(t, adhoc.Data, adhoc.Xattr)
	require.NoError(t, s.Verified(), describe(s))
	assert.Equal(t, code.Known(code.ChannelAdHoc), s.Channel())
}

// TestHostileScripts is row E39, and what else can be done to attributes, which
// anybody who may write the file may set.
func TestHostileScripts(t *testing.T) {
	t.Parallel()
	const prefix = fixtures.AttributePrefix
	good := script(nil)
	edit := func(change func(x map[string][]byte)) fixtures.Node {
		n := script(nil)
		n.Xattr = maps.Clone(n.Xattr)
		change(n.Xattr)
		return n
	}
	for name, tt := range map[string]struct {
		node fixtures.Node
		want code.Status
	}{
		"the signature of another script": {fixtures.Node{Data: []byte("#!/bin/sh\nrm -rf ~ #\n"), Xattr: good.Xattr}, code.StatusSignatureFailed},
		"a line appended":                 {fixtures.Node{Data: append(bytes.Clone(good.Data), "evil\n"...), Xattr: good.Xattr}, code.StatusSignatureFailed},
		"cut short":                       {fixtures.Node{Data: good.Data[:12], Xattr: good.Xattr}, code.StatusSignatureFailed},
		"a limit short of the file": {script(func(f *fixtures.File) {
			f.Code.Directory = func(_ int, c *fixtures.CodeDirectory) { c.CodeLimit -= 4 }
		}), code.StatusSignatureFailed},
		"no attribute": {edit(func(x map[string][]byte) { clear(x) }), code.StatusUnsigned},
		"no directory": {edit(func(x map[string][]byte) { delete(x, prefix+"CodeDirectory") }), code.StatusUnsigned},
		"no CMS":       {edit(func(x map[string][]byte) { delete(x, prefix+"CodeSignature") }), code.StatusUnsigned},
		"an empty CMS": {edit(func(x map[string][]byte) { x[prefix+"CodeSignature"] = nil }), code.StatusUnsigned},
		"bytes behind the directory": {edit(func(x map[string][]byte) {
			x[prefix+"CodeDirectory"] = append(bytes.Clone(x[prefix+"CodeDirectory"]), 0)
		}), code.StatusSignatureFailed},
		"requirements that were not sealed": {edit(func(x map[string][]byte) {
			x[prefix+"CodeRequirements"] = fixtures.RequirementSet()
		}), code.StatusSignatureFailed},
		"entitlements added": {edit(func(x map[string][]byte) {
			x[prefix+"CodeEntitlements"] = fixtures.EntitlementsXML(fixtures.HelperEntitlements())
		}), code.StatusSignatureFailed},
		"an alternate directory added": {edit(func(x map[string][]byte) { x[prefix+"CodeRequirements-1"] = x[prefix+"CodeDirectory"] }), code.StatusSignatureInvalid},
		"a part that is no blob":       {edit(func(x map[string][]byte) { x[prefix+"CodeEntitlements"] = []byte("<plist/>") }), code.StatusSignatureFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := verifyNode(t, tt.node.Data, tt.node.Xattr)
			assert.Equal(t, tt.want, s.Validity.Status, describe(s))
			assert.Error(t, s.Verified())
		})
	}
}

func TestAttributesThatCannotBeReadAreNotCalledMissing(t *testing.T) {
	t.Parallel()
	s := VerifyReader(context.Background(), bytes.NewReader([]byte("x")), 1, Options{
		Attributes: func(string) ([]byte, bool, error) { return nil, false, os.ErrPermission }})
	assert.Equal(t, code.StatusSignatureNotVerifiable, s.Validity.Status, describe(s))
}

// TestAttributesOfFilesAreRead needs a file system with extended attributes.
func TestAttributesOfFilesAreRead(t *testing.T) {
	t.Parallel()
	n := fixtures.F8()
	name := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(name, n.Data, 0o755))
	space := ""
	if runtime.GOOS == "linux" {
		space = "user."
	}
	for key, b := range n.Xattr {
		if err := setAttribute(name, space+key, b); err != nil {
			t.Skipf("this file system keeps no extended attributes: %v", err)
		}
	}
	s, err := Verify(t.Context(), name, Options{Now: fixtures.Clock})
	require.NoError(t, err)
	require.NoError(t, s.Verified(), describe(s))
	require.NoError(t, os.WriteFile(name, append(n.Data, '#'), 0o755))
	s, err = Verify(t.Context(), name, Options{Now: fixtures.Clock})
	require.NoError(t, err)
	assert.Equal(t, code.StatusSignatureFailed, s.Validity.Status)
}

func TestABundleOfAScript(t *testing.T) {
	t.Parallel()
	write := func(parts map[string][]byte, text string) string {
		dir := filepath.Join(t.TempDir(), "Script.app")
		for name, b := range parts {
			name = filepath.Join(dir, "Contents/_CodeSignature", name)
			require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
			require.NoError(t, os.WriteFile(name, b, 0o644))
		}
		exe := filepath.Join(dir, "Contents/MacOS/Script")
		require.NoError(t, os.MkdirAll(filepath.Dir(exe), 0o755))
		require.NoError(t, os.WriteFile(exe, []byte(text), 0o755))
		return dir
	}
	f := fixtures.File{Data: []byte("#!/bin/sh\n"), Code: fixtures.Options{Identifier: "com.example.script"}}
	s, err := Inspect(t.Context(), write(f.Parts(), "#!/bin/sh\n"), Options{Now: fixtures.Clock})
	require.NoError(t, err)
	require.True(t, s.Signed, describe(s))
	assert.Equal(t, "files of _CodeSignature", s.Signature.Source)
	assert.Equal(t, "com.example.script", s.Identifier.Or(""))
	assert.Equal(t, code.Passed, s.Validity.Find("C13").Outcome, describe(s))

	s, err = Inspect(t.Context(), write(nil, "#!/bin/sh\n"), Options{Now: fixtures.Clock})
	require.NoError(t, err)
	assert.Equal(t, code.StatusUnsigned, s.Validity.Status, "row E31: a bundle is not signed because it is a bundle")
}

func TestDetachedSignatures(t *testing.T) {
	t.Parallel()
	verify := func(program, signature []byte) *code.Subject {
		return VerifyReader(context.Background(), bytes.NewReader(program), int64(len(program)), Options{Now: fixtures.Clock, Detached: signature})
	}
	thin := fixtures.SignDetached(fixtures.Options{Timestamp: true})
	s := verify(thin.Program, thin.Signature)
	require.NoError(t, s.Verified(), describe(s))
	assert.Equal(t, "detached", s.Signature.Source)
	assert.True(t, s.Signed)

	fat := fixtures.SignDetached(fixtures.Options{Arches: []fixtures.Arch{fixtures.X8664, fixtures.ARM64}})
	s = verify(fat.Program, fat.Signature)
	require.NoError(t, s.Verified(), describe(s))
	assert.Len(t, s.Slices, 2)

	n := script(nil)
	raw, ps := assemble(partsOf(n), "test")
	require.Empty(t, ps)
	var super fixtures.SuperBlob
	super.Magic = fixtures.MagicDetached
	super.Add(0, raw)
	s = verify(n.Data, super.Bytes())
	require.NoError(t, s.Verified(), describe(s))

	embedded := fixtures.F1()
	for name, tt := range map[string]struct {
		program, signature []byte
		want               code.Status
	}{
		"of another program":                    {fixtures.SignDetached(fixtures.Options{Version: "9"}).Program, thin.Signature, code.StatusSignatureFailed},
		"with a byte of the program changed":    {flip(thin.Program, len(thin.Program)-1), thin.Signature, code.StatusSignatureFailed},
		"with bytes appended to the program":    {append(bytes.Clone(thin.Program), 0), thin.Signature, code.StatusSignatureFailed},
		"without one of the slices":             {fat.Program, thin.Signature, code.StatusUnsigned},
		"instead of a good embedded one":        {embedded, thin.Signature, code.StatusSignatureFailed},
		"that is empty":                         {embedded, []byte{}, code.StatusSignatureInvalid},
		"with bytes behind it":                  {thin.Program, append(bytes.Clone(thin.Signature), 0), code.StatusSignatureInvalid},
		"that is an embedded one":               {thin.Program, raw, code.StatusSignatureInvalid},
		"for a script, with a Mach-O signature": {n.Data, thin.Signature, code.StatusUnsigned},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := verify(tt.program, tt.signature)
			assert.Equal(t, tt.want, s.Validity.Status, describe(s))
			assert.Error(t, s.Verified())
		})
	}
}

// partsOf are the components of a node by slot.
func partsOf(n fixtures.Node) map[uint32][]byte {
	parts := map[uint32][]byte{}
	for slot, name := range partNames {
		if b, ok := n.Xattr[fixtures.AttributePrefix+name]; ok {
			parts[slot] = b
		}
	}
	return parts
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// FuzzDetached: what is found lies in the input and is no second copy of it.
func FuzzDetached(f *testing.F) {
	d := fixtures.SignDetached(fixtures.Options{Arches: []fixtures.Arch{fixtures.X8664, fixtures.ARM64}})
	f.Add(d.Signature)
	f.Add(d.Signature[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, key := range []uint32{0, cpuX8664, cpuARM64} {
			raw, p := detachedEntry(b, key)
			if raw != nil && (p != nil || len(raw) > len(b)-20) {
				t.Fatal("an entry beside a problem, or too large")
			}
			if raw == nil {
				continue
			}
			if blob, ps := parseSuperBlob(raw); blob == nil && len(ps) == 0 {
				t.Fatal("refused without a reason")
			}
		}
	})
}
