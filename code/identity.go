package code

import "errors"

// Anchor says in whose certificate the chain ends.
type Anchor string

// The anchors.
const (
	AnchorApple   Anchor = "apple"   // one of [AppleRoots]
	AnchorPrivate Anchor = "private" // any other root: anybody can make one
	AnchorNone    Anchor = "none"    // no certificate chain (ad hoc, or unsigned)
)

// Anchor returns whose root the verified chain ends in. It is unknown when the
// certificates are.
func (s *Slice) Anchor() Fact[Anchor] {
	root, ok, err := s.AnchorCert().Get()
	switch {
	case err != nil:
		return Unknown[Anchor](err)
	case !ok:
		return Known(AnchorNone)
	case root.AppleRoot:
		return Known(AnchorApple)
	}
	return Known(AnchorPrivate)
}

// Channel says how code was distributed, by the markers of its certificates.
type Channel string

// The channels. For a private root the markers mean nothing: anybody can put
// them into a certificate.
const (
	ChannelApple        Channel = "apple"        // Apple's own software
	ChannelAppStore     Channel = "app-store"    // signed by Apple for a store
	ChannelTestFlight   Channel = "testflight"   // signed by Apple for TestFlight
	ChannelDeveloperID  Channel = "developer-id" // outside the store
	ChannelDevelopment  Channel = "development"  // a developer's own machine
	ChannelDistribution Channel = "distribution" // submission or ad-hoc distribution, or enterprise when no profile says so
	ChannelEnterprise   Channel = "enterprise"   // distribution with a profile for all devices; see [Subject.Channel]
	ChannelAppleOther   Channel = "apple-other"  // an Apple root, but no marker that we know
	ChannelPrivate      Channel = "private"      // a private root
	ChannelSelfSigned   Channel = "self-signed"  // one certificate that signed itself
	ChannelAdHoc        Channel = "ad-hoc"       // no certificate at all
)

// Channel returns how the code was distributed. It is absent for unsigned code
// and unknown when the certificates are.
func (s *Slice) Channel() Fact[Channel] {
	certs, ok, err := s.Certs.Get()
	switch {
	case err != nil:
		return Unknown[Channel](err)
	case !s.Signed:
		return Absent[Channel]()
	case !ok || len(certs) == 0:
		return Known(ChannelAdHoc)
	case len(certs) == 1 && !certs[0].AppleRoot:
		return Known(ChannelSelfSigned)
	case !certs[len(certs)-1].AppleRoot:
		return Known(ChannelPrivate)
	}
	leaf := &certs[0]
	for _, m := range []struct {
		oid     OID
		channel Channel
	}{
		{OIDAppleSoftware, ChannelApple},
		{OIDMacAppStore, ChannelAppStore}, {OIDiOSAppStore, ChannelAppStore},
		{OIDtvOSAppStore, ChannelAppStore}, {OIDvisionOSAppStore, ChannelAppStore},
		{OIDTestFlight, ChannelTestFlight},
		{OIDMacDeveloper, ChannelDevelopment},
		{OIDAppleDeveloper, ChannelDevelopment},
		{OIDMacSubmission, ChannelDistribution}, {OIDAppleDistribution, ChannelDistribution},
	} {
		if leaf.HasExtension(m.oid) {
			return Known(m.channel)
		}
	}
	if len(certs) > 2 && leaf.HasExtension(OIDDeveloperID) && certs[1].HasExtension(OIDDeveloperIDCA) {
		return Known(ChannelDeveloperID)
	}
	return Known(ChannelAppleOther)
}

// developerMarkers are the leaf extensions whose certificates name a team.
var developerMarkers = []OID{OIDAppleDeveloper, OIDMacDeveloper, OIDMacSubmission, OIDAppleDistribution}

// DeveloperType reports whether a chain is of the kind whose leaf names the
// developer's team in its organizational unit: leaf 6.1.2, 6.1.12, 6.1.7 or
// 6.1.4, or leaf 6.1.13 below an intermediate with 6.2.6.
func DeveloperType(certs []Certificate) bool {
	if len(certs) < 2 {
		return false
	}
	for _, m := range developerMarkers {
		if certs[0].HasExtension(m) {
			return true
		}
	}
	return certs[0].HasExtension(OIDDeveloperID) && certs[1].HasExtension(OIDDeveloperIDCA)
}

// storeMarkers are the leaves with which Apple signs other teams' code after it
// checked their team.
var storeMarkers = []OID{OIDMacAppStore, OIDiOSAppStore, OIDtvOSAppStore, OIDvisionOSAppStore, OIDTestFlight}

// VerifiedTeam returns the team identifier that the certificates vouch for. The
// claimed team counts when the chain's root is trusted and either the leaf's
// FIRST organizational unit is the same (and, for Apple's roots, the leaf is a
// developer type), or the leaf is the one with which Apple signs for its store
// or TestFlight. Otherwise it is absent. trusted judges the root; nil trusts
// Apple's roots only.
func (s *Slice) VerifiedTeam(trusted func(root *Certificate) bool) Fact[string] {
	team, hasTeam, err1 := s.ClaimedTeamID.Get()
	certs, hasCerts, err2 := s.Certs.Get()
	if err := errors.Join(err1, err2); err != nil {
		return Unknown[string](err)
	}
	if !hasTeam || !hasCerts || len(certs) == 0 || team == "" {
		return Absent[string]()
	}
	root := &certs[len(certs)-1]
	if trusted == nil {
		trusted = func(c *Certificate) bool { return c.AppleRoot }
	}
	if !trusted(root) {
		return Absent[string]()
	}
	if root.AppleRoot {
		for _, m := range storeMarkers {
			if certs[0].HasExtension(m) {
				return Known(team)
			}
		}
		if !DeveloperType(certs) {
			return Absent[string]()
		}
	}
	if ou, ok := certs[0].First(OIDOrganizationalUnit); ok && ou == team {
		return Known(team)
	}
	return Absent[string]()
}
