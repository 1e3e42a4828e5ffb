package draft

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/invent"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

func build(t testing.TB, path, base string, edits ...invent.Edit) Build {
	t.Helper()
	s, err := invent.Base(base)
	require.NoError(t, err)
	s, err = invent.Apply(s, edits...)
	require.NoError(t, err)
	return Build{Path: path, Subject: s}
}

func text(path, value string) invent.Edit { return invent.Set(path, plist.String(value)) }

func decide(t testing.TB, d *Draft, profile string, b Build) policy.Decision {
	t.Helper()
	p, err := policy.Load(nil, "draft.yaml", policy.Options{Text: []byte(d.Policy), Profile: profile})
	require.NoError(t, err, d.Policy)
	return p.Decide(context.Background(), policy.Request{Subject: b.Subject})
}

// TestDraftsAllowTheirBuildsAndNobodyElse drafts for the mixes that teams ship.
func TestDraftsAllowTheirBuildsAndNobodyElse(t *testing.T) {
	t.Parallel()
	devID := build(t, "app", "$developer-id")
	old := build(t, "app-1.10", "$developer-id", text("subject.version", "1.10"))
	store := build(t, "store", "$app-store")
	tool := build(t, "tool", "$developer-id", text("subject.identifier", "com.example.tool"))
	other := build(t, "other", "$developer-id", text("subject.team_id", "OTHERTEAM1"))
	development := build(t, "dev", "$development")
	stranger := build(t, "stranger", "$developer-id", text("subject.identifier", "com.example.stranger"))
	for name, tt := range map[string]struct {
		builds   []Build
		denied   []Build
		contains []string
		lacks    []string
	}{
		"one Developer ID build": {[]Build{devID}, []Build{store, tool, other, development, stranger, old},
			[]string{`certificate leaf[subject.OU] = ABCDE12345`, `min_version: "2.0"`, "flags: [runtime]", "get-task-allow"}, []string{"6.1.9", "profiles:"}},
		"the lowest version counts": {[]Build{devID, old}, []Build{build(t, "older", "$developer-id", text("subject.version", "1.9"))},
			[]string{`min_version: "1.10"`}, nil},
		"the store and Developer ID are branches": {[]Build{devID, store}, []Build{other, development, build(t, "other store", "$app-store", text("subject.team_id", "OTHERTEAM1"))},
			[]string{"6.1.9", "6.1.13", " or ", `team: "ABCDE12345"`}, nil},
		"development builds stay behind a profile": {[]Build{devID, development}, []Build{development, other},
			[]string{"profiles:\n  development:", "relax: [debuggable]"}, []string{"\nfloor:"}},
		"nothing but a development build": {[]Build{development}, []Build{development, devID, build(t, "x", "$adhoc")},
			[]string{"profiles: development:"}, []string{"\npeers:"}},
		"a store build alone has no unit": {[]Build{store}, []Build{devID, other},
			[]string{"6.1.9", `team: "ABCDE12345"`}, []string{"subject.OU"}},
		"TestFlight":            {[]Build{build(t, "tf", "$testflight")}, []Build{store, devID}, []string{"6.1.25.1"}, nil},
		"distribution":          {[]Build{build(t, "dist", "$developer-id", text("subject.channel", "distribution"))}, []Build{devID, development}, []string{"6.1.4"}, nil},
		"two programs":          {[]Build{devID, tool}, []Build{stranger, other}, []string{"  app:", "  tool:"}, nil},
		"two teams":             {[]Build{devID, other}, []Build{stranger}, []string{"OTHERTEAM1", "ABCDE12345"}, nil},
		"Apple's own":           {[]Build{build(t, "sys", "$platform")}, []Build{devID}, []string{"anchor apple"}, []string{"team:", "generic"}},
		"a build named by hash": {[]Build{build(t, "adhoc", "$adhoc")}, []Build{build(t, "next", "$adhoc", text("subject.version", "3"))}, []string{"adhoc:", "cdhash H", "apple: false"}, nil},
		"a private root":        {[]Build{build(t, "private", "$developer-id", text("subject.channel", "private"))}, []Build{devID, other}, []string{"teams:", "apple: false", "certificate root = H"}, nil},
		"a dangerous build": {[]Build{build(t, "electron", "$developer-id", invent.Set("subject.entitlements.com.apple.security.cs.disable-library-validation", plist.Bool(true)))},
			[]Build{stranger}, []string{"relax: [library-validation]", "# NOTE: electron does not meet item"}, []string{"- com.apple.security.cs.disable-library-validation"}},
		"an interpreter": {[]Build{build(t, "node", "$developer-id", text("subject.identifier", "node"))}, []Build{devID}, []string{"relax: [interpreter]"}, nil},
		"no version":     {[]Build{build(t, "bare", "$developer-id", invent.Unset("subject.info"))}, []Build{other}, []string{"no version"}, []string{"min_version"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := New(context.Background(), "draft", tt.builds, Options{})
			require.NoError(t, err)
			assert.Empty(t, d.Problems, "%s\n%s", d.Policy, d.Suite)
			for _, b := range tt.builds {
				profile := ""
				if b.Subject.Channel().Or("") == code.ChannelDevelopment {
					profile = Profile
				}
				got := decide(t, d, profile, b)
				assert.True(t, got.Allow(), "%s: %s\n%s", b.Path, got.Message(), d.Policy)
			}
			for _, b := range tt.denied {
				assert.False(t, decide(t, d, "", b).Allow(), "%s comes in\n%s", b.Path, d.Policy)
			}
			for _, want := range tt.contains {
				assert.Contains(t, strings.Join(strings.Fields(d.Policy), " "), strings.Join(strings.Fields(want), " "))
			}
			for _, bad := range tt.lacks {
				assert.NotContains(t, d.Policy, bad)
			}
			if d.Requirement != "" {
				e, err := requirement.Parse("draft", d.Requirement)
				require.NoError(t, err)
				for _, b := range tt.builds {
					if b.Subject.Channel().Or("") != code.ChannelDevelopment {
						assert.Equal(t, requirement.True, requirement.Eval(e, b.Subject, requirement.Options{}).Outcome, b.Path)
					}
				}
			}
		})
	}
}

