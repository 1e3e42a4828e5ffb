package code

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

func texts(list ...string) Value {
	var vs []Value
	for _, s := range list {
		vs = append(vs, plist.String(s))
	}
	return plist.Array(vs...)
}

func TestAuthorises(t *testing.T) {
	t.Parallel()
	p := &Profile{Valid: true, Entitlements: Known(mustDict(t,
		Entry{Key: "app", Value: plist.String("ABCDE12345.*")},
		Entry{Key: "one", Value: plist.String("ABCDE12345.com.example.app")},
		Entry{Key: "middle", Value: plist.String("ABCDE*.com")},
		Entry{Key: "all", Value: plist.String("*")},
		Entry{Key: "list", Value: texts("ABCDE12345.*", "group.example")},
		Entry{Key: "flag", Value: plist.Bool(true)},
		Entry{Key: "number", Value: plist.Int(1)},
		Entry{Key: "nested", Value: plist.Array(texts("x"))},
	))}
	for name, tt := range map[string]struct {
		key   string
		value Value
		want  bool
	}{
		"a value below the pattern":                {"app", plist.String("ABCDE12345.com.example"), true},
		"the pattern's prefix alone":               {"app", plist.String("ABCDE12345."), true},
		"another team that begins alike":           {"app", plist.String("ABCDE123456.x"), false},
		"a team that the pattern does not begin":   {"app", plist.String("ABCDE1234.x"), false},
		"the same in another case":                 {"app", plist.String("abcde12345.x"), false},
		"the same value":                           {"one", plist.String("ABCDE12345.com.example.app"), true},
		"a value that goes on":                     {"one", plist.String("ABCDE12345.com.example.app2"), false},
		"a wildcard claimed where there is none":   {"one", plist.String("ABCDE12345.*"), false},
		"a star in the middle is a character":      {"middle", plist.String("ABCDE12345.com"), false},
		"that very text":                           {"middle", plist.String("ABCDE*.com"), true},
		"a star alone, for a list":                 {"all", texts("a", "b"), true},
		"each element is authorised":               {"list", texts("ABCDE12345.x", "group.example"), true},
		"one element is not":                       {"list", texts("ABCDE12345.x", "group.other"), false},
		"one value of a list":                      {"list", plist.String("group.example"), true},
		"an empty list":                            {"list", plist.Array(), true},
		"a list in a list":                         {"list", plist.Array(texts("group.example")), false},
		"nested lists do not open":                 {"nested", plist.String("x"), false},
		"true":                                     {"flag", plist.Bool(true), true},
		"false where true is allowed":              {"flag", plist.Bool(false), false},
		"the text true":                            {"flag", plist.String("true"), false},
		"the number one where true is allowed":     {"flag", plist.Int(1), false},
		"true where the number one is allowed":     {"number", plist.Bool(true), false},
		"a key that the profile does not have":     {"missing", plist.Bool(true), false},
		"a number where a pattern stands":          {"all", plist.Int(1), false},
		"a list of numbers where a pattern stands": {"all", plist.Array(plist.Int(1)), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, p.Authorises(tt.key, tt.value))
		})
	}
	invalid := *p
	invalid.Valid = false
	assert.False(t, invalid.Authorises("flag", plist.Bool(true)), "an invalid profile authorises nothing")
	assert.False(t, new(Profile).Authorises("flag", plist.Bool(true)))
}

// provisioned is a slice and the profile that lets it have what it claims.
func provisioned(t *testing.T) (*Slice, *Profile) {
	t.Helper()
	leaf := cert("L", "ABCDE12345", false, OIDMacDeveloper)
	leaf.SHA256 = [32]byte{7}
	s := &Slice{Signed: true, Platform: 1, Identifier: Known("com.example.app"), ClaimedTeamID: Known("ABCDE12345"),
		Certs: Known([]Certificate{leaf, cert("CA", "", false), cert("Apple Root CA", "", true)}),
		Entitlements: Known(mustDict(t,
			Entry{Key: "com.apple.application-identifier", Value: plist.String("ABCDE12345.com.example.app")},
			Entry{Key: "com.apple.developer.endpoint-security.client", Value: plist.Bool(true)},
			Entry{Key: "com.apple.security.app-sandbox", Value: plist.Bool(true)},
			Entry{Key: "com.apple.security.application-groups", Value: texts("ABCDE12345.shared")},
			Entry{Key: "com.example.own", Value: plist.Bool(true)},
			Entry{Key: "keychain-access-groups", Value: texts("ABCDE12345.com.example.app")},
		))}
	p := &Profile{Path: "Contents/embedded.provisionprofile", Valid: true, TeamIDs: []string{"ABCDE12345"}, Prefixes: []string{"ABCDE12345"},
		Platforms: []string{"OSX"}, Expires: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), Expired: Known(false),
		Certificates: []Hex{leaf.SHA256[:]},
		Entitlements: Known(mustDict(t,
			Entry{Key: "com.apple.application-identifier", Value: plist.String("ABCDE12345.*")},
			Entry{Key: "com.apple.developer.endpoint-security.client", Value: plist.Bool(true)},
			Entry{Key: "keychain-access-groups", Value: texts("ABCDE12345.*")},
		))}
	return s, p
}

