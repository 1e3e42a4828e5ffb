package policy

import (
	"slices"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// pin is what a condition, when it is true, says about who signed.
type pin uint8

const (
	pinSigner     pin = 1 << iota // a team, a certificate or a build
	pinIdentifier                 // the identifier is one of a list
	pinVouched                    // the signer gives each identifier to one team only: Apple itself, and its stores
	pinAll        = pinSigner | pinIdentifier | pinVouched
)

// names reports whether strangers are kept out.
func (p pin) names() bool {
	return p&pinSigner != 0 || p&(pinIdentifier|pinVouched) == pinIdentifier|pinVouched
}

// vouched are the channels in which an identifier belongs to one team.
var vouched = []string{string(code.ChannelApple), string(code.ChannelAppStore), string(code.ChannelTestFlight)}

// storeOIDs are the leaf markers of what Apple signs for its stores.
var storeOIDs = []code.OID{code.OIDMacAppStore, code.OIDiOSAppStore, code.OIDtvOSAppStore, code.OIDvisionOSAppStore, code.OIDTestFlight}

// pinSteps bounds the proofs about one requirement.
const pinSteps = 400_000

// pins says what a requirement that is satisfied tells about the signer. Each bit
// is proved: requirement.Implies holds for all programs, whatever the form of the
// text. The constants of the text are the only candidates.
func (r *requirementText) pins() pin {
	r.pinOnce.Do(func() {
		if r.expr != nil {
			r.pinned = pinsOf(r.expr)
		}
	})
	return r.pinned
}

func pinsOf(e *requirement.Expr) pin {
	var b requirement.Builder
	var ids, teams, builds, leaves, roots []requirement.Term
	for part := range requirement.All(e) {
		switch {
		case part.Op == requirement.OpIdent:
			ids = append(ids, b.Identifier(part.Value))
		case part.Op == requirement.OpCDHash:
			builds = append(builds, b.CDHash([]byte(part.Value)))
		case part.Op == requirement.OpAnchorHash && len(part.Value) == 20:
			hash := b.CertificateHash(part.Slot, [20]byte([]byte(part.Value)))
			if part.Slot == requirement.SlotLeaf {
				leaves = append(leaves, hash)
			} else {
				roots = append(roots, hash)
			}
		case part.Op == requirement.OpCertField && part.Slot == requirement.SlotLeaf && part.Key == "subject.OU" && part.Match == requirement.MatchEqual:
			teams = append(teams, b.CertificateSubject(requirement.SlotLeaf, "OU", b.Equal(part.Value)))
		}
	}
	implies := func(terms ...requirement.Term) bool {
		if len(terms) == 0 {
			return false
		}
		want, err := b.Or(terms...).Expr()
		return err == nil && requirement.Implies(e, want, requirement.ImpliesOptions{MaxSteps: pinSteps}).Answer == requirement.Yes
	}
	stores := []requirement.Term{b.AnchorApple()}
	for _, oid := range storeOIDs {
		stores = append(stores, b.And(b.AnchorAppleGeneric(), b.CertificateExtension(requirement.SlotLeaf, oid.String(), b.Exists())))
	}
	signer := append(builds, leaves...)
	if len(teams) > 0 {
		anchors := append([]requirement.Term{b.AnchorAppleGeneric()}, roots...)
		signer = append(signer, b.And(b.Or(anchors...), b.Or(teams...)))
	}
	if len(ids) > 0 {
		signer = append(signer, b.And(b.Or(stores...), b.Or(ids...)))
	}
	if len(ids) > 0 && len(roots) > 0 { // a root that is not one of Apple's is somebody's own
		signer = append(signer, b.And(b.Not(b.AnchorAppleGeneric()), b.Or(roots...), b.Or(ids...)))
	}
	var p pin
	if implies(signer...) {
		p |= pinSigner
	}
	if implies(ids...) {
		p |= pinIdentifier
	}
	if implies(stores...) {
		p |= pinVouched
	}
	return p
}

// pins says what a peer tells about the signer of whoever it matches.
func (d *peerDocument) pins(req *requirementText) pin {
	var p pin
	if req != nil {
		p = req.pins()
	}
	if len(d.teams) > 0 {
		p |= pinSigner
	}
	if len(d.identifiers) > 0 {
		p |= pinIdentifier
	}
	if len(d.channels) > 0 && !anyOther(d.channels, vouched) {
		p |= pinVouched
	}
	return p
}

// anyOther reports whether a node holds a text that is not in a list.
func anyOther(nodes []*yamlpos.Node, list []string) bool {
	for _, n := range nodes {
		if !slices.Contains(list, n.Value) {
			return true
		}
	}
	return false
}

// checkPeer refuses a peer that strangers can match: an identifier alone can be
// claimed by everybody who has a certificate, and an anchor alone is everybody.
// Where nothing but private roots is trusted, whoever holds those decides.
func (c *compiler) checkPeer(d *peerDocument, req *requirementText) {
	if d.broken || !c.p.trust.apple || d.requirement != nil && (req == nil || req.expr == nil) || d.pins(req).names() {
		return
	}
	if req == nil {
		d.at(d.name, "peer "+quoteShort(d.name.Value)+" does not say who signed",
			"an identifier alone can be claimed by everybody with a certificate: add team or requirement")
		return
	}
	d.at(d.requirement, "peer "+quoteShort(d.name.Value)+" does not say who signed: its requirement holds for code of several signers, or cannot be shown not to",
		`add team beside it, or write "anchor apple generic and certificate leaf[subject.OU] = TEAM" into every branch of it`)
}
