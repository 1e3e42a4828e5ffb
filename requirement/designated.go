package requirement

import (
	"cmp"
	"crypto/sha1" // requirements name certificates by SHA-1
	"errors"
	"fmt"
	"slices"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// DesignatedRequirement is what code says of itself: who has to be taken for it,
// whatever version. The zero value is none.
type DesignatedRequirement struct {
	// Expr is the designated requirement: the one in the signature, or else the
	// one that the signature implies.
	Expr *Expr
	// Implied is true when the signature has none: Expr is the Default then.
	Implied bool
	// Default is what codesign would put into the signature; nil when
	// DefaultError says why nobody can tell.
	Default      *Expr
	DefaultError error
	// Result says whether the code satisfies Expr. False means that it can not be
	// recognised by its own requirement: an update will not be taken for it.
	Result Result
}

// String is the line that codesign -d -r- prints, but with text that compiles:
// "designated => …", with "# " before it when it is implied.
func (d DesignatedRequirement) String() string {
	switch {
	case d.Expr == nil:
		return ""
	case d.Implied:
		return "# designated => " + Format(d.Expr)
	}
	return "designated => " + Format(d.Expr)
}

// Designated returns the designated requirement of the top-level slice of s, and
// whether that slice satisfies it. See [code.Subject.PerSlice] for the others.
//
// It fails with -67062 for unsigned code, with the status of [DecodeSet] when the
// requirements in the signature can not be read, and when a fact is unknown that
// the answer needs.
func Designated(s *code.Subject) (DesignatedRequirement, error) {
	var d DesignatedRequirement
	if err := checkSigned(s, &s.Slice); err != nil {
		return d, err
	}
	blob, ok, err := s.Requirements.Get()
	if err != nil {
		return d, unknownFact("requirements", err)
	}
	if ok {
		set, err := DecodeSet(blob)
		if err != nil {
			return d, err
		}
		d.Expr = set.Find(TypeDesignated)
	}
	d.Default, d.DefaultError = DefaultDesignated(s)
	if d.Expr == nil {
		if d.DefaultError != nil {
			return DesignatedRequirement{}, d.DefaultError
		}
		d.Expr, d.Implied = d.Default, true
	}
	d.Result = Eval(d.Expr, s, Options{})
	return d, nil
}

// DefaultDesignated returns the designated requirement that codesign makes for
// the top-level slice of s, byte for byte (DRMaker in drmaker.cpp):
//
//   - Apple Development and submissions to the store: the identifier, an Apple
//     root, the leaf's common name, the WWDR intermediate;
//   - Developer ID: the identifier, an Apple root, both markers, the team;
//   - any other chain below an Apple root: the identifier and `anchor apple`;
//   - another root: the identifier, and the hash of the highest certificate whose
//     organization is still the leaf's;
//   - no certificate (ad hoc): the cdhashes of all slices, because nothing else
//     says who signed.
//
// It fails when a fact is missing or unknown that this needs.
func DefaultDesignated(s *code.Subject) (*Expr, error) {
	if err := checkSigned(s, &s.Slice); err != nil {
		return nil, err
	}
	certs, ok, err := s.Certs.Get()
	switch {
	case err != nil:
		return nil, unknownFact("certificates", err)
	case !ok || len(certs) == 0:
		return adHocDesignated(s)
	}
	id, ok, err := s.Identifier.Get()
	switch {
	case err != nil:
		return nil, unknownFact("identifier", err)
	case !ok:
		return nil, errors.New("the signature has no identifier")
	}
	terms := []*Expr{{Op: OpIdent, Value: id}}
	if !certs[len(certs)-1].AppleRoot {
		hash, err := foreignAnchor(certs)
		return nested(append(terms, hash)), err
	}
	leaf := &certs[0]
	switch {
	case len(certs) == 3 && certs[1].HasExtension(code.OIDWWDRIntermediate):
		cn, ok := leaf.Last(code.OIDCommonName)
		if !ok {
			return nil, errors.New("the leaf has no common name")
		}
		return nested(append(terms,
			&Expr{Op: OpAppleGeneric},
			&Expr{Op: OpCertField, Slot: SlotLeaf, Key: "subject.CN", Match: MatchEqual, Value: cn},
			&Expr{Op: OpCertGeneric, Slot: 1, Key: string(code.OIDWWDRIntermediate)},
		)), nil
	case len(certs) == 3 && certs[1].HasExtension(code.OIDDeveloperIDCA):
		team, ok := leaf.Last(code.OIDOrganizationalUnit)
		if !ok {
			return nil, errors.New("the leaf has no organizational unit, which names the team")
		}
		return nested(append(terms,
			&Expr{Op: OpAppleGeneric},
			&Expr{Op: OpCertGeneric, Slot: 1, Key: string(code.OIDDeveloperIDCA)},
			&Expr{Op: OpCertGeneric, Slot: SlotLeaf, Key: string(code.OIDDeveloperID)},
			&Expr{Op: OpCertField, Slot: SlotLeaf, Key: "subject.OU", Match: MatchEqual, Value: team},
		)), nil
	}
	return nested(append(terms, &Expr{Op: OpAppleAnchor})), nil
}

// nested joins terms by `and` as codesign does: the last two innermost.
func nested(terms []*Expr) *Expr {
	e := terms[len(terms)-1]
	if e == nil {
		return nil
	}
	for i := len(terms) - 2; i >= 0; i-- {
		e = &Expr{Op: OpAnd, X: terms[i], Y: e}
	}
	return e
}

// foreignAnchor returns the term for a chain that does not end in an Apple root.
func foreignAnchor(certs []code.Certificate) (*Expr, error) {
	at := 0
	if leaf, ok := certs[0].Last(code.OIDOrganization); ok {
		for at+1 < len(certs) {
			if o, ok := certs[at+1].Last(code.OIDOrganization); !ok || o != leaf {
				break
			}
			at++
		}
	}
	c := &certs[at]
	hash := c.SHA1
	if hash == ([20]byte{}) { // facts without hashes
		if len(c.DER) == 0 {
			return nil, fmt.Errorf("certificates[%d].sha1 is not known", at)
		}
		hash = sha1.Sum(c.DER)
	}
	slot := int32(at)
	if _, ok := certs[0].Last(code.OIDOrganization); ok && at == len(certs)-1 {
		slot = SlotRoot
	}
	return &Expr{Op: OpAnchorHash, Slot: slot, Value: string(hash[:])}, nil
}

// adHocDesignated returns the cdhashes of the top-level slice and then of the
// others, each by the number of its hash type.
//
// Apple: asks the ad-hoc flag of the CodeDirectory, not whether there is a chain.
func adHocDesignated(s *code.Subject) (*Expr, error) {
	parts := []*code.Slice{&s.Slice}
	for i := range s.Slices {
		if other := &s.Slices[i]; other.Arch != s.Arch || other.Offset != s.Offset || other.CPUType != s.CPUType || other.CPUSubtype != s.CPUSubtype {
			parts = append(parts, other)
		}
	}
	var out *Expr
	for _, slice := range parts {
		if err := checkSigned(s, slice); err != nil {
			return nil, err
		}
		hashes, ok, err := slice.CDHashes.Get()
		switch {
		case err != nil:
			return nil, unknownFact("cdhashes", err)
		case !ok || len(hashes) == 0:
			return nil, errors.New("the signature has no CodeDirectory")
		}
		byType := slices.SortedStableFunc(slices.Values(hashes), func(a, b code.CDHash) int { return cmp.Compare(a.Type, b.Type) })
		for _, h := range byType {
			e := &Expr{Op: OpCDHash, Value: string(h.Hash[:])}
			if out == nil {
				out = e
			} else {
				out = &Expr{Op: OpOr, X: out, Y: e}
			}
		}
	}
	return out, nil
}

func checkSigned(s *code.Subject, slice *code.Slice) error {
	if slice.Signed {
		return nil
	}
	e := &code.Error{Status: code.StatusUnsigned, Part: "designated requirement", Off: -1, Err: errors.New("there is no signature")}
	if len(s.Slices) > 0 {
		e.Arch = slice.Arch
	}
	return e
}

func unknownFact(name string, reason error) error {
	return fmt.Errorf("%s is not known: %w", name, reason)
}
