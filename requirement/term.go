package requirement

import (
	"github.com/xpcpolicy/xpcpolicy/code"
)

// term evaluates a node without operands that are expressions.
func (v *evaluator) term(e *Expr) Outcome {
	s := v.s
	switch {
	case s == nil:
		return v.stop(abortSubject)
	case e.Op == OpConstraint:
		return v.constraint(e)
	}
	switch e.Op { // dense, hence a jump
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
		return v.cdhash(e)
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
	case OpAppleGeneric:
		if v.noChain {
			return Unknown
		}
		c := at(v.certs, SlotRoot)
		return outcome(c != nil && c.AppleRoot)
	case OpCertField, OpCertGeneric, OpCertPolicy, OpCertDate:
		return v.certificates(e)
	case OpAppleAnchor:
		return v.appleAnchor()
	case OpAnchorHash:
		return v.anchorHash(e)
	case OpTrustedCert:
		if v.noChain {
			return Unknown
		}
		return trusted(at(v.certs, e.Slot))
	case OpTrustedCerts:
		if v.noChain {
			return Unknown
		}
		return trustedAny(v.certs)
	case OpInfo, OpInfoValue:
		return v.dictionary(e, &s.Info)
	case OpEntitlement:
		return v.dictionary(e, &s.Entitlements)
	case OpNamedAnchor:
		return v.fragment(v.o.Anchors, e.Value)
	case OpNamedCode:
		return v.fragment(v.o.Codes, e.Value)
	case OpAnd, OpOr, OpNot: // not terms
		return v.stop(abortOperand)
	}
	return v.stop(abortOpcode)
}

func (v *evaluator) cdhash(e *Expr) Outcome {
	hashes, ok, err := v.s.CDHashes.Get()
	if err != nil {
		return Unknown
	}
	return outcome(ok && len(hashes) > 0 && string(hashes[0].Hash[:]) == e.Value)
}

func (v *evaluator) constraint(e *Expr) Outcome {
	if v.o.Constraint == nil {
		return Unknown
	}
	return v.o.Constraint([]byte(e.Value), v.s)
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
	inner := newEvaluator(v.s, v.o, v.fragments+1)
	out := inner.eval(e, 1)
	if inner.abort != abortNone {
		return v.stop(inner.abort)
	}
	return out
}
