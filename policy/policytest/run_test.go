package policytest

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/invent"
)

func TestAPolicyWithoutAHolePasses(t *testing.T) {
	t.Parallel()
	r := runText(t, strong, strongSuite)
	require.Equal(t, Passed, r.Outcome(), Text(TextOptions{Verbose: true}, r))
	assert.Greater(t, r.count()[Denied], 150)
	assert.Zero(t, r.count()[Admitted])
	assert.Len(t, r.Checks, 7+7*4)
	assert.Equal(t, len(r.Checks)+r.count()[Denied], r.Ran())
}

// admitted lists the kinds of attackers that came in.
func admitted(r *Result) map[string]bool {
	kinds := map[string]bool{}
	for _, m := range r.Mutations {
		if m.Outcome == Admitted {
			kinds[m.Kind] = true
		}
	}
	return kinds
}

// TestAWeakenedPolicyFailsItsMutations takes one thing out of the policy. The cases
// of the suite see nothing of most of them.
func TestAWeakenedPolicyFailsItsMutations(t *testing.T) {
	t.Parallel()
	suite := strongSuite[:strings.Index(strongSuite, "matrix:")] + "mutations: {oldest: '1.10'}\n"
	suite = strings.Replace(suite, `old: {like: app, set: {subject.version: "1.9"}}`, "old: {like: $adhoc}", 1)
	suite = strings.Replace(suite, "old: subject.version >= 1.10", "old: certificate", 1)
	for name, tt := range map[string]struct {
		from, to string // of the policy
		admits   string
	}{
		"the or-branch without a team": {`allow: matches("app"), operation: [read`,
			`allow: 'matches("app") || subject.channel == "developer-id" && subject.identifier == "com.example.app" && version(subject.version) >= version("1.10")', operation: [read`, "other-team"},
		"the requirement dropped":   {strong[strings.Index(strong, "    requirement"):strings.Index(strong, "    team")], "", "other-identifier"},
		"identifiers not compared":  {`(identifier "com.example.app" or identifier "com.example.tool")`, "! identifier nobody", "other-identifier"},
		"the version floor removed": {"    min_version: \"1.10\"\n", "", "older-version"},
		"the version floor too low": {`min_version: "1.10"`, `min_version: "1.9"`, "older-version"},
		"any certificate of the team": {"(certificate leaf[field.1.2.840.113635.100.6.1.9] exists\n", "(always or certificate leaf[field.1.2.840.113635.100.6.1.9] exists\n",
			"development-certificate"},
		"the hardened runtime relaxed":   {"    require: {flags: runtime}\n", "", "no-hardened-runtime"},
		"library validation relaxed":     {"rules:", "floor: {relax: [library-validation]}\nrules:", "dangerous-entitlement"},
		"debugging relaxed":              {"rules:", "floor: {relax: [debuggable]}\nrules:", "debuggable"},
		"weak tokens relaxed":            {"rules:", "floor: {relax: [token-strength]}\nrules:", "weak-token"},
		"everybody may, by a later rule": {"rules:\n", "rules:\n  - {name: all, allow: 'true'}\n", "apple-program"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, strong, tt.from)
			weak := strings.Replace(strong, tt.from, tt.to, 1)
			if name == "the hardened runtime relaxed" {
				weak = strings.Replace(weak, "rules:", "floor: {relax: [hardened-runtime]}\nrules:", 1)
			}
			r := runText(t, weak, suite)
			assert.Equal(t, Failed, r.Outcome())
			assert.True(t, admitted(r)[tt.admits], "%v\n%s", admitted(r), Text(TextOptions{}, r))
			assert.Contains(t, Text(TextOptions{}, r), "and it is let in by rule")
		})
	}
}

func TestWhatCannotBeMadeIsNeverCountedAsDenied(t *testing.T) {
	t.Parallel()
	r := runText(t, `apiVersion: xpcpolicy/v1
name: platform
rules: [{name: one, allow: 'satisfies("anchor apple and identifier com.apple.example")'}]
`, `suite: platform
peers: {tool: {like: $platform}}
cases: [{name: comes in, expect: allow}]
`)
	require.Equal(t, Passed, r.Outcome(), Text(TextOptions{Verbose: true}, r))
	why := map[string]string{}
	for _, m := range r.Mutations {
		if m.Outcome == NotApplicable {
			why[m.Name] = m.Why
			assert.Empty(t, m.Decision.Policy(), "no question was asked about %s", m.Name)
		}
	}
	assert.Contains(t, why["development-certificate"], "names no team")
	assert.Contains(t, why["older-version"], "speak of versions")
	assert.Contains(t, why["unknown-fact/subject.info"], "no such fact")
	assert.Contains(t, why["unknown-fact/subject.signed_at"], "no such fact")
	assert.Contains(t, why["unknown-fact/subject.platform_byte"], "does not need")
}

