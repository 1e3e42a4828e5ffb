package macho

import (
	"crypto/sha256"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

const esClient = "com.apple.developer.endpoint-security.client"

// claims is what the sample app claims: one restricted entitlement and its own name.
func claims() map[string]any {
	return map[string]any{
		esClient:                              true,
		"com.apple.application-identifier":    fixtures.Team + ".com.example.app",
		"com.apple.developer.team-identifier": fixtures.Team,
		"com.apple.security.app-sandbox":      true,
	}
}

func goodProfile(change func(p *fixtures.Profile)) []byte {
	p := fixtures.Profile{Entitlements: map[string]any{esClient: true}}
	if change != nil {
		change(&p)
	}
	return p.Bytes()
}

// inspectApp writes an app with a profile and inspects it; nil: without one.
func inspectApp(t *testing.T, profile []byte, change func(b *fixtures.Bundle), o Options) *code.Subject {
	t.Helper()
	app := fixtures.Good()
	app.Identifier, app.Entitlements = "com.example.app", claims()
	b := fixtures.Bundle{Name: "App", Code: app, Files: fixtures.Tree{}}
	if profile != nil {
		b.Files["embedded.provisionprofile"] = fixtures.Node{Data: profile}
	}
	if change != nil {
		change(&b)
	}
	dir := filepath.Join(t.TempDir(), "App.app")
	require.NoError(t, b.Tree().Write(dir))
	s, err := Inspect(t.Context(), dir, o)
	require.NoError(t, err)
	return s
}

func profileOptions() Options {
	return Options{Now: fixtures.Clock, AllowProfileRoots: [][32]byte{fixtures.RootSHA256()}}
}

func unauthorised(s *code.Subject) map[string]string {
	out := map[string]string{}
	for _, u := range s.Unauthorised.Or(nil) {
		out[u.Key] = u.Reason
	}
	return out
}

func TestAProfileThatAllowsWhatTheCodeClaims(t *testing.T) {
	t.Parallel()
	s := inspectApp(t, goodProfile(nil), nil, profileOptions())
	p, ok, err := s.Profile.Get()
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, p.Valid, p.Problem)
	assert.Equal(t, "Contents/embedded.provisionprofile", p.Path)
	assert.Equal(t, "Example Profile", p.Name)
	assert.Equal(t, []string{fixtures.Team}, p.TeamIDs)
	assert.Equal(t, []string{"OSX"}, p.Platforms)
	assert.True(t, p.AllDevices)
	assert.Equal(t, code.Known(false), p.Expired)
	assert.Equal(t, code.Known(true), p.CertMatch)
	assert.Equal(t, code.Known(true), p.AppIDMatch)
	assert.Equal(t, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), p.Expires)
	require.True(t, s.Unauthorised.IsKnown())
	assert.Empty(t, unauthorised(s))
	assert.False(t, hasWarning(s, "unauthorisedEntitlements"))
}

