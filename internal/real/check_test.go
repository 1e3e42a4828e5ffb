//go:build real

package real

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/macho"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

const developerID = `anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] and certificate leaf[field.1.2.840.113635.100.6.1.13] and certificate leaf[subject.OU] = `

// TestRequirementsOnRealPrograms is the main job on really signed software.
func TestRequirementsOnRealPrograms(t *testing.T) {
	const (
		dart   = "package/dart-sass/src/dart"
		xctest = "xcui/Products/Release-iphonesimulator/DetoxXCUITestRunner-Runner.app/Frameworks/XCTestCore.framework"
		sentry = "package/bin/sentry-cli"
	)
	slices := verify(t, "@sentry/cli-darwin", sentry).PerSlice()
	require.Len(t, slices, 2)
	sentryTeam := slices[0].ClaimedTeamID.Or("")
	for name, tt := range map[string]struct {
		pkg, path, requirement string
		allow                  bool
		slice, footnote        string
	}{
		"the team's own program": {"sass-embedded-darwin-arm64", dart, developerID + `"S8QB4VV633"`, true, "", ""},
		"another team":           {"sass-embedded-darwin-arm64", dart, developerID + `"ABCDE12345"`, false, "", "S8QB4VV633"},
		"a version of a program without Info.plist": {"sass-embedded-darwin-arm64", dart,
			developerID + `"S8QB4VV633" and info[CFBundleVersion] >= "1"`, false, "", "Info.plist"},
		"Apple's own software":  {"detox", xctest, "anchor apple", true, "", ""},
		"both slices of a team": {"@sentry/cli-darwin", sentry, developerID + `"` + sentryTeam + `"`, true, "", ""},
		"the identifier of one slice only": {"@sentry/cli-darwin", sentry,
			developerID + `"` + sentryTeam + `" and identifier "` + slices[0].Identifier.Or("") + `"`, false, slices[1].Arch, slices[1].Identifier.Or("")},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := xpcpolicy.Verify(context.Background(), at(fetchNamed(t, tt.pkg), tt.path), xpcpolicy.Options{Now: now})
			require.NoError(t, err)
			e, err := requirement.Parse("test.req", tt.requirement)
			require.NoError(t, err)
			r := xpcpolicy.CheckRequirement(e, s)
			tree := diag.Tree(r.Explain(), diag.TreeOptions{})
			assert.Equal(t, tt.allow, r.Allow(), tree)
			assert.Equal(t, tt.slice, r.Slice())
			assert.Contains(t, tree, tt.footnote)
		})
	}
}

// TestFlippedByteInRealProgram changes one byte of a real program at random
// places of everything that its signature protects.
func TestFlippedByteInRealProgram(t *testing.T) {
	path := at(fetchNamed(t, "get-windows"), "package/main")
	if s := verify(t, "get-windows", "package/main"); s.Validity.Status != code.StatusSuccess {
		path = at(fetchNamed(t, "sass-embedded-darwin-arm64"), "package/dart-sass/src/dart")
	}
	program, err := os.ReadFile(path)
	require.NoError(t, err)
	look := func(b []byte) *code.Subject {
		return macho.VerifyReader(context.Background(), bytes.NewReader(b), int64(len(b)), macho.Options{Now: now})
	}
	honest := look(program)
	require.NoError(t, honest.Verified())
	sig := honest.Signature
	primary := sig.Offset + sig.Slots[0].Offset
	rng := rand.New(rand.NewPCG(4, 4))
	for range 200 {
		off := rng.Int64N(int64(sig.Directories[0].CodeLimit))
		if rng.IntN(2) == 0 {
			off = primary + rng.Int64N(sig.Slots[0].Length)
		}
		b := bytes.Clone(program)
		b[off] ^= byte(1 + rng.IntN(255))
		s := look(b)
		assert.Error(t, s.Verified(), "byte 0x%x", off)
		assert.Contains(t, []code.Status{
			code.StatusSignatureFailed, code.StatusUnsigned, code.StatusBadObjectFormat, code.StatusSignatureInvalid,
			code.StatusSignatureUnsupported, code.StatusBadMainExecutable, code.StatusInfoPlistFailed,
		}, s.Validity.Status, "byte 0x%x: %s", off, s.Validity.Status)
	}
}
