package lint

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

var subjectAbsent = Rule{
	ID: "RQ208", Slug: "subject-absent", Severity: diag.Warning,
	What: "`absent` after a field of a certificate's subject",
	Why:  "it is always false, whether the certificate has the field or not",
	Fix:  "! certificate leaf[subject.OU] exists",
	Bad:  `anchor apple and identifier "com.apple.mail" and certificate leaf[subject.OU] absent`,
	Good: `anchor apple and identifier "com.apple.mail" and ! certificate leaf[subject.OU] exists`,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if e.Op == requirement.OpCertField && e.Match == requirement.MatchAbsent {
				p.report(e.Span(), "this is always false").Fix = "! " + strings.TrimSuffix(strings.TrimSpace(p.shown(e)), "absent") + "exists"
			}
		})
	},
}

var fieldEquals = Rule{
	ID: "RQ209", Slug: "field-equals", Severity: diag.Warning,
	What: "the value of an extension or policy is compared",
	Why:  "only its presence can be asked for: every comparison is false",
	Fix:  "exists",
	Bad:  `anchor apple generic and identifier "com.example.app" and certificate leaf[field.1.2.840.113635.100.6.1.9] = "x"`,
	Good: `anchor apple generic and identifier "com.example.app" and certificate leaf[field.1.2.840.113635.100.6.1.9] exists`,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if (e.Op == requirement.OpCertGeneric || e.Op == requirement.OpCertPolicy) && e.Match != requirement.MatchExists && e.Match != requirement.MatchAbsent {
				p.report(e.Span(), "extensions have no value to compare: this is always false")
			}
		})
	},
}

var unknownSubjectKey = Rule{
	ID: "RQ210", Slug: "unknown-subject-key", Severity: diag.Warning,
	What: "a field of a certificate's subject that Apple's evaluator does not know",
	Why:  "the text compiles, and the term is always false; case counts",
	Fix:  "subject.CN, .O, .OU, .C, .L, .ST, .STREET, .D, .UID",
	Bad:  `anchor apple generic and identifier "com.example.app" and certificate leaf[subject.ou] = "ABCDE12345"`,
	Good: goodText,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if e.Op != requirement.OpCertField {
				return
			}
			if _, known := requirement.SubjectField(e.Key); known {
				return
			}
			f := p.report(e.Span(), quote(e.Key)+" is not known: this is always false")
			upper := "subject." + strings.ToUpper(strings.TrimPrefix(e.Key, "subject."))
			if _, known := requirement.SubjectField(upper); known {
				f.Fix = upper
			}
		})
	},
}

var emptyPattern = Rule{
	ID: "RQ211", Slug: "empty-wildcard", Severity: diag.Warning,
	What: "a comparison with an empty part",
	Why:  "an empty pattern matches nothing, not everything",
	Fix:  "exists",
	Bad:  `anchor apple and identifier "com.apple.mail" and info[x] = ""*`,
	Good: `anchor apple and identifier "com.apple.mail" and info[x] exists`,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if isPart(e.Match) && hasComparison(e.Op) && textOf(e.Value) == "" {
				p.report(e.Span(), "an empty pattern never matches")
			}
		})
	},
}

// hasComparison reports whether a term compares a text.
func hasComparison(op requirement.Op) bool {
	switch op {
	case requirement.OpInfo, requirement.OpEntitlement, requirement.OpCertField:
		return true
	}
	return false
}

// textOf is the part of a value that evaluation sees: up to its first NUL.
func textOf(v string) string {
	v, _, _ = strings.Cut(v, "\x00")
	return v
}

var notText = Rule{
	ID: "RQ212", Slug: "non-string-compare", Severity: diag.Warning,
	What: "a boolean or number is compared with a text",
	Why:  "booleans and numbers never equal a text",
	Fix:  "exists, which is true of true and false of false",
	Bad:  `anchor apple and identifier "com.apple.mail" and entitlement["com.apple.security.app-sandbox"] = "true"`,
	Good: `anchor apple and identifier "com.apple.mail" and entitlement["com.apple.security.app-sandbox"] exists`,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if e.Match != requirement.MatchEqual || e.Op != requirement.OpInfo && e.Op != requirement.OpEntitlement {
				return
			}
			switch strings.ToLower(e.Value) {
			case "true", "false", "yes", "no":
			case "0", "1":
				if e.Op == requirement.OpInfo && !strings.HasPrefix(e.Key, "LS") && !strings.HasPrefix(e.Key, "NS") {
					return
				}
			default:
				return
			}
			p.report(e.Span(), quote(e.Value)+" is a text, which equals no boolean and no number")
		})
	},
}

var denyList = Rule{
	ID: "RQ213", Slug: "negated-identity", Severity: diag.Warning,
	What: "a branch says who is refused, and not who passes",
	Why:  "whoever is refused signs again under another name",
	Fix:  "name who passes",
	Bad:  `anchor apple generic and certificate leaf[subject.OU] = "ABCDE12345" and ! identifier "com.example.bad"`,
	Good: goodText,
	check: func(p *pass) {
		for _, b := range p.live() {
			if b.ident != nil || b.cdhash != nil {
				continue
			}
			for _, l := range b.lits {
				if l.not && (l.e.Op == requirement.OpIdent || l.e.Op == requirement.OpCDHash || l.e.Op == requirement.OpCertField && l.e.Key == "subject.OU") {
					p.report(l.e.Span(), "whoever is not "+p.shown(l.e)+" passes, and that is easily had")
				}
			}
		}
	},
}

var oldKeyword = Rule{
	ID: "RQ312", Slug: "legacy-keyword", Severity: diag.Warning,
	Levels: []Level{{Targets: []Target{Gatekeeper}, Off: true}},
	What:   "`legacy` outside a rule of the system",
	Why:    "it stands for dates and a list that a daemon keeps, which say nothing about who is asking",
	Fix:    "drop it",
	Bad:    goodText + ` and legacy`,
	Good:   goodText,
	check:  func(p *pass) { p.keyword(requirement.OpLegacy, "this depends on dates and a list of the system") },
}

var platformKeyword = Rule{
	ID: "RQ313", Slug: "platform-keyword", Severity: diag.Warning,
	What:  "the platform byte of a signature is asked for",
	Why:   "whoever signs writes that byte; only Apple's anchor makes it mean something",
	Fix:   "anchor apple",
	Bad:   `platform = 13`,
	Good:  `anchor apple and identifier "com.apple.mail"`,
	check: func(p *pass) { p.keyword(requirement.OpPlatform, "the signer chooses this byte") },
}

var notarizedPeer = Rule{
	ID: "RQ311", Slug: "notarized-for-peers", Severity: diag.Warning,
	Levels: []Level{{Targets: []Target{Keychain, PPPC, AutoPkg, Gatekeeper}, Off: true}},
	What:   "`notarized` decides who may connect",
	Why:    "it asks a daemon, and perhaps Apple's servers, on each evaluation, says nothing about who is asking, and is false of App Store code",
	Fix:    "drop it; say team and channel",
	Bad:    goodText + ` and notarized`,
	Good:   goodText,
	check: func(p *pass) {
		p.keyword(requirement.OpNotarized, "this depends on a daemon and its tickets, and names nobody")
	},
}

func (p *pass) keyword(op requirement.Op, message string) {
	p.terms(func(e *requirement.Expr) {
		if e.Op == op {
			p.report(e.Span(), message)
		}
	})
}