func TestWhatCannotBeDrafted(t *testing.T) {
	t.Parallel()
	broken := build(t, "broken", "$developer-id")
	broken.Subject.Validity.Status = code.StatusSignatureFailed
	unmarked := build(t, "unmarked", "$developer-id")
	certs, _, _ := unmarked.Subject.Certs.Get()
	certs[0].Extensions = nil
	unmarked.Subject.Certs = code.Known(certs)
	unsignedCode := build(t, "unsigned", "$developer-id")
	unsignedCode.Subject.Signed = false
	for name, tt := range map[string]struct {
		builds []Build
		want   string
	}{
		"nothing":               {nil, "no builds"},
		"a broken signature":    {[]Build{broken}, "broken: it is not verified"},
		"an unmarked chain":     {[]Build{unmarked}, "no marker"},
		"no signature":          {[]Build{unsignedCode}, "not signed"},
		"an unknown chain":      {[]Build{build(t, "x", "$developer-id", invent.Hide("subject.certificates"))}, "nobody knows by whom"},
		"a claimed team":        {[]Build{build(t, "x", "$developer-id", text("subject.claimed_team_id", "X"))}, "vouch for no team"},
		"an unknown identifier": {[]Build{build(t, "x", "$developer-id", invent.Hide("subject.identifier"))}, "identifier"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := New(context.Background(), "draft", tt.builds, Options{})
			assert.Nil(t, d)
			assert.ErrorContains(t, err, tt.want)
		})
	}
}

// TestADraftThatIsTooWideSaysSo gives builds that no narrow policy holds for: one of
// them lacks what the other one has.
func TestADraftThatIsTooWideSaysSo(t *testing.T) {
	t.Parallel()
	d, err := New(context.Background(), "draft", []Build{
		build(t, "app", "$developer-id"),
		build(t, "soft", "$developer-id", invent.Set("subject.hardened_runtime", plist.Bool(false))),
	}, Options{})
	require.NoError(t, err)
	require.NotEmpty(t, d.Problems)
	assert.Contains(t, strings.Join(d.Problems, "\n"), "no-hardened-runtime")
}

// TestHostileNamesStayData gives identifiers, versions and paths that would be YAML,
// requirement text or terminal commands if anybody let them.
func TestHostileNamesStayData(t *testing.T) {
	t.Parallel()
	for _, evil := range []string{
		`x" or always or identifier "y`, "a\nrules:\n  - {name: all, allow: 'true'}", "# comment", "a: b", "*", "\x1b[2J", "é\u202e", `\`, "a and  b", " lead", "$developer-id", "0", "a\u0000b",
	} {
		b := build(t, "dir/"+evil, "$developer-id", text("subject.identifier", evil), text("subject.version", "1.0"))
		d, err := New(context.Background(), "draft "+evil, []Build{b}, Options{})
		if err != nil {
			continue // refused is fine
		}
		for _, r := range d.Policy + d.Suite {
			assert.True(t, r == '\n' || r >= ' ' && r <= '~' || r == '…', "%q in the draft for %q", r, evil)
		}
		if len(d.Problems) > 0 { // said so
			continue
		}
		assert.True(t, decide(t, d, "", b).Allow(), "%q\n%s", evil, d.Policy)
		assert.False(t, decide(t, d, "", build(t, "x", "$developer-id", text("subject.identifier", "y"))).Allow(), "%q\n%s", evil, d.Policy)
	}
}