func reasons(f Fact[[]UnauthorisedEntitlement]) map[string]string {
	out := map[string]string{}
	for _, u := range f.Or(nil) {
		out[u.Key] = u.Reason
	}
	return out
}

func TestUnauthorised(t *testing.T) {
	t.Parallel()
	const es, app, chain = "com.apple.developer.endpoint-security.client", "com.apple.application-identifier", "keychain-access-groups"
	all := func(reason string) map[string]string {
		return map[string]string{es: reason, app: reason, chain: reason}
	}
	set := func(s *Slice, key string, v Value) {
		d, _, _ := s.Entitlements.Get()
		var entries []Entry
		for k, old := range d.All() {
			if k != key {
				entries = append(entries, Entry{Key: k, Value: old})
			}
		}
		s.Entitlements = Known(mustDict(t, append(entries, Entry{Key: key, Value: v})...))
	}
	apple := func(marker OID) func(s *Slice, p *Profile) {
		return func(s *Slice, p *Profile) {
			s.Certs = Known([]Certificate{cert("L", "Apple", false, marker), cert("CA", "", false), cert("Apple Root CA", "", true)})
		}
	}
	for name, tt := range map[string]struct {
		change func(s *Slice, p *Profile)
		absent bool // there is no profile
		want   map[string]string
	}{
		"what the profile allows":              {func(*Slice, *Profile) {}, false, map[string]string{}},
		"no profile":                           {func(*Slice, *Profile) {}, true, all(UnauthorisedNoProfile)},
		"a profile that is not valid":          {func(s *Slice, p *Profile) { p.Valid = false }, false, all(UnauthorisedInvalid)},
		"a profile that expired":               {func(s *Slice, p *Profile) { p.Expired = Known(true) }, false, all(UnauthorisedExpired)},
		"a profile at an unknown time":         {func(s *Slice, p *Profile) { p.Expired = Fact[bool]{} }, false, all(UnauthorisedExpired)},
		"a profile for phones":                 {func(s *Slice, p *Profile) { p.Platforms = []string{"iOS"} }, false, all(UnauthorisedPlatform)},
		"a profile of another team":            {func(s *Slice, p *Profile) { p.TeamIDs = []string{"ZYXWV98765"} }, false, all(UnauthorisedTeam)},
		"code that names no team":              {func(s *Slice, p *Profile) { s.ClaimedTeamID = Absent[string]() }, false, merge(all(UnauthorisedTeam), "com.apple.security.application-groups", UnauthorisedTeam)},
		"a certificate that is not listed":     {func(s *Slice, p *Profile) { p.Certificates[0] = make(Hex, 32) }, false, all(UnauthorisedCertificate)},
		"a profile of another app":             {func(s *Slice, p *Profile) { set(s, app, plist.String("ZYXWV98765.com.example.app")) }, false, all(UnauthorisedApp)},
		"an application identifier no text":    {func(s *Slice, p *Profile) { set(s, app, texts("ABCDE12345.com.example.app")) }, false, all(UnauthorisedApp)},
		"one value that it does not have":      {func(s *Slice, p *Profile) { set(s, chain, texts("ZYXWV98765.x")) }, false, map[string]string{chain: UnauthorisedValue}},
		"an entitlement that it does not have": {func(s *Slice, p *Profile) { set(s, "com.apple.developer.hid", plist.Bool(true)) }, false, map[string]string{"com.apple.developer.hid": UnauthorisedValue}},
		"one that is Apple's":                  {func(s *Slice, p *Profile) { set(s, "com.apple.private.tcc.allow", plist.Bool(true)) }, false, map[string]string{"com.apple.private.tcc.allow": UnauthorisedAppleOnly}},
		"a group that is not the team's": {func(s *Slice, p *Profile) {
			set(s, "com.apple.security.application-groups", texts("ABCDE12345.a", "group.example"))
		}, false, map[string]string{"com.apple.security.application-groups": UnauthorisedValue}},
		"a phone wants a profile for everything": {func(s *Slice, p *Profile) { s.Platform, p.Platforms = 2, []string{"iOS"} }, false, map[string]string{
			"com.apple.security.app-sandbox": UnauthorisedValue, "com.apple.security.application-groups": UnauthorisedValue, "com.example.own": UnauthorisedValue}},
		"ad-hoc code, whose own keys nobody vouches for": {func(s *Slice, p *Profile) { s.Certs = Absent[[]Certificate]() }, false,
			merge(all(UnauthorisedAdHoc), "com.example.own", UnauthorisedAdHoc)},
		"Apple's own code":               {apple(OIDAppleSoftware), true, map[string]string{}},
		"code of the store":              {apple(OIDMacAppStore), true, map[string]string{}},
		"code of TestFlight":             {apple(OIDTestFlight), true, map[string]string{}},
		"an Apple leaf of no known kind": {apple(OIDDeveloperIDInst), true, all(UnauthorisedNoProfile)},
		"a store marker of a private root": {func(s *Slice, p *Profile) {
			s.Certs = Known([]Certificate{cert("L", "Apple", false, OIDMacAppStore), cert("Root", "", false)})
		}, true, all(UnauthorisedNoProfile)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := provisioned(t)
			tt.change(s, p)
			profile := Known(*p)
			if tt.absent {
				profile = Absent[Profile]()
			}
			got := Unauthorised(s, profile)
			require.True(t, got.IsKnown(), "%v", got.Err())
			assert.Equal(t, tt.want, reasons(got))
			for _, u := range got.Or(nil) {
				assert.NotEmpty(t, u.Detail)
				assert.Equal(t, u.Key != "com.example.own" || s.Platform == 2, u.Restricted, u.Key)
			}
		})
	}
}

