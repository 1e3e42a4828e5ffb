package macho

import (
	"crypto/x509"
	_ "embed"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// softwareSigning is the public certificate with which Apple signed its systems up
// to October 2026.
//
//go:embed testdata/software-signing.der
var softwareSigning []byte

func TestChannelsOfPrograms(t *testing.T) {
	t.Parallel()
	signedBy := func(id fixtures.Identity) []byte {
		o := fixtures.Good()
		o.Identity, o.Timestamp = &id, false
		return fixtures.Sign(o)
	}
	for name, tt := range map[string]struct {
		program []byte
		channel code.Channel
		anchor  code.Anchor
		marker  code.OID // of the leaf; "" for none
	}{
		"Developer ID markers below a private root": {fixtures.F1(), code.ChannelPrivate, code.AnchorPrivate, code.OIDDeveloperID},
		"development markers below a private root":  {signedBy(fixtures.AppleDevelopment()), code.ChannelPrivate, code.AnchorPrivate, code.OIDMacDeveloper},
		"Apple's names without Apple's keys":        {signedBy(fixtures.Impostor()), code.ChannelPrivate, code.AnchorPrivate, code.OIDDeveloperID},
		"a certificate that signed itself":          {signedBy(fixtures.SelfSigned()), code.ChannelSelfSigned, code.AnchorPrivate, ""},
		"no certificate":                            {fixtures.AdHoc(), code.ChannelAdHoc, code.AnchorNone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := verifyBytes(t, tt.program)
			require.NoError(t, s.Verified(), describe(s))
			assert.Equal(t, code.Known(tt.channel), s.Channel())
			assert.Equal(t, code.Known(tt.anchor), s.Anchor())
			if leaf, ok, _ := s.Leaf().Get(); ok && tt.marker != "" {
				assert.True(t, leaf.HasExtension(tt.marker))
			}
		})
	}
	assert.True(t, verifyBytes(t, fixtures.Unsigned()).Channel().IsAbsent())
}

// TestApplesOwnChain builds the chain of Apple's real certificate: its SHA-1 links
// and its critical markers must be accepted, and its root be Apple's.
func TestApplesOwnChain(t *testing.T) {
	t.Parallel()
	leaf, err := x509.ParseCertificate(softwareSigning)
	require.NoError(t, err)
	var known *authorities // nil remembers nothing
	path, err := known.buildChain(leaf, nil, leaf.NotBefore.AddDate(1, 0, 0), false)
	require.NoError(t, err)
	require.NoError(t, checkChain(path, false))
	var certs []code.Certificate
	for _, c := range path {
		certs = append(certs, known.facts(c))
	}
	s := code.Slice{Signed: true, Certs: code.Known(certs)}
	assert.Len(t, certs, 3)
	assert.Equal(t, code.Known(code.ChannelApple), s.Channel())
	assert.Equal(t, code.Known(code.AnchorApple), s.Anchor())

	bare := code.Slice{Signed: true, Certs: code.Known(certs[:2])}
	assert.Equal(t, code.Known(code.ChannelPrivate), bare.Channel(), "without the root nothing is Apple's")
}
