package requirement

import (
	"strings"
	"unicode/utf8"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// What the grammar wants, in words.
const (
	wantTerm       = "a term (identifier, anchor, certificate, info, entitlement, cdhash, …)"
	wantLabel      = `a label and "=>" (designated, host, guest, library, plugin or a number)`
	wantSlot       = "which certificate: leaf, root or a number"
	wantAnchor     = `"apple", "trusted", a hash H"…" or a field in [ ]`
	wantSlotSpec   = `a field in [ ], a hash H"…" or "trusted"`
	wantAfterApple = `"and", "or" or the end after "anchor apple"`
	wantSuffix     = "a comparison (exists, absent, =, ~, <, >, <=, >=)"
	wantValue      = "a value: a word, a string in quotes or 0x hexadecimal"
	wantAfterTerm  = `"and", "or" or the end`
	wantOperand    = "a value"
	wantName       = "a word or a string in quotes"
	wantDigest     = `a hash H"…"`
	wantKey        = "a key: a word or a string in quotes"
)

func wantKind(k kind) string {
	switch k {
	case kEOF:
		return wantAfterTerm
	case kArrow:
		return `"=>"`
	case kLBracket:
		return `"["`
	case kRBracket:
		return `"]"`
	case kRParen:
		return `")"`
	case kInteger:
		return "a number"
	case kHash:
		return `a hash of 40 hexadecimal digits, H"…"`
	case kString:
		return "a string in quotes"
	}
	return `"` + keywords[k-firstKeyword] + `"`
}

// quotable reports whether a value or key was wanted, so that quotes are the fix.
func quotable(want string) bool {
	return want == wantValue || want == wantOperand || want == wantName || want == wantKey
}

// advise writes the diagnostic for a lexeme in the wrong place: what was found,
// what was expected, and what to write instead when that can be told.
func (p *parser) advise(t lexeme, want string) diag.Diagnostic {
	text := p.lex.text
	d := diag.Diagnostic{Rule: ruleSyntax, Span: diag.Span{Start: t.start, End: t.end}}
	if t.kind == kEOF {
		d.Summary = "the text ends where " + want + " is expected"
		if want == wantKind(kRParen) {
			d.Summary, d.Fix = `a "(" is never closed`, "add )"
		}
		return d
	}
	word := text[t.start:t.end]
	lower := strings.ToLower(word)
	run := bareRun(text, t.start)
	loose := text[run.Start:run.End]
	switch {
	case t.kind == kWord && lower == "not":
		d.Rule, d.Summary, d.Fix = ruleOperator, `there is no "`+word+`"; negation is "!"`, "!"
	case t.kind == kWord && lower != word && IsKeyword(lower):
		d.Rule, d.Summary, d.Fix = ruleOperator, `"`+word+`" is not a keyword: keywords are lower-case`, lower
	case t.kind == kBang && strings.HasPrefix(text[t.end:], "="):
		d.Span.End++
		d.Rule, d.Summary, d.Fix = ruleOperator, `there is no "!="; negate the whole term`, "! (… = …)"
	case t.kind == kComma:
		d.Rule, d.Summary = ruleOperator, `there are no lists; join terms with "and" or "or"`
	case t.kind == kMinus && strings.HasPrefix(text[t.end:], ">"):
		d.Span.End++
		d.Summary, d.Fix = `a label is followed by "=>"`, "=>"
	case (t.kind == kInteger || t.kind == kMinus || t.kind == kWord && p.joins(t)) && len(loose) > 1 &&
		(quotable(want) || p.joins(t)) && run.Start >= p.termStart(run.Start):
		d.Span = run
		d.Rule, d.Summary = looseRule(loose)
		d.Fix = `"` + loose + `"`
	case t.kind == kInteger && quotable(want):
		d.Rule, d.Summary, d.Fix = ruleDigit, "a number is not a value; quote it", `"`+word+`"`
	case t.kind >= firstKeyword && quotable(want) && p.asValue(t):
		d.Rule, d.Fix = ruleReserved, `"`+word+`"`
		d.Summary = `"` + word + `" is a reserved word; as a value it must be quoted`
	case t.kind == kStar && want != wantValue:
		d.Rule, d.Summary = ruleWildcard, `"*" stands only around the value of "=" after info, entitlement or certificate […]`
	case t.kind == kArrow || setTypes.has(t.kind) && want == wantTerm && !p.wantSet && t.kind != kInteger:
		d.Rule, d.Summary = ruleSet, "this is a requirement set, and one requirement is wanted"
		if t.kind != kArrow {
			d.Fix = "drop the label and its =>"
		}
	default:
		d.Summary = "found " + p.shown(t) + ", expected " + want
		if fix := suffixWords[lower]; fix != "" && want == wantSuffix {
			d.Fix = fix
		}
	}
	return d
}

// suffixWords are words that people write for comparisons.
var suffixWords = map[string]string{
	"exist": "exists", "is": "=", "equals": "=", "contains": "~", "matches": "~", "present": "exists", "missing": "absent",
}

// shown is a lexeme for a message.
func (p *parser) shown(t lexeme) string {
	s := p.lex.text[t.start:t.end]
	if t.kind == kString || t.kind == kHash {
		return quotedAsIs(s)
	}
	return quoted(s)
}

func quotedAsIs(s string) string {
	if len(s) > 80 {
		return s[:77] + "..."
	}
	return s
}

// joins reports whether a lexeme touches the word or number before it, as "-"
// does in com.example-app.
func (p *parser) joins(t lexeme) bool {
	return t.start > 0 && class[p.lex.text[t.start-1]]&cWord != 0
}

// asValue reports whether a keyword stands where its writer meant a value: it is
// not followed by what would follow the keyword.
func (p *parser) asValue(t lexeme) bool {
	switch t.kind {
	case kAnd, kOr, kExists, kAbsent, kTimestamp:
		return false
	}
	return true
}

// termStart keeps a run from reaching back over a keyword.
func (p *parser) termStart(at int) int {
	if keyword(firstPiece(p.lex.text[at:])) != kWord {
		return at + 1
	}
	return at
}

func firstPiece(s string) string {
	i := 0
	for i < len(s) && class[s[i]]&cWord != 0 {
		i++
	}
	return s[:i]
}

// bareRun returns the stretch around off that looks like one unquoted value.
func bareRun(text string, off int) diag.Span {
	loose := func(c byte) bool {
		return class[c]&cWord != 0 || c == '.' || c == '-' || c == '_'
	}
	s := diag.Span{Start: off, End: off}
	for s.Start > 0 && loose(text[s.Start-1]) {
		s.Start--
	}
	for s.End < len(text) && loose(text[s.End]) {
		s.End++
	}
	return s
}

// looseRule says why an unquoted value is not a word.
func looseRule(s string) (rule, summary string) {
	switch {
	case strings.ContainsAny(s, "-_"):
		return ruleHyphen, `a value with "-" or "_" must be quoted`
	case class[s[0]]&cDigit != 0:
		return ruleDigit, "a value that starts with a digit must be quoted"
	}
	return ruleComponent, "a value with a part that starts with a digit must be quoted"
}

// The lint rules that stand for errors of the text.
const (
	ruleSyntax    = "RQ001 syntax"
	ruleDigit     = "RQ002 unquoted-digit-first"
	ruleQuotes    = "RQ004 curly-quotes"
	ruleSpace     = "RQ005 crlf-or-odd-space"
	ruleHyphen    = "RQ006 unquoted-hyphen-underscore"
	ruleComponent = "RQ007 unquoted-component-digit"
	ruleReserved  = "RQ008 keyword-as-value"
	ruleOperator  = "RQ009 wrong-operator-word"
	ruleWildcard  = "RQ010 wildcard-position"
	ruleBackslash = "RQ011 backslash"
	ruleComment   = "RQ012 comment-even-stars"
	ruleCertKey   = "RQ013 bad-cert-key"
	ruleHash      = "RQ014 hash-length"
	ruleSet       = "RQ015 set-not-single"
	ruleBinary    = "RQ016 binary-where-text"
	ruleFile      = "RQ018 cert-file-path"
	ruleTemplate  = "RQ024 unresolved-placeholder"
	ruleEntity    = "RQ026 html-entity"
	ruleInvisible = "RQ027 invisible-character"
)

func (p *parser) hashLength(t lexeme, digits int) {
	d := diag.Diagnostic{
		Rule:    ruleHash,
		Summary: "a hash has 40 hexadecimal digits (SHA-1, or a longer hash cut to 20 bytes), this one has " + itoa(digits),
	}
	if digits > 40 {
		d.Fix = p.lex.text[t.start:t.start+42] + `"`
		d.Why = "a cdhash is the first 20 bytes of the CodeDirectory's hash; a certificate's hash is its SHA-1, which no cutting gives"
	}
	p.semantic(t, "invalid hash length", d)
}

func (p *parser) pathRefused(t lexeme, path string) {
	d := diag.Diagnostic{
		Rule:    ruleFile,
		Summary: quoted(path) + " would be the path of a certificate, which is not read here",
		Why:     "Apple's compiler reads the file and stores the SHA-1 of its bytes",
		Fix:     `H"…", the SHA-1 of the certificate`,
	}
	if lower := strings.ToLower(path); lower != path && IsKeyword(lower) {
		d.Rule, d.Fix = ruleOperator, lower
	}
	p.semantic(t, path+": not found", d)
}

// certKeys are what people write for the keys of certificates.
var certKeys = map[string]string{
	"cn": "subject.CN", "ou": "subject.OU", "o": "subject.O", "c": "subject.C", "commonname": "subject.CN",
	"team": "subject.OU", "teamid": "subject.OU", "subject": "subject.CN", "subject.cn": "subject.CN",
	"subject.ou": "subject.OU", "subject.o": "subject.O",
}

func (p *parser) unknownKey(t lexeme, key string) {
	d := diag.Diagnostic{
		Rule:    ruleCertKey,
		Summary: "unknown certificate field " + quoted(key) + "; fields begin with subject., field., policy. or timestamp.",
	}
	fix := certKeys[strings.ToLower(key)]
	if fix == "" && key != "" && strings.Trim(key, "0123456789.") == "" {
		fix = "field." + key
	}
	d.Fix = fix
	p.semantic(t, key+": unrecognized certificate field", d)
}

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
		d.Fix = `"` + text[run.Start:run.End] + `"`
		if c == '*' {
			d.Span.End++
			d.Rule, d.Summary, d.Fix = ruleWildcard, `a wildcard stands outside the value, as in = "com.example."*`, ""
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
