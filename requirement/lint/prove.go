package lint

import (
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// How much proof one text may have, in steps of requirement.ImpliesOptions, of
// which a microsecond has some thirty. Nearly every proof ends within the short
// limit. What is not proved counts as not proved: a branch is then taken for one
// that some program satisfies.
const (
	allSteps   = 1_500_000
	shortProof = 4_000
	longProof  = 60_000
)

// proved reports whether a proof succeeds, with the steps that are left.
func (p *pass) proved(prove func(requirement.ImpliesOptions) requirement.Implication) bool {
	for _, steps := range [...]int{shortProof, longProof} {
		if p.steps < steps {
			break
		}
		answer := prove(requirement.ImpliesOptions{MaxSteps: steps}).Answer
		if answer != requirement.CannotTell {
			p.steps -= shortProof / 2
			return answer == requirement.Yes
		}
		p.steps -= steps
	}
	return false
}

// never reports whether no program satisfies some literals together.
func (p *pass) never(lits ...literal) bool {
	e := conjunction(lits)
	return p.proved(func(o requirement.ImpliesOptions) requirement.Implication {
		return requirement.Contradiction(e, o)
	})
}

// always reports whether every program satisfies the requirement.
func (p *pass) always() bool {
	if p.over || len(p.branches) == 0 || requirement.Eval(p.expr, bareProgram(), requirement.Options{}).Outcome == requirement.False {
		return false // a program with nothing in it is a counterexample
	}
	for i := range p.branches {
		if len(p.branches[i].lits) == 0 {
			return true
		}
	}
	return p.proved(func(o requirement.ImpliesOptions) requirement.Implication {
		return requirement.Tautology(p.expr, o)
	})
}

// bySubject sorts literals by what they look at: the identifier, Info.plist, the
// entitlements, and all the rest. Programs may have any of one with any of another,
// so that literals exclude each other within one part or not at all.
func (b *branch) bySubject() [4][]literal {
	var out [4][]literal
	for _, l := range b.lits {
		part := 0
		switch l.e.Op {
		case requirement.OpIdent:
			part = 1
		case requirement.OpInfo, requirement.OpInfoValue:
			part = 2
		case requirement.OpEntitlement:
			part = 3
		}
		out[part] = append(out[part], l)
	}
	return out
}

// plain reports whether literals plainly do not depend on each other: none looks at
// what another one looks at, each can be true, and only terms about property lists,
// which may lack anything, are negated. Such literals can hold together, and
// nothing follows from them but what they say. It must be right, not complete.
func plain(lits []literal) bool {
	for i, l := range lits {
		if !independent(l.e) || l.not && l.e.Op != requirement.OpInfo && l.e.Op != requirement.OpEntitlement {
			return false
		}
		for _, m := range lits[:i] {
			if sameSubject(l.e, m.e) {
				return false
			}
		}
	}
	return true
}

// independent reports whether a term alone can be true and implies nothing about
// others, except anchors about anchors.
func independent(e *requirement.Expr) bool {
	switch e.Op {
	case requirement.OpIdent, requirement.OpCDHash, requirement.OpAppleAnchor, requirement.OpAppleGeneric, requirement.OpNotarized:
		return true
	case requirement.OpAnchorHash:
		return e.Slot >= requirement.SlotRoot && e.Slot <= 2
	case requirement.OpCertField:
		_, known := requirement.SubjectField(e.Key)
		return known && e.Match == requirement.MatchEqual && e.Value != "" && e.Slot >= requirement.SlotRoot && e.Slot <= 2
	case requirement.OpCertGeneric:
		return e.Match == requirement.MatchExists && e.Slot >= requirement.SlotRoot && e.Slot <= 2
	case requirement.OpInfo, requirement.OpEntitlement:
		return e.Match == requirement.MatchExists ||
			e.Value != "" && (e.Match == requirement.MatchEqual || e.Match == requirement.MatchGreaterEqual)
	}
	return false
}

// sameSubject reports whether two terms look at the same thing.
func sameSubject(a, b *requirement.Expr) bool {
	return a.Op == b.Op && a.Slot == b.Slot && a.Key == b.Key
}

func conjunction(lits []literal) *requirement.Expr {
	var all *requirement.Expr
	for _, l := range lits {
		e := l.e
		if l.not {
			e = &requirement.Expr{Op: requirement.OpNot, X: e}
		}
		if all == nil {
			all = e
		} else {
			all = &requirement.Expr{Op: requirement.OpAnd, X: all, Y: e}
		}
	}
	if all == nil {
		return &requirement.Expr{Op: requirement.OpTrue}
	}
	return all
}

// bareProgram is ad-hoc code without identifier, property list and entitlements.
func bareProgram() *code.Subject {
	s := &code.Subject{Notarized: code.Known(false), InTrustCache: code.Known(false), LegacyListed: code.Known(false)}
	s.Identifier, s.CDHashes = code.Absent[string](), code.Absent[[]code.CDHash]()
	s.PlatformByte, s.SignedAt = code.Absent[uint8](), code.Absent[time.Time]()
	s.Info, s.Entitlements = code.Absent[code.Value](), code.Absent[code.Value]()
	s.Certs = code.Absent[[]code.Certificate]()
	return s
}
