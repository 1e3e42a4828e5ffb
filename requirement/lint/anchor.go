package lint

import (
	"strconv"
	"unicode/utf8"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

var noAnchor = Rule{
	ID: "RQ100", Slug: "no-anchor", Severity: diag.Error,
	What:  "a branch trusts what certificates say, and no anchor says who issued them",
	Why:   "a valid signature may come from a certificate that its owner made, with any name, team and extension in it",
	Fix:   "anchor apple generic and …",
	Bad:   `identifier "com.example.app" and certificate leaf[subject.OU] = "ABCDE12345"`,
	Good:  `anchor apple generic and identifier "com.example.app" and certificate leaf[subject.OU] = "ABCDE12345"`,
	check: checkNoAnchor,
}

func checkNoAnchor(p *pass) {
	const message = "no anchor: anyone can make certificates that satisfy this"
	live, open := p.live(), []*branch(nil)
	for _, b := range live {
		if b.unanchored() {
			open = append(open, b)
		}
	}
	if len(open) == len(live) && len(open) > 0 {
		p.report(p.expr.Span(), message).Edits = p.anchored(p.expr)
	} else {
		for _, b := range open {
			p.report(p.at(b), message)
		}
	}
	p.severity = diag.Info
	for _, b := range live {
		hash := oneOf(b.leafHash, b.rootHash)
		if hash != nil && oneOf(b.apple, b.generic, b.trusted, b.named, b.cdhash) == nil {
			f := p.report(hash.Span(), "no anchor beside this hash, which alone says who signed")
			f.Why = "nothing but the SHA-1 of one certificate holds strangers off; Apple neither issued it nor can revoke it"
			f.Fix = `anchor apple generic and certificate leaf[subject.OU] = "TEAM", for code that a developer known to Apple signs`
		}
	}
}

// anchored puts Apple's anchor before a whole requirement.
func (p *pass) anchored(e *requirement.Expr) []Edit {
	before, s := "anchor apple generic and ", e.Span()
	if e.Op != requirement.OpOr {
		return []Edit{p.insert(s.Start, before)}
	}
	return []Edit{p.insert(s.Start, before+"("), p.insert(s.End, ")")}
}

// unanchored reports whether what a branch asks for could be in anybody's
// signature, and is not better said by RQ101, RQ305 or RQ516.
func (b *branch) unanchored() bool {
	if len(b.lits) == 0 || b.anchor() != nil || b.cdhash != nil || b.identifierOnly() {
		return false
	}
	return b.cert != nil || b.info == nil && b.entitlement == nil
}

func (b *branch) identifierOnly() bool {
	return b.ident != nil && b.cert == nil && b.cdhash == nil && b.anchor() == nil
}

var identifierOnly = Rule{
	ID: "RQ101", Slug: "identifier-only", Severity: diag.Error,
	What: "a branch names an identifier and does not say who signed",
	Why:  "identifiers are free text: code signed with any certificate, or ad hoc without one, can claim it",
	Fix:  `anchor apple generic and identifier "…" and certificate leaf[subject.OU] = "TEAM"`,
	Bad:  `identifier "com.example.app"`,
	Good: `cdhash H"0123456789abcdef0123456789abcdef01234567"`,
	check: func(p *pass) {
		for _, b := range p.live() {
			if b.identifierOnly() {
				p.report(b.ident.Span(), "anyone can sign code as "+quote(b.ident.Value))
			}
		}
	},
}

var genericAnchorOnly = Rule{
	ID: "RQ102", Slug: "generic-anchor-only", Severity: diag.Error,
	Levels: []Level{{Targets: []Target{Gatekeeper}, Off: true}},
	What:   "a branch asks for Apple's root and names neither program nor team",
	Why:    "every developer in Apple's programmes passes, and a membership costs little",
	Fix:    `… and identifier "…" and certificate leaf[subject.OU] = "TEAM"`,
	Bad:    `anchor apple generic`,
	Good:   `anchor apple generic and identifier "com.example.app" and certificate leaf[subject.OU] = "ABCDE12345"`,
	check: func(p *pass) {
		for _, b := range p.live() {
			if b.genericOnly() {
				who := "every program of every developer passes"
				switch {
				case oneOf(b.devID, b.devIDCA) != nil:
					who = "every program signed with a Developer ID passes"
				case oneOf(b.develop, b.submit) != nil:
					who = "every program with a certificate for " + leafKind(oneOf(b.develop, b.submit)) + " passes"
				}
				p.report(b.generic.Span(), who)
			}
		}
	},
}

func (b *branch) genericOnly() bool {
	return b.generic != nil && oneOf(b.apple, b.ident, b.cdhash, b.signer(), b.issuer, b.store, b.private) == nil
}

var genericWithoutTeam = Rule{
	ID: "RQ103", Slug: "generic-without-team", Severity: diag.Error,
	Levels: []Level{{Targets: []Target{AutoPkg, Gatekeeper}, Severity: diag.Warning}},
	What:   "a branch names an identifier below Apple's root, and no team",
	Why:    "outside the App Store nobody stops a developer from signing with another one's identifier",
	Fix:    `… and certificate leaf[subject.OU] = "TEAM"`,
	Bad:    `anchor apple generic and identifier "com.example.app"`,
	Good:   `anchor apple generic and identifier "com.example.app" and certificate leaf[field.1.2.840.113635.100.6.1.9]`,
	check: func(p *pass) {
		for _, b := range p.live() {
			if b.withoutTeam() {
				p.report(b.ident.Span(), "any developer can sign code as "+quote(b.ident.Value))
			}
		}
	},
}

func (b *branch) withoutTeam() bool {
	return b.generic != nil && b.ident != nil && oneOf(b.apple, b.cdhash, b.signer(), b.issuer, b.store, b.private) == nil
}

var oidWithoutAnchor = Rule{
	ID: "RQ112", Slug: "oid-without-anchor", Severity: diag.Error,
	What: "an extension of Apple's is asked for, and no anchor says that Apple issued the certificate",
	Why:  "any private authority can put that extension into a certificate",
	Fix:  "anchor apple generic and …",
	Bad:  `certificate leaf[field.1.2.840.113635.100.6.1.13]`,
	Good: `anchor apple generic and identifier "com.example.app" and certificate leaf[field.1.2.840.113635.100.6.1.9]`,
	check: func(p *pass) {
		for _, b := range p.live() {
			if b.anchor() != nil || b.cdhash != nil {
				continue
			}
			for _, l := range b.lits {
				if l.e.Op == requirement.OpCertGeneric && !l.not && isApples(l.e.Key) {
					p.report(l.e.Span(), marker(l.e.Key)+" proves nothing without an anchor")
					return // one repair mends them all
				}
			}
		}
	},
}

// appleOctets is the arc 1.2.840.113635.100.
const appleOctets = "\x2a\x86\x48\x86\xf7\x63\x64"

// marker is an object identifier with what it means, when that is known.
func marker(oid string) string {
	dotted := code.OID(oid).String()
	if name := code.MarkerName(code.OID(oid)); name != "" {
		return dotted + " (" + name + ")"
	}
	return dotted
}

func isApples(oid string) bool {
	return len(oid) > len(appleOctets) && oid[:len(appleOctets)] == appleOctets
}

// quote is a value in a message, cut when it is long.
func quote(s string) string { return strconv.Quote(cutAt(s, 60)) }

// cutAt cuts a text between two characters when it is longer than n bytes.
func cutAt(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
