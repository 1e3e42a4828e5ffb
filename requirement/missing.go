package requirement

import (
	"strconv"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// missing names the facts without which a term has no answer. The names are those
// of the JSON form of a Subject.
func (v *evaluator) missing(e *Expr) []string {
	s := v.s
	switch e.Op {
	case OpIdent:
		return []string{"identifier"}
	case OpCDHash:
		return []string{"cdhashes"}
	case OpPlatform:
		return []string{"platform_byte"}
	case OpNotarized:
		return []string{"notarized"}
	case OpLegacy:
		_, what := legacy(s)
		return []string{what}
	case OpInfo, OpInfoValue:
		return []string{"info"}
	case OpEntitlement:
		return []string{"entitlements"}
	case OpConstraint:
		return []string{"the evaluation of launch constraints"}
	case OpNamedAnchor, OpNamedCode:
		named := v.o.Anchors
		if e.Op == OpNamedCode {
			named = v.o.Codes
		}
		inner := newEvaluator(s, v.o, v.fragments+1)
		if inner.fragments > maxFragments {
			return nil
		}
		_, names := inner.collect(named[e.Value], nil, 1)
		return names
	case OpAppleAnchor:
		if s.Certs.IsUnknown() {
			return []string{"certificates", "in_trust_cache"}
		}
		return []string{"in_trust_cache"}
	}
	certs, _, err := s.Certs.Get()
	switch {
	case err != nil:
		return []string{"certificates"}
	case e.Op == OpTrustedCerts:
		for i := range certs {
			if certs[i].TrustSetting == code.TrustUnknown {
				return []string{"certificates[" + strconv.Itoa(i) + "].trust_setting"}
			}
		}
	}
	i := int64(e.Slot)
	if i < 0 {
		i += int64(len(certs))
	}
	field := "email names" // OpCertField
	switch e.Op {
	case OpTrustedCert:
		field = "trust_setting"
	case OpAnchorHash:
		field = "sha1"
	}
	return []string{"certificates[" + strconv.FormatInt(i, 10) + "]." + field}
}
