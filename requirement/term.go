package requirement

import (
	"strings"

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

// certificates evaluates a term about the chain.
func (v *evaluator) certificates(e *Expr) Outcome {
	want := ""
	switch {
	case e.Op == OpAnchorHash && len(e.Value) != 20:
		return v.stop(abortHash)
	case e.Op.hasMatch() && e.Match.HasValue() && e.Match < matchCount:
		var ok bool
		if want, ok = operand(e.Value); !ok {
			return v.stop(abortText)
		}
	}
	certs, ok, err := v.s.Certs.Get()
	if !ok {
		certs = nil
	}
	if e.Op == OpAppleAnchor {
		return v.appleAnchor(certs, err)
	}
	if err != nil {
		return Unknown
	}
	slot := e.Slot
	if e.Op == OpAppleGeneric {
		slot = SlotRoot
	}
	c := at(certs, slot)
	switch e.Op {
	case OpAppleGeneric:
		return outcome(c != nil && c.AppleRoot)
	case OpAnchorHash:
		if c != nil && c.SHA1 == ([20]byte{}) { // facts without hashes
			return Unknown
		}
		return outcome(c != nil && string(c.SHA1[:]) == e.Value)
	case OpTrustedCert:
		return trusted(c)
	case OpTrustedCerts:
		return trustedAny(certs)
	case OpCertField:
		return certField(e, c, want)
	case OpCertGeneric:
		return outcome(c != nil && present(e, c.HasExtension(code.OID(e.Key))))
	case OpCertPolicy:
		return outcome(c != nil && present(e, c.HasPolicy(code.OID(e.Key))))
	case OpCertDate:
		if c != nil {
			// Apple: a date that is exactly 2001-01-01 counts as none.
			if d, ok := c.Date(code.OID(e.Key)); ok && d != 0 {
				return outcome(matchDate(e, d))
			}
		}
		return outcome(matchNothing(e)) // Apple: true even without a certificate
	}
	return v.stop(abortOpcode)
}

// at returns the certificate in a slot, nil when there is none.
//
// Apple: a negative slot beyond the leaf reads outside the chain.
func at(certs []code.Certificate, slot int32) *code.Certificate {
	i := int64(slot)
	if i < 0 {
		i += int64(len(certs))
	}
	if i < 0 || i >= int64(len(certs)) {
		return nil
	}
	return &certs[i]
}

func present(e *Expr, has bool) bool {
	if has {
		return matchTrue(e)
	}
	return matchNothing(e)
}

// appleAnchor evaluates `anchor apple`: the trust cache, or the chain of Apple's
// own software.
func (v *evaluator) appleAnchor(certs []code.Certificate, unknown error) Outcome {
	cache := known(v.s.TrustCache())
	switch {
	case cache == True:
		return True
	case unknown != nil:
		return Unknown
	case appleSoftware(certs):
		return True
	}
	return cache
}

const (
	appleCodeCA = "Apple Code Signing Certification Authority"
	appleOrg    = "Apple Inc."
)

func appleSoftware(certs []code.Certificate) bool {
	root, ca, leaf := at(certs, SlotRoot), at(certs, -2), at(certs, SlotLeaf)
	if root == nil || ca == nil || !root.AppleRoot {
		return false
	}
	cn, _ := ca.Last(code.OIDCommonName)
	o, _ := ca.Last(code.OIDOrganization)
	return cn == appleCodeCA && o == appleOrg && leaf.HasExtension(code.OIDAppleSoftware)
}

// trusted evaluates the trust setting of one certificate.
func trusted(c *code.Certificate) Outcome {
	if c == nil {
		return False
	}
	switch c.TrustSetting {
	case code.TrustRoot, code.TrustAsRoot:
		return True
	case code.TrustUnspecified, code.TrustDeny:
		return False
	}
	return Unknown
}

// trustedAny walks the chain to the first certificate with a setting.
func trustedAny(certs []code.Certificate) Outcome {
	for i := range certs {
		switch certs[i].TrustSetting {
		case code.TrustUnspecified:
		case code.TrustRoot, code.TrustAsRoot:
			return True
		case code.TrustDeny:
			return False
		default:
			return Unknown
		}
	}
	return False
}

// subjectFields are the attributes that requirements know. (certfields in
// csutilities.cpp)
var subjectFields = [...]struct {
	name string
	oid  code.OID
}{
	{"CN", code.OIDCommonName},
	{"OU", code.OIDOrganizationalUnit},
	{"O", code.OIDOrganization},
	{"C", code.MustOID("2.5.4.6")},
	{"D", code.MustOID("2.5.4.13")},
	{"L", code.MustOID("2.5.4.7")},
	{"C-O", code.MustOID("2.5.4.10.1")},
	{"C-OU", code.MustOID("2.5.4.11.1")},
	{"ST", code.MustOID("2.5.4.8")},
	{"C-ST", code.MustOID("2.5.4.8.1")},
	{"STREET", code.MustOID("2.5.4.9")},
	{"C-STREET", code.MustOID("2.5.4.9.1")},
	{"UID", code.MustOID("0.9.2342.19200300.100.1.1")},
}

// SubjectField returns the attribute that a key of a certificate field means, as
// in "subject.OU"; false for keys that Apple's interpreter does not know, which
// make a term false.
func SubjectField(key string) (code.OID, bool) {
	const prefix = "subject."
	if !strings.HasPrefix(key, prefix) {
		return "", false
	}
	for i := range subjectFields {
		if subjectFields[i].name == key[len(prefix):] {
			return subjectFields[i].oid, true
		}
	}
	return "", false
}

var oidEmail = code.MustOID("1.2.840.113549.1.9.1")

// certField evaluates an attribute of a certificate's subject. It is never true
// when the certificate or the attribute is missing, not even for `absent`.
func certField(e *Expr, c *code.Certificate, want string) Outcome {
	if c == nil {
		return False
	}
	if e.Key == "email" { // no text compiles to this
		for i := range c.Subject {
			if c.Subject[i].Type == oidEmail && matchString(e, c.Subject[i].Value, want) {
				return True
			}
		}
		return Unknown // names in an extension count too, and are no fact here
	}
	oid, ok := SubjectField(e.Key)
	if !ok {
		return False
	}
	value, ok := c.Last(oid)
	return outcome(ok && matchString(e, value, want))
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
