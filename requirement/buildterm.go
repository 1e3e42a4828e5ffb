package requirement

import (
	"errors"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Always is true of all code.
func (Builder) Always() Term { return Term{e: &Expr{Op: OpTrue}} }

// Never is true of no code.
func (Builder) Never() Term { return Term{e: &Expr{Op: OpFalse}} }

// Identifier is true of code that is signed with exactly this identifier; there
// are no wildcards. Anybody can sign with any identifier, so it needs a term
// beside it that says who signed.
func (Builder) Identifier(id string) Term {
	if err := checkText("identifier", id, false); err != nil {
		return Term{err: err}
	}
	return Term{e: &Expr{Op: OpIdent, Value: id}}
}

// CDHash is true of one build of one slice: hash has the first 20 bytes of the
// hash of its best CodeDirectory, as in [code.CDHash].
func (Builder) CDHash(hash []byte) Term {
	if len(hash) != 20 {
		return bad("a cdhash has 20 bytes, this one has %d", len(hash))
	}
	return Term{e: &Expr{Op: OpCDHash, Value: string(hash)}}
}

// AnchorApple is true of Apple's own software only.
func (Builder) AnchorApple() Term { return Term{e: &Expr{Op: OpAppleAnchor}} }

// AnchorAppleGeneric is true when the chain ends in one of Apple's roots: all
// developers that Apple knows.
func (Builder) AnchorAppleGeneric() Term { return Term{e: &Expr{Op: OpAppleGeneric}} }

// AnchorTrusted is true when the user's trust settings trust a certificate of the
// chain.
func (Builder) AnchorTrusted() Term { return Term{e: &Expr{Op: OpTrustedCerts}} }

// CertificateTrusted is true when the user's trust settings trust the certificate
// in a slot: [SlotLeaf], [SlotRoot], or a number counted from the leaf or, when
// negative, from the root.
func (Builder) CertificateTrusted(slot int32) Term {
	return Term{e: &Expr{Op: OpTrustedCert, Slot: slot}}
}

// CertificateHash is true when the certificate in a slot has this SHA-1.
func (Builder) CertificateHash(slot int32, sha1 [20]byte) Term {
	if sha1 == ([20]byte{}) {
		return bad("the hash of certificate %d is all zeros: nobody computed it", slot)
	}
	return Term{e: &Expr{Op: OpAnchorHash, Slot: slot, Value: string(sha1[:])}}
}

// CertificateSubject compares an attribute of a certificate's subject, named as in
// "OU", "CN" or "O"; see [SubjectField]. Of several the last counts. Without an
// anchor beside it, it proves nothing. A missing attribute is never absent to
// Apple, so [Builder.Absent] is a mistake here.
func (Builder) CertificateSubject(slot int32, attribute string, c Comparison) Term {
	key := "subject." + attribute
	if _, ok := SubjectField(key); !ok {
		return bad("Apple's interpreter knows no subject attribute %q", attribute)
	}
	switch {
	case c.err != nil:
	case c.op == MatchAbsent:
		c.err = errors.New(key + " absent is never true, not even when it is missing")
	case c.op.HasDate():
		c.err = errors.New(key + " is no date")
	}
	return c.of(Expr{Op: OpCertField, Slot: slot, Key: key})
}

// CertificateExtension is true when the certificate in a slot carries an extension
// (or, with [Builder.Absent], does not). The dotted object identifier is text, as
// in "1.2.840.113635.100.6.1.13". Values of extensions never compare.
func (Builder) CertificateExtension(slot int32, oid string, c Comparison) Term {
	return c.ofOID(Expr{Op: OpCertGeneric, Slot: slot}, oid)
}

// CertificatePolicy is the same for a certificate policy.
func (Builder) CertificatePolicy(slot int32, oid string, c Comparison) Term {
	return c.ofOID(Expr{Op: OpCertPolicy, Slot: slot}, oid)
}

// CertificateDate compares the date that an extension holds. A certificate that
// is missing has no date, so [Builder.Absent] is true of it.
func (Builder) CertificateDate(slot int32, oid string, c Comparison) Term {
	return c.ofOID(Expr{Op: OpCertDate, Slot: slot}, oid)
}

// Info compares a value of the sealed Info.plist. Only texts compare: a number,
// true or false equals nothing.
func (Builder) Info(key string, c Comparison) Term {
	if err := checkText("Info.plist key", key, false); err != nil {
		return Term{err: err}
	}
	return c.of(Expr{Op: OpInfo, Key: key})
}

// Entitlement compares an entitlement. To ask whether one is true, use
// [Builder.Exists]: false does not exist.
func (Builder) Entitlement(key string, c Comparison) Term {
	if err := checkText("entitlement", key, false); err != nil {
		return Term{err: err}
	}
	return c.of(Expr{Op: OpEntitlement, Key: key})
}

// Platform is true of code whose CodeDirectory claims this platform number.
func (Builder) Platform(n uint8) Term { return Term{e: &Expr{Op: OpPlatform, Slot: int32(n)}} }

// Notarized is true of code with a valid ticket from Apple's notary.
func (Builder) Notarized() Term { return Term{e: &Expr{Op: OpNotarized}} }

// Legacy is true of Developer ID code from before notarisation was demanded.
func (Builder) Legacy() Term { return Term{e: &Expr{Op: OpLegacy}} }

// Team is true of code that a team signed with any certificate that Apple issued:
// while developing, for Developer ID and before it goes to the store. What Apple signs
// for the store carries Apple's certificate, not the team's: see
// [Builder.MacAppStore].
func (b Builder) Team(id string) Term {
	return b.And(b.AnchorAppleGeneric(), b.teamUnit(id))
}

// DeveloperID is true of what a team signed for distribution outside the store.
func (b Builder) DeveloperID(team string) Term {
	return b.And(
		b.AnchorAppleGeneric(),
		b.CertificateExtension(1, code.OIDDeveloperIDCA.String(), b.Exists()),
		b.CertificateExtension(SlotLeaf, code.OIDDeveloperID.String(), b.Exists()),
		b.teamUnit(team),
	)
}

// MacAppStore is true of all code that Apple signed for the Mac App Store. Only
// the identifier says whose it is: Apple gives each to one team.
func (b Builder) MacAppStore() Term {
	return b.And(
		b.AnchorAppleGeneric(),
		b.CertificateExtension(SlotLeaf, code.OIDMacAppStore.String(), b.Exists()),
	)
}

func (b Builder) teamUnit(id string) Term {
	ok := len(id) == 10
	for i := 0; i < len(id); i++ {
		ok = ok && (id[i] >= 'A' && id[i] <= 'Z' || id[i] >= '0' && id[i] <= '9')
	}
	if !ok {
		return bad("team identifier %q is not 10 capital letters and digits", id)
	}
	return b.CertificateSubject(SlotLeaf, "OU", b.Equal(id))
}
