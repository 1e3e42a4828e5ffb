package requirement

import (
	"strings"
	"unicode/utf8"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// advise writes the diagnostic for a place where no lexeme can be read.
func (f *lexFault) advise(text string) diag.Diagnostic {
	d := diag.Diagnostic{Rule: ruleSyntax, Span: diag.Span{Start: f.off, End: min(f.off+1, len(text))}}
	if f.off >= len(text) {
		f.adviseEnd(text, &d)
		return d
	}
	c, rest := text[f.off], text[f.off:]
	r, size := utf8.DecodeRuneInString(rest)
	if size > 1 {
		d.Span.End = f.off + size
	}
	switch {
	case f.where == inString && class[c]&cNoText == 0:
		d.Span.Start--
		d.Rule = ruleBackslash
		d.Summary = `in a string only \" is an escape; there is no way to write a backslash except as 0x5c in a value to compare with`
	case f.where == inHash:
		d.Summary = "a hash holds hexadecimal digits only, found " + diag.Printable(string(r))
	case f.where == inHex:
		d.Summary = "0x must be followed by hexadecimal digits"
	case c == '\r':
		d.Rule, d.Fix = ruleSpace, "LF line ends"
		d.Summary = "carriage return: only space, tab and LF may stand between words"
	case strings.ContainsRune("“”„‟«»″", r):
		d.Rule, d.Fix = ruleQuotes, `"`
		d.Summary = "typographic quote: strings stand in plain double quotes"
	case strings.ContainsRune("‘’‚‹›′'`", r):
		d.Rule, d.Fix = ruleQuotes, `"`
		d.Summary = "single quote: strings stand in plain double quotes"
	case size > 1 && strings.ContainsRune("\u00a0\u2002\u2003\u2009\u202f\u3000\u1680", r):
		d.Rule, d.Fix = ruleSpace, "a plain space"
		d.Summary = "space that is not a plain space: only space, tab and LF may stand between words"
	case size > 1 && diag.Printable(string(r)) != string(r):
		d.Rule, d.Fix = ruleInvisible, "delete it"
		d.Summary = "invisible character " + diag.Printable(string(r))
	case c == '&' && entity(rest) != "":
		d.Span.End = f.off + len(entity(rest))
		d.Rule = ruleEntity
		d.Summary = entity(rest) + " is HTML; the text must be unescaped first"
	case c == '&', c == '|':
		d.Rule, d.Fix = ruleOperator, "and"
		if c == '|' {
			d.Fix = "or"
		}
		if len(rest) > 1 && rest[1] == c {
			d.Span.End++
		}
		d.Summary = `there is no "` + text[d.Span.Start:d.Span.End] + `"; write "` + d.Fix + `"`
	case c == '_' || c == '.' || f.where == inWord:
		run := bareRun(text, f.off)
		if run.End == run.Start {
			d.Summary = `a letter or digit must follow "."`
			break
		}
		d.Span = run
		d.Rule, d.Summary = looseRule(text[run.Start:run.End])
		if text[run.Start] != '.' {
			d.Fix = `"` + text[run.Start:run.End] + `"`
		}
		if c == '*' {
			d.Span.End++
			d.Rule, d.Fix = ruleWildcard, ""
			d.Summary = `a wildcard stands outside the quoted value, as in info[key] = "com.example."*, and an identifier takes none`
		}
	case strings.ContainsRune("$%{}@", r):
		d.Rule = ruleTemplate
		d.Summary = quoted(string(r)) + " is not part of the language; a placeholder that was not filled in?"
	case f.off == 0 && c == 0xfa:
		d.Rule = ruleBinary
		d.Summary = "this is a requirement in binary form, not text"
	case strings.HasPrefix(strings.TrimSpace(text), "<"):
		d.Summary = "this looks like XML; the requirement is the text inside it"
	case size > 1:
		d.Summary = quoted(string(r)) + " can stand only inside quotes"
	default:
		d.Summary = "unexpected character " + quoted(diag.Printable(rest[:1]))
	}
	return d
}

// adviseEnd is advise at the end of the text.
func (f *lexFault) adviseEnd(text string, d *diag.Diagnostic) {
	d.Span = diag.Span{Start: f.start, End: len(text)}
	switch f.where {
	case inComment:
		d.Summary = "this comment never ends"
		if i := strings.Index(text[f.start+2:], "*/"); i >= 0 {
			d.Rule = ruleComment
			d.Why = `Apple's lexer skips a star together with the character after it, so a star right before "*/" keeps the comment open`
			d.Fix = "/* … */ without further stars"
		}
	case inString:
		d.Summary = "this string never ends"
		d.Fix = `add "`
	case inHash:
		d.Summary = "this hash never ends"
		d.Fix = `add "`
	case inPath:
		d.Summary = "a path has at least two components of letters and digits"
	case inWord:
		d.Summary = `a letter or digit must follow "."`
	default:
		d.Summary = "0x must be followed by hexadecimal digits"
	}
}

// entity returns the HTML entity at the start of s, or "".
func entity(s string) string {
	for _, e := range []string{"&quot;", "&amp;", "&lt;", "&gt;", "&apos;", "&#34;", "&#39;", "&nbsp;"} {
		if strings.HasPrefix(s, e) {
			return e
		}
	}
	return ""
}
