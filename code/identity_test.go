package code

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func cert(cn, ou string, apple bool, ext ...OID) Certificate {
	return Certificate{
		Subject:    []Attribute{{OIDOrganizationalUnit, ou}, {OIDCommonName, cn}},
		Extensions: ext, AppleRoot: apple,
	}
}

func TestVerifiedTeam(t *testing.T) {
	t.Parallel()
	const team = "ABCDE12345"
	apple := cert("Apple Root CA", "Apple", true)
	private := cert("Root", "Us", false)
	ca := cert("Developer ID CA", "G2", false, OIDDeveloperIDCA)
	twoUnits := cert("Leaf", "OTHER12345", false, OIDDeveloperID)
	twoUnits.Subject = append(twoUnits.Subject, Attribute{OIDOrganizationalUnit, team})
	all := func(*Certificate) bool { return true }
	for name, tt := range map[string]struct {
		certs   []Certificate
		trusted func(*Certificate) bool
		want    bool
	}{
		"Developer ID below Apple's root":                   {[]Certificate{cert("L", team, false, OIDDeveloperID), ca, apple}, nil, true},
		"the same without the intermediate's marker":        {[]Certificate{cert("L", team, false, OIDDeveloperID), cert("x", "", false), apple}, nil, false},
		"another unit than the CodeDirectory's team":        {[]Certificate{cert("L", "ZZZZZ99999", false, OIDDeveloperID), ca, apple}, nil, false},
		"the team as second unit only":                      {[]Certificate{twoUnits, ca, apple}, nil, false},
		"a private root that nobody trusts":                 {[]Certificate{cert("L", team, false, OIDDeveloperID), ca, private}, nil, false},
		"a private root that the policy trusts":             {[]Certificate{cert("L", team, false), private}, all, true},
		"Apple's root when the policy does not trust it":    {[]Certificate{cert("L", team, false, OIDDeveloperID), ca, apple}, func(*Certificate) bool { return false }, false},
		"the store's own leaf, whose unit is Apple's":       {[]Certificate{cert("Apple Mac OS Application Signing", "Apple", false, OIDMacAppStore), ca, apple}, nil, true},
		"a store marker below a private root means nothing": {[]Certificate{cert("L", "Apple", false, OIDMacAppStore), private}, all, false},
		"an Apple leaf of no developer kind":                {[]Certificate{cert("L", team, false), ca, apple}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Slice{Signed: true, ClaimedTeamID: Known(team), Certs: Known(tt.certs)}
			got, ok, err := s.VerifiedTeam(tt.trusted).Get()
			assert.NoError(t, err)
			assert.Equal(t, tt.want, ok)
			if ok {
				assert.Equal(t, team, got)
			}
		})
	}
}

func TestVerifiedTeamIsUnknownWhenNobodyLooked(t *testing.T) {
	t.Parallel()
	s := Slice{ClaimedTeamID: Known("ABCDE12345")}
	assert.True(t, s.VerifiedTeam(nil).IsUnknown())
	s = Slice{ClaimedTeamID: Known("ABCDE12345"), Certs: Absent[[]Certificate]()}
	assert.True(t, s.VerifiedTeam(nil).IsAbsent(), "ad hoc code may claim any team")
}

func TestChannel(t *testing.T) {
	t.Parallel()
	apple, private := cert("Apple Root CA", "", true), cert("Root", "", false)
	mid := cert("CA", "", false, OIDDeveloperIDCA)
	for want, certs := range map[Channel][]Certificate{
		ChannelDeveloperID:  {cert("L", "", false, OIDDeveloperID), mid, apple},
		ChannelAppStore:     {cert("L", "", false, OIDMacAppStore), mid, apple},
		ChannelTestFlight:   {cert("L", "", false, OIDTestFlight), mid, apple},
		ChannelDevelopment:  {cert("L", "", false, OIDMacDeveloper, OIDAppleDeveloper), mid, apple},
		ChannelDistribution: {cert("L", "", false, OIDMacSubmission), mid, apple},
		ChannelApple:        {cert("L", "", false, OIDAppleSoftware), mid, apple},
		ChannelAppleOther:   {cert("L", "", false), mid, apple},
		ChannelPrivate:      {cert("L", "", false, OIDDeveloperID), mid, private},
		ChannelSelfSigned:   {cert("L", "", false, OIDDeveloperID)},
		ChannelAdHoc:        {},
	} {
		s := Slice{Signed: true, Certs: Known(certs)}
		assert.Equal(t, want, s.Channel().Or(""))
	}
	assert.True(t, (&Slice{}).Channel().IsUnknown())
	assert.True(t, (&Slice{Certs: Absent[[]Certificate]()}).Channel().IsAbsent(), "unsigned code has no channel")
}

func TestTrustCacheIsFalseForSignedCodeAndUnknownForAdHoc(t *testing.T) {
	t.Parallel()
	signed := Subject{Slice: Slice{Certs: Known([]Certificate{{}})}}
	assert.Equal(t, Known(false), signed.TrustCache())
	adhoc := Subject{Slice: Slice{Certs: Absent[[]Certificate]()}}
	assert.True(t, adhoc.TrustCache().IsUnknown())
	adhoc.InTrustCache = Known(true)
	assert.Equal(t, Known(true), adhoc.TrustCache())
}