func merge(m map[string]string, key, value string) map[string]string {
	m[key] = value
	return m
}

func TestUnauthorisedIsUnknownWhereAFactIsMissing(t *testing.T) {
	t.Parallel()
	s, _ := provisioned(t)
	assert.True(t, Unauthorised(s, Fact[Profile]{}).IsUnknown(), "the profile was not read")
	s.Entitlements = Known(mustDict(t, Entry{Key: "com.example.own", Value: plist.Bool(true)}))
	assert.Equal(t, map[string]string{}, reasons(Unauthorised(s, Fact[Profile]{})), "nothing asks for one")
	s.Entitlements = Fact[Value]{}
	assert.True(t, Unauthorised(s, Absent[Profile]()).IsUnknown())
	s.Entitlements = Absent[Value]()
	assert.True(t, Unauthorised(s, Absent[Profile]()).IsAbsent())
	s, _ = provisioned(t)
	s.Certs = Fact[[]Certificate]{}
	assert.True(t, Unauthorised(s, Absent[Profile]()).IsUnknown(), "nobody knows who signed")
}

func TestMadeForFallsBackToTheIdentifier(t *testing.T) {
	t.Parallel()
	s, p := provisioned(t)
	s.Entitlements = Absent[Value]()
	assert.Equal(t, Known(true), p.MadeFor(s))
	p.Entitlements = Known(mustDict(t, Entry{Key: "com.apple.application-identifier", Value: plist.String("ABCDE12345.com.example.other")}))
	assert.Equal(t, Known(false), p.MadeFor(s))
	s.Identifier = Fact[string]{}
	assert.True(t, p.MadeFor(s).IsUnknown())
}

func TestEnterpriseNeedsAProfile(t *testing.T) {
	t.Parallel()
	enterprise := func(change func(p *Profile)) Fact[Channel] {
		p := Profile{Valid: true, AllDevices: true, CertMatch: Known(true), Platforms: []string{"iOS"}}
		change(&p)
		s := Subject{Profile: Known(p), Slice: Slice{Signed: true,
			Certs: Known([]Certificate{cert("L", "", false, OIDAppleDistribution), cert("CA", "", false), cert("Apple Root CA", "", true)})}}
		return s.Channel()
	}
	assert.Equal(t, Known(ChannelEnterprise), enterprise(func(*Profile) {}))
	for name, change := range map[string]func(p *Profile){
		"listed devices":           func(p *Profile) { p.AllDevices = false },
		"a profile that is broken": func(p *Profile) { p.Valid = false },
		"another certificate":      func(p *Profile) { p.CertMatch = Known(false) },
		"macOS":                    func(p *Profile) { p.Platforms = []string{"OSX"} },
		"no system":                func(p *Profile) { p.Platforms = nil },
	} {
		assert.Equal(t, Known(ChannelDistribution), enterprise(change), name)
	}
}

func TestProfilesSurviveJSONAndContradictionsAreRefused(t *testing.T) {
	t.Parallel()
	s := verified(OriginDisk)
	slice, p := provisioned(t)
	s.Slice = *slice
	p.CertMatch, p.AppIDMatch, p.Created = Known(true), Known(true), p.Expires
	s.Profile = Known(*p)
	s.Unauthorised = Unauthorised(slice, Absent[Profile]())
	s.Revocation = Known(Revocation{Revoked: true, Index: 1, Serial: "0a", At: p.Expires, AsOf: p.Expires})
	b, err := json.Marshal(s)
	require.NoError(t, err)
	back, err := ReadFacts(b)
	require.NoError(t, err)
	assert.Equal(t, s.Profile, back.Profile)
	assert.Equal(t, s.Unauthorised, back.Unauthorised)
	assert.Equal(t, s.Revocation, back.Revocation)
	for name, in := range map[string]string{
		"an invalid profile that allows": strings.Replace(string(b), `"valid":true`, `"valid":false`, 1),
		"an unknown key":                 strings.Replace(string(b), `"valid":true`, `"valid":true,"trusted":true`, 1),
	} {
		require.NotEqual(t, string(b), in)
		_, err := ReadFacts([]byte(in))
		assert.Error(t, err, name)
	}
}
