package draft

import (
	"fmt"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// storeMarkers are the leaves of Apple's stores.
var storeMarkers = []code.OID{code.OIDMacAppStore, code.OIDiOSAppStore, code.OIDtvOSAppStore, code.OIDvisionOSAppStore}

// requirementOf is the text that all builds of a group satisfy, in Apple's language:
// who signed, and under which identifiers. Each way of distribution is a branch of
// its own that pins its signer: where Apple signs, the certificate names no team.
func (g *group) requirementOf() (string, error) {
	var b requirement.Builder
	var parts []requirement.Term
	switch g.kind {
	case apple:
		parts = append(parts, b.AnchorApple())
	case private:
		root, _, _ := g.builds[0].Subject.AnchorCert().Get()
		if root.SHA1 == [20]byte{} {
			return "", fmt.Errorf("nobody knows the SHA-1 of the root certificate, which requirements name")
		}
		parts = append(parts, b.CertificateHash(requirement.SlotRoot, root.SHA1))
		if g.team != "" {
			parts = append(parts, b.CertificateSubject(requirement.SlotLeaf, "OU", b.Equal(g.team)))
		}
		parts = append(parts, g.sharedMarkers(b)...)
	case unsigned:
		var hashes []requirement.Term
		for _, h := range g.cdhashes() {
			hashes = append(hashes, b.CDHash(h.Hash[:]))
		}
		parts = append(parts, either(b, hashes))
	default:
		var branches []requirement.Term
		for _, c := range g.channels {
			branch, err := g.branch(b, c)
			if err != nil {
				return "", err
			}
			branches = append(branches, branch)
		}
		parts = append(parts, b.AnchorAppleGeneric(), either(b, branches))
	}
	var ids []requirement.Term
	for _, id := range g.identifiers {
		ids = append(ids, b.Identifier(id))
	}
	e, err := b.And(append([]requirement.Term{either(b, ids)}, parts...)...).Expr()
	if err != nil {
		return "", err
	}
	return requirement.Format(e), nil
}

// sharedMarkers are the marker extensions that the leaf and its issuer have in every
// build. Below a private root they mean what its owner wants, as in telling
// development certificates from others.
func (g *group) sharedMarkers(b requirement.Builder) []requirement.Term {
	var terms []requirement.Term
	first, _, _ := g.builds[0].Subject.Certs.Get()
	for slot := 0; slot < 2 && slot < len(first)-1; slot++ {
		for _, oid := range first[slot].Extensions {
			shared := code.MarkerName(oid) != ""
			for _, build := range g.builds {
				certs, _, _ := build.Subject.Certs.Get()
				shared = shared && slot < len(certs)-1 && certs[slot].HasExtension(oid)
			}
			if shared {
				terms = append(terms, b.CertificateExtension(int32(slot), oid.String(), b.Exists()))
			}
		}
	}
	return terms
}

func either(b requirement.Builder, terms []requirement.Term) requirement.Term {
	if len(terms) == 1 {
		return terms[0]
	}
	return b.Or(terms...)
}

// branch is what the certificates of one way of distribution satisfy.
func (g *group) branch(b requirement.Builder, c code.Channel) (requirement.Term, error) {
	leaf := func(oid code.OID) requirement.Term {
		return b.CertificateExtension(requirement.SlotLeaf, oid.String(), b.Exists())
	}
	team := b.CertificateSubject(requirement.SlotLeaf, "OU", b.Equal(g.team))
	switch c {
	case code.ChannelDeveloperID:
		return b.And(b.CertificateExtension(1, code.OIDDeveloperIDCA.String(), b.Exists()), leaf(code.OIDDeveloperID), team), nil
	case code.ChannelTestFlight:
		return leaf(code.OIDTestFlight), nil
	}
	markers := map[code.Channel][]code.OID{
		code.ChannelAppStore: storeMarkers, code.ChannelDevelopment: {code.OIDMacDeveloper, code.OIDAppleDeveloper},
		code.ChannelDistribution: {code.OIDAppleDistribution, code.OIDMacSubmission},
	}[c]
	var found []requirement.Term
	for _, m := range markers {
		for _, build := range g.builds {
			if build.Subject.Channel().Or("") != c {
				continue
			}
			certs, _, _ := build.Subject.Certs.Get()
			if certs[0].HasExtension(m) && !covered(found, leaf(m)) {
				found = append(found, leaf(m))
			}
		}
		if len(found) > 0 && c != code.ChannelAppStore {
			break // one marker tells development and distribution
		}
	}
	if len(found) == 0 {
		return requirement.Term{}, fmt.Errorf("no certificate of channel %s has a marker", c)
	}
	if c == code.ChannelAppStore {
		return either(b, found), nil
	}
	return b.And(either(b, found), team), nil
}

func covered(list []requirement.Term, t requirement.Term) bool {
	for _, l := range list {
		if l.String() == t.String() {
			return true
		}
	}
	return false
}

// cdhashes lists the best hash of every slice of every build.
func (g *group) cdhashes() []code.CDHash {
	var list []code.CDHash
	seen := map[string]bool{}
	for _, b := range g.builds {
		for _, v := range b.Subject.PerSlice() {
			if h, ok, _ := v.CDHash().Get(); ok && !seen[h.String()] {
				seen[h.String()] = true
				list = append(list, h)
			}
		}
	}
	return list
}

// join is the requirement that one of several groups satisfies.
func join(texts []string) (string, error) {
	if len(texts) == 1 {
		return texts[0], nil
	}
	var b requirement.Builder
	var terms []requirement.Term
	for _, t := range texts {
		e, err := requirement.Parse("draft", t)
		if err != nil {
			return "", err
		}
		terms = append(terms, b.Requirement(e))
	}
	e, err := b.Or(terms...).Expr()
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(requirement.Format(e)), nil
}
