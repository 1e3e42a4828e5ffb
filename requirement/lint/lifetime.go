package lint

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

var noFloor = Rule{
	ID: "RQ300", Slug: "no-version-floor", Severity: diag.Info, Levels: peersOnly,
	What: "every release there ever was passes",
	Why:  "an attacker runs an old release, signed as well as the new one, whose protections were weaker",
	Fix:  `… and info[CFBundleVersion] >= "…"`,
	Bad:  `anchor apple generic and identifier "com.example.app" and certificate leaf[subject.OU] = "ABCDE12345"`,
	Good: `anchor apple generic and identifier "com.example.app" and certificate leaf[subject.OU] = "ABCDE12345" and info[CFBundleVersion] >= "407"`,
	check: func(p *pass) {
		p.unprotected(func(b *branch) {
			for _, l := range b.lits {
				if l.e.Op == requirement.OpInfo && isVersion(l.e.Key) && !l.not {
					return
				}
			}
			p.report(b.ident.Span(), "releases of "+quote(b.ident.Value)+" from before it was hardened pass too")
		})
	},
}

// peersOnly is for advice about programs that connect to a service.
var peersOnly = []Level{
	{Releases: []Release{Development}, Off: true},
	{Targets: []Target{SMJobBless, Keychain, PPPC, AutoPkg, Gatekeeper}, Off: true},
}

// unprotected calls f for branches that name a program of a developer, unless all
// branches ask for markers that Apple gives to hardened or reviewed code only.
func (p *pass) unprotected(f func(*branch)) {
	live := p.live()
	all := true
	for _, b := range live {
		all = all && oneOf(b.devID, b.store) != nil
	}
	for _, b := range live {
		if !all && b.ident != nil && oneOf(b.apple, b.devID, b.store, b.cdhash) == nil && b.weakness() == 0 {
			f(b)
		}
	}
}

func isVersion(key string) bool {
	return key == "CFBundleVersion" || key == "CFBundleShortVersionString"
}

var versionKey = Rule{
	ID: "RQ301", Slug: "version-key-choice", Severity: diag.Info,
	What: "the version for people is compared, not the build number",
	Why:  "it need not rise: it can be a name, and betas share it with the release",
	Fix:  "CFBundleVersion",
	Bad:  goodText + ` and info[CFBundleShortVersionString] >= "2.1"`,
	Good: goodText + ` and info[CFBundleVersion] >= "407"`,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if e.Op == requirement.OpInfo && e.Key == "CFBundleShortVersionString" && isOrder(e.Match) {
				p.report(e.Span(), "CFBundleShortVersionString need not rise with each release")
			}
		})
	},
}

func isOrder(m requirement.MatchOp) bool {
	return m >= requirement.MatchLess && m <= requirement.MatchGreaterEqual
}

var versionAsText = Rule{
	ID: "RQ302", Slug: "version-as-text-trap", Severity: diag.Warning,
	What: "a version whose order is not the expected one",
	Why:  "a longer text with the same beginning is greater: 1.0b2 comes after 1.0, and 2 before 2.0",
	Fix:  "numbers and dots, with as many parts as the releases have",
	Bad:  goodText + ` and info[CFBundleVersion] >= "1.0b2"`,
	Good: goodText + ` and info[CFBundleVersion] >= "1.2"`,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if e.Op != requirement.OpInfo || !isVersion(e.Key) || !isOrder(e.Match) || unknown(e.Value) {
				return
			}
			v := e.Value
			switch lastPart := v[strings.LastIndexByte(v, '.')+1:]; {
			case strings.Trim(v, "0123456789.") != "":
				p.report(e.Span(), "what comes after "+quote(v)+" in Apple's order is not what comes after it in time")
			case lastPart == "0" && len(v) > 1:
				f := p.report(e.Span(), "a release that calls itself "+quote(strings.TrimSuffix(v, ".0"))+" is less than "+quote(v))
				f.Severity = diag.Info
			}
		})
	},
}

var infoOnly = Rule{
	ID: "RQ305", Slug: "info-only-identity", Severity: diag.Error,
	What: "nothing but the Info.plist says who may pass",
	Why:  "whoever signs code writes its Info.plist",
	Fix:  `anchor apple generic and identifier "…" and certificate leaf[subject.OU] = "TEAM"`,
	Bad:  `info[CFBundleIdentifier] = "com.example.app"`,
	Good: goodText,
	check: func(p *pass) {
		for _, b := range p.live() {
			if b.contentOnly() && b.info != nil {
				p.report(b.info.Span(), "anyone can write this into an Info.plist")
			}
		}
	},
}

var cdhashPin = Rule{
	ID: "RQ307", Slug: "cdhash-pin", Severity: diag.Warning,
	Levels: []Level{{Releases: []Release{Development}, Off: true}, {Targets: []Target{Gatekeeper}, Severity: diag.Info}},
	What:   "one build of a program is named",
	Why:    "every build has other hashes, and a universal program has one for each architecture",
	Fix:    `anchor apple generic and identifier "…" and certificate leaf[subject.OU] = "TEAM"`,
	Bad:    goodText + ` and cdhash H"0123456789abcdef0123456789abcdef01234567"`,
	Good:   goodText,
	check: func(p *pass) {
		p.keyword(requirement.OpCDHash, "this holds for one build on one architecture")
	},
}

var cdhashAlone = Rule{
	ID: "RQ310", Slug: "cdhash-without-anchor-ok", Severity: diag.Info,
	Levels: []Level{{Releases: []Release{Production}, Off: true}}, // RQ307 speaks
	What:   "a hash of the code directory is all that is asked for",
	Why:    "that names one build and needs no anchor; it is the way to name code that is signed ad hoc",
	Fix:    "nothing, as long as the hash is of the right build",
	Bad:    `cdhash H"0123456789abcdef0123456789abcdef01234567"`,
	Good:   goodText,
	check: func(p *pass) {
		for _, b := range p.live() {
			if len(b.lits) == 1 && b.cdhash != nil {
				p.report(b.cdhash.Span(), "the hash alone names the build, whoever signed it")
			}
		}
	},
}

var oldSets = Rule{
	ID: "RQ314", Slug: "other-labels", Severity: diag.Info,
	What: "a set has requirements of kinds that nothing uses",
	Why:  "only the designated requirement is looked at",
	Fix:  "drop them",
	Bad:  `designated => anchor apple and identifier "com.apple.mail" library => anchor apple`,
	Good: goodText,
	check: func(p *pass) {
		if p.set == nil {
			return
		}
		for _, e := range p.set.Entries {
			if e.Type != requirement.TypeDesignated && e.Expr != nil {
				p.report(e.Expr.Span(), "nothing looks at the "+e.Type.String()+" requirement")
			}
		}
	},
}

var otherDate = Rule{
	ID: "RQ315", Slug: "expired-or-date-gate", Severity: diag.Info,
	What: "a date is read from an extension that is not known to hold one",
	Why:  "only the extension 1.2.840.113635.100.6.1.33 holds a date in the form that is read; of others it is absent",
	Fix:  "certificate leaf[timestamp.1.2.840.113635.100.6.1.33]",
	Bad:  goodText + ` and certificate leaf[timestamp.1.2.840.113635.100.6.1.13] exists`,
	Good: goodText + ` and certificate leaf[timestamp.1.2.840.113635.100.6.1.33] > timestamp "20190408000000Z"`,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if e.Op == requirement.OpCertDate && code.OID(e.Key) != code.OIDDeveloperIDDate {
				p.report(e.Span(), "this extension holds no date")
			}
		})
	},
}
