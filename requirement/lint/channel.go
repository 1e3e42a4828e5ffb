package lint

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

var noChannel = Rule{
	ID: "RQ107", Slug: "no-channel-marker", Severity: diag.Warning,
	Levels: []Level{
		{Releases: []Release{Development}, Off: true},
		{Targets: []Target{Gatekeeper}, Off: true},
		{Targets: []Target{Keychain, PPPC, AutoPkg}, Severity: diag.Info},
	},
	What: "a branch names program and team, and any certificate of that team will do",
	Why:  "development certificates carry the same team: what one developer's machine signs passes, debuggable builds included",
	Fix:  `… and certificate 1[field.1.2.840.113635.100.6.2.6] and certificate leaf[field.1.2.840.113635.100.6.1.13]`,
	Bad:  `anchor apple generic and identifier "com.example.app" and certificate leaf[subject.OU] = "ABCDE12345"`,
	Good: goodText,
	check: func(p *pass) {
		for _, b := range p.live() {
			if b.generic != nil && b.ident != nil && b.team != nil && oneOf(b.channel(), b.otherLeaf, b.name, b.leafHash, b.cdhash) == nil {
				p.report(b.team.Span(), "development builds of "+quote(b.team.Value)+" pass too")
			}
		}
	},
}

// channel returns a marker of how code was distributed.
func (b *branch) channel() *requirement.Expr {
	return oneOf(b.store, b.devID, b.devIDCA, b.develop, b.submit, b.wwdr)
}

var developmentAllowed = Rule{
	ID: "RQ108", Slug: "development-allowed", Severity: diag.Error,
	Levels: []Level{
		{Releases: []Release{Development}, Off: true},
		{Targets: []Target{Gatekeeper}, Off: true},
	},
	What: "a branch is for builds that were not released",
	Why:  "development builds let debuggers in (get-task-allow), and their keys lie on every developer's machine",
	Fix:  `certificate 1[field.1.2.840.113635.100.6.2.6] and certificate leaf[field.1.2.840.113635.100.6.1.13], or certificate leaf[field.1.2.840.113635.100.6.1.9]`,
	Bad:  `anchor apple generic and identifier "com.example.app" and certificate leaf[field.1.2.840.113635.100.6.1.12] and certificate leaf[subject.OU] = "ABCDE12345"`,
	Good: goodText,
	check: func(p *pass) {
		for _, b := range p.live() {
			switch {
			case b.develop != nil:
				p.report(b.develop.Span(), "this is the marker of development certificates")
			case b.name != nil && isDevelopmentName(b.name.Value):
				p.report(b.name.Span(), "this names one person's development certificate")
			case b.testFly != nil:
				p.report(b.testFly.Span(), "builds under test in TestFlight pass").Severity = diag.Warning
			case b.wwdr != nil && b.store == nil && b.submit == nil:
				p.report(b.wwdr.Span(), "development certificates come from this intermediate, and Developer ID ones do not")
			}
		}
	},
}

func isDevelopmentName(cn string) bool {
	for _, prefix := range [...]string{"Apple Development:", "Mac Developer:", "iPhone Developer:"} {
		if strings.HasPrefix(cn, prefix) {
			return true
		}
	}
	return false
}

var developmentPin = Rule{
	ID: "RQ126", Slug: "development-wwdr-pin", Severity: diag.Warning,
	Levels: []Level{{Releases: []Release{Development}, Off: true}, {Targets: []Target{Gatekeeper}, Off: true}},
	What:   "the designated requirement of a development build",
	Why:    "the released build has another intermediate and another name in its certificate, so it never satisfies this",
	Fix:    "take the requirement from the released build: codesign -d -r- PROGRAM",
	Bad:    `identifier "com.example.app" and anchor apple generic and certificate leaf[subject.CN] = "Apple Development: Jo Doe (XYZ1234567)" and certificate 1[field.1.2.840.113635.100.6.2.1]`,
	Good:   goodText,
	check: func(p *pass) {
		for _, b := range p.live() {
			if b.wwdr != nil && b.name != nil && isDevelopmentName(b.name.Value) {
				p.report(b.wwdr.Span(), "codesign writes this into development builds; released builds do not satisfy it")
			}
		}
	},
}