func TestBecauseMustMatch(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		peer, expect, because string
		want                  Outcome
	}{
		"the rule":                          {"app", "allow", "ours", Passed},
		"another rule":                      {"app", "allow", "tools may install", Failed},
		"the reason":                        {"app", "allow", "rule", Passed},
		"a floor item":                      {"debuggable", "deny", "debuggable", Passed},
		"a floor item with its prefix":      {"debuggable", "deny", "floor:debuggable", Passed},
		"another floor item":                {"debuggable", "deny", "hardened-runtime", Failed},
		"a line of a peer":                  {"old", "deny", "subject.version", Passed},
		"a clause that is satisfied":        {"old", "deny", "subject.team_id", Failed},
		"a clause of a rule that denies":    {"old", "deny", `subject.version == "1.13"`, Failed},
		"an unknown fact":                   {"nobody knows", "deny", "subject.version", Passed},
		"the default":                       {"old", "deny", "default-deny", Passed},
		"an allow is for no clause's sake":  {"app", "allow", "subject.version", Failed},
		"the reason is right, the word not": {"withdrawn", "allow", "no betas", Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite := strongSuite[:strings.Index(strongSuite, "cases:")] + "cases: [{name: c, peers: '" + tt.peer + "', operation: read, expect: " + tt.expect + ", because: '" + tt.because + "'}]\nmutations: {skip: '*', because: not here}\n"
			r := runText(t, strong, suite)
			require.Len(t, r.Checks, 1)
			assert.Equal(t, tt.want, r.Checks[0].Outcome, r.Checks[0].Problem)
		})
	}
}

func TestSkipAndTodo(t *testing.T) {
	t.Parallel()
	suite := func(rest string) string {
		return "suite: s\npeers: {app: {like: $developer-id}}\ncases: [{name: c, operation: read, " + rest + "}]\n"
	}
	for name, tt := range map[string]struct {
		rest     string
		check    Outcome
		suite    Outcome
		contains string
	}{
		"a skipped case alone proves nothing": {"expect: deny, skip: broken since May", Skipped, Broken, "broken since May"},
		"a failing case to do is no failure":  {"expect: deny, todo: not yet", Todo, Passed, "not yet"},
		"one that passes says so":             {"expect: allow, todo: not yet", Fixed, Passed, "remove todo"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := runText(t, strong, suite(tt.rest))
			assert.Equal(t, tt.check, r.Checks[0].Outcome)
			assert.Equal(t, tt.suite, r.Outcome())
			assert.Contains(t, Text(TextOptions{}, r), tt.contains)
			assert.Empty(t, r.Mutations, "attackers begin at peers that came in as expected")
		})
	}
}

func TestProgramsAndFactsAreHandedDown(t *testing.T) {
	t.Parallel()
	s, err := Parse("s.yaml", []byte(`suite: s
options: {now: 2026-05-04}
peers:
  program: {file: bin/app, set: {subject.version: "3"}}
  recorded: {facts: app.json}
  missing: {file: bin/none}
cases:
  - {name: read, operation: read, expect: allow}
`))
	require.NoError(t, err)
	assert.Equal(t, []string{"bin/app", "app.json", "bin/none"}, s.Files())
	base, err := invent.Base("$developer-id")
	require.NoError(t, err)
	r := s.Run(context.Background(), load(t, strong), Options{
		Load: func(_ context.Context, path string, now time.Time) (*code.Subject, error) {
			assert.Equal(t, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC), now)
			if path == "bin/none" {
				return nil, errors.New("there is no such file")
			}
			return base, nil
		},
		Facts: func(path string) (*code.Subject, error) { return base, nil },
	})
	assert.Equal(t, []Outcome{Passed, Passed, Broken}, []Outcome{r.Checks[0].Outcome, r.Checks[1].Outcome, r.Checks[2].Outcome})
	assert.Equal(t, Broken, r.Outcome(), "a program that cannot be read is no answer")
	assert.Contains(t, Text(TextOptions{}, r), "there is no such file")

	r = s.Run(context.Background(), load(t, strong), Options{})
	assert.Contains(t, r.Checks[0].Problem, "nobody said how to read")
	assert.Equal(t, Broken, r.Outcome())
}

