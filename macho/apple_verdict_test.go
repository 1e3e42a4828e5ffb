package macho

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// appleSays is Apple's verdict by name, or "unknown".
func appleSays(s *code.Subject) string {
	if status, known, _ := s.Validity.Apple.Get(); known {
		return status.Name()
	}
	return "unknown"
}

// TestAppleIsNotQuotedOnWhatItNeverSaw has programs that were verified in part.
func TestAppleIsNotQuotedOnWhatItNeverSaw(t *testing.T) {
	t.Parallel()
	bad := fixtures.SignSlice(fixtures.Good(), fixtures.X8664).Bytes
	bad[0x1100] ^= 1
	good := fixtures.SignSlice(fixtures.Good(), fixtures.ARM64).Bytes
	both := fixtures.Fat(fixtures.X8664.Slice(bad), fixtures.ARM64.Slice(good))
	narrow := func(arch string) *code.Subject {
		return VerifyReader(context.Background(), bytes.NewReader(both), int64(len(both)), Options{Now: fixtures.Clock, Arch: arch})
	}
	s := narrow("")
	assert.Equal(t, code.StatusSignatureFailed, s.Validity.Status, describe(s))
	assert.Equal(t, "errSecCSSignatureFailed", appleSays(s))
	s = narrow("arm64")
	require.NoError(t, s.Verified())
	assert.Equal(t, "unknown", appleSays(s), "the other slice was left out")

	name := filepath.Join(t.TempDir(), "program")
	inspect := func(b []byte) *code.Subject {
		require.NoError(t, os.WriteFile(name, b, 0o600))
		s, err := Inspect(context.Background(), name, Options{Now: fixtures.Clock})
		require.NoError(t, err)
		return s
	}
	assert.Equal(t, "unknown", appleSays(inspect(fixtures.F1())), "no page was read")
	s = inspect(append(fixtures.F1(), "trailing"...))
	assert.Equal(t, code.StatusBadMainExecutable, s.Validity.Status)
	assert.Equal(t, "unknown", appleSays(s), "a page may be wrong, which counts before what was appended")
	long := append(bytes.Clone(good), "trailing"...)
	s = inspect(fixtures.Fat(fixtures.X8664.Slice(fixtures.F1()), fixtures.ARM64.Slice(long)))
	assert.Equal(t, code.StatusBadMainExecutable, s.Validity.Status)
	assert.Equal(t, "unknown", appleSays(s), "the same in a universal file")
}

func TestSlicesThatFailDifferentlyLeaveAppleUnknown(t *testing.T) {
	t.Parallel()
	slice := func(a fixtures.Arch, change func(o *fixtures.Options), flip int) []byte {
		o := fixtures.Good()
		if change != nil {
			change(&o)
		}
		b := fixtures.SignSlice(o, a).Bytes
		if flip > 0 {
			b[flip] ^= 1
		}
		return b
	}
	other := func(o *fixtures.Options) {
		id := fixtures.DeveloperIDOther()
		o.Identity = &id
	}
	arm, x86 := fixtures.ARM64, fixtures.X8664
	for name, tt := range map[string]struct {
		arm, x86 []byte
		want     code.Status
		apple    string
	}{
		"both are good":            {slice(arm, nil, 0), slice(x86, nil, 0), code.StatusSuccess, "errSecSuccess"},
		"one has a wrong page":     {slice(arm, nil, 0x1100), slice(x86, nil, 0), code.StatusSignatureFailed, "errSecCSSignatureFailed"},
		"both have a wrong page":   {slice(arm, nil, 0x1100), slice(x86, nil, 0x1100), code.StatusSignatureFailed, "errSecCSSignatureFailed"},
		"the other is unsigned":    {slice(arm, nil, 0x1100), fixtures.Unsigned(), code.StatusUnsigned, "unknown"},
		"the other is of no team":  {slice(arm, nil, 0x1100), slice(x86, other, 0), code.StatusSignatureInvalid, "unknown"},
		"they are of two teams":    {slice(arm, nil, 0), slice(x86, other, 0), code.StatusSignatureInvalid, "errSecCSSignatureInvalid"},
		"one is simply not signed": {slice(arm, nil, 0), fixtures.Unsigned(), code.StatusUnsigned, "errSecCSUnsigned"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := verifyBytes(t, fixtures.Fat(arm.Slice(tt.arm), x86.Slice(tt.x86)))
			assert.Equal(t, tt.want, s.Validity.Status, describe(s))
			assert.Equal(t, tt.apple, appleSays(s))
		})
	}
}

