//go:build real

package real

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

// teamPolicy lets current Developer ID programs of one team in, as the cookbook does.
const teamPolicy = `apiVersion: xpcpolicy/v1
name: one-team
peers:
  ours: {team: %s, channel: developer-id}
rules:
  - name: our programs
    allow: matches("ours")
`

// program is one signed file of a package, with what its rows say.
type program struct {
	name    string
	rows    []row
	subject *code.Subject
}

// TestTeamPoliciesOnRealPrograms asks a policy for each team about every program of
// every package. Who is allowed is worked out from the rows alone: signed by that
// team with Developer ID, hardened, not an interpreter, without the entitlements that
// let strangers in.
func TestTeamPoliciesOnRealPrograms(t *testing.T) {
	programs := realPrograms(t)
	teams := map[string]bool{"S8QB4VV633": true} // also where a small selection has few
	for _, p := range programs {
		for _, s := range p.subject.PerSlice() {
			if team, ok, _ := s.ClaimedTeamID.Get(); ok {
				teams[team] = true
			}
		}
	}
	reasons, allowed := map[string]int{}, 0
	for _, team := range sortedKeys(teams) {
		p, err := policy.Parse("team.yaml", fmt.Appendf(nil, teamPolicy, team))
		require.NoError(t, err)
		for _, m := range programs {
			d := xpcpolicy.CheckPolicy(context.Background(), p, m.subject, xpcpolicy.Request{Now: now})
			want, why := m.expected(team)
			assert.Equal(t, want, d.Allow(), "%s for %s: %s %s", team, m.name, d.Reason(), d.Message())
			if want {
				allowed++
				t.Logf("allow %s %s", team, m.name)
			} else if why != "" {
				assert.Equal(t, why, d.Reason(), "%s for %s: %s", team, m.name, d.Message())
			}
			reasons[d.Reason()]++
		}
	}
	t.Logf("%d programs, %d teams, %d decisions, %d allowed", len(programs), len(teams), len(programs)*len(teams), allowed)
	for _, reason := range sortedKeys(reasons) {
		t.Logf("%5d %s", reasons[reason], reason)
	}
	assert.Positive(t, allowed)
}

// realPrograms verifies every signed file of the selected packages.
func realPrograms(t *testing.T) []program {
	t.Helper()
	c := openCache(t)
	rows := readExpected(t)
	var out []program
	for _, p := range selected(t) {
		dir, err := c.fetch(p)
		needFetched(t, err)
		byPath := map[string][]row{}
		for _, r := range rows[p.key()] {
			if r.Kind == "slice" {
				byPath[r.Path] = append(byPath[r.Path], r)
			}
		}
		for _, path := range sortedKeys(byPath) {
			s, err := xpcpolicy.Verify(context.Background(), at(dir, path), xpcpolicy.Options{Now: now})
			require.NoError(t, err)
			out = append(out, program{p.key() + " " + path, byPath[path], s})
		}
	}
	return out
}

// dangerous lets strangers run inside, by the item of the floor that says so.
var dangerous = []struct{ item, key string }{
	{"debuggable", "com.apple.security.get-task-allow"},
	{"debuggable", "get-task-allow"},
	{"library-validation", "com.apple.security.cs.disable-library-validation"},
	{"dyld-environment", "com.apple.security.cs.allow-dyld-environment-variables"},
	{"executable-page-protection", "com.apple.security.cs.disable-executable-page-protection"},
}

// expected is what a policy of the team must say, from the rows of the other
// readers: the first slice that is refused decides, and of its faults the first of
// the floor.
func (p *program) expected(team string) (allow bool, reason string) {
	if p.subject.Verified() != nil { // compared with the rows by TestReal
		return false, "floor:signature"
	}
	for i := range p.rows {
		if ok, why := p.rows[i].expected(team); !ok {
			return false, why
		}
	}
	return true, "rule"
}

func (r *row) expected(team string) (bool, string) {
	best := r.CDs[len(r.CDs)-1]
	if r.CMS == nil {
		return false, "floor:certificate"
	}
	xml, read := r.XML.(map[string]any)
	if !read && r.XMLLength != nil {
		return false, "" // the other reader failed on its entitlements: only the denial is compared
	}
	for _, d := range dangerous {
		if xml[d.key] == true {
			return false, "floor:" + d.item
		}
	}
	if !slices.Contains(best.FlagNames, "runtime") {
		return false, "floor:hardened-runtime"
	}
	if _, host := code.FindInterpreter(best.Identifier); host {
		return false, "floor:interpreter"
	}
	if _, host := code.FindPluginHost(best.Identifier); host {
		return false, "floor:plugin-host"
	}
	if len(r.CMS.Signers) != 1 || best.Team != team || !strings.HasPrefix(strings.Join(r.CMS.Signers[0].CN, ""), "Developer ID Application: ") {
		return false, "default-deny"
	}
	return true, ""
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
