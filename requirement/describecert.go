package requirement

import (
	"strconv"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
)

// describeCertificate is for terms about the chain.
func (x *explainer) describeCertificate(n *diag.Node, e *Expr, out Outcome) {
	certs, _, _ := x.v.s.Certs.Get()
	switch e.Op {
	case OpAppleAnchor:
		describeAppleAnchor(n, x.v.s, certs)
		return
	case OpAppleGeneric:
		if root := at(certs, SlotRoot); root == nil {
			n.Found = noChain
		} else if root.AppleRoot {
			n.Found = "the chain ends in " + nameOf(root)
		} else {
			n.Found = "the chain ends in " + nameOf(root) + ", which is no Apple root"
		}
		return
	case OpTrustedCerts:
		n.Found = "no certificate of the chain is trusted by a setting"
		if len(certs) == 0 {
			n.Found = noChain
		} else if out == True {
			n.Found = "a certificate of the chain is trusted by a setting"
		}
		return
	}
	c := at(certs, e.Slot)
	if c == nil {
		n.Found = "no certificate " + strconv.Itoa(int(e.Slot)) + ": the chain has " + itoa(len(certs))
		if len(certs) == 0 {
			n.Found = noChain
		}
		if e.Op.hasMatch() {
			n.Expected = certExpectation(e)
		}
		return
	}
	who := slotName(e.Slot) + " " + nameOf(c)
	switch e.Op {
	case OpAnchorHash:
		n.Expected, n.Found = hexText(e.Value), hexText(string(c.SHA1[:]))+" ("+who+")"
	case OpTrustedCert:
		n.Found = "the trust setting of " + who + " is " + string(c.TrustSetting)
	case OpCertField:
		describeField(n, e, c, who)
	case OpCertGeneric:
		n.Note = slotName(e.Slot) + " is " + nameOf(c) + ", which " + carries(c.Extensions, code.OID(e.Key), c.HasExtension(code.OID(e.Key)))
	case OpCertPolicy:
		n.Note = slotName(e.Slot) + " is " + nameOf(c) + ", which " + carries(c.Policies, code.OID(e.Key), c.HasPolicy(code.OID(e.Key)))
	case OpCertDate:
		n.Expected = expectation(e)
		n.Found = "no such date in " + who
		if d, ok := c.Date(code.OID(e.Key)); ok && d != 0 {
			n.Found = dateText(int64(d)) + " in " + who
		}
	}
	if (e.Op == OpCertGeneric || e.Op == OpCertPolicy) && e.Match != MatchExists && e.Match != MatchAbsent {
		n.Note = "an extension or policy is there or not; its value is never compared"
	}
}

const noChain = "no certificate chain: ad-hoc code, or none at all"

func certExpectation(e *Expr) string {
	if e.Op == OpCertGeneric || e.Op == OpCertPolicy {
		return shortOID(code.OID(e.Key))
	}
	return expectation(e)
}

func slotName(slot int32) string {
	switch slot {
	case SlotLeaf:
		return "leaf"
	case SlotRoot:
		return "root"
	case 1:
		return "intermediate"
	}
	return "certificate " + strconv.Itoa(int(slot))
}

// nameOf is a certificate for people.
func nameOf(c *code.Certificate) string {
	if cn := c.CommonName(); cn != "" {
		return quoted(cn)
	}
	if o, ok := c.Last(code.OIDOrganization); ok {
		return quoted(o)
	}
	return "without a name"
}

func describeField(n *diag.Node, e *Expr, c *code.Certificate, who string) {
	oid, ok := SubjectField(e.Key)
	if !ok {
		n.Note = "Apple's interpreter knows no field " + quoted(e.Key) + ", so this is never true"
		return
	}
	n.Expected = expectation(e)
	value, ok := c.Last(oid)
	switch {
	case !ok && e.Match == MatchAbsent:
		n.Note = who + " has no " + e.Key + "; Apple never takes an attribute of the subject as absent"
	case !ok:
		n.Found = "no " + e.Key + " in " + who
	case e.Match == MatchEqual && value != e.Value && strings.EqualFold(value, e.Value):
		n.Found = quoted(value) + " in " + who + ", which differs in case, and case counts"
	default:
		n.Found = quoted(value) + " in " + who
	}
}

// carries says what a certificate carries in comparison with what was asked.
func carries(have []code.OID, want code.OID, has bool) string {
	if has {
		return "carries " + shortOID(want)
	}
	text, count := "carries ", 0
	for _, o := range have {
		if code.MarkerName(o) == "" || count == 4 {
			continue
		}
		if count > 0 {
			text += " and "
		}
		text += shortOID(o)
		count++
	}
	if count == 0 {
		return "does not carry " + shortOID(want)
	}
	return text + ", not " + shortOID(want)
}

// shortOID is an object identifier without the prefix that all of Apple's share,
// and with its name.
func shortOID(o code.OID) string {
	const apple = "1.2.840.113635.100."
	var room [128]byte
	b, ok := appendDotted(room[:0], string(o))
	if !ok {
		return o.String()
	}
	if len(b) > len(apple) && string(b[:len(apple)]) == apple {
		b = b[len(apple):]
	}
	if name := code.MarkerName(o); name != "" {
		b = append(append(append(b, " ("...), name...), ')')
	}
	return string(b)
}

func describeAppleAnchor(n *diag.Node, s *code.Subject, certs []code.Certificate) {
	root, ca := at(certs, SlotRoot), at(certs, -2)
	switch {
	case known(s.TrustCache()) == True:
		n.Found = "it is in the trust cache"
	case root == nil:
		n.Found = "not in the trust cache, and " + noChain
	case !root.AppleRoot:
		n.Found = "the chain ends in " + nameOf(root) + ", which is no Apple root"
	case ca == nil || !appleSoftware(certs):
		n.Found = "the leaf is " + nameOf(&certs[0]) + ", not Apple's own software; other developers need `anchor apple generic`"
	default:
		n.Found = "the leaf is " + nameOf(&certs[0]) + " under " + nameOf(ca)
	}
}