func TestOurRulesAboutSignersAreNotApples(t *testing.T) {
	t.Parallel()
	weak := func(o *fixtures.Options) {
		id, ca := fixtures.DeveloperID(), fixtures.DeveloperIDCA()
		id.Cert = certify(t, id, ca, id.Key.Public(), x509.SHA1WithRSA)
		o.Identity = &id
	}
	small := func(o *fixtures.Options) {
		id := fixtures.Issue(fixtures.CertSpec{Key: "leaf-rsa1024", Serial: 5, CommonName: "Small", Usages: []string{fixtures.UsageCodeSigning}})
		o.Identity, o.Timestamp = &id, false
	}
	constrained := func(o *fixtures.Options) {
		spec := fixtures.DeveloperIDSpec()
		spec.Extra = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 30}, Value: []byte{0x30, 7, 0xa0, 5, 0x30, 3, 0x82, 1, 'x'}}}
		id := fixtures.Issue(spec)
		o.Identity = &id
	}
	digest := func(h crypto.Hash) func(o *fixtures.Options) {
		return func(o *fixtures.Options) { o.CMS = func(c *fixtures.CMS) { c.Digest = h } }
	}
	imprint := func(h crypto.Hash) func(o *fixtures.Options) {
		return func(o *fixtures.Options) { o.CMS = func(c *fixtures.CMS) { c.Timestamp.Imprint = h } }
	}
	for name, tt := range map[string]struct {
		change func(o *fixtures.Options)
		want   code.Status
		apple  string
	}{
		"a SHA-1 link below a private root":      {weak, code.StatusNotTrusted, "unknown"},
		"a self-signed leaf of 1024 bits":        {small, code.StatusNotTrusted, "unknown"},
		"name constraints":                       {constrained, code.StatusNotTrusted, "unknown"},
		"a signature with MD5":                   {digest(crypto.MD5), code.StatusSignatureFailed, "unknown"},
		"a timestamp of SHA-1 is known to Apple": {imprint(crypto.SHA1), code.StatusSuccess, "errSecSuccess"},
		"one of SHA-256 is":                      {imprint(crypto.SHA256), code.StatusSuccess, "errSecSuccess"},
		"one of SHA-384 is not":                  {imprint(crypto.SHA384), code.StatusSuccess, "unknown"},
		"one of SHA-512 is not":                  {imprint(crypto.SHA512), code.StatusSuccess, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := fixtures.Good()
			tt.change(&o)
			s := verifyBytes(t, fixtures.Sign(o))
			assert.Equal(t, tt.want, s.Validity.Status, describe(s))
			assert.Equal(t, tt.apple, appleSays(s))
		})
	}
}

// TestAppleAddsInTheWidthOfTheCommand has __LINKEDIT segments whose end is 2^32
// beyond the end of the file.
func TestAppleAddsInTheWidthOfTheCommand(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		arch  fixtures.Arch
		edit  func(l *fixtures.Layout)
		apple string
	}{
		"64 bits do not wrap round": {fixtures.X8664, func(l *fixtures.Layout) { l.Put(l.LinkEditSize()+4, 1) }, "errSecCSBadMainExecutable"},
		"32 bits do": {fixtures.I386, func(l *fixtures.Layout) {
			l.Put(l.LinkEditOffset(), 0xffff0000)
			l.Put(l.LinkEditSize(), uint32(len(l.Bytes))+0x10000)
		}, "errSecSuccess"},
	} {
		o := fixtures.Good()
		o.Arches, o.Header = []fixtures.Arch{tt.arch}, tt.edit
		s := verifyBytes(t, fixtures.Sign(o))
		assert.Equal(t, code.StatusBadMainExecutable, s.Validity.Status, "%s: %s", name, describe(s))
		assert.Equal(t, tt.apple, appleSays(s), name)
	}
}

// TestAppleComparesTheBestDirectoryAlone has programs with a SHA-1 and a SHA-256
// directory, one of which seals something else.
func TestAppleComparesTheBestDirectoryAlone(t *testing.T) {
	t.Parallel()
	lie := func(at int, slot uint32) func(i int, d *fixtures.CodeDirectory) {
		return func(i int, d *fixtures.CodeDirectory) {
			if i == at {
				d.SlotHashes = map[uint32][]byte{slot: bytes.Repeat([]byte{7}, len(fixtures.HashOf(d.HashType, nil)))}
			}
		}
	}
	for at, apple := range []string{"errSecSuccess", "errSecCSSignatureFailed"} {
		o := fixtures.Good()
		o.HashTypes = []byte{fixtures.HashSHA1, fixtures.HashSHA256}
		o.Directory = lie(at, fixtures.SlotRequirements)
		s := verifyBytes(t, fixtures.Sign(o))
		assert.Equal(t, code.StatusSignatureFailed, s.Validity.Status, describe(s))
		assert.Equal(t, apple, appleSays(s), "requirements in directory %d", at)
	}
	for at, apple := range []string{"errSecSuccess", "errSecCSResourceDirectoryFailed"} {
		b := fixtures.F3()
		b.Code.Arches, b.Code.HashTypes = nil, []byte{fixtures.HashSHA1, fixtures.HashSHA256}
		b.Code.Directory = lie(at, fixtures.SlotResources)
		s := verifyTree(t, "F3.app", b.Tree(), nil)
		assert.Equal(t, code.StatusResourceDirectoryFailed, s.Validity.Status, describe(s))
		assert.Equal(t, apple, appleSays(s), "CodeResources in directory %d", at)
	}
}

