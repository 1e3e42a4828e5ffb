package policytest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/policy"
)

const cookbook = "../../examples/cookbook"

// recipe runs one suite of the cookbook over the text of its policy.
func recipe(t *testing.T, suitePath, policyText string) (*Result, error) {
	t.Helper()
	text, err := os.ReadFile(suitePath)
	require.NoError(t, err)
	s, err := Parse(filepath.Base(suitePath), text)
	require.NoError(t, err)
	p, err := policy.Load(nil, "policy.yaml", policy.Options{Text: []byte(policyText), Profile: s.Profile()})
	if err != nil {
		return nil, err
	}
	return s.Run(context.Background(), p, Options{}), nil
}

// policyOf is the path of the policy that a suite of the cookbook tests.
func policyOf(t *testing.T, suitePath string) string {
	t.Helper()
	text, err := os.ReadFile(suitePath)
	require.NoError(t, err)
	s, err := Parse(filepath.Base(suitePath), text)
	require.NoError(t, err)
	dir := filepath.Dir(suitePath)
	if list := s.Policies(); len(list) > 0 {
		return filepath.Join(dir, list[0])
	}
	return strings.TrimSuffix(suitePath, "_test.yaml") + ".yaml"
}

func TestEveryRecipePasses(t *testing.T) {
	t.Parallel()
	suites, err := filepath.Glob(filepath.Join(cookbook, "*", "*_test.yaml"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(suites), 16)
	for _, path := range suites {
		t.Run(filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(policyOf(t, path))
			require.NoError(t, err)
			r, err := recipe(t, path, string(text))
			require.NoError(t, err)
			assert.Equal(t, Passed, r.Outcome(), Text(TextOptions{}, r))
			assert.Greater(t, r.count()[Denied], 20)
		})
	}
}

// weakened are recipes with one thing taken out, and a kind of attacker that must
// come in then. Where loading itself refuses the copy, refused is a part of what it
// says.
var weakened = []struct {
	recipe, name, from, to string
	admits, refused        string
}{
	{recipe: "live-process", name: "anchor dropped", from: "anchor apple generic and identifier", to: "identifier", refused: "does not say who signed"},
	{recipe: "live-process", name: "team dropped", from: "      and certificate leaf[subject.OU] = ABCDE12345\n", refused: "does not say who signed"},
	{recipe: "live-process", name: "or-branch without team", from: `matches("app") &&`, to: `(matches("app") || subject.channel == "developer-id") &&`, admits: "other-team"},
	{recipe: "live-process", name: "weak tokens", from: "rules:", to: "floor: {relax: [token-strength]}\nrules:", admits: "weak-token"},
	{recipe: "several-programs", name: "version floor removed", from: "    min_version: \"1.0\"\n", admits: "older-version"},
	{recipe: "several-programs", name: "identifiers dropped", from: "    identifiers: [com.example.idA, com.example.idB, com.example.idC]\n", admits: "other-identifier"},
	{recipe: "own-app", name: "any certificate of the team", from: "      and certificate 1[field.1.2.840.113635.100.6.2.6] exists\n      and certificate leaf[field.1.2.840.113635.100.6.1.13] exists\n", admits: "development-certificate"},
	{recipe: "own-app", name: "any program of Apple's", from: `anchor apple and identifier \"com.apple.example\"`, to: "anchor apple", admits: "other-identifier"},
	{recipe: "authorization-plugin", name: "any program of Apple's", from: `anchor apple and identifier \"com.apple.SecurityAgent\"`, to: "anchor apple", admits: "apple-program"},
	{recipe: "authorization-plugin", name: "no deny rule, and an or-branch without team", from: "    deny: process.plugin_host\n  - name: our app\n    allow: satisfies(requirements.app)", to: "    allow: satisfies(requirements.app) || process.plugin_host", admits: "plugin-host"},
	{recipe: "installer-plugin", name: "hosts of any team", from: "    deny: process.plugin_host\n    message", to: "    allow: process.plugin_host || subject.team_id == \"ABCDE12345\"\n    message", admits: "plugin-host"},
	{recipe: "plugin-inside-host", name: "hosts admitted", from: "floor:\n", to: "floor:\n  relax: plugin-host\n", admits: "plugin-host"},
	{recipe: "no-scripts", name: "interpreters admitted", from: "floor:\n", to: "floor:\n  relax: interpreter\n", admits: "interpreter"},
	{recipe: "no-scripts", name: "any channel", from: "    channel: [developer-id, app-store]\n", admits: "development-certificate"},
	{recipe: "which-user", name: "identifier dropped", from: `and identifier "com.example.app"`, admits: "other-identifier"},
	{recipe: "same-team", name: "any channel", from: "    channel: [developer-id, app-store, testflight]\n", admits: "development-certificate"},
	{recipe: "same-team", name: "the claimed team", from: `    allow: matches("released")`, to: `    allow: subject.claimed_team_id == "ABCDE12345" || subject.anchor == "apple"`, refused: "what a signature says of itself"},
	{recipe: "who-started-it", name: "any program of Apple's", from: `anchor apple and identifier \"com.apple.xpc.launchd\"`, to: "anchor apple", admits: "other-identifier"},
	{recipe: "extension-host", name: "or-branch without team", from: `allow: matches("partner")`, to: `allow: matches("partner") || subject.channel == "app-store"`, admits: "other-team"},
	{recipe: "no-downgrade", name: "version floor removed", from: "    min_version: \"2.10\"\n", admits: "older-version"},
	{recipe: "no-downgrade", name: "version floor too low", from: `min_version: "2.10"`, to: `min_version: "2.9"`, admits: "older-version"},
	{recipe: "no-downgrade", name: "injectable builds", from: "    require: { flags: runtime }\n    forbid:\n      entitlements:\n        - com.apple.security.cs.disable-library-validation\n        - com.apple.security.cs.allow-dyld-environment-variables\nrules:", to: "floor: { relax: [library-validation, dyld-environment, hardened-runtime] }\nrules:", admits: "dangerous-entitlement"},
	{recipe: "one-daemon", name: "channel dropped", from: ` && subject.channel == "developer-id"`, admits: "development-certificate"},
	{recipe: "one-daemon", name: "team dropped", from: `subject.team_id == "ABCDE12345" && `, admits: "other-team"},
	{recipe: "both-directions", name: "any program of the team, the server asks", from: ` and identifier "com.example.app"`, admits: "other-identifier"},
}

func TestAWeakenedRecipeFailsItsMutations(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, w := range weakened {
		seen[w.recipe] = true
		t.Run(w.recipe+"/"+w.name, func(t *testing.T) {
			t.Parallel()
			suite := filepath.Join(cookbook, w.recipe, "policy_test.yaml")
			if w.recipe == "both-directions" {
				suite = filepath.Join(cookbook, w.recipe, "server_test.yaml")
			}
			text, err := os.ReadFile(policyOf(t, suite))
			require.NoError(t, err)
			require.Contains(t, string(text), w.from)
			r, err := recipe(t, suite, strings.Replace(string(text), w.from, w.to, 1))
			if w.refused != "" {
				assert.ErrorContains(t, err, w.refused)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, Failed, r.Outcome())
			assert.True(t, admitted(r)[w.admits], "%v\n%s", admitted(r), Text(TextOptions{}, r))
		})
	}
	recipes, err := os.ReadDir(cookbook)
	require.NoError(t, err)
	for _, r := range recipes {
		assert.True(t, seen[r.Name()], "recipe %s has no weakened copy", r.Name())
	}
}
