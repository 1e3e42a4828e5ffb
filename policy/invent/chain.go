package invent

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Team and Identifier are what base subjects are signed with.
const (
	Team       = "ABCDE12345"
	Identifier = "com.example.app"
)

var (
	notBefore = time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
	notAfter  = time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	signedAt  = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
)

// certificate makes one certificate below an issuer.
func certificate(issuer *code.Certificate, commonName, organization, unit string, markers ...code.OID) code.Certificate {
	c := code.Certificate{
		Subject: []code.Attribute{{Type: code.OIDCommonName, Value: commonName}}, Extensions: markers,
		Serial: "01", NotBefore: notBefore, NotAfter: notAfter,
	}
	if unit != "" {
		c.Subject = append(c.Subject, code.Attribute{Type: code.OIDOrganizationalUnit, Value: unit})
	}
	if organization != "" {
		c.Subject = append(c.Subject, code.Attribute{Type: code.OIDOrganization, Value: organization})
	}
	c.Issuer, c.SelfSigned = c.Subject, true
	seed := commonName + "/" + unit + "/self"
	if issuer != nil {
		c.Issuer, c.SelfSigned = issuer.Subject, false
		seed = commonName + "/" + unit + "/" + issuer.CommonName()
	}
	c.SHA1, c.SHA256 = sha1.Sum([]byte(seed)), sha256.Sum256([]byte(seed))
	return c
}

// appleRoot is the root that nearly all Apple and developer chains end in, with
// its real hashes.
func appleRoot() code.Certificate {
	pin := code.AppleRoots()[0]
	c := certificate(nil, pin.Name, "Apple Inc.", "Apple Certification Authority")
	c.SHA256, c.AppleRoot = pin.SHA256, true
	if sum, err := hex.DecodeString("611e5b662c593a08ff58d14ae22452d198df6c60"); err == nil {
		copy(c.SHA1[:], sum)
	}
	return c
}

// chain returns the certificates of a channel below a root. Channels in which
// Apple signs name no team. A channel without a chain gives nil.
func chain(channel code.Channel, team string, root code.Certificate) []code.Certificate {
	const apple = "Apple Inc."
	leaf, markers, ca := "", []code.OID(nil), code.Certificate{}
	relations := certificate(&root, "Apple Worldwide Developer Relations Certification Authority", apple, "G3", code.OIDWWDRIntermediate)
	switch channel {
	case code.ChannelDeveloperID:
		ca = certificate(&root, "Developer ID Certification Authority", apple, "Apple Certification Authority", code.OIDDeveloperIDCA)
		leaf, markers = "Developer ID Application: Example ("+team+")", []code.OID{code.OIDDeveloperID}
	case code.ChannelDevelopment:
		ca, leaf, markers = relations, "Apple Development: Sam Example (Q1W2E3R4T5)", []code.OID{code.OIDAppleDeveloper, code.OIDMacDeveloper}
	case code.ChannelDistribution:
		ca, leaf, markers = relations, "Apple Distribution: Example ("+team+")", []code.OID{code.OIDAppleDistribution, code.OIDMacSubmission}
	case code.ChannelAppStore:
		return []code.Certificate{certificate(&relations, "Apple Mac OS Application Signing", apple, "", code.OIDMacAppStore), relations, root}
	case code.ChannelTestFlight:
		return []code.Certificate{certificate(&relations, "TestFlight Beta Distribution", apple, "", code.OIDTestFlight), relations, root}
	case code.ChannelApple:
		ca = certificate(&root, "Apple Code Signing Certification Authority", apple, "Apple Certification Authority")
		return []code.Certificate{certificate(&ca, "Software Signing", apple, "Apple Software", code.OIDAppleSoftware), ca, root}
	default:
		return nil
	}
	return []code.Certificate{certificate(&ca, leaf, "Example", team, markers...), ca, root}
}

// imitation returns a chain with the names and markers of another one, below a
// root that anybody can make.
func imitation(certs []code.Certificate) []code.Certificate {
	out := make([]code.Certificate, len(certs))
	for i := range certs {
		out[i] = certs[i]
		seed := append([]byte("imitation"), certs[i].SHA256[:]...)
		out[i].DER, out[i].AppleRoot, out[i].TrustSetting = nil, false, code.TrustUnknown
		out[i].SHA1, out[i].SHA256 = sha1.Sum(seed), sha256.Sum256(seed)
	}
	return out
}

// selfSigned returns one certificate that says of itself what the leaf says.
func selfSigned(leaf code.Certificate) []code.Certificate {
	out := imitation([]code.Certificate{leaf})
	out[0].Issuer, out[0].SelfSigned = leaf.Subject, true
	return out
}

// withUnit returns a chain whose leaf names another team wherever it names one.
func withUnit(certs []code.Certificate, team string) []code.Certificate {
	out := append([]code.Certificate(nil), certs...)
	leaf := &out[0]
	leaf.DER, leaf.Subject = nil, append([]code.Attribute(nil), leaf.Subject...)
	for i := range leaf.Subject {
		if leaf.Subject[i].Type == code.OIDOrganizationalUnit {
			leaf.Subject[i].Value = team
		}
	}
	seed := append([]byte(team), leaf.SHA256[:]...)
	leaf.SHA1, leaf.SHA256 = sha1.Sum(seed), sha256.Sum256(seed)
	return out
}