func TestSingleFileHasNoResourceDirectory(t *testing.T) {
	t.Parallel()
	blob := fixtures.Blob(fixtures.MagicWrapper, []byte("resources"))
	for name, sealed := range map[string]bool{"sealed": true, "not sealed": false} {
		o := fixtures.Good()
		o.SuperBlob = func(s *fixtures.SuperBlob) { s.Add(fixtures.SlotResources, blob) }
		if sealed {
			o.Directory = func(_ int, d *fixtures.CodeDirectory) { d.Components[fixtures.SlotResources] = blob }
		}
		s := verifyBytes(t, fixtures.Sign(o))
		assert.Equal(t, code.StatusResourcesNotFound, s.Validity.Status, "%s: %s", name, describe(s))
		assert.Equal(t, "errSecCSResourcesNotFound", appleSays(s), name)
	}
}

func TestResourcesCountBeforeTheStrictChecks(t *testing.T) {
	t.Parallel()
	tree := fixtures.F3().Tree()
	program := tree["Contents/MacOS/F3"]
	program.Data = append(bytes.Clone(program.Data), "trailing"...)
	tree["Contents/MacOS/F3"] = program
	s := verifyTree(t, "F3.app", tree, nil)
	assert.Equal(t, code.StatusBadMainExecutable, s.Validity.Status, describe(s))
	assert.Equal(t, "errSecCSBadMainExecutable", appleSays(s))
	tree["Contents/Resources/logo.txt"] = fixtures.Node{Data: []byte("changed")}
	s = verifyTree(t, "F3.app", tree, nil)
	assert.Equal(t, code.StatusBadResource, s.Validity.Status, describe(s))
	assert.Equal(t, "errSecCSBadResource", appleSays(s))
}

func TestResourcesThatWereNotComparedLeaveAppleUnknown(t *testing.T) {
	t.Parallel()
	tree := fixtures.F3().Tree()
	tree["evil"] = fixtures.Node{Data: []byte("beside Contents")}
	dir := filepath.Join(t.TempDir(), "F3.app")
	require.NoError(t, tree.Write(dir))
	for name, change := range map[string]func(o *Options){
		"the resources were left out":             func(o *Options) { o.NoResources = true },
		"nested code was not verified to the end": func(o *Options) { o.Shallow = true },
		"nobody judged the nested code":           func(o *Options) { o.Requirement = nil },
	} {
		o := options()
		change(&o)
		s, err := Verify(t.Context(), dir, o)
		require.NoError(t, err)
		assert.Equal(t, code.StatusUnsealedAppRoot, s.Validity.Status, "%s: %s", name, describe(s))
		assert.Equal(t, "unknown", appleSays(s), "%s: the resources count before the shape", name)
	}
}

func TestFileThatChangesLeavesAppleUnknown(t *testing.T) {
	t.Parallel()
	b := fixtures.F1()
	v := &verification{ctx: context.Background(), opts: Options{Now: fixtures.Clock}, pages: true}
	s := v.run(bytes.NewReader(b), int64(len(b)), func() error { return errors.New("it changed") })
	assert.Equal(t, code.StatusStaticCodeChanged, s.Validity.Status, describe(s))
	assert.Equal(t, "unknown", appleSays(s), "Apple does not look")
}

// TestAppleAsksForTheRequirementOfCodeThatOnlyWeRefuse: nested code that breaks a rule
// of ours is still judged by the seal.
func TestAppleAsksForTheRequirementOfCodeThatOnlyWeRefuse(t *testing.T) {
	t.Parallel()
	for requirement, want := range map[string]string{`identifier "com.example.helper"`: "errSecSuccess", `identifier "other"`: "errSecCSBadNestedCode"} {
		b := fixtures.F3()
		helper := b.Tools["MacOS/helper"]
		helper.Identifier, helper.Entitlements = "com.example.helper", map[string]any{"a": true}
		helper.EntitlementsXML = fixtures.Blob(fixtures.MagicEntitlements, fixtures.Plist(map[string]any{"a": false}))
		b.Tools["MacOS/helper"] = helper
		b.Seal = func(dict map[string]any) {
			dict["files2"].(map[string]any)["MacOS/helper"].(map[string]any)["requirement"] = requirement
		}
		s := verifyTree(t, "F3.app", b.Tree(), nil)
		assert.Equal(t, code.StatusInvalidEntitlements, s.Validity.Status, describe(s))
		assert.Equal(t, want, appleSays(s), "%s: %s", requirement, describe(s))
	}
}
