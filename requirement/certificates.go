package requirement

import (
	"github.com/xpcpolicy/xpcpolicy/code"
)

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
