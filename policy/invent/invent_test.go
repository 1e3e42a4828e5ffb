package invent

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

func must(t testing.TB, name string) *code.Subject {
	t.Helper()
	s, err := Base(name)
	require.NoError(t, err)
	return s
}

// TestBasesAreCompleteAndHonest asks of each invented program what a real one of
// its kind says.
func TestBasesAreCompleteAndHonest(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		channel     code.Channel
		team        string
		requirement string
	}{
		"$developer-id": {code.ChannelDeveloperID, Team, `anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] exists and certificate leaf[field.1.2.840.113635.100.6.1.13] exists and certificate leaf[subject.OU] = ABCDE12345 and ! anchor apple`},
		"$app-store":    {code.ChannelAppStore, Team, `anchor apple generic and certificate leaf[field.1.2.840.113635.100.6.1.9] exists and ! certificate leaf[subject.OU] exists`},
		"$testflight":   {code.ChannelTestFlight, Team, `anchor apple generic and certificate leaf[field.1.2.840.113635.100.6.1.25.1] exists`},
		"$development":  {code.ChannelDevelopment, Team, `anchor apple generic and certificate leaf[field.1.2.840.113635.100.6.1.12] exists and certificate leaf[subject.OU] = ABCDE12345`},
		"$platform":     {code.ChannelApple, "", `anchor apple and identifier "com.apple.example"`},
		"$adhoc":        {code.ChannelAdHoc, "", `identifier "com.example.app" and ! anchor apple generic`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := must(t, name)
			assert.NoError(t, s.Verified())
			assert.Equal(t, code.OriginReplay, s.Origin)
			assert.Contains(t, s.Path, "invented")
			assert.Equal(t, tt.channel, s.Channel().Or(""))
			assert.Equal(t, tt.team, s.VerifiedTeam(nil).Or(""))
			e, err := requirement.Parse("r", tt.requirement)
			require.NoError(t, err)
			assert.Equal(t, requirement.True, requirement.Eval(e, s, requirement.Options{}).Outcome)
			assert.False(t, s.Notarized.IsKnown(), "only a Mac can tell")

			b, err := json.Marshal(s)
			require.NoError(t, err)
			again, err := code.ReadFacts(b)
			require.NoError(t, err)
			assert.Equal(t, s.CDHash().Or(code.CDHash{}).String(), again.CDHash().Or(code.CDHash{}).String())
		})
	}
	_, err := Base("$none")
	assert.ErrorContains(t, err, "$developer-id")
	names, docs := BaseNames()
	assert.Len(t, names, len(docs))
	assert.Len(t, names, 6)
}

func TestEdits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edit Edit
		is   func(s *code.Subject) any
		want any
	}{
		"a text":                   {Set("subject.identifier", plist.String("x")), func(s *code.Subject) any { return s.Identifier.Or("") }, "x"},
		"the version":              {Set("subject.version", plist.String("9")), info("CFBundleShortVersionString"), "9"},
		"the team moves its leaf":  {Set("subject.team_id", plist.String("TEAMTEAM01")), func(s *code.Subject) any { return s.VerifiedTeam(nil).Or("") }, "TEAMTEAM01"},
		"a claim moves no leaf":    {Set("subject.claimed_team_id", plist.String("TEAMTEAM01")), func(s *code.Subject) any { return s.VerifiedTeam(nil).Or("") }, ""},
		"a channel":                {Set("subject.channel", plist.String("app-store")), channel, code.ChannelAppStore},
		"a private root":           {Set("subject.channel", plist.String("private")), channel, code.ChannelPrivate},
		"ad hoc":                   {Set("subject.adhoc", plist.Bool(true)), channel, code.ChannelAdHoc},
		"a flag":                   {Set("subject.hardened_runtime", plist.Bool(false)), func(s *code.Subject) any { return s.Flags.Or(1) }, code.CodeFlags(0)},
		"flags":                    {Set("subject.flags", plist.Array(plist.String("hard"), plist.String("kill"))), func(s *code.Subject) any { return s.Flags.Or(0) }, code.FlagForceHard | code.FlagForceKill},
		"an entitlement with dots": {Set("subject.entitlements.com.apple.security.get-task-allow", plist.Bool(true)), func(s *code.Subject) any { return granted(s.Entitlements, getTaskAllow) }, true},
		"a time":                   {Set("subject.signed_at", plist.String("2020-01-02T03:04:05Z")), func(s *code.Subject) any { return s.SignedAt.Or(signedAt).Year() }, 2020},
		"absent":                   {Unset("subject.signed_at"), func(s *code.Subject) any { return s.SignedAt.IsAbsent() }, true},
		"an absent key":            {Unset("subject.version"), info("CFBundleShortVersionString"), nil},
		"unknown":                  {Hide("subject.entitlements"), func(s *code.Subject) any { return s.Entitlements.IsUnknown() }, true},
		"what only a Mac knows":    {Set("subject.notarized", plist.Bool(true)), func(s *code.Subject) any { return s.Notarized.Or(false) }, true},
		"a word of the token":      {Set("process.euid", plist.Int(0)), func(s *code.Subject) any { return s.Process.Token[1] }, uint32(0)},
		"a weak token":             {Set("process.token_strength", plist.String("weak")), func(s *code.Subject) any { return s.Process.Strength }, code.StrengthWeak},
		"a process's flags":        {Set("process.flags", plist.Array(plist.String("valid"))), func(s *code.Subject) any { return s.Process.Status.Or(0) }, code.CSValid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := must(t, "$developer-id")
			after, err := Apply(before, tt.edit)
			require.NoError(t, err)
			assert.Equal(t, tt.want, tt.is(after))
			assert.Equal(t, must(t, "$developer-id"), before, "the original is not touched")
			same := before.CDHash().Or(code.CDHash{}).String() == after.CDHash().Or(code.CDHash{}).String()
			signed := strings.HasPrefix(tt.edit.Path(), "subject.") && tt.edit.Path() != "subject.notarized" && tt.edit.do != hide
			assert.Equal(t, !signed, same, "another build has another cdhash")
			assert.NoError(t, after.Verified())
		})
	}
}

