package lint

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

var appleForOthers = Rule{
	ID: "RQ104", Slug: "anchor-apple-for-third-party", Severity: diag.Warning,
	What: "`anchor apple` beside an identifier that is not Apple's",
	Why:  "`anchor apple` is true of Apple's own system software only: code of other developers is always refused",
	Fix:  `anchor apple generic and … and certificate leaf[subject.OU] = "TEAM"`,
	Bad:  `anchor apple and identifier "com.example.app"`,
	Good: `anchor apple and identifier "com.apple.mail"`,
	check: func(p *pass) {
		for _, b := range p.live() {
			if b.apple != nil && b.ident != nil && !strings.HasPrefix(b.ident.Value, "com.apple.") && !unknown(b.ident.Value) {
				p.report(b.apple.Span(), "Apple does not ship "+quote(b.ident.Value)+" as part of the system")
			}
		}
	},
}

var appleAlone = Rule{
	ID: "RQ105", Slug: "anchor-apple-alone", Severity: diag.Error,
	Levels: []Level{
		{Targets: []Target{Gatekeeper}, Off: true},
		{Targets: []Target{Keychain, PPPC, AutoPkg}, Severity: diag.Warning},
	},
	What: "all of Apple's software passes",
	Why:  "among a thousand programs of the system are shells, script interpreters and hosts of plug-ins, which act for anybody",
	Fix:  `anchor apple and identifier "com.apple.…"`,
	Bad:  `anchor apple`,
	Good: `anchor apple and identifier "com.apple.mail"`,
	check: func(p *pass) {
		for _, b := range p.live() {
			if b.apple != nil && oneOf(b.ident, b.cdhash, b.leafHash, b.private) == nil {
				p.report(b.apple.Span(), "every program of the system passes, interpreters and hosts of plug-ins too")
			}
		}
	},
}

var trustedAnchor = Rule{
	ID: "RQ118", Slug: "trusted-anchor", Severity: diag.Warning,
	What: "the chain may end in whatever root somebody trusted on that machine",
	Why:  "administrators, profiles and users add roots; whoever owns one signs what passes",
	Fix:  `anchor apple generic, or anchor = H"…"`,
	Bad:  `anchor trusted and identifier "com.example.app"`,
	Good: goodText,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if e.Op == requirement.OpTrustedCert || e.Op == requirement.OpTrustedCerts {
				p.report(e.Span(), "this depends on the trust settings of the machine")
			}
		})
	},
}

var namedRequirement = Rule{
	ID: "RQ120", Slug: "named-subrequirement", Severity: diag.Warning,
	What: "a requirement is called by a name",
	Why:  "the names stand for files inside Apple's framework, which current systems do not have: the term is false",
	Fix:  "write the requirement out; a word in parentheses may be a slip of the pen",
	Bad:  `anchor apple generic and (helper)`,
	Good: goodText,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if (e.Op == requirement.OpNamedAnchor || e.Op == requirement.OpNamedCode) && !unknown(e.Value) {
				p.report(e.Span(), quote(e.Value)+" names a requirement that current systems do not have")
			}
		})
	},
}

// wrongTeams are teams that widely copied texts take for Apple's.
var wrongTeams = map[string]string{"EQHXZ8M8AV": "Google's"}

var wrongConstant = Rule{
	ID: "RQ124", Slug: "known-wrong-constant", Severity: diag.Error,
	What: "a team that is not what the rest of the requirement takes it for",
	Why:  "programs of the system have no team, so nothing of Apple's passes, and somebody else's code may",
	Fix:  "anchor apple, without a team",
	Bad:  `anchor apple generic and identifier "com.apple.SecurityAgent" and certificate leaf[subject.OU] = "EQHXZ8M8AV"`,
	Good: `anchor apple generic and identifier "com.google.Chrome" and certificate leaf[subject.OU] = "EQHXZ8M8AV"`,
	check: func(p *pass) {
		for i := range p.branches {
			b := &p.branches[i]
			if b.team == nil || b.apple == nil && (b.ident == nil || !strings.HasPrefix(b.ident.Value, "com.apple.")) {
				continue
			}
			if owner := wrongTeams[b.team.Value]; owner != "" {
				p.report(b.team.Span(), quote(b.team.Value)+" is "+owner+" team, not Apple's")
			}
		}
	},
}

// terms calls f for every term of the requirement, whatever operators are above it.
func (p *pass) terms(f func(*requirement.Expr)) {
	if p.expr == nil {
		return
	}
	for e := range requirement.All(p.expr) {
		switch e.Op {
		case requirement.OpAnd, requirement.OpOr, requirement.OpNot:
		default:
			f(e)
		}
	}
}
