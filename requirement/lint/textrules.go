package lint

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

var evenStars = Rule{
	ID: "RQ012", Slug: "comment-even-stars", Severity: diag.Warning,
	What:  "a comment goes on behind what looks like its end",
	Why:   "a star takes the character behind it along, so stars before */ keep a comment open, and what follows is not checked",
	Fix:   "/* … */ without further stars",
	Bad:   `anchor apple /** note **/ and identifier "com.apple.mail" /* mail */`,
	Good:  `anchor apple /* note */ and identifier "com.apple.mail"`,
	check: checkStars,
}

func checkStars(p *pass) {
	checkFaults(p)
	for _, c := range p.comments() {
		text := p.patch.text[c.Start:c.End]
		if len(text) < 4 || !strings.HasPrefix(text, "/*") {
			continue
		}
		if i := strings.Index(text[2:len(text)-2], "*/"); i >= 0 {
			p.report(diag.Span{Start: c.Start, End: c.Start + 2 + i + 2}, "this comment does not end here but at "+quote(tail(text, 20)))
		}
	}
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

var commentHidesClause = Rule{
	ID: "RQ025", Slug: "comment-hides-clause", Severity: diag.Error,
	What:  "a clause stands inside a comment",
	Why:   "nothing in a comment is checked; text that went through Markdown loses the star of /* exists */ and its end",
	Fix:   "close the comment before the clause",
	Bad:   `identifier "com.example.app" and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] /* exists / and certificate leaf[field.1.2.840.113635.100.6.1.13] / exists */ and certificate leaf[subject.OU] = "ABCDE12345"`,
	Good:  `identifier "com.example.app" and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */ and certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */ and certificate leaf[subject.OU] = "ABCDE12345"`,
	check: checkHidden,
}

func checkHidden(p *pass) {
	for _, c := range p.comments() {
		text := p.patch.text[c.Start:c.End]
		if text == "/* exists */" {
			continue
		}
		inner := strings.TrimSuffix(strings.TrimLeft(text, "/*# \t\n"), "*/")
		word, rest, _ := strings.Cut(strings.TrimSpace(inner), "/")
		clause, last, both := cutLast(rest, "/")
		if both && joined(clause) {
			f := p.report(c, quote(strings.TrimSpace(clause))+" stands in a comment and is never checked")
			f.Edits = []Edit{p.edit(c, "/* "+strings.TrimSpace(word)+" */ "+strings.TrimSpace(clause)+" /* "+strings.TrimSpace(last)+" */")}
			f.Fix = f.Edits[0].New
			continue
		}
		if joined(inner) || joined("and "+inner) && strings.ContainsAny(inner, `["`) {
			f := p.report(c, quote(strings.TrimSpace(inner))+" stands in a comment and is never checked")
			f.Severity = max(f.Severity, diag.Warning)
			f.Fix = "delete the comment, or take the clause out of it"
		}
	}
}

// cutLast splits around the last separator.
func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// joined reports whether a text is "and" or "or" and a requirement.
func joined(s string) bool {
	s = strings.TrimSpace(s)
	rest, ok := strings.CutPrefix(s, "and ")
	if !ok {
		rest, ok = strings.CutPrefix(s, "or ")
	}
	if !ok || len(rest) > maxRepair {
		return false
	}
	_, err := requirement.Parse("", rest)
	return err == nil
}

// comments returns the comments of the text that the tree comes from.
func (p *pass) comments() []diag.Span {
	text := p.patch.text
	if p.expr == nil && p.set == nil || strings.IndexByte(text, '/') < 0 && strings.IndexByte(text, '#') < 0 {
		return nil
	}
	var out []diag.Span
	for i := 0; i < len(text); {
		switch text[i] {
		case '/', '#':
			if end := commentEnd(text, i); end > i {
				out = append(out, diag.Span{Start: i, End: end})
				i = end
				continue
			}
			i++
		case '"':
			i = skipOpaque(text, i)
		default:
			i++
		}
	}
	return out
}

var unresolvedPlaceholder = Rule{
	ID: "RQ024", Slug: "unresolved-placeholder", Severity: diag.Error,
	What:  "a placeholder that nobody filled in, or a word that documents write for one",
	Why:   "no program has that value, so everybody is refused, and the code that handles this may fall back to less",
	Fix:   "the real value",
	Bad:   `anchor apple generic and identifier "com.example.app" and certificate leaf[subject.OU] = "$(DEVELOPMENT_TEAM)"`,
	Good:  goodText,
	check: checkPlaceholders,
}

func checkPlaceholders(p *pass) {
	found := p.holes
	if p.expr != nil {
		found = p.standIns(found)
	}
	for _, h := range found {
		text := p.text[h.Start:h.End]
		f := p.add(h.Span, text+" is not filled in")
		switch {
		case h.gap:
			f.Message, f.Fix = "something was left out here", "the whole requirement"
		case !h.quoted && !h.hash:
			f.Message = text + " is not filled in, and stands without quotes"
			f.Fix = `"` + text + `"`
			f.Why = "a value that begins with a digit or holds a hyphen will not compile without quotes"
		case p.cfg.Target == AutoPkg && text[0] == '%' && text[len(text)-1] == '%':
			f.Message = text + " is filled in from the recipe's variables"
			f.Why = "whoever sets the variable decides what passes"
			f.Fix = "nothing, as long as the recipe sets it"
			f.Severity = diag.Info
		}
	}
}

// standIns reports values that are missing in a text that compiles, and returns
// the placeholders.
func (p *pass) standIns(found []hole) []hole {
	for e := range requirement.All(p.expr) {
		switch e.Op {
		case requirement.OpIdent, requirement.OpInfo, requirement.OpEntitlement, requirement.OpCertField:
		default:
			continue
		}
		if !unknown(e.Value) || strings.Contains(e.Value, filler) || e.Op == requirement.OpCertField && e.Key == "subject.CN" && isStandIn(e.Value) {
			continue
		}
		if isStandIn(e.Value) {
			p.report(e.Span(), quote(e.Value)+" stands for a value that is missing")
		} else if found == nil && p.src != nil {
			found = holes(p.text)
		} else if p.src == nil {
			p.report(e.Span(), quote(e.Value)+" holds a placeholder")
		}
	}
	return found
}

var htmlEntity = Rule{
	ID: "RQ026", Slug: "html-entity", Severity: diag.Error,
	What: "an HTML entity stands in the text",
	Why:  "the text was escaped once too often: between words it does not compile, and in a value it is compared as it stands",
	Fix:  "the character itself",
	Bad:  `anchor apple and identifier &quot;com.apple.mail&quot;`,
	Good: goodText,
	check: func(p *pass) {
		checkFaults(p)
		p.terms(func(e *requirement.Expr) {
			if (e.Op == requirement.OpIdent || hasComparison(e.Op)) && strings.IndexByte(e.Value, '&') >= 0 && len(entities(e.Value)) > 0 {
				f := p.report(e.Span(), quote(e.Value)+" holds an HTML entity")
				f.Severity = max(f.Severity, diag.Warning)
			}
		})
	},
}