func info(key string) func(s *code.Subject) any {
	return func(s *code.Subject) any {
		v, ok := s.Info.Or(code.Value{}).Get(key)
		if !ok {
			return nil
		}
		text, _ := v.Str()
		return text
	}
}

func channel(s *code.Subject) any { return s.Channel().Or("") }

func TestEditsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		base string
		edit Edit
		want string
	}{
		"no such fact":                 {"$developer-id", Set("subject.team", plist.String("x")), "there is no fact"},
		"the zero Edit":                {"$developer-id", Edit{}, "there is no fact"},
		"the question":                 {"$developer-id", Set("now", plist.String("x")), "part of the question"},
		"a number for a text":          {"$developer-id", Set("subject.identifier", plist.Int(1)), "want a text"},
		"a team without a certificate": {"$adhoc", Set("subject.team_id", plist.String("x")), "no certificate vouches"},
		"a channel that is none":       {"$developer-id", Set("subject.channel", plist.String("x")), "no certificates can be invented"},
		"a fact that follows":          {"$developer-id", Set("process.interpreter", plist.Bool(true)), "follows from the identifier"},
		"an absent identifier":         {"$developer-id", Unset("subject.identifier"), "not absent"},
		"half a dictionary unknown":    {"$developer-id", Hide("subject.info.Key"), "cannot be unknown alone"},
		"a bad hash":                   {"$developer-id", Set("subject.cdhash", plist.String("zz")), "hexadecimal"},
		"ad hoc by its flag":           {"$developer-id", Set("subject.flags", plist.Array(plist.String("adhoc"))), "follows from who signed it"},
		"a key below a text":           {"$developer-id", Set("subject.version.x", plist.String("1")), "there is no fact"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Apply(must(t, tt.base), tt.edit)
			assert.Nil(t, s)
			assert.ErrorContains(t, err, tt.want)
		})
	}
	unknown, err := Apply(must(t, "$developer-id"), Hide("subject.info"))
	require.NoError(t, err)
	_, err = Apply(unknown, Set("subject.version", plist.String("1")))
	assert.ErrorContains(t, err, "nobody knows the other keys")
}

func TestEditsReachEverySlice(t *testing.T) {
	t.Parallel()
	s := must(t, "$developer-id")
	other := s.Slice
	other.Arch = "x86_64"
	s.Slices = []code.Slice{other, s.Slice}
	c, err := Apply(s, Set("subject.identifier", plist.String("x")), Hide("subject.certificates"))
	require.NoError(t, err)
	for _, v := range c.PerSlice() {
		assert.Equal(t, "x", v.Identifier.Or(""))
		assert.True(t, v.Certs.IsUnknown())
	}
	assert.NotEqual(t, c.Slices[0].CDHash().Or(code.CDHash{}).String(), c.Slices[1].CDHash().Or(code.CDHash{}).String())
	assert.Equal(t, "com.example.app", s.Slices[0].Identifier.Or(""), "the original is not touched")
}

