package lint_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
	"github.com/xpcpolicy/xpcpolicy/requirement/lint"
)

const (
	devID    = `certificate 1[field.1.2.840.113635.100.6.2.6] and certificate leaf[field.1.2.840.113635.100.6.1.13]`
	store    = `certificate leaf[field.1.2.840.113635.100.6.1.9]`
	wwdr     = `certificate 1[field.1.2.840.113635.100.6.2.1]`
	team     = `certificate leaf[subject.OU] = "ABCDE12345"`
	golden   = `anchor apple generic and identifier "com.example.app" and ` + devID + ` and ` + team
	eitherOf = `anchor apple generic and identifier "com.example.app" and (` + store + ` or ` + devID + ` and ` + team + `)`
)

func check(text string, c lint.Config) []lint.Finding {
	return lint.Check(diag.NewSource("test.req", text), nil, c)
}

// ids are the numbers of the rules that found something, each once.
func ids(findings []lint.Finding) []string {
	out := []string{}
	seen := map[string]bool{}
	for _, f := range findings {
		if !seen[f.Rule.ID] {
			seen[f.Rule.ID] = true
			out = append(out, f.Rule.ID)
		}
	}
	return out
}

// use is the first use for which a rule is on.
func use(t testing.TB, r *lint.Rule) lint.Config {
	t.Helper()
	for _, rel := range []lint.Release{lint.Production, lint.Development} {
		for target := lint.XPCPeer; target <= lint.Gatekeeper; target++ {
			c := lint.Config{Target: target, Release: rel}
			if _, on := r.Level(c); on {
				return c
			}
		}
	}
	t.Fatalf("%s is never on", r.Name())
	return lint.Config{}
}

// onlyInBinaries are rules about what no text says; TestBinaries holds their cases.
var onlyInBinaries = []string{"RQ215", "RQ216", "RQ217", "RQ218"}

func TestEachRuleFindsItsBadTextAndNotItsGoodOne(t *testing.T) {
	t.Parallel()
	last := ""
	for _, r := range lint.Rules() {
		t.Run(r.Name(), func(t *testing.T) {
			t.Parallel()
			if r.Bad == "" {
				assert.Contains(t, onlyInBinaries, r.ID)
				return
			}
			c := use(t, r)
			assert.Contains(t, ids(check(r.Bad, c)), r.ID, r.Bad)
			assert.NotContains(t, ids(check(r.Good, c)), r.ID, r.Good)
			_, err := requirement.Parse("good", r.Good)
			require.NoError(t, err, r.Good)
			for _, s := range []string{r.What, r.Why, r.Fix, r.Slug} {
				assert.NotEmpty(t, s)
			}
			assert.Same(t, r, lint.Find(r.ID))
		})
		assert.Less(t, last, r.ID, "the catalogue is in order")
		last = r.ID
	}
}

func TestGoodRequirementsAreSilent(t *testing.T) {
	t.Parallel()
	development := lint.Config{Release: lint.Development}
	for name, tt := range map[string]struct {
		text string
		c    lint.Config
	}{
		"Developer ID":                       {golden, lint.Config{}},
		"with a version floor":               {golden + ` and info[CFBundleVersion] >= "407"`, lint.Config{}},
		"without debuggable builds":          {golden + ` and ! entitlement["com.apple.security.get-task-allow"] exists`, lint.Config{}},
		"Developer ID or App Store":          {eitherOf, lint.Config{}},
		"development":                        {`anchor apple generic and identifier "com.example.app" and ` + wwdr + ` and ` + team, development},
		"a peer of Apple's":                  {`anchor apple and identifier "com.apple.mail"`, lint.Config{}},
		"Developer ID, from a recipe":        {golden, lint.Config{Target: lint.AutoPkg}},
		"Developer ID or store, in a recipe": {eitherOf, lint.Config{Target: lint.AutoPkg}},
		"Developer ID, in a profile":         {golden, lint.Config{Target: lint.PPPC}},
		"Developer ID, for a helper":         {golden, lint.Config{Target: lint.SMJobBless}},
		"Developer ID, for a keychain item":  {eitherOf, lint.Config{Target: lint.Keychain}},
		"a set, for the signer":              {`designated => ` + golden, lint.Config{Set: true}},
		"Gatekeeper's Apple System":          {`anchor apple`, lint.Config{Target: lint.Gatekeeper}},
		"Gatekeeper's Mac App Store":         {`anchor apple generic and ` + store + ` exists`, lint.Config{Target: lint.Gatekeeper}},
		"Gatekeeper's Developer ID":          {`anchor apple generic and ` + devID + ` exists and notarized`, lint.Config{Target: lint.Gatekeeper}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			findings := check(tt.text, tt.c)
			assert.Empty(t, ids(findings), "%s", tt.text)
		})
	}
}

