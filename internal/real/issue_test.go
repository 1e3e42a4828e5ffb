//go:build real

package real

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/macho"
)

func verify(t *testing.T, pkg, path string) *code.Subject {
	t.Helper()
	s, err := macho.Verify(context.Background(), at(fetchNamed(t, pkg), path), macho.Options{Now: now})
	require.NoError(t, err)
	return s
}

// Apple's own signatures have no time at all, and the certificates have expired:
// they are valid nevertheless.
func TestAppleSignedWithExpiredCertificates(t *testing.T) {
	s := verify(t, "detox", "xcui/Products/Release-iphonesimulator/DetoxXCUITestRunner-Runner.app/Frameworks/XCTestCore.framework")
	require.NoError(t, s.Verified())
	views := s.PerSlice()
	require.Len(t, views, 2)
	for _, v := range views {
		certs, ok, err := v.Certs.Get()
		require.NoError(t, err)
		require.True(t, ok)
		require.Len(t, certs, 3)
		assert.Equal(t, "Software Signing", certs[0].CommonName())
		assert.True(t, certs[0].HasExtension(code.OIDAppleSoftware), "the marker of Apple's own software")
		assert.True(t, certs[0].NotAfter.Before(now), "the leaf has expired")
		assert.True(t, certs[2].AppleRoot)
		assert.Equal(t, code.ChannelApple, v.Channel().Or(""))
		assert.True(t, v.SigningTime.IsAbsent())
		assert.True(t, v.SignedAt.IsAbsent())
		assert.Equal(t, "com.apple.dt.XCTestCore", v.Identifier.Or(""))
		info, _, err := v.Info.Get()
		require.NoError(t, err)
		id, _ := info.Get("CFBundleIdentifier")
		assert.Equal(t, `"com.apple.dt.XCTestCore"`, id.String())
	}
}

// Honest software has slices with different identifiers: signing each slice by
// itself derives the identifier from its own content.
func TestSlicesWithDifferentIdentifiers(t *testing.T) {
	s := verify(t, "@sentry/cli-darwin", "package/bin/sentry-cli")
	require.NoError(t, s.Verified())
	views := s.PerSlice()
	require.Len(t, views, 2)
	assert.NotEqual(t, views[0].Identifier.Or("0"), views[1].Identifier.Or("0"))
	assert.Equal(t, views[0].ClaimedTeamID.Or("0"), views[1].ClaimedTeamID.Or("1"))
	for _, v := range views {
		assert.Equal(t, v.ClaimedTeamID.Or("0"), v.VerifiedTeam(nil).Or("1"))
		assert.Equal(t, code.ChannelDeveloperID, v.Channel().Or(""))
	}
}

// The program of the first example: Developer ID, a timestamp, no Info.plist.
func TestDeveloperIDProgram(t *testing.T) {
	s := verify(t, "sass-embedded-darwin-arm64", "package/dart-sass/src/dart")
	require.NoError(t, s.Verified())
	assert.Equal(t, "S8QB4VV633", s.VerifiedTeam(nil).Or(""))
	assert.Equal(t, code.ChannelDeveloperID, s.Channel().Or(""))
	assert.True(t, s.SignedAt.IsKnown())
	assert.True(t, s.Info.IsAbsent())
}
