package lint

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

var teamUnquoted = Rule{
	ID: "RQ003", Slug: "team-unquoted", Severity: diag.Info,
	Levels: []Level{{Targets: []Target{SMJobBless, PPPC, AutoPkg, Gatekeeper}, Off: true}},
	What:   "a team stands without quotes",
	Why:    "the same text with another team, one that begins with a digit, does not compile",
	Fix:    `"…"`,
	Bad:    `anchor apple generic and identifier "com.example.app" and certificate leaf[subject.OU] = ABCDE12345`,
	Good:   goodText,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if e.Op != requirement.OpCertField || e.Key != "subject.OU" || e.Match != requirement.MatchEqual || !isTeam(e.Value) {
				return
			}
			end := e.Span().End
			at := diag.Span{Start: end - len(e.Value), End: end}
			if p.src == nil || at.Start < e.Span().Start || p.cut(at) != e.Value {
				return
			}
			f := p.report(at, e.Value+" stands without quotes")
			f.Fix = strconv.Quote(e.Value)
			f.Edits, f.Safe = []Edit{p.edit(at, f.Fix)}, p.patch.off == nil
		})
	},
}

var timestampFormat = Rule{
	ID: "RQ019", Slug: "timestamp-format", Severity: diag.Error,
	What: "a date that is not written as YYYYMMDDhhmmssZ",
	Why:  "it compiles to the first second of 2001, without an error: `<` is never true and `>` always",
	Fix:  `timestamp "20190408000000Z"`,
	Bad:  goodText + ` and certificate leaf[timestamp.1.2.840.113635.100.6.1.33] > timestamp "2019-04-08"`,
	Good: goodText + ` and certificate leaf[timestamp.1.2.840.113635.100.6.1.33] > timestamp "20190408000000Z"`,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if e.Match.HasDate() && e.Date() == 0 && hasComparisonOfDates(e.Op) && !strings.Contains(p.cut(e.Span()), `"20010101000000Z"`) {
				p.report(e.Span(), "this date was not understood, and means 2001-01-01")
			}
		})
	},
}

func hasComparisonOfDates(op requirement.Op) bool {
	return hasComparison(op) || op == requirement.OpCertDate
}

var malformedOID = Rule{
	ID: "RQ020", Slug: "oid-malformed", Severity: diag.Error,
	What: "an object identifier that is none",
	Why:  "it compiles to another one or to nothing, without an error, and no certificate has that",
	Fix:  "the whole number, as in field.1.2.840.113635.100.6.1.13",
	Bad:  `anchor apple generic and identifier "com.example.app" and certificate leaf[field.1.2.x]`,
	Good: goodText,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			switch e.Op {
			case requirement.OpCertGeneric, requirement.OpCertPolicy, requirement.OpCertDate:
			default:
				return
			}
			dotted := code.OID(e.Key).String()
			if written, ok := p.written(e); ok {
				dotted = written
			}
			if _, err := code.ParseOID(dotted); err != nil {
				p.report(e.Span(), quote(dotted)+" is no object identifier")
			}
		})
	},
}

// written returns the object identifier between the brackets of a term, as the
// text has it.
func (p *pass) written(e *requirement.Expr) (string, bool) {
	_, rest, ok := strings.Cut(p.cut(e.Span()), "[")
	if !ok {
		return "", false
	}
	key, _, ok := strings.Cut(rest, "]")
	if !ok {
		return "", false
	}
	_, dotted, ok := strings.Cut(strings.Trim(strings.TrimSpace(key), `"`), ".")
	return dotted, ok
}

var slotOverflow = Rule{
	ID: "RQ021", Slug: "slot-overflow", Severity: diag.Warning,
	What: "the number of a certificate does not fit 32 bits",
	Why:  "it wraps around, to another certificate than the text says",
	Fix:  "leaf, 1 or root",
	Bad:  `anchor apple generic and identifier "com.example.app" and certificate 4294967296[subject.OU] = "ABCDE12345"`,
	Good: goodText,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			text := p.cut(e.Span())
			if len(text) < len("cert 2147483648") || !strings.HasPrefix(text, "cert") {
				return
			}
			digits := strings.TrimLeft(text[skipWord(text):], " \t\n-")
			n := 0
			for n < len(digits) && digits[n] >= '0' && digits[n] <= '9' {
				n++
			}
			if v, err := strconv.ParseInt(digits[:n], 10, 64); n > 0 && (err != nil || v > math.MaxInt32) {
				p.report(e.Span(), fmt.Sprintf("certificate %s means certificate %d", digits[:n], e.Slot))
			}
		})
	},
}

func skipWord(s string) int {
	n := 0
	for n < len(s) && s[n] >= 'a' && s[n] <= 'z' {
		n++
	}
	return n
}

var roundTripLoss = Rule{
	ID: "RQ022", Slug: "round-trip-loss", Severity: diag.Info,
	What: "Apple's tools print this so that it does not compile again, or says something else",
	Why:  "whoever copies the output of codesign or csreq gets another requirement, or an error",
	Fix:  "keep the source, or the binary form",
	Bad:  `anchor apple and identifier "com.apple.mail" and certificate leaf trusted`,
	Good: goodText,
	check: func(p *pass) {
		if p.over {
			return
		}
		p.terms(func(e *requirement.Expr) {
			if e.Op == requirement.OpTrustedCert || e.Match.HasDate() && hasComparisonOfDates(e.Op) ||
				e.Op == requirement.OpIdent && strings.ContainsFunc(e.Value, func(r rune) bool { return r >= utf8.RuneSelf || r == '\\' || r < ' ' }) {
				if !requirement.HasText(e, requirement.StyleApple) {
					p.report(e.Span(), "Apple's text of this does not compile to it again")
				}
			}
		})
	},
}

var badOperand = Rule{
	ID: "RQ219", Slug: "nul-or-bad-utf8-operand", Severity: diag.Warning,
	What: "a value holds a NUL byte or is not UTF-8",
	Why:  "a comparison ends at the NUL, so the rest of the value is not compared; bytes that are not UTF-8 end the evaluation",
	Fix:  "a value without them",
	Bad:  goodText + ` and info[x] = 0x410042`,
	Good: goodText + ` and info[x] = 0x4142`,
	check: func(p *pass) {
		p.terms(func(e *requirement.Expr) {
			if !hasComparison(e.Op) && e.Op != requirement.OpIdent || e.Match.HasDate() {
				return
			}
			switch {
			case strings.IndexByte(e.Value, 0) >= 0:
				p.report(e.Span(), "the value ends at its NUL byte: "+quote(textOf(e.Value)))
			case !utf8.ValidString(e.Value):
				p.report(e.Span(), "the value is not UTF-8")
			}
		})
	},
}
