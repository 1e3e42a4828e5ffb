package policy

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

func TestNearestMiss(t *testing.T) {
	t.Parallel()
	const rules = `
peers: {app: {team: ABCDE12345, identifiers: [com.acme.client], min_version: "2.1", require: {entitlements: com.acme.x}, forbid: {entitlements: com.acme.bad}}}
requirements: {acme: 'anchor apple generic and certificate leaf[subject.OU] = ABCDE12345 and info[Kind] = "app"'}
rules:
  - {name: betas, deny: 'subject.channel == "testflight"'}
  - {name: apps, operation: [read, write], allow: 'matches("app")'}
  - {name: agents, operation: erase, allow: 'subject.team_id == "ABCDE12345" && subject.identifier.startsWith("com.acme.agent") && version(subject.build) > version("3000")'}
  - {name: kind, operation: kind, allow: 'satisfies(requirements.acme)'}
  - {name: late, operation: late, allow: 'now > timestamp("2030-01-01T00:00:00Z") && subject.team_id == "ABCDE12345"'}
  - {name: root, operation: root, allow: 'process.euid == 0 && subject.team_id == "ABCDE12345"'}
  - {name: never, operation: never, allow: 'subject.identifier.matches("^x[0-9]+$") && subject.team_id == "ABCDE12345" && subject.cdhash == "bb01000000000000000000000000000000000000"'}
  - {name: known, operation: known, allow: 'subject.notarized && subject.team_id == "ABCDE12345"'}
`
	good := func(s *code.Subject) { s.Entitlements = code.Known(dict(t, "com.acme.x", true)) }
	for name, tt := range map[string]struct {
		operation string
		change    func(*code.Subject)
		want      []string // changes; nil: not found
	}{
		"an older version": {"read", func(s *code.Subject) {
			good(s)
			s.Info = code.Known(dict(t, "CFBundleShortVersionString", "1.9"))
		}, []string{`subject.version "2.1" instead of "1.9"`}},
		"another team": {"read", func(s *code.Subject) { good(s); subjects["other-team"](t, s) }, []string{`subject.team_id "ABCDE12345" instead of "ZZZZZ99999"`}},
		"a claimed team": {"read", func(s *code.Subject) { good(s); subjects["claims-team"](t, s) },
			[]string{`subject.team_id "ABCDE12345" instead of nothing (the signature claims "ABCDE12345", its certificates do not vouch for that)`}},
		"a missing entitlement":   {"read", func(*code.Subject) {}, []string{`subject.entitlements["com.acme.x"] true instead of nothing`}},
		"a forbidden entitlement": {"read", func(s *code.Subject) { s.Entitlements = code.Known(dict(t, "com.acme.x", true, "com.acme.bad", 1)) }, []string{`subject.entitlements["com.acme.bad"] nothing instead of 1`}},
		"get-task-allow": {"read", func(s *code.Subject) {
			s.Entitlements = code.Known(dict(t, "com.acme.x", true, "get-task-allow", true))
		},
			[]string{`subject.entitlements["get-task-allow"] nothing instead of true`}},
		"no hardened runtime": {"read", func(s *code.Subject) { good(s); s.Flags = code.Known(code.CodeFlags(0)) }, []string{`subject.hardened_runtime true instead of false`}},
		"ad-hoc code": {"read", func(s *code.Subject) {
			good(s)
			s.Certs, s.Flags = code.Absent[[]code.Certificate](), code.Known(code.FlagAdHoc|code.FlagRuntime)
		}, []string{`subject.channel "developer-id" instead of "ad-hoc"`}},
		"nothing was verified": {"read", func(s *code.Subject) { good(s); s.Validity = code.Validity{} }, []string{"signature verified instead of not verified"}},
		"two facts": {"erase", func(*code.Subject) {}, []string{
			`subject.identifier "com.acme.agent" instead of "com.acme.client"`, `subject.build "3000.1" instead of "2103"`}},
		"a term of a requirement": {"kind", func(*code.Subject) {}, []string{`subject.info["Kind"] "app" instead of nothing`}},
		"the time":                {"late", func(*code.Subject) {}, []string{`now 2030-01-01T00:00:01Z instead of 2026-11-20T12:00:00Z`}},
		"a user of a process":     {"root", process, []string{`process.euid 0 instead of 501`}},
		"a file is no process":    {"root", func(*code.Subject) {}, []string{`operation "read" instead of "root"`, `subject.entitlements["com.acme.x"] true instead of nothing`}},
		"what nobody knows":       {"known", func(*code.Subject) {}, []string{`subject.notarized true instead of unknown`}},
		"another channel": {"read", func(s *code.Subject) {
			good(s)
			c := developerID("x")
			c[0].Extensions = []code.OID{code.OIDTestFlight}
			s.Certs = code.Known(c)
		}, []string{`subject.channel "developer-id" instead of "testflight"`}},
		"the operation": {"nothing", good, []string{`operation "read" instead of "nothing"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := load(t, header+rules)
			d := p.Decide(context.Background(), Request{Subject: edit(t, tt.change), Operation: tt.operation, Now: clock})
			require.False(t, d.Allow())
			m := d.nearestMiss(context.Background(), time.Minute) // whatever else the machine does
			var got []string
			for _, c := range m.Changes {
				got = append(got, c.String())
			}
			assert.ElementsMatch(t, tt.want, got, m.Reason)
			for _, r := range m.requests {
				assert.True(t, p.Decide(context.Background(), r).Allow(), "the nearest miss, applied, allows")
			}
		})
	}
}

func TestNearestMissKnowsItsLimits(t *testing.T) {
	t.Parallel()
	three := load(t, header+`rules: [{name: r, allow: 'subject.team_id == "ZZZZZ99999" && subject.identifier == "x" && subject.build == "7"'}]`)
	m := decide(three, client(t)).NearestMiss(context.Background())
	assert.False(t, m.Found)
	assert.NotEmpty(t, m.Reason)
	assert.Empty(t, m.Changes)

	var alternatives []string
	for i := range 200 {
		alternatives = append(alternatives, "subject.identifier == \"a"+string(rune('a'+i%26))+strings.Repeat("x", i)+"\"")
	}
	many := load(t, header+"rules: [{name: r, allow: "+quoteYAML(`subject.team_id == "ZZZZZ99999" && subject.build == "7" && (`+strings.Join(alternatives[:60], " || ")+")")+"}]")
	m = decide(many, client(t)).NearestMiss(context.Background())
	assert.False(t, m.Found)
	assert.LessOrEqual(t, m.Evaluations, missEvaluations)

	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	m = decide(three, client(t)).NearestMiss(cancelled)
	assert.False(t, m.Found)
	assert.Zero(t, m.Evaluations)
	assert.False(t, Decision{}.NearestMiss(context.Background()).Found)
	assert.Equal(t, "the decision allows already", decide(allowing(t, "true"), client(t)).NearestMiss(context.Background()).Reason)
}

// For random policies and callers: what the search finds does allow, and it takes
// nothing but what it names.
func TestNearestMissesAllow(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 11))
	all, found, denied := changes(t), 0, 0
	for range 60 {
		p := load(t, propertyHead+strings.Join(randomRules(r), ""))
		s := edit(t, func(s *code.Subject) {
			for range r.IntN(4) {
				all[r.IntN(len(all))](s)
			}
		})
		d := decide(p, s)
		if d.Allow() {
			continue
		}
		denied++
		checkNearest(t, d, &found)
	}
	require.Greater(t, found, denied/4, "a search that finds nothing proves nothing")
}

func checkNearest(t testing.TB, d Decision, found *int) {
	t.Helper()
	m := d.NearestMiss(context.Background())
	require.LessOrEqual(t, m.Evaluations, missEvaluations)
	if !m.Found {
		require.NotEmpty(t, m.Reason)
		return
	}
	*found++
	require.Contains(t, []int{1, 2}, len(m.Changes))
	for _, r := range m.requests {
		require.True(t, d.policy.Decide(context.Background(), r).Allow())
	}
	require.False(t, d.policy.Decide(context.Background(), d.request).Allow(), "the search left the facts alone")
}
