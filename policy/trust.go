package policy

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
)

// trust is whose signatures count.
type trust struct {
	apple bool
	// roots are the private roots that count, each with the teams that it may
	// speak for; nil is every team.
	roots map[[32]byte][]string
	adhoc map[string]bool // cdhashes in lower-case hexadecimal, 20 bytes or the full hash
}

// trusts reports whether a chain that ends in this root counts, for some team at
// least.
func (t *trust) trusts(root *code.Certificate) bool {
	if root.AppleRoot {
		return t.apple
	}
	if root.SHA256 == [32]byte{} {
		return false
	}
	_, ok := t.roots[root.SHA256]
	return ok
}

// teams are those that a root may speak for; nil is every team.
func (t *trust) teams(root *code.Certificate) []string {
	if root.AppleRoot {
		return nil
	}
	return t.roots[root.SHA256]
}

// team is the verified team. A signature that says of itself that nobody signed
// it has none, whatever certificates stand beside it, and a root that trust binds
// to teams vouches for no other.
func (f *facts) team() code.Fact[string] {
	team := f.s.VerifiedTeam(f.p.trust.trusts)
	name, ok, err := team.Get()
	if err != nil || !ok {
		return team
	}
	adhoc, ok, err := f.s.AdHoc().Get()
	if err != nil || !ok {
		return code.Unknown[string](err)
	}
	root, ok, _ := f.s.AnchorCert().Get()
	if adhoc || !ok {
		return code.Absent[string]()
	}
	if teams := f.p.trust.teams(root); teams != nil && !slices.Contains(teams, name) {
		return code.Absent[string]()
	}
	return team
}

// trust reads the key trust into t.
func (r *reader) trust(n *yamlpos.Node, keys []key, t *trust) {
	v := r.object(n, keys, "trust")
	if v["apple"] != nil {
		t.apple = strings.EqualFold(v["apple"].Value, "true")
	}
	for _, n := range texts(v["roots"]) {
		at := n
		var teams []string
		if n.Kind == yamlpos.Mapping {
			root := r.object(n, rootKeys, "a root")
			if root["sha256"] == nil {
				continue
			}
			at = root["sha256"]
			for _, team := range texts(root["teams"]) {
				teams = append(teams, team.Value)
			}
		}
		b, err := hex.DecodeString(at.Value)
		if err != nil || len(b) != 32 {
			r.at(at, "a root is named by the SHA-256 of its certificate, 64 hexadecimal digits", "")
			continue
		}
		key := [32]byte(b)
		if code.IsAppleRoot(key) {
			r.at(at, "this is one of Apple's roots", "trust.apple says whether they count")
			continue
		}
		if _, twice := t.roots[key]; twice {
			r.at(at, "this root is named twice", "list all of its teams in one place")
			continue
		}
		if teams == nil && n.Kind == yamlpos.Scalar && t.apple {
			r.warn(at, "PV103 any-team-root", "whoever holds this root can sign as any team, those of Apple's roots included", "bind it: {sha256: …, teams: […]}")
		}
		t.roots[key] = teams
	}
	for _, n := range texts(v["adhoc"]) {
		b, err := hex.DecodeString(n.Value)
		if err != nil || len(b) != 20 && len(b) != 32 && len(b) != 48 {
			r.at(n, "ad-hoc code is named by its cdhash, 40 or 64 hexadecimal digits", "")
			continue
		}
		t.adhoc[hex.EncodeToString(b)] = true
	}
}
