package code

import (
	"fmt"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// Reasons why an entitlement is not authorised.
const (
	UnauthorisedAdHoc       = "ad-hoc"                 // nobody signed: whoever built the code claims it
	UnauthorisedNoProfile   = "no-profile"             // there is no embedded profile
	UnauthorisedInvalid     = "profile-invalid"        // the profile's own signature does not hold
	UnauthorisedExpired     = "profile-expired"        // its date has passed, or nobody knows the time
	UnauthorisedPlatform    = "profile-platform"       // it is for another system
	UnauthorisedTeam        = "other-team"             // it is another team's
	UnauthorisedCertificate = "certificate-not-listed" // the leaf is none of its certificates
	UnauthorisedApp         = "other-app"              // it is for another application identifier
	UnauthorisedValue       = "not-authorised"         // it does not have the entitlement, or not the value
	UnauthorisedAppleOnly   = "apple-only"             // Apple keeps the entitlement for its own code
)

// UnauthorisedEntitlement is an entitlement that the code claims and that nothing
// in the bundle lets it have.
type UnauthorisedEntitlement struct {
	Key string `json:"key"`
	// Reason is one of the Unauthorised constants, Detail says it in words.
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
	// Restricted is set when the system ends code that claims it without a profile.
	// It is not set for other claims of ad-hoc code, which nobody stands behind.
	Restricted bool `json:"restricted,omitempty"`
}

// Numbers of systems in LC_BUILD_VERSION.
const (
	platformIOS      = 2
	platformTVOS     = 3
	platformWatchOS  = 4
	platformBridgeOS = 5
	platformVisionOS = 11
)

// profileEverywhere reports whether a system wants a profile for every entitlement.
func profileEverywhere(platform uint32) bool {
	switch platform {
	case platformIOS, platformTVOS, platformWatchOS, platformBridgeOS, platformVisionOS:
		return true
	}
	return false
}

const privatePrefix = "com.apple.private."

// restricted reports whether the system lets code carry an entitlement only when a
// profile authorises it.
func restricted(key string, value Value, platform uint32, team string) bool {
	switch {
	case profileEverywhere(platform):
		return true
	case strings.HasPrefix(key, "com.apple.developer."), strings.HasPrefix(key, privatePrefix),
		key == "com.apple.application-identifier", key == "keychain-access-groups":
		return true
	case key == "com.apple.security.application-groups":
		return groupsOfOthers(value, team)
	}
	return false
}

// groupsOfOthers reports whether a list of application groups holds one that does
// not begin with the team identifier, as groups that need no profile do.
func groupsOfOthers(value Value, team string) bool {
	if value.Kind() != plist.KindArray {
		text, ok := value.Str()
		return !ok || team == "" || !strings.HasPrefix(text, team+".")
	}
	for v := range value.Items() {
		if v.Kind() == plist.KindArray || groupsOfOthers(v, team) {
			return true
		}
	}
	return false
}

// harmless reports whether anybody may carry an entitlement without a profile, so
// that it says nothing about who made the code.
func harmless(key string) bool {
	return strings.HasPrefix(key, "com.apple.security.") || key == "get-task-allow"
}

// Unauthorised lists the entitlements of a slice that its profile does not
// authorise. It is absent for code without entitlements, and empty for code that
// Apple signed itself, for its systems, its stores or TestFlight: there Apple has
// decided. profile is absent when the bundle has none.
func Unauthorised(s *Slice, profile Fact[Profile]) Fact[[]UnauthorisedEntitlement] {
	claims, ok, err := s.Entitlements.Get()
	switch {
	case err != nil:
		return Unknown[[]UnauthorisedEntitlement](err)
	case !ok:
		return Absent[[]UnauthorisedEntitlement]()
	}
	channel, _, err := s.Channel().Get()
	if err != nil {
		return Unknown[[]UnauthorisedEntitlement](err)
	}
	list := []UnauthorisedEntitlement{}
	switch channel {
	case ChannelApple, ChannelAppStore, ChannelTestFlight:
		return Known(list)
	}
	p, hasProfile, profileErr := profile.Get()
	reason, detail := "", ""
	if channel == ChannelAdHoc {
		reason, detail = UnauthorisedAdHoc, "the code is signed ad hoc, so nobody vouches for what it claims"
	} else if !hasProfile {
		reason, detail = UnauthorisedNoProfile, "there is no embedded provisioning profile"
	} else {
		reason, detail = p.useless(s)
	}
	team, _, _ := s.ClaimedTeamID.Get()
	for key, value := range claims.All() {
		u := UnauthorisedEntitlement{Key: key, Reason: reason, Detail: detail,
			Restricted: restricted(key, value, s.Platform, team)}
		switch {
		case !u.Restricted && (channel != ChannelAdHoc || harmless(key)):
			continue
		case u.Restricted && profileErr != nil && channel != ChannelAdHoc:
			return Unknown[[]UnauthorisedEntitlement](profileErr)
		case reason == "" && p.Authorises(key, value):
			continue
		case strings.HasPrefix(key, privatePrefix) && channel != ChannelAdHoc:
			u.Reason, u.Detail = UnauthorisedAppleOnly, "Apple keeps it for its own code"
		case reason == "":
			u.Reason, u.Detail = UnauthorisedValue, "the provisioning profile does not authorise it, or not this value"
		}
		list = append(list, u)
	}
	return Known(list)
}

// useless returns why a profile authorises nothing for a slice; two empty texts
// when it may.
func (p *Profile) useless(s *Slice) (reason, detail string) {
	team, hasTeam, _ := s.ClaimedTeamID.Get()
	leaf, hasLeaf, _ := s.Leaf().Get()
	expired, known, err := p.Expired.Get()
	switch {
	case !p.Valid:
		return UnauthorisedInvalid, "the provisioning profile is not valid: " + p.Problem
	case expired:
		return UnauthorisedExpired, fmt.Sprintf("the provisioning profile expired on %s", p.Expires.UTC().Format("2006-01-02"))
	case !known:
		return UnauthorisedExpired, fmt.Sprintf("nobody knows whether the provisioning profile has expired: %v", err)
	case !p.runsOn(s.Platform):
		return UnauthorisedPlatform, fmt.Sprintf("the provisioning profile is for %s", strings.Join(p.Platforms, ", "))
	case !hasTeam || !containsText(p.TeamIDs, team):
		return UnauthorisedTeam, fmt.Sprintf("the provisioning profile is for the team %s, the code says %q", strings.Join(p.TeamIDs, ", "), team)
	case !hasLeaf || !p.Lists(leaf):
		return UnauthorisedCertificate, "the signing certificate is not listed in the provisioning profile"
	case p.MadeFor(s) != Known(true):
		return UnauthorisedApp, "the provisioning profile is for another application identifier"
	}
	return "", ""
}

// runsOn compares the profile's systems with that of a slice. A slice that names
// none is taken for macOS.
func (p *Profile) runsOn(platform uint32) bool {
	var want []string
	switch platform {
	case platformIOS:
		want = []string{"iOS"}
	case platformTVOS:
		want = []string{"tvOS", "iOS"}
	case platformWatchOS:
		want = []string{"watchOS", "iOS"}
	case platformVisionOS:
		want = []string{"xrOS", "visionOS", "iOS"}
	case platformBridgeOS:
		want = []string{"bridgeOS"}
	default:
		want = []string{"OSX"}
	}
	for _, w := range want {
		if containsText(p.Platforms, w) {
			return true
		}
	}
	return len(p.Platforms) == 0
}

func containsText(list []string, s string) bool {
	for _, t := range list {
		if t == s {
			return true
		}
	}
	return false
}