func TestWhatRulesFind(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want []string // of error and warning; nil for any
	}{
		"a hidden double negation is an anchor":        {`! (! anchor apple generic or ! (identifier a and ` + team + ` and ` + devID + `))`, []string{}},
		"the weak branch of a nested or":               {`anchor apple generic and (` + store + ` or ` + devID + ` and ` + team + `)`, []string{"RQ110", "RQ205", "RQ106"}},
		"an alternative without the identifier":        {`identifier "com.example.app" and anchor apple generic and ` + store + ` or anchor apple generic and ` + devID + ` and ` + team, []string{"RQ205", "RQ106"}},
		"an or that loses anchor and team":             {`anchor apple generic and ` + team + ` and ` + devID + ` and identifier a or identifier b`, []string{"RQ203", "RQ101"}},
		"an or before the and":                         {`identifier a or identifier b and anchor apple generic and ` + devID + ` and ` + team, []string{"RQ101", "RQ203"}},
		"parentheses that were meant are not doubted":  {`(anchor apple generic and ` + team + ` and ` + devID + ` and identifier a) or identifier b`, []string{"RQ101", "RQ205"}},
		"a pure cdhash branch is as good as any":       {golden + ` or cdhash H"0123456789abcdef0123456789abcdef01234567"`, []string{"RQ307"}},
		"two identifiers":                              {golden + ` and identifier b`, []string{"RQ201"}},
		"a clause and its negation":                    {golden + ` and ! identifier "com.example.app"`, []string{"RQ201"}},
		"two teams":                                    {golden + ` and certificate leaf[subject.OU] = "XYZZY12345"`, []string{"RQ201"}},
		"a leaf of the store and of Developer ID":      {golden + ` and ` + store, []string{"RQ201"}},
		"Apple's own code with a marker of developers": {`anchor apple and identifier "com.apple.mail" and ` + devID, []string{"RQ201"}},
		"never":                                              {`never`, []string{"RQ201"}},
		"a clause or its negation":                           {`identifier a or ! identifier a`, []string{"RQ200", "RQ101", "RQ100", "RQ213"}},
		"exists or absent is no tautology":                   {`anchor apple and identifier "com.apple.mail" and (info[a] exists or info[a] absent)`, []string{}},
		"equal bounds with a strict side":                    {`anchor apple and identifier "com.apple.mail" and info[v] > "2" and info[v] <= "2"`, []string{"RQ202"}},
		"equal bounds without one":                           {`anchor apple and identifier "com.apple.mail" and info[v] >= "2" and info[v] <= "2"`, []string{}},
		"a fixed value below the floor":                      {`anchor apple and identifier "com.apple.mail" and info[v] = "1.9" and info[v] >= "1.10"`, []string{"RQ202"}},
		"the hash of one certificate names its owner":        {`identifier a and certificate leaf = H"0123456789abcdef0123456789abcdef01234567"`, []string{"RQ114"}},
		"Apple's root by its hash is the generic anchor":     {`anchor = H"611e5b662c593a08ff58d14ae22452d198df6c60"`, []string{"RQ102"}},
		"TestFlight without a program":                       {`anchor apple generic and ` + wwdr + ` and certificate leaf[field.1.2.840.113635.100.6.1.25.1]`, []string{"RQ110", "RQ108"}},
		"every Developer ID":                                 {`anchor apple generic and ` + devID, []string{"RQ102"}},
		"more branches than can be judged do not hang":       {many(` and `, 40, `(identifier a or identifier b)`), nil},
		"thousands of alternatives do not hang":              {many(` or `, 3000, `identifier a`), nil},
		"always beside another alternative":                  {`anchor apple and identifier "com.apple.mail" or always`, []string{"RQ200"}},
		"an entity in a value":                               {golden + ` and info[x] = "AT&amp;T"`, []string{"RQ026"}},
		"a vertical tab":                                     {"anchor apple and\videntifier \"com.apple.mail\"", []string{"RQ005"}},
		"a path with a dot":                                  {`anchor = /Users/me/ca.cer`, []string{"RQ018"}},
		"a comment that is prose":                            {golden + ` /* Apple and others */`, []string{}},
		"a clause that was commented out":                    {golden + ` /* and notarized */`, []string{"RQ025"}},
		"a clause behind a line comment":                     {golden + ` // and notarized`, []string{"RQ025"}},
		"half a text is not judged":                          {`identifier "com.example.app" and anchor apple generic...`, []string{"RQ024"}},
		"an authority of Apple's own is no developer":        {`anchor apple generic and identifier a and certificate 1[subject.CN] = "Apple Software Update Certification Authority"`, []string{"RQ113"}},
		"the authority of all developers names none":         {`anchor apple generic and identifier a and certificate 1[subject.CN] = "Developer ID Certification Authority"`, []string{"RQ103", "RQ113"}},
		"what stands before a mistake is judged":             {`identifier com.example.some-app and anchor apple generic`, []string{"RQ006", "RQ103"}},
		"markers that exclude each other, without an anchor": {`identifier a and ` + store + ` and ` + devID, []string{"RQ100", "RQ112"}},
		"a set is judged by its designated requirement":      {`designated => identifier a`, []string{"RQ015", "RQ101"}},
		"Apple's private entitlements are not self-claimed":  {`anchor apple generic and entitlement["com.apple.private.tcc.manager"]`, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			findings := check(tt.text, lint.Config{})
			if tt.want != nil {
				assert.ElementsMatch(t, tt.want, important(findings), "%s", tt.text)
			}
			for _, f := range findings {
				assert.LessOrEqual(t, 0, f.Span.Start)
				assert.LessOrEqual(t, f.Span.Start, f.Span.End)
				assert.LessOrEqual(t, f.Span.End, len(tt.text))
			}
		})
	}
}

