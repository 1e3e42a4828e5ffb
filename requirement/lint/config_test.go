package lint_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
	"github.com/xpcpolicy/xpcpolicy/requirement/lint"
)

func TestTargetsAndReleasesHaveNames(t *testing.T) {
	t.Parallel()
	for target := lint.XPCPeer; target <= lint.Gatekeeper; target++ {
		text, err := target.MarshalText()
		require.NoError(t, err)
		var again lint.Target
		require.NoError(t, again.UnmarshalText(text))
		assert.Equal(t, target, again)
	}
	var release lint.Release
	require.NoError(t, release.UnmarshalText([]byte("development")))
	assert.Equal(t, lint.Development, release)
	require.ErrorContains(t, release.UnmarshalText([]byte("Production")), "production or development")
	var target lint.Target
	require.ErrorContains(t, target.UnmarshalText([]byte("xpc")), "xpc-peer")
	assert.Equal(t, "target 99", lint.Target(99).String())
}

func TestSeverityFollowsTheUse(t *testing.T) {
	t.Parallel()
	const off = diag.Severity(-1)
	teamOnly := `anchor apple generic and ` + devID + ` and ` + team
	for name, tt := range map[string]struct {
		text, rule string
		c          lint.Config
		want       diag.Severity
	}{
		"a team alone may connect":                {teamOnly, "RQ106", lint.Config{}, diag.Warning},
		"a team alone, in a recipe":               {teamOnly, "RQ106", lint.Config{Target: lint.AutoPkg}, diag.Info},
		"a team alone is what Gatekeeper asks":    {teamOnly, "RQ106", lint.Config{Target: lint.Gatekeeper}, off},
		"Apple's software may connect":            {`anchor apple`, "RQ105", lint.Config{}, diag.Error},
		"Apple's software, in a profile":          {`anchor apple`, "RQ105", lint.Config{Target: lint.PPPC}, diag.Warning},
		"no development builds in production":     {teamOnly, "RQ108", lint.Config{}, off},
		"a development intermediate":              {`anchor apple generic and identifier a and ` + wwdr, "RQ108", lint.Config{}, diag.Error},
		"a development intermediate, for tests":   {`anchor apple generic and identifier a and ` + wwdr, "RQ108", lint.Config{Release: lint.Development}, off},
		"a variable of a recipe":                  {`identifier "%ID%" and anchor apple`, "RQ024", lint.Config{Target: lint.AutoPkg}, diag.Info},
		"the same text elsewhere":                 {`identifier "%ID%" and anchor apple`, "RQ024", lint.Config{}, diag.Error},
		"a version floor is advice for peers":     {`anchor apple generic and identifier a and ` + team, "RQ300", lint.Config{}, diag.Info},
		"a version floor is none for helpers":     {`anchor apple generic and identifier a and ` + team, "RQ300", lint.Config{Target: lint.SMJobBless}, off},
		"a hash alone, while developing":          {`cdhash H"0123456789abcdef0123456789abcdef01234567"`, "RQ310", lint.Config{Release: lint.Development}, diag.Info},
		"a hash alone, in production":             {`cdhash H"0123456789abcdef0123456789abcdef01234567"`, "RQ307", lint.Config{}, diag.Warning},
		"an interpreter may read a keychain item": {`anchor apple and identifier "com.apple.osascript"`, "RQ402", lint.Config{Target: lint.Keychain}, diag.Warning},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := off
			for _, f := range check(tt.text, tt.c) {
				if f.Rule.ID == tt.rule {
					got = f.Severity
				}
			}
			assert.Equal(t, tt.want, got, tt.text)
		})
	}
}

func TestATreeWithAnotherSourcePointsInsideIt(t *testing.T) {
	t.Parallel()
	e, err := requirement.Parse("", golden+` and identifier b or identifier a or notarized`)
	require.NoError(t, err)
	findings := lint.Check(diag.NewSource("", "short"), e, lint.Config{})
	require.NotEmpty(t, findings)
	for _, f := range findings {
		assert.LessOrEqual(t, f.Span.End, len("short"))
		assert.LessOrEqual(t, f.Span.Start, f.Span.End)
	}
}