// TestProfilesThatAllowNothing are rows D15 to D17.
func TestProfilesThatAllowNothing(t *testing.T) {
	t.Parallel()
	impostor := fixtures.ProfileImpostor()
	leaf := fixtures.DeveloperID() // below a good root, but no signer of profiles
	all := func(reason string) map[string]string {
		return map[string]string{esClient: reason, "com.apple.application-identifier": reason, "com.apple.developer.team-identifier": reason}
	}
	dict := func(key string, v any) []byte {
		return goodProfile(func(p *fixtures.Profile) {
			p.Dict = func(d map[string]any) {
				d[key] = v
				if v == nil {
					delete(d, key)
				}
			}
		})
	}
	for name, tt := range map[string]struct {
		profile []byte
		valid   bool
		want    map[string]string
	}{
		"there is none":   {nil, false, all(code.UnauthorisedNoProfile)},
		"of another team": {goodProfile(func(p *fixtures.Profile) { p.Team = fixtures.OtherTeam }), true, all(code.UnauthorisedTeam)},
		"of another app":  {goodProfile(func(p *fixtures.Profile) { p.AppID = "com.example.other" }), true, all(code.UnauthorisedApp)},
		"of a team that begins alike": {goodProfile(func(p *fixtures.Profile) {
			p.Dict = func(d map[string]any) {
				d["Entitlements"].(map[string]any)["com.apple.application-identifier"] = "ABCDE1234.*"
			}
		}), true, all(code.UnauthorisedApp)},
		"that expired":             {goodProfile(func(p *fixtures.Profile) { p.Expires = fixtures.Clock.Add(-time.Second) }), true, all(code.UnauthorisedExpired)},
		"with another certificate": {goodProfile(func(p *fixtures.Profile) { p.Certificates = [][]byte{fixtures.DeveloperIDOther().Cert} }), true, all(code.UnauthorisedCertificate)},
		"with no certificate":      {dict("DeveloperCertificates", nil), true, all(code.UnauthorisedCertificate)},
		"for phones":               {goodProfile(func(p *fixtures.Profile) { p.Platform = []string{"iOS"} }), true, all(code.UnauthorisedPlatform)},
		"without the entitlement":  {goodProfile(func(p *fixtures.Profile) { p.Entitlements = nil }), true, map[string]string{esClient: code.UnauthorisedValue}},
		"with another value":       {goodProfile(func(p *fixtures.Profile) { p.Entitlements = map[string]any{esClient: "true"} }), true, map[string]string{esClient: code.UnauthorisedValue}},
		"without entitlements":     {dict("Entitlements", nil), true, all(code.UnauthorisedApp)},
		"signed by a self-made CA": {goodProfile(func(p *fixtures.Profile) { p.Signer = &impostor }), false, all(code.UnauthorisedInvalid)},
		"signed by a developer":    {goodProfile(func(p *fixtures.Profile) { p.Signer = &leaf }), false, all(code.UnauthorisedInvalid)},
		"changed after signing": {goodProfile(func(p *fixtures.Profile) {
			p.CMS = func(c *fixtures.CMS) {
				c.EContent = append([]byte{}, c.EContent...)
				c.EContent[len(c.EContent)/2] ^= 1
			}
		}), false, all(code.UnauthorisedInvalid)},
		"without its content":            {goodProfile(func(p *fixtures.Profile) { p.CMS = func(c *fixtures.CMS) { c.EContent = nil } }), false, all(code.UnauthorisedInvalid)},
		"without signed attributes":      {goodProfile(func(p *fixtures.Profile) { p.CMS = func(c *fixtures.CMS) { c.NoSignedAttributes = true } }), false, all(code.UnauthorisedInvalid)},
		"signed before its signer began": {goodProfile(func(p *fixtures.Profile) { p.Created = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }), false, all(code.UnauthorisedInvalid)},
		"without a date":                 {dict("ExpirationDate", nil), false, all(code.UnauthorisedInvalid)},
		"with a date that is text":       {dict("ExpirationDate", "2099-01-01"), false, all(code.UnauthorisedInvalid)},
		"with a list that is text":       {dict("TeamIdentifier", fixtures.Team), false, all(code.UnauthorisedInvalid)},
		"of another version":             {dict("Version", 2), false, all(code.UnauthorisedInvalid)},
		"that is a property list":        {fixtures.Plist(map[string]any{"Entitlements": claims()}), false, all(code.UnauthorisedInvalid)},
		"that is empty":                  {[]byte{}, false, all(code.UnauthorisedInvalid)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := inspectApp(t, tt.profile, nil, profileOptions())
			p, ok, err := s.Profile.Get()
			require.NoError(t, err)
			assert.Equal(t, tt.profile != nil, ok)
			assert.Equal(t, tt.valid, p.Valid, p.Problem)
			if ok && !tt.valid {
				assert.NotEmpty(t, p.Problem)
				assert.True(t, p.Entitlements.IsUnknown(), "nothing is taken from it")
				assert.Empty(t, p.TeamIDs)
			}
			assert.Equal(t, tt.want, unauthorised(s))
			require.True(t, hasWarning(s, "unauthorisedEntitlements"))
			for _, w := range s.Validity.Warnings {
				if w.ID == "unauthorisedEntitlements" {
					assert.Contains(t, w.Message, "no matching profile found")
					assert.Contains(t, w.Message, esClient)
				}
			}
			assert.Equal(t, code.Passed, s.Validity.Find("X2").Outcome, "the signature itself is another question")
		})
	}
}

func TestOnlyApplesRootVouchesForAProfile(t *testing.T) {
	t.Parallel()
	s := inspectApp(t, goodProfile(nil), nil, Options{Now: fixtures.Clock})
	p, _, _ := s.Profile.Get()
	assert.False(t, p.Valid)
	assert.Contains(t, p.Problem, "not one of Apple's roots")
	s = inspectApp(t, goodProfile(nil), nil, Options{AllowProfileRoots: profileOptions().AllowProfileRoots})
	p, _, _ = s.Profile.Get()
	require.True(t, p.Valid, p.Problem)
	assert.True(t, p.Expired.IsUnknown(), "nobody knows the time")
	assert.Equal(t, code.UnauthorisedExpired, unauthorised(s)[esClient])
}

