package requirement

import (
	"crypto/sha1" // requirements name certificates by SHA-1
	"slices"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// certificates evaluates a comparison with something in a certificate.
func (v *evaluator) certificates(e *Expr) Outcome {
	want := ""
	if e.Match != MatchExists && e.Match.HasValue() && e.Match < matchCount {
		var ok bool
		if want, ok = operand(e.Value); !ok {
			return v.stop(abortText)
		}
	}
	if v.noChain {
		return Unknown
	}
	c := at(v.certs, e.Slot)
	switch e.Op {
	case OpCertField:
		return certField(e, c, want)
	case OpCertGeneric:
		return outcome(c != nil && present(e, holds(c.Extensions, e.Key)))
	case OpCertPolicy:
		return outcome(c != nil && present(e, holds(c.Policies, e.Key)))
	}
	if c != nil { // OpCertDate
		// Apple: a date that is exactly 2001-01-01 counts as none.
		if d, ok := c.Date(code.OID(e.Key)); ok && d != 0 {
			return outcome(matchDate(e.Match, e.Date(), d))
		}
	}
	return outcome(matchNothing(e)) // Apple: true even without a certificate
}

// anchorHash evaluates `certificate Slot = H"Value"`.
func (v *evaluator) anchorHash(e *Expr) Outcome {
	switch c := at(v.certs, e.Slot); {
	case len(e.Value) != sha1.Size:
		return v.stop(abortHash)
	case v.noChain:
		return Unknown
	case c == nil:
		return False
	case c.SHA1 == [sha1.Size]byte{}: // facts without hashes
		return Unknown
	default:
		return outcome(string(c.SHA1[:]) == e.Value)
	}
}

// holds reports whether an object identifier is in a list. Those of one list
// mostly begin alike, so it looks at the last byte first.
func holds(list []code.OID, key string) bool {
	if key == "" {
		return slices.Contains(list, "")
	}
	last := key[len(key)-1]
	for i := range list {
		if o := string(list[i]); len(o) == len(key) && o[len(key)-1] == last && o == key {
			return true
		}
	}
	return false
}

// at returns the certificate in a slot, nil when there is none.
//
// Apple: a negative slot beyond the leaf reads outside the chain.
func at(certs []code.Certificate, slot int32) *code.Certificate {
	i := int(slot)
	if i < 0 {
		i += len(certs)
	}
	if uint(i) >= uint(len(certs)) {
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
func (v *evaluator) appleAnchor() Outcome {
	cache := known(v.s.TrustCache())
	switch {
	case cache == True:
		return True
	case v.noChain:
		return Unknown
	case appleSoftware(v.certs):
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