var submissionCertificate = Rule{
	ID: "RQ123", Slug: "submission-cert", Severity: diag.Warning,
	Levels: []Level{{Releases: []Release{Development}, Off: true}},
	What:   "a branch is for builds on their way to the store",
	Why:    "the store signs anew before it delivers, so no customer has such a build",
	Fix:    "certificate leaf[field.1.2.840.113635.100.6.1.9]",
	Bad:    `anchor apple generic and identifier "com.example.app" and certificate leaf[field.1.2.840.113635.100.6.1.7] and certificate leaf[subject.OU] = "ABCDE12345"`,
	Good:   goodText,
	check: func(p *pass) {
		for _, b := range p.live() {
			if b.submit != nil {
				p.report(b.submit.Span(), "this is the marker of "+leafKind(b.submit)+" certificates")
			}
		}
	},
}

var halfDeveloperID = Rule{
	ID: "RQ109", Slug: "devid-leaf-without-intermediate", Severity: diag.Warning,
	Levels: []Level{{Targets: []Target{Gatekeeper}, Off: true}},
	What:   "one of the two markers of Developer ID is missing",
	Why:    "Apple checks both: the intermediate alone also signs installer packages and kernel extensions",
	Fix:    "certificate 1[field.1.2.840.113635.100.6.2.6] and certificate leaf[field.1.2.840.113635.100.6.1.13]",
	Bad:    `anchor apple generic and identifier "com.example.app" and certificate leaf[field.1.2.840.113635.100.6.1.13] and certificate leaf[subject.OU] = "ABCDE12345"`,
	Good:   goodText,
	check: func(p *pass) {
		for _, b := range p.live() {
			switch {
			case b.generic == nil || p.found("RQ025"): // the marker stands in a comment
			case b.devID != nil && b.devIDCA == nil:
				p.report(b.devID.Span(), "the marker of the intermediate is not asked for")
			case b.devIDCA != nil && b.devID == nil && b.otherLeaf == nil:
				p.report(b.devIDCA.Span(), "the marker of the leaf is not asked for")
			}
		}
	},
}

var wrongSlot = Rule{
	ID: "RQ116", Slug: "wrong-slot", Severity: diag.Warning,
	What: "a marker or a team is looked for in a certificate that never has it",
	Why:  "the term is never true of what Apple issues",
	Fix:  "6.1.x and subject.OU stand in the leaf, 6.2.x in certificate 1",
	Bad:  `anchor apple generic and identifier "com.example.app" and certificate leaf[field.1.2.840.113635.100.6.2.6] and certificate leaf[subject.OU] = "ABCDE12345"`,
	Good: goodText,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			switch {
			case e.Op == requirement.OpCertField && e.Key == "subject.OU" && e.Match == requirement.MatchEqual && isTeam(e.Value) && isAbove(e.Slot):
				p.report(e.Span(), "teams stand in the leaf certificate")
			case e.Op != requirement.OpCertGeneric || e.Match != requirement.MatchExists:
			case isLeafMarker(e.Key) && isAbove(e.Slot):
				p.report(e.Span(), code.OID(e.Key).String()+" stands in leaf certificates")
			case isCAMarker(e.Key) && (e.Slot == requirement.SlotLeaf || e.Slot == requirement.SlotRoot):
				p.report(e.Span(), code.OID(e.Key).String()+" stands in intermediate certificates")
			}
		})
	},
}

// isAbove reports whether a slot is above the leaf in Apple's chains of three.
func isAbove(slot int32) bool { return slot == 1 || slot == 2 || slot == -1 || slot == -2 }

func isLeafMarker(oid string) bool {
	return strings.HasPrefix(oid, appleOctets+"\x06\x01") && code.OID(oid) != code.OIDDeveloperIDDate
}

func isCAMarker(oid string) bool { return strings.HasPrefix(oid, appleOctets+"\x06\x02") }

var slotBeyondChain = Rule{
	ID: "RQ117", Slug: "slot-beyond-chain", Severity: diag.Warning,
	What: "a certificate that Apple's chains do not have",
	Why:  "they have three: the term is false, and counting below the leaf from the root is undefined in Apple's code",
	Fix:  "leaf, 1 or root",
	Bad:  `anchor apple generic and certificate 3[subject.CN] = "Example"`,
	Good: goodText,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			switch e.Op {
			case requirement.OpAnchorHash, requirement.OpCertField, requirement.OpCertGeneric, requirement.OpCertPolicy, requirement.OpCertDate, requirement.OpTrustedCert:
				if e.Slot > 2 || e.Slot < -3 {
					p.report(e.Span(), "chains of Apple's have three certificates: 0, 1 and 2, or -1, -2 and -3")
				}
			}
		})
	},
}
