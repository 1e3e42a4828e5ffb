package code

import "encoding/hex"

// Marker OIDs: extensions by which Apple's certificates say what they are for.
// All lie under 1.2.840.113635.100. A marker without one of Apple's roots above
// it proves nothing.
var (
	OIDAppleDeveloper    = MustOID("1.2.840.113635.100.6.1.2")    // Apple/iPhone Developer leaf
	OIDiOSAppStore       = MustOID("1.2.840.113635.100.6.1.3")    // iOS App Store application
	OIDiOSAppStoreQA     = MustOID("1.2.840.113635.100.6.1.3.1")  // the same, QA
	OIDAppleDistribution = MustOID("1.2.840.113635.100.6.1.4")    // iPhone/Apple Distribution leaf
	OIDMacSubmission     = MustOID("1.2.840.113635.100.6.1.7")    // Mac App Store submission leaf
	OIDMacAppStore       = MustOID("1.2.840.113635.100.6.1.9")    // Mac App Store application, signed by Apple
	OIDMacAppStoreQA     = MustOID("1.2.840.113635.100.6.1.9.1")  // the same, QA
	OIDMacDeveloper      = MustOID("1.2.840.113635.100.6.1.12")   // Mac Developer leaf
	OIDDeveloperID       = MustOID("1.2.840.113635.100.6.1.13")   // Developer ID Application leaf
	OIDDeveloperIDInst   = MustOID("1.2.840.113635.100.6.1.14")   // Developer ID Installer leaf
	OIDDeveloperIDKext   = MustOID("1.2.840.113635.100.6.1.18")   // Developer ID kernel extension
	OIDtvOSAppStore      = MustOID("1.2.840.113635.100.6.1.24")   // tvOS App Store
	OIDTestFlight        = MustOID("1.2.840.113635.100.6.1.25.1") // TestFlight
	OIDTestFlightQA      = MustOID("1.2.840.113635.100.6.1.25.2") // the same, QA
	OIDDeveloperIDDate   = MustOID("1.2.840.113635.100.6.1.33")   // Developer ID account date
	OIDvisionOSAppStore  = MustOID("1.2.840.113635.100.6.1.36")   // visionOS App Store
	OIDAppleSoftware     = MustOID("1.2.840.113635.100.6.22")     // Apple Software Signing leaf
	OIDWWDRIntermediate  = MustOID("1.2.840.113635.100.6.2.1")    // WWDR intermediate
	OIDDeveloperIDCA     = MustOID("1.2.840.113635.100.6.2.6")    // Developer ID intermediate
	OIDProfileSigning    = MustOID("1.2.840.113635.100.4.11")     // signer of provisioning profiles for macOS
)

// Subject attribute types that more than one package compares.
var (
	OIDCommonName         = MustOID("2.5.4.3")
	OIDOrganization       = MustOID("2.5.4.10")
	OIDOrganizationalUnit = MustOID("2.5.4.11")
)

// MarkerName returns what a marker OID means in words, or "".
func MarkerName(o OID) string { return markerNames[o] }

var markerNames = map[OID]string{
	OIDAppleDeveloper:    "Apple Development",
	OIDiOSAppStore:       "iOS App Store",
	OIDiOSAppStoreQA:     "iOS App Store (QA)",
	OIDAppleDistribution: "Apple Distribution",
	OIDMacSubmission:     "Mac App Store submission",
	OIDMacAppStore:       "Mac App Store",
	OIDMacAppStoreQA:     "Mac App Store (QA)",
	OIDMacDeveloper:      "Mac Development",
	OIDDeveloperID:       "Developer ID Application",
	OIDDeveloperIDInst:   "Developer ID Installer",
	OIDDeveloperIDKext:   "Developer ID kernel extension",
	OIDtvOSAppStore:      "tvOS App Store",
	OIDTestFlight:        "TestFlight",
	OIDTestFlightQA:      "TestFlight (QA)",
	OIDDeveloperIDDate:   "Developer ID account date",
	OIDvisionOSAppStore:  "visionOS App Store",
	OIDAppleSoftware:     "Apple Software Signing",
	OIDWWDRIntermediate:  "Apple Worldwide Developer Relations CA",
	OIDDeveloperIDCA:     "Developer ID CA",
	OIDProfileSigning:    "macOS provisioning profile signing",
}

// AppleRoot is one root certificate that `anchor apple generic` accepts.
type AppleRoot struct {
	Name   string
	SHA256 [32]byte // of the certificate's DER
}

// AppleRoots returns the roots that count as Apple's, pinned by SHA-256. The
// "Apple Root Certificate Authority" of 2005 is not among them.
func AppleRoots() []AppleRoot { return append([]AppleRoot(nil), appleRoots[:]...) }

// IsAppleRoot reports whether a certificate with this SHA-256 is a pinned root.
func IsAppleRoot(sha256 [32]byte) bool {
	for _, r := range appleRoots {
		if r.SHA256 == sha256 {
			return true
		}
	}
	return false
}

var appleRoots = [...]AppleRoot{
	{"Apple Root CA", hash32("b0b1730ecbc7ff4505142c49f1295e6eda6bcaed7e2c68c5be91b5a11001f024")},
	{"Apple Root CA - G2", hash32("c2b9b042dd57830e7d117dac55ac8ae19407d38e41d88f3215bc3a890444a050")},
	{"Apple Root CA - G3", hash32("63343abfb89a6a03ebb57e9b3f5fa7be7c4f5c756f3017b3a8c488c3653e9179")},
	{"Apple Platform Backport RSA Root CA - G1", hash32("fb3f6cf69467b5fa9ffa2b3b392b6e5e775bbb09c77b6e759e9038e26bbf9049")},
	{"Apple Platform Backport ECC Root CA - G1", hash32("eda23b3f224f45e0952f20e4d2b33e000d49c8044c1168de47b443cd2b3536dc")},
}

func hash32(s string) (h [32]byte) {
	if n, err := hex.Decode(h[:], []byte(s)); err != nil || n != len(h) {
		panic("malformed SHA-256 constant " + s)
	}
	return h
}
