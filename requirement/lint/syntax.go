package lint

import (
	"github.com/xpcpolicy/xpcpolicy/diag"
)

// goodText is the good example of rules that are about the form of a text.
const goodText = `anchor apple generic and identifier "com.example.app" and certificate 1[field.1.2.840.113635.100.6.2.6] and certificate leaf[field.1.2.840.113635.100.6.1.13] and certificate leaf[subject.OU] = "9ABCDE1234"`

// crash is what a text that does not compile costs.
const crash = "Apple's compiler refuses the whole text (errSecCSReqInvalid, -67052); setCodeSigningRequirement throws, which ends the process"

// syntaxRules stand for the errors of the text: the parser says what it found.
var syntaxRules = [...]Rule{
	{
		ID: "RQ001", Slug: "syntax",
		What: "the text does not follow the grammar", Why: crash, Fix: "see the place",
		Bad: `anchor apple generic and`,
	}, {
		ID: "RQ002", Slug: "team-unquoted-digit",
		What: "a value that begins with a digit stands without quotes", Why: crash + "; four of ten teams begin with a digit, so this passes tests with another team", Fix: `"…"`,
		Bad: `anchor apple generic and identifier "com.example.app" and certificate leaf[subject.OU] = 9ABCDE1234`,
	}, {
		ID: "RQ004", Slug: "curly-quotes",
		What: "quotes that are not plain double quotes", Why: crash, Fix: `"`,
		Bad: `anchor apple and identifier “com.apple.mail”`,
	}, {
		ID: "RQ005", Slug: "crlf-or-odd-space",
		What: "white space other than space, tab and line feed", Why: crash, Fix: "plain spaces and line feeds",
		Bad: "anchor apple and\r\nidentifier \"com.apple.mail\"",
	}, {
		ID: "RQ006", Slug: "unquoted-hyphen-underscore",
		What: "a value or key with a hyphen or underscore stands without quotes", Why: crash, Fix: `"…"`,
		Bad: `anchor apple and identifier com.apple.some-tool`,
	}, {
		ID: "RQ007", Slug: "unquoted-component-digit",
		What: "a part of an unquoted value begins with a digit and goes on with letters, or the value is a number", Why: crash, Fix: `"…"`,
		Bad: `anchor apple and identifier com.1example.app`,
	}, {
		ID: "RQ008", Slug: "keyword-as-value",
		What: "a reserved word stands as a value without quotes", Why: crash, Fix: `"…"`,
		Bad: `anchor apple and identifier host`,
	}, {
		ID: "RQ009", Slug: "wrong-operator-word",
		What: "an operator of another language", Why: crash, Fix: "and, or, !",
		Bad: `anchor apple AND identifier "com.apple.mail"`,
	}, {
		ID: "RQ010", Slug: "wildcard-position",
		What: "a wildcard where none can stand", Why: crash + "; identifiers and hashes match whole", Fix: "an `or` of the exact values, in parentheses",
		Bad: `anchor apple and identifier com.apple.*`,
	}, {
		ID: "RQ011", Slug: "backslash",
		What: "a backslash in a string that does not stand before a quote", Why: crash, Fix: "0x… in values to compare with",
		Bad: `anchor apple and info[x] = "a\\b"`,
	}, {
		ID: "RQ013", Slug: "bad-cert-key",
		What: "a field of a certificate that does not begin with subject., field., policy. or timestamp.", Why: crash, Fix: "field.OID, or subject.OU and the like",
		Bad: `anchor apple generic and identifier "com.example.app" and certificate leaf[OU] = "ABCDE12345"`,
	}, {
		ID: "RQ014", Slug: "hash-length",
		What: "a hash that is not of 40 hexadecimal digits", Why: crash, Fix: "the first 40 digits of a code directory's hash, or the SHA-1 of a certificate",
		Bad: `cdhash H"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"`,
	}, {
		ID: "RQ016", Slug: "binary-where-text",
		What: "a requirement in binary form where its text is wanted", Why: crash, Fix: "SecRequirementCreateWithData, or the text that `xpcpolicy req format` prints",
		Bad: "\xfa\xde\x0c\x00\x00\x00\x00\x10\x00\x00\x00\x01\x00\x00\x00\x03",
	}, {
		ID: "RQ017", Slug: "entitlement-name-as-requirement",
		What: "the name of an entitlement or an identifier where a requirement is wanted", Why: crash, Fix: `entitlement["…"] exists and …, or identifier "…" and …`,
		Bad: `com.example.client`,
	}, {
		ID: "RQ018", Slug: "cert-file-path", Severity: diag.Warning,
		What: "a certificate is named by the path of a file", Why: "the compiler reads that file on the machine where it runs: the text means something else there, or does not compile", Fix: `anchor = H"…"`,
		Bad: `anchor = /Library/ca and identifier "com.example.app"`,
	}, {
		ID: "RQ027", Slug: "invisible-character",
		What: "a character that nobody sees stands in the text", Why: crash, Fix: "delete it",
		Bad: "anchor apple and \u200bidentifier \"com.apple.mail\"",
	}, {
		ID: "RQ303", Slug: "version-unquoted",
		What: "a version stands without quotes", Why: crash, Fix: `"…"`,
		Bad: `anchor apple and identifier "com.apple.mail" and info[CFBundleVersion] >= 4.2`,
	},
}

// syntaxRule returns the rule for an error of the text.
func syntaxRule(id string) *Rule {
	for i := range syntaxRules {
		if r := &syntaxRules[i]; r.ID == id {
			r2 := *r
			r2.check = checkFaults
			if r2.Good == "" {
				r2.Good = goodText
			}
			return &r2
		}
	}
	return nil
}

func checkFaults(p *pass) {
	for i := range p.faults {
		f := &p.faults[i]
		if f.id() != p.rule.ID {
			continue
		}
		out := p.add(f.Span, f.Summary)
		if f.Why != "" {
			out.Why = f.Why
		}
		if f.Fix != "" {
			out.Fix = f.Fix
		}
		if f.sure {
			out.Edits, out.Safe = f.edits, p.repaired
		}
	}
}

var setNotSingle = Rule{
	ID: "RQ015", Slug: "set-not-single", Severity: diag.Error,
	What:  "a requirement set where one requirement is wanted",
	Why:   "everything but the signing tools refuses labels (errSecCSReqInvalid, -67052); what `codesign -d -r-` prints begins with one",
	Fix:   "drop the label and its =>",
	Bad:   `designated => anchor apple and identifier "com.apple.mail"`,
	Good:  goodText,
	check: checkSet,
}

func checkSet(p *pass) {
	checkFaults(p)
	if p.set == nil || len(p.set.Entries) == 0 || p.cfg.Set {
		return
	}
	f := p.report(diag.Span{End: len(p.patch.text)}, "this is a requirement set, and one requirement is wanted")
	e := p.set.Entries[0].Expr
	if len(p.set.Entries) != 1 || e == nil {
		f.Fix = "the requirement of one label, without the label"
		return
	}
	label := diag.Span{End: e.Span().Start}
	f.Span = p.patch.span(label)
	f.Edits = []Edit{p.edit(diag.Span{Start: skipBlank(p.patch.text, 0), End: e.Span().Start}, "")}
}

// edit is an edit of the source, in places of the text that the tree comes from.
func (p *pass) edit(at diag.Span, text string) Edit { return Edit{p.patch.span(at), text} }

func (p *pass) insert(at int, text string) Edit {
	return p.edit(diag.Span{Start: at, End: at}, text)
}
