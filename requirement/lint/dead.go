package lint

import (
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// conflict says why no program satisfies a branch.
type conflict struct {
	a, b *requirement.Expr // b is nil when a alone is never true, both when it takes more
	why  string            // in words, when it is no contradiction of the language
}

// judge finds the branches that no program satisfies. The others are live.
func (p *pass) judge() {
	for i := range p.branches {
		b := &p.branches[i]
		if b.dead = b.kinds(); b.dead != nil || plain(b.lits) {
			continue
		}
		for _, lits := range b.bySubject() {
			if !plain(lits) && p.never(lits...) {
				b.dead = p.conflict(lits)
				break
			}
		}
	}
}

// live returns the branches that some program satisfies.
func (p *pass) live() []*branch {
	var out []*branch
	for i := range p.branches {
		if p.branches[i].dead == nil {
			out = append(out, &p.branches[i])
		}
	}
	return out
}

// conflict finds the literals that exclude each other among some that never hold
// together: the least of them, as far as two are enough.
func (p *pass) conflict(lits []literal) *conflict {
	for _, l := range lits {
		if (l.not || !independent(l.e)) && p.never(l) {
			return &conflict{a: l.e}
		}
	}
	for i, l := range lits {
		for _, m := range lits[:i] {
			if sameSubject(l.e, m.e) && p.never(m, l) {
				return &conflict{a: m.e, b: l.e}
			}
		}
	}
	return &conflict{}
}

// kinds finds markers that no certificate of Apple's carries together, and terms
// about developers beside `anchor apple`. The prover does not know that.
func (b *branch) kinds() *conflict {
	const leaf = "a leaf certificate is for one of them"
	if b.generic == nil && b.apple == nil {
		return nil // certificates that others make may hold anything
	}
	type side struct {
		e    *requirement.Expr
		kind int
	}
	storeKind := 2
	if b.testFly != nil {
		storeKind = 3
	}
	sides := [...]side{{b.devID, 1}, {b.devIDCA, 1}, {b.store, storeKind}, {b.develop, 4}, {b.submit, 5}}
	for i, x := range sides {
		for _, y := range sides[:i] {
			if x.e != nil && y.e != nil && x.kind != y.kind {
				return &conflict{y.e, x.e, leaf}
			}
		}
	}
	if b.wwdr != nil {
		if d := oneOf(b.devID, b.devIDCA); d != nil {
			return &conflict{b.wwdr, d, "Developer ID certificates have an intermediate of their own"}
		}
	}
	if b.apple != nil {
		d := oneOf(b.devID, b.devIDCA, b.store, b.develop, b.submit, b.wwdr)
		if d == nil && b.team != nil && isTeam(b.team.Value) {
			d = b.team
		}
		if d != nil {
			return &conflict{b.apple, d, `"anchor apple" is Apple's own code only, which carries no certificate of developers or the store`}
		}
	}
	return nil
}

// isTeam reports whether a text has the form of a team identifier.
func isTeam(s string) bool {
	if len(s) != 10 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// leafKind says for which software a marker in the leaf stands.
func leafKind(e *requirement.Expr) string {
	if e.Op == requirement.OpCertGeneric {
		if name := code.MarkerName(code.OID(e.Key)); name != "" {
			return name
		}
	}
	return "Mac App Store"
}
