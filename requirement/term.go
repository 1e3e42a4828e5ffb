package requirement

import (
	"github.com/xpcpolicy/xpcpolicy/code"
)

// term evaluates a node without operands that are expressions.
func (v *evaluator) term(e *Expr) Outcome {
	s := v.s
	switch e.Op {
	case OpFalse:
		return False
	case OpTrue:
		return True
	case OpIdent:
		id, ok, err := s.Identifier.Get()
		if err != nil {
			return Unknown
		}
		return outcome(ok && id == e.Value)
	case OpCDHash:
		hashes, ok, err := s.CDHashes.Get()
		if err != nil {
			return Unknown
		}
		return outcome(ok && len(hashes) > 0 && string(hashes[0].Hash[:]) == e.Value)
	case OpPlatform:
		b, ok, err := s.PlatformByte.Get()
		if err != nil {
			return Unknown
		}
		return outcome(ok && int32(b) == e.Slot)
	case OpNotarized:
		return known(s.Notarized)
	case OpLegacy:
		return v.legacy()
	case OpInfo, OpInfoValue:
		return v.dictionary(e, &s.Info)
	case OpEntitlement:
		return v.dictionary(e, &s.Entitlements)
	case OpNamedAnchor:
		return v.fragment(v.o.Anchors, e.Value)
	case OpNamedCode:
		return v.fragment(v.o.Codes, e.Value)
	case OpConstraint:
		if v.o.Constraint == nil {
			return Unknown
		}
		return v.o.Constraint([]byte(e.Value), s)
	case OpAnd, OpOr, OpNot, OpUnknown: // not terms
		return v.stop(abortOperand)
	}
	return v.certificates(e)
}

// dictionary evaluates a term about a key of Info.plist or the entitlements.
func (v *evaluator) dictionary(e *Expr, f *code.Fact[code.Value]) Outcome {
	key, ok := operand(e.Key)
	want := ""
	if ok && (e.Match.HasValue() && e.Match < matchCount || e.Op == OpInfoValue) {
		want, ok = operand(e.Value)
	}
	if !ok {
		return v.stop(abortText)
	}
	dict, ok, err := f.Get()
	if err != nil {
		return Unknown
	}
	if ok {
		if value, has := dict.Get(key); has {
			if e.Op == OpInfoValue {
				return outcome(matchValue(&equalMatch, value, want))
			}
			return outcome(matchValue(e, value, want))
		}
	}
	return outcome(e.Op != OpInfoValue && matchNothing(e))
}

// equalMatch is the comparison of OpInfoValue.
var equalMatch = Expr{Match: MatchEqual}

// fragment evaluates a named requirement.
func (v *evaluator) fragment(named map[string]*Expr, name string) Outcome {
	e := named[name]
	if e == nil {
		return False
	}
	if v.fragments >= maxFragments {
		return v.stop(abortFragments)
	}
	inner := evaluator{s: v.s, o: v.o, fragments: v.fragments + 1}
	out := inner.eval(e, 1)
	if inner.abort != abortNone {
		return v.stop(inner.abort)
	}
	return out
}
