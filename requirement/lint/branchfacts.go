package lint

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// branchFacts are the terms of a branch, by what they say about the signer: the
// first of each kind that is not negated, nil when there is none.
type branchFacts struct {
	apple, generic, trusted, named *requirement.Expr
	ident, cdhash                  *requirement.Expr
	leafHash, rootHash             *requirement.Expr // rootHash: of any certificate above the leaf
	team                           *requirement.Expr // leaf, subject.OU = …
	name                           *requirement.Expr // leaf, subject.CN = …
	issuer                         *requirement.Expr // certificate 1, subject.CN = …, where that is not an authority for all developers
	cert                           *requirement.Expr // anything that a certificate must hold
	info, entitlement              *requirement.Expr
	notarized, platform            *requirement.Expr
	private                        *requirement.Expr // an entitlement that Apple gives to its own code

	store     *requirement.Expr // leaf marker of what Apple signs for a store or TestFlight
	devID     *requirement.Expr // leaf marker of Developer ID Application
	devIDCA   *requirement.Expr // certificate 1: Developer ID
	wwdr      *requirement.Expr // certificate 1: WWDR
	develop   *requirement.Expr // leaf marker of development
	submit    *requirement.Expr // leaf marker of distribution before Apple signs
	testFly   *requirement.Expr // leaf marker of TestFlight
	otherLeaf *requirement.Expr // another marker of Apple's in the leaf
	negated   bool
}

// storeName is the common name of the certificate with which Apple signs
// applications of the Mac App Store.
const storeName = "Apple Mac OS Application Signing"

func (b *branch) read() {
	for _, l := range b.lits {
		if l.not {
			b.negated = true
			continue
		}
		b.readTerm(l.e)
	}
}

func (b *branch) readTerm(e *requirement.Expr) {
	switch e.Op {
	case requirement.OpAppleAnchor:
		first(&b.apple, e)
	case requirement.OpAppleGeneric:
		first(&b.generic, e)
	case requirement.OpTrustedCert, requirement.OpTrustedCerts:
		first(&b.trusted, e)
	case requirement.OpNamedAnchor, requirement.OpNamedCode:
		first(&b.named, e)
	case requirement.OpIdent:
		first(&b.ident, e)
	case requirement.OpCDHash:
		first(&b.cdhash, e)
	case requirement.OpNotarized:
		first(&b.notarized, e)
	case requirement.OpPlatform:
		first(&b.platform, e)
	case requirement.OpAnchorHash:
		switch {
		case e.Slot == requirement.SlotLeaf:
			first(&b.leafHash, e)
		case isAppleRootHash(e.Value):
			first(&b.generic, e)
		default:
			first(&b.rootHash, e)
		}
	case requirement.OpInfo, requirement.OpInfoValue:
		first(&b.info, e)
	case requirement.OpEntitlement:
		first(&b.entitlement, e)
		if strings.HasPrefix(e.Key, "com.apple.private.") && e.Match != requirement.MatchAbsent {
			first(&b.private, e)
		}
	case requirement.OpCertField:
		first(&b.cert, e)
		switch {
		case e.Match != requirement.MatchEqual || e.Value == "":
		case e.Slot == requirement.SlotLeaf:
			b.readSubject(e)
		case (e.Slot == 1 || e.Slot == -2) && e.Key == "subject.CN" && !forAllDevelopers(e.Value):
			first(&b.issuer, e)
		}
	case requirement.OpCertGeneric:
		first(&b.cert, e)
		if e.Match == requirement.MatchExists {
			b.readMarker(e)
		}
	case requirement.OpCertPolicy, requirement.OpCertDate:
		first(&b.cert, e)
	}
}

func (b *branch) readSubject(e *requirement.Expr) {
	switch {
	case e.Key == "subject.OU":
		first(&b.team, e)
	case e.Key == "subject.CN" && e.Value == storeName:
		first(&b.store, e)
	case e.Key == "subject.CN":
		first(&b.name, e)
	}
}

// forAllDevelopers reports whether an authority certifies every developer.
func forAllDevelopers(name string) bool {
	return strings.HasPrefix(name, "Apple Worldwide Developer Relations") || strings.HasPrefix(name, "Developer ID Certification Authority")
}

func (b *branch) readMarker(e *requirement.Expr) {
	switch {
	case e.Slot == requirement.SlotLeaf:
		switch code.OID(e.Key) {
		case code.OIDMacAppStore, code.OIDMacAppStoreQA, code.OIDiOSAppStore, code.OIDiOSAppStoreQA, code.OIDtvOSAppStore, code.OIDvisionOSAppStore:
			first(&b.store, e)
		case code.OIDTestFlight, code.OIDTestFlightQA:
			first(&b.store, e)
			first(&b.testFly, e)
		case code.OIDDeveloperID:
			first(&b.devID, e)
		case code.OIDMacDeveloper, code.OIDAppleDeveloper:
			first(&b.develop, e)
		case code.OIDMacSubmission, code.OIDAppleDistribution:
			first(&b.submit, e)
		default:
			if code.MarkerName(code.OID(e.Key)) != "" {
				first(&b.otherLeaf, e)
			}
		}
	case e.Slot == 1 || e.Slot == -2:
		switch code.OID(e.Key) {
		case code.OIDDeveloperIDCA:
			first(&b.devIDCA, e)
		case code.OIDWWDRIntermediate:
			first(&b.wwdr, e)
		}
	}
}

func first(to **requirement.Expr, e *requirement.Expr) {
	if *to == nil {
		*to = e
	}
}

// anchor returns the term that says where the chain ends, nil when none does. A
// pinned certificate of any slot counts: nobody else can have it in a chain.
func (b *branch) anchor() *requirement.Expr {
	return oneOf(b.apple, b.generic, b.rootHash, b.leafHash, b.trusted, b.named)
}

// signer returns the term that tells one signer from all others below the anchor.
func (b *branch) signer() *requirement.Expr {
	return oneOf(b.team, b.name, b.leafHash, b.rootHash)
}

func oneOf(es ...*requirement.Expr) *requirement.Expr {
	for _, e := range es {
		if e != nil {
			return e
		}
	}
	return nil
}

// appleRootSHA1 are the SHA-1 of the DER of Apple's roots, which
// certificate terms compare.
var appleRootSHA1 = [...]string{
	"\x61\x1e\x5b\x66\x2c\x59\x3a\x08\xff\x58\xd1\x4a\xe2\x24\x52\xd1\x98\xdf\x6c\x60", // Apple Root CA
	"\x14\x69\x89\x89\xbf\xb2\x95\x09\x21\xa4\x24\x52\x64\x6d\x37\xb5\x0a\xf0\x17\xe2", // Apple Root CA - G2
	"\xb5\x2c\xb0\x2f\xd5\x67\xe0\x35\x9f\xe8\xfa\x4d\x4c\x41\x03\x79\x70\xfe\x01\xb0", // Apple Root CA - G3
}

func isAppleRootHash(sha1 string) bool {
	for _, h := range appleRootSHA1 {
		if h == sha1 {
			return true
		}
	}
	return false
}
