package policy

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

var atoms = []string{
	`subject.team_id == "ABCDE12345"`, `subject.team_id != "ABCDE12345"`, `subject.team_id == null`,
	`subject.identifier == "com.acme.client"`, `subject.identifier == "com.acme.agent"`, `subject.identifier.startsWith("com.acme")`,
	`subject.team_id.startsWith("A")`, `subject.hardened_runtime`, `subject.linker_signed`, `subject.channel == "developer-id"`,
	`version(subject.version) >= version("2.0")`, `version(subject.version) < version("3")`, `has(subject.info.LSUIElement)`,
	`subject.info["LSUIElement"] == true`, `"com.acme.client" in subject.entitlements`, `entitled("com.acme.client")`,
	`subject.notarized`, `process.euid == 501`, `"hard" in process.flags`, `matches("app")`, `matches("old")`,
	`satisfies(requirements.acme)`, `satisfies("info[CFBundleVersion] exists")`, `subject.cdhashes.exists(h, h.startsWith("aa"))`,
	`subject.certificates.all(c, c.team == "ABCDE12345" || c.team == null)`, `vars.team == subject.team_id`, `vars.fresh`,
	`size(subject.entitlements) > 1`, `subject.signed_at < now`, `true`, `false`,
}

func randomCondition(r *rand.Rand, depth int) string {
	if depth == 0 || r.IntN(3) == 0 {
		return atoms[r.IntN(len(atoms))]
	}
	x, y := randomCondition(r, depth-1), randomCondition(r, depth-1)
	switch r.IntN(4) {
	case 0:
		return "!(" + x + ")"
	case 1:
		return "(" + x + " || " + y + ")"
	case 2:
		return "(" + x + " ? " + y + " : " + randomCondition(r, depth-1) + ")"
	}
	return x + " && " + y
}

func randomRules(r *rand.Rand) []string {
	rules := make([]string, 1+r.IntN(5))
	for i := range rules {
		effect := "allow"
		if r.IntN(3) == 0 {
			effect = "deny"
		}
		cond := randomCondition(r, 3)
		if strings.Contains(cond, " ? ") || strings.Contains(cond, "||") {
			cond = "(" + cond + ")"
		}
		rules[i] = fmt.Sprintf("  - {name: r%d, %s: %s}\n", i, effect, quoteYAML(cond))
	}
	return rules
}

const propertyHead = header + `
floor: {relax: [hardened-runtime, interpreter]}
variables: {team: '"ABCDE12345"', fresh: 'now - subject.signed_at < duration("9000h")'}
requirements: {acme: 'anchor apple generic and identifier "com.acme.client" and info[CFBundleVersion] >= "2"'}
peers:
  app: {team: ABCDE12345, min_version: "2"}
  old: {requirement: requirements.acme, team: ABCDE12345, forbid: {entitlements: com.acme.client}}
rules:
`

// changes are what random callers differ in.
func changes(t testing.TB) []func(*code.Subject) {
	return []func(*code.Subject){
		process,
		func(s *code.Subject) { s.Certs = code.Known(developerID("ZZZZZ99999")) },
		func(s *code.Subject) { s.ClaimedTeamID = code.Absent[string]() },
		func(s *code.Subject) { s.Identifier = code.Known("com.acme.agent") },
		func(s *code.Subject) { s.Info = code.Absent[code.Value]() },
		func(s *code.Subject) {
			s.Info = code.Known(dict(t, "CFBundleShortVersionString", "1.0", "CFBundleVersion", 9))
		},
		func(s *code.Subject) { s.Entitlements = code.Absent[code.Value]() },
		func(s *code.Subject) { s.Flags = code.Known(code.FlagLinkerSigned) },
		func(s *code.Subject) { s.SignedAt = code.Absent[time.Time]() },
		func(s *code.Subject) { s.SignedAt = code.Unknown[time.Time](errUnread) },
		func(s *code.Subject) { s.Notarized = code.Known(true) },
		func(s *code.Subject) { s.Certs = code.Absent[[]code.Certificate]() },
		func(s *code.Subject) { s.Entitlements = code.Known(dict(t, "get-task-allow", true)) },
	}
}

// For random policies and callers: forgetting a fact never opens the door,
// removing an allow rule never opens it, leaving rules out by their guard changes
// nothing, and the explanation agrees with the decision.
func TestProperties(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2026, 11))
	all := changes(t)
	allows := 0
	for range 120 {
		rules := randomRules(r)
		doc := propertyHead + strings.Join(rules, "")
		p, err := Parse("random.yaml", []byte(doc))
		require.NoError(t, err, doc)
		slow := *p
		slow.index = []guardedRules{{slot: -1, all: numbers(len(p.rules))}}
		i := r.IntN(len(rules))
		var fewer *Policy
		if strings.Contains(rules[i], " allow: ") && len(rules) > 1 {
			fewer = load(t, propertyHead+strings.Join(append(append([]string{}, rules[:i]...), rules[i+1:]...), ""))
		}
		for range 12 {
			s := edit(t, func(s *code.Subject) {
				for range r.IntN(4) {
					all[r.IntN(len(all))](s)
				}
			})
			d := decide(p, s)
			plain := decide(&slow, s)
			require.Equal(t, plain.finding, d.finding, "the index changed the answer\n%s", doc)
			require.Equal(t, verdictOfOutcome(d.Outcome()), d.Explain().Verdict)
			checkRules(t, d, doc)
			if d.Allow() {
				allows++
				continue
			}
			for _, forgotten := range append(forget(s), edit(t, func(c *code.Subject) { *c = *s; c.SignedAt = code.Unknown[time.Time](errUnread) })) {
				require.False(t, decide(p, forgotten).Allow(), "forgetting a fact allowed\n%s", doc)
			}
			if fewer != nil {
				require.False(t, decide(fewer, s).Allow(), "removing rule %d allowed\n%s", i, doc)
			}
		}
	}
	require.Greater(t, allows, 100, "the random policies must say yes often enough to mean something")
}

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// checkRules compares each rule's answer with what explains it.
func checkRules(t testing.TB, d Decision, doc string) {
	t.Helper()
	for _, n := range d.Explain().Children {
		if strings.HasPrefix(n.Label, "rule ") && len(n.Children) == 1 {
			require.Equal(t, n.Verdict, n.Children[0].Verdict, "%s\n%s", n.Label, doc)
		}
	}
}