// TestEveryPathTakesWhatItSays sets and parses every path once.
func TestEveryPathTakesWhatItSays(t *testing.T) {
	t.Parallel()
	paths, docs := Paths()
	require.Equal(t, len(paths), len(docs))
	samples := map[string]string{"subject.channel": "development", "subject.cdhash": strings.Repeat("ab", 20), "subject.flags": "runtime,hard", "process.flags": "valid", "process.cdhash": strings.Repeat("ab", 20), "process.token_strength": "weak"}
	for i, path := range paths {
		text := map[string]string{kindNames[kindText]: "x", kindNames[kindBool]: "true", kindNames[kindInt]: "7", kindNames[kindTime]: "2026-01-31T00:00:00Z", kindNames[kindTexts]: "a", kindNames[kindAny]: "x"}[docs[i]]
		if s, ok := samples[path]; ok {
			text = s
		}
		v, err := ParseValue(path, text)
		require.NoError(t, err, path)
		_, err = Apply(must(t, "$developer-id"), Set(path, v))
		assert.NoError(t, err, path)
		assert.Equal(t, docs[i], Takes(path))
	}
	for path, text := range map[string]string{"process.euid": "root", "subject.notarized": "maybe", "subject.x": "1", "subject.identifier": "\xff"} {
		_, err := ParseValue(path, text)
		assert.Error(t, err, path)
	}
}

func TestAttacksDifferFromTheOriginal(t *testing.T) {
	t.Parallel()
	names, _ := BaseNames()
	for _, name := range names {
		s := must(t, name)
		before, err := json.Marshal(s)
		require.NoError(t, err)
		seen := map[string]bool{}
		for _, a := range Attacks(s, AttackOptions{Versions: true, Oldest: "2.0"}) {
			assert.False(t, seen[a.Name], "%s: %s twice", name, a.Name)
			seen[a.Name] = true
			assert.True(t, strings.HasPrefix(a.Name, a.Kind), a.Name)
			if a.Subject == nil {
				assert.NotEmpty(t, a.NotApplicable, "%s: %s", name, a.Name)
				continue
			}
			assert.Empty(t, a.NotApplicable)
			assert.NotEmpty(t, a.What, a.Name)
			assert.Equal(t, code.OriginReplay, a.Subject.Origin)
			after, err := json.Marshal(a.Subject)
			require.NoError(t, err)
			assert.NotEqual(t, string(before), string(after), "%s: %s", name, a.Name)
			if a.Kind != "broken-signature" {
				assert.NoError(t, a.Subject.Verified(), "%s: %s must fail for what it is", name, a.Name)
			} else {
				assert.Error(t, a.Subject.Verified())
			}
		}
		after, err := json.Marshal(s)
		require.NoError(t, err)
		assert.Equal(t, string(before), string(after), "the original is not touched")
		for _, k := range Kinds() {
			found := false
			for n := range seen {
				found = found || strings.HasPrefix(n, k.Name)
			}
			assert.True(t, found, "%s: nothing is said of %s", name, k.Name)
		}
	}
}

func TestAttackersAreNobodyThatThePolicyNames(t *testing.T) {
	t.Parallel()
	for _, a := range Attacks(must(t, "$developer-id"), AttackOptions{Named: func(s string) bool {
		return s == "ZZZZZ99999" || s == "org.example.stranger" || s == "com.example.app.plugin"
	}}) {
		if a.Subject == nil {
			assert.NotEqual(t, "other-identifier/unrelated", a.Name)
			continue
		}
		assert.NotEqual(t, "ZZZZZ99999", a.Subject.ClaimedTeamID.Or(""), a.Name)
		assert.NotEqual(t, "org.example.stranger", a.Subject.Identifier.Or(""), a.Name)
		assert.NotEqual(t, "other-identifier/longer", a.Name)
	}
}

func TestOlderVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[string][2]string{
		"2.0":   {"1.9999", ""},
		"1.10":  {"1.9.9999", "1.9"},
		"10":    {"9.9999", "9"},
		"2.1.3": {"2.1.2.9999", ""},
		"0":     {"", ""},
		"1.0b2": {"", ""},
		"":      {"", ""},
		"1.90":  {"1.89.9999", ""},
	} {
		assert.Equal(t, want, [2]string{beneath(version), laterAsText(version)}, version)
	}
}
