package lint

import (
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

var namePin = Rule{
	ID: "RQ113", Slug: "subject-cn-pin", Severity: diag.Warning,
	What: "a certificate is told by its common name",
	Why:  "the name changes when a certificate is renewed or a company renamed; a development certificate's is one person's",
	Fix:  `certificate leaf[subject.OU] = "TEAM"`,
	Bad:  `anchor apple generic and identifier "com.example.app" and certificate leaf[subject.CN] = "Developer ID Application: Example (ABCDE12345)"`,
	Good: goodText,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if e.Op == requirement.OpCertField && e.Key == "subject.CN" && (e.Match == requirement.MatchEqual || e.Match == requirement.MatchExists) {
				message := "a certificate is told by its name, " + quote(e.Value)
				if e.Match == requirement.MatchExists {
					message = "every certificate has a name"
				}
				p.report(e.Span(), message)
			}
		})
	},
}

var substringIdentity = Rule{
	ID: "RQ119", Slug: "substring-identity", Severity: diag.Error,
	What: "an identity is compared by a part of it",
	Why:  "names and identifiers that contain, begin or end with a text can be had by others",
	Fix:  "compare the whole value; join several with `or`, in parentheses",
	Bad:  `anchor apple generic and identifier "com.example.app" and certificate leaf[subject.O] ~ "Example"`,
	Good: goodText,
	check: func(p *pass) {
		for _, b := range p.live() {
			for _, l := range b.lits {
				if l.not || !isPart(l.e.Match) || !isIdentity(l.e) {
					continue
				}
				f := p.report(l.e.Span(), "a part of "+l.e.Key+" names nobody")
				if b.team != nil {
					f.Severity = max(f.Severity, diag.Warning)
				}
			}
		}
	},
}

func isPart(m requirement.MatchOp) bool {
	switch m {
	case requirement.MatchContains, requirement.MatchBeginsWith, requirement.MatchEndsWith:
		return true
	}
	return false
}

// isIdentity reports whether a term looks at who somebody is.
func isIdentity(e *requirement.Expr) bool {
	switch e.Op {
	case requirement.OpCertField:
		return true
	case requirement.OpInfo:
		return e.Key == "CFBundleIdentifier"
	case requirement.OpEntitlement:
		return e.Key == "application-identifier" || e.Key == "com.apple.application-identifier" || e.Key == "com.apple.developer.team-identifier"
	}
	return false
}

var teamInName = Rule{
	ID: "RQ125", Slug: "team-in-subject-cn", Severity: diag.Error,
	What: "a team is compared with the common name of a certificate",
	Why:  "the common name is a whole line, as in \"Developer ID Application: Example (ABCDE12345)\": this is never true",
	Fix:  `certificate leaf[subject.OU] = "TEAM"`,
	Bad:  `anchor apple generic and identifier "com.example.app" and certificate leaf[subject.CN] = "ABCDE12345"`,
	Good: goodText,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if e.Op != requirement.OpCertField || e.Key != "subject.CN" || e.Match != requirement.MatchEqual {
				return
			}
			switch v := e.Value; {
			case isTeam(v) && hasDigit(v), isStandIn(v):
				f := p.report(e.Span(), quote(v)+" is a team, which stands in subject.OU")
				f.Fix = `certificate leaf[subject.OU] = "` + v + `"`
			case v == "Developer ID", v == "Developer ID Application", v == "Apple Development":
				p.report(e.Span(), "no certificate is called "+quote(v)+": the name goes on behind it")
			}
		})
	},
}

func hasDigit(s string) bool {
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			return true
		}
	}
	return false
}

var hashPin = Rule{
	ID: "RQ114", Slug: "cert-hash-pin", Severity: diag.Warning,
	What: "a certificate is told by its SHA-1",
	Why:  "it breaks when the certificate is renewed, differs between kinds of certificates, and SHA-1 is weak",
	Fix:  `anchor apple generic and certificate leaf[subject.OU] = "TEAM"`,
	Bad:  `identifier "com.example.app" and certificate leaf = H"0123456789abcdef0123456789abcdef01234567"`,
	Good: goodText,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if e.Op == requirement.OpAnchorHash && !isAppleRootHash(e.Value) {
				p.report(e.Span(), "this holds until the certificate is renewed")
			}
		})
	},
}

var appleRootPin = Rule{
	ID: "RQ115", Slug: "anchor-hash-apple-root", Severity: diag.Info,
	What: "one of Apple's roots is told by its SHA-1",
	Why:  "Apple has several roots, and newer certificates end in others",
	Fix:  "anchor apple generic",
	Bad:  `anchor = H"611e5b662c593a08ff58d14ae22452d198df6c60" and identifier "com.example.app" and certificate leaf[subject.OU] = "ABCDE12345"`,
	Good: goodText,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if e.Op == requirement.OpAnchorHash && isAppleRootHash(e.Value) {
				f := p.report(e.Span(), "this is the hash of one of Apple's roots")
				if e.Slot == requirement.SlotRoot {
					f.Edits = []Edit{p.edit(e.Span(), "anchor apple generic")}
				}
			}
		})
	},
}
