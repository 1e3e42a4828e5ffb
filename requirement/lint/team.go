package lint

import (
	"github.com/xpcpolicy/xpcpolicy/diag"
)

var teamOnly = Rule{
	ID: "RQ106", Slug: "team-only", Severity: diag.Warning,
	Levels: []Level{
		{Targets: []Target{Gatekeeper}, Off: true},
		{Targets: []Target{AutoPkg, Keychain}, Severity: diag.Info},
	},
	What: "a branch names a signer and no program",
	Why:  "every program that the signer ever signed passes: betas, test tools, and the weakest of its products",
	Fix:  `… and identifier "…"`,
	Bad:  `anchor apple generic and certificate leaf[subject.OU] = "ABCDE12345"`,
	Good: `anchor apple generic and (identifier "com.example.app" or identifier "com.example.tool") and certificate leaf[subject.OU] = "ABCDE12345"`,
	check: func(p *pass) {
		for _, b := range p.live() {
			if !b.teamOnly() {
				continue
			}
			e, who := oneOf(b.signer(), b.issuer, b.trusted), "of whoever a trusted root certifies"
			switch {
			case b.team != nil:
				e, who = b.team, "of team "+quote(b.team.Value)
			case b.signer() == nil && b.issuer != nil:
				who = "of whoever this authority certifies"
			case b.signer() != nil:
				who = "of this signer"
			}
			p.report(e.Span(), "every program "+who+" passes")
		}
	},
}

func (b *branch) teamOnly() bool {
	return b.ident == nil && b.cdhash == nil && b.apple == nil && b.store == nil && b.anchor() != nil && b.named == nil &&
		oneOf(b.signer(), b.issuer, b.trusted) != nil
}

var storeWithoutIdentifier = Rule{
	ID: "RQ110", Slug: "mas-without-identifier", Severity: diag.Error,
	Levels: []Level{{Targets: []Target{Gatekeeper}, Off: true}},
	What:   "a branch asks for a store's signature and names no program",
	Why:    "Apple signs every application of a store with the same certificates",
	Fix:    `… and identifier "…"`,
	Bad:    `anchor apple generic and certificate leaf[field.1.2.840.113635.100.6.1.9]`,
	Good:   `anchor apple generic and certificate leaf[field.1.2.840.113635.100.6.1.9] and identifier "com.example.app"`,
	check: func(p *pass) {
		for _, b := range p.live() {
			if b.storeOnly() {
				p.report(b.store.Span(), "every application of the "+storeOf(b)+" passes")
			}
		}
	},
}

func (b *branch) storeOnly() bool {
	return b.store != nil && oneOf(b.ident, b.cdhash, b.private) == nil && b.anchor() != nil
}

func storeOf(b *branch) string {
	if b.testFly != nil {
		return "TestFlight service"
	}
	return leafKind(b.store)
}

var storeWithTeam = Rule{
	ID: "RQ111", Slug: "mas-with-subject-ou", Severity: diag.Error,
	What: "a branch asks for a store's signature and for a developer's team in it",
	Why:  "the certificate is Apple's own, so this never holds, and the store's copy is refused",
	Fix:  "name the program in the store's branch and the team in the Developer ID branch only",
	Bad:  `anchor apple generic and identifier "com.example.app" and certificate leaf[field.1.2.840.113635.100.6.1.9] and certificate leaf[subject.OU] = "ABCDE12345"`,
	Good: `anchor apple generic and identifier "com.example.app" and (certificate leaf[field.1.2.840.113635.100.6.1.9] or certificate 1[field.1.2.840.113635.100.6.2.6] and certificate leaf[field.1.2.840.113635.100.6.1.13] and certificate leaf[subject.OU] = "ABCDE12345")`,
	check: func(p *pass) {
		for _, b := range p.live() {
			if b.store != nil && b.team != nil && isTeam(b.team.Value) {
				p.report(b.team.Span(), "the "+storeOf(b)+" signs with a certificate of Apple's, whose subject.OU is no team")
			}
		}
	},
}