func TestCoverage(t *testing.T) {
	t.Parallel()
	suite := strings.Replace(strongSuite, "    tool: [read, write, install]\n", "", 1)
	suite = strings.Replace(suite, "  withdrawn: {like: app, set: {subject.version: \"1.13\"}}\n", "", 1)
	suite = strings.Replace(suite, "      withdrawn: no betas\n", "", 1)
	r := runText(t, strong, suite)
	assert.Equal(t, 1, r.Coverage.Rules.Total-r.Coverage.Rules.Seen)
	assert.Equal(t, []string{`rule "no betas" never decided`}, r.Coverage.Rules.Missing)
	assert.Contains(t, strings.Join(r.Problems, "\n"), "coverage of rules is 66.7%, want 100%")
	assert.InDelta(t, 100, r.Coverage.Floor.Percent(), 0.01, "the attackers fail on each item of the floor: %v", r.Coverage.Floor.Missing)

	s, err := Parse("s.yaml", []byte(suite))
	require.NoError(t, err)
	part := s.Run(context.Background(), load(t, strong), Options{Select: func(name string) bool { return name == matrixCase }})
	assert.Empty(t, part.Problems, "a part of a suite has no threshold")
	assert.Empty(t, part.Mutations)
	assert.Len(t, part.Checks, 6*4)
	part = s.Run(context.Background(), load(t, strong), Options{Select: func(name string) bool { return name == mutationsCase }})
	assert.Empty(t, part.Checks, "only attackers are selected")
	assert.Len(t, part.Mutations, len(r.Mutations))
	assert.Equal(t, Passed, part.Outcome())
}

func TestReports(t *testing.T) {
	t.Parallel()
	failing := strings.Replace(strongSuite, "old: subject.version >= 1.10", "old: hardened-runtime", 1)
	failing = strings.Replace(failing, "    store: [read, write]\n", "    store: [read, erase]\n", 1)
	r := runText(t, strong, failing)
	require.Equal(t, Failed, r.Outcome())

	text := Text(TextOptions{Paint: func(meaning, word string) string { return "<" + meaning + " " + word + ">" }}, r)
	assert.Contains(t, text, `<bad FAIL>  deny as expected, but not because of "hardened-runtime": default-deny`)
	assert.Contains(t, text, "<bad allow!>", "a cell that should have been denied")
	assert.Contains(t, text, "<bad deny!>", "a cell that should have been allowed")
	assert.Contains(t, Summary(r), "3 failed")

	out, err := json.Marshal(r)
	require.NoError(t, err)
	var decoded struct {
		Outcome string
		Checks  []struct{ Case, Peer, Outcome, Want, Got string }
	}
	require.NoError(t, json.Unmarshal(out, &decoded))
	assert.Equal(t, "failed", decoded.Outcome)
	assert.Len(t, decoded.Checks, len(r.Checks))

	out, err = JUnit(r, r)
	require.NoError(t, err)
	var junit junitSuites
	require.NoError(t, xml.Unmarshal(out, &junit))
	assert.Equal(t, 6, junit.Failures)
	assert.Equal(t, 2*(len(r.Checks)+len(r.Mutations)), junit.Tests)
	assert.NotZero(t, junit.Skipped)
}

func TestFindingsOfThePolicyAreShown(t *testing.T) {
	t.Parallel()
	r := runText(t, strings.Replace(strong, "rules:\n", "rules:\n  - {name: nobody, allow: 'false'}\n", 1), strongSuite[:strings.Index(strongSuite, "matrix:")])
	require.NotEmpty(t, r.Findings)
	assert.Contains(t, Text(TextOptions{}, r), "  warning  policy.yaml:")
	out, err := json.Marshal(r)
	require.NoError(t, err)
	assert.Contains(t, string(out), `"findings":[{`)
	assert.NoError(t, r.Err(), "they fail nothing")
}

func TestErrNamesWhatFailed(t *testing.T) {
	t.Parallel()
	assert.NoError(t, runText(t, strong, strongSuite).Err())
	for name, tt := range map[string]struct{ policy, suite, want string }{
		"a check":        {strong, strings.Replace(strongSuite, "app: ours", "app: theirs", 1), `suite "strong": current builds read: app: read: allow as expected`},
		"an attacker":    {strings.Replace(strong, "rules:\n", "rules:\n  - {name: all, allow: 'subject.identifier == \"com.example.app\" && subject.anchor == \"apple\"'}\n", 1), "suite: s\npeers: {app: {like: $developer-id}}\ncases: [{name: c, expect: allow}]\n", "an attacker like app comes in: other-team/developer-id"},
		"the coverage":   {strong, strings.Replace(strongSuite, "conditions: 80", "conditions: 100", 1), "coverage of conditions"},
		"nothing at all": {strong, "suite: s\npeers: {app: {like: $developer-id}}\n", "no test ran"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.ErrorContains(t, runText(t, tt.policy, tt.suite).Err(), tt.want)
		})
	}
}

func TestTheZeroResultDidNotPass(t *testing.T) {
	t.Parallel()
	assert.Equal(t, Broken, new(Result).Outcome())
	assert.Equal(t, policy.OutcomeDeny, Check{}.Want)
}