// important leaves out findings of no more than info.
func important(findings []lint.Finding) []string {
	return ids(slices.DeleteFunc(findings, func(f lint.Finding) bool { return f.Severity == diag.Info }))
}

func many(join string, n int, term string) string {
	b := term
	for range n {
		b += join + term
	}
	return b
}

func TestBinaries(t *testing.T) {
	t.Parallel()
	good, err := requirement.Parse("", golden)
	require.NoError(t, err)
	assert.Empty(t, lint.Check(nil, good, lint.Config{}), "a tree without a source is judged as well")

	and := func(e *requirement.Expr) *requirement.Expr {
		return &requirement.Expr{Op: requirement.OpAnd, X: good, Y: e}
	}
	blob := append(requirement.Encode(good), 0, 0, 0, 1)
	blob[7] += 4
	long, err := requirement.Decode(blob)
	require.NoError(t, err)
	assert.Contains(t, ids(lint.Check(nil, long, lint.Config{})), "RQ215")

	for name, tt := range map[string]struct {
		e    *requirement.Expr
		want string
	}{
		"an operation that nobody knows": {and(&requirement.Expr{Op: requirement.OpUnknown, Slot: 42, Flags: requirement.FlagFalse}), "RQ216"},
		"flags on a known operation":     {and(&requirement.Expr{Op: requirement.OpTrue, Flags: requirement.FlagFalse}), "RQ217"},
		"the old comparison":             {and(&requirement.Expr{Op: requirement.OpInfoValue, Key: "k", Value: "v"}), "RQ218"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			decoded, err := requirement.Decode(requirement.Encode(tt.e))
			require.NoError(t, err)
			assert.Contains(t, ids(lint.Check(nil, decoded, lint.Config{})), tt.want)
		})
	}
}