func TestProfilesOfPhonesNeedApplesOwnSigner(t *testing.T) {
	t.Parallel()
	root := fixtures.Issue(fixtures.CertSpec{Key: "ca-root", Serial: 50, CommonName: "Phone Root", CA: true, PathLen: -1})
	ca := fixtures.Issue(fixtures.CertSpec{Key: "ca-wwdr", Issuer: &root, Serial: 51, CommonName: phoneProfileIssuer, CA: true})
	signer := fixtures.Issue(fixtures.CertSpec{Key: "leaf-profile", Issuer: &ca, Serial: 52, CommonName: phoneProfileSigner})
	verify := func(profile []byte) *code.Profile {
		v := &verification{opts: Options{Now: fixtures.Clock, AllowProfileRoots: [][32]byte{certSHA256(root.Cert), fixtures.RootSHA256()}}}
		p, err := v.parseProfile(profile, true)
		if err != nil {
			return nil
		}
		return p
	}
	phone := goodProfile(func(p *fixtures.Profile) {
		p.Signer, p.Platform, p.Devices = &signer, []string{"iOS"}, []string{"a", "b"}
	})
	p := verify(phone)
	require.NotNil(t, p)
	assert.True(t, p.Valid)
	assert.Equal(t, 2, p.Devices)
	assert.False(t, p.AllDevices)
	assert.Nil(t, verify(goodProfile(nil)), "the signer of profiles for Macs")
}

func TestAnAppHasOneProfileWhichIsAPlainFile(t *testing.T) {
	t.Parallel()
	s := inspectApp(t, goodProfile(nil), func(b *fixtures.Bundle) {
		b.Files["embedded.mobileprovision"] = fixtures.Node{Data: goodProfile(nil)}
	}, profileOptions())
	p, ok, _ := s.Profile.Get()
	assert.True(t, ok && !p.Valid, "two profiles")
	s = inspectApp(t, nil, func(b *fixtures.Bundle) {
		b.Files["real"] = fixtures.Node{Data: goodProfile(nil)}
		b.Files["embedded.provisionprofile"] = fixtures.Node{Link: "real"}
	}, profileOptions())
	p, ok, _ = s.Profile.Get()
	assert.True(t, ok && !p.Valid, "a link")
}

func TestBareProgramsHaveNoProfile(t *testing.T) {
	t.Parallel()
	o := fixtures.Good()
	o.Entitlements = claims()
	s := verifyBytes(t, fixtures.Sign(o))
	require.NoError(t, s.Verified(), "a restricted entitlement is no reason to doubt the signature")
	assert.True(t, s.Profile.IsAbsent())
	assert.Equal(t, code.UnauthorisedNoProfile, unauthorised(s)[esClient])
	assert.True(t, hasWarning(s, "unauthorisedEntitlements"))

	o.AdHoc, o.Timestamp, o.Entitlements = true, false, map[string]any{"com.example.vendor": true, "com.apple.security.app-sandbox": true}
	s = verifyBytes(t, fixtures.Sign(o)) // row D12
	assert.Equal(t, map[string]string{"com.example.vendor": code.UnauthorisedAdHoc}, unauthorised(s))
	assert.False(t, hasWarning(s, "unauthorisedEntitlements"), "a Mac would run it")

	s = verifyBytes(t, flip(fixtures.Sign(o), 4096))
	assert.True(t, s.Unauthorised.IsKnown() || s.Unauthorised.IsUnknown())
	s = verifyBytes(t, fixtures.F1())
	assert.True(t, s.Unauthorised.IsAbsent(), "it claims nothing")
}

// TestConstraintsAreKeptAsTheyAreSealed: slots 8 to 11 are facts, not verdicts.
func TestConstraintsAreKeptAsTheyAreSealed(t *testing.T) {
	t.Parallel()
	blob := fixtures.LaunchConstraint(map[string]any{"team-identifier": fixtures.Team})
	o := fixtures.Good()
	o.LaunchConstraint = blob
	s := verifyBytes(t, fixtures.Sign(o))
	require.NoError(t, s.Verified(), describe(s))
	assert.Equal(t, []code.Constraint{{Slot: 8, DER: blob[8:]}}, s.Constraints)
	o.SuperBlob = func(b *fixtures.SuperBlob) {
		b.Remove(fixtures.SlotLaunchSelf)
		b.Add(fixtures.SlotLaunchSelf, fixtures.LaunchConstraint(map[string]any{"team-identifier": fixtures.OtherTeam}))
	}
	s = verifyBytes(t, fixtures.Sign(o))
	assert.Equal(t, code.StatusSignatureFailed, s.Validity.Status)
	assert.Empty(t, s.Constraints, "nothing seals them")
}

func FuzzProfile(f *testing.F) {
	f.Add(goodProfile(nil))
	f.Add(goodProfile(func(p *fixtures.Profile) { p.Devices = []string{"x"} }))
	f.Add(fixtures.Profile{}.Bytes()[:100])
	fixtures.Seed(f, "cms")
	v := &verification{opts: profileOptions()}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, phone := range []bool{false, true} {
			p, err := v.parseProfile(b, phone)
			if (p == nil) != (err != nil) {
				t.Fatal("half a profile")
			}
			if p != nil && (!p.Valid || p.Expired.IsUnknown()) {
				t.Fatal("a profile that was read and is not valid")
			}
		}
		if p, err := readProfile(b); err == nil && p.Valid {
			t.Fatal("a property list alone makes no valid profile")
		}
	})
}

func certSHA256(der []byte) [32]byte { return sha256.Sum256(der) }
