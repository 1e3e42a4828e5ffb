package requirement

import (
	"strings"

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
	d := diag.Diagnostic{Rule: ruleSyntax, Span: diag.Span{Start: t.start, End: t.end}}
	switch {
	case t.kind == kEOF:
		d.Summary = "the text ends where " + want + " is expected"
		if want == wantKind(kRParen) {
			d.Summary, d.Fix = `a "(" is never closed`, "add )"
		}
	case p.adviseOperator(&d, t), p.adviseLoose(&d, t, want), quotable(want) && p.adviseValue(&d, t),
		want == wantTerm && p.adviseTerm(&d, t), want == wantAfterTerm && p.adviseAfter(&d, t):
	case t.kind == kStar && want != wantValue:
		d.Rule, d.Summary = ruleWildcard, `"*" stands only around the value of "=" after info, entitlement or certificate […]`
	case t.kind == kArrow:
		d.Rule, d.Summary = ruleSet, `"=>" stands only after the label of a requirement in a set`
	default:
		d.Summary = "found " + p.shown(t) + ", expected " + want
		d.Fix = p.replacement(t, want)
	}
	return d
}

// replacements are words that people write in the place of others.
var replacements = map[string]map[string]string{
	wantSuffix: {
		"exist": "exists", "present": "exists", "missing": "absent", "is": "=", "equals": "=",
		"contains": "~", "matches": "~", "includes": "~",
	},
	wantSlot:   {"intermediate": "1", "anchor": "root", "ca": "1"},
	wantAnchor: {"leaf": "certificate leaf", "root": "certificate root"},
}

func (p *parser) replacement(t lexeme, want string) string {
	return replacements[want][strings.ToLower(p.lex.text[t.start:t.end])]
}

// adviseOperator is for operators of other languages.
func (p *parser) adviseOperator(d *diag.Diagnostic, t lexeme) bool {
	word, rest := p.lex.text[t.start:t.end], p.lex.text[t.end:]
	lower := strings.ToLower(word)
	switch {
	case t.kind == kWord && lower == "not":
		d.Summary, d.Fix = `there is no "`+word+`"; negation is "!"`, "!"
	case t.kind == kWord && lower != word && IsKeyword(lower) && !p.joins(t):
		d.Summary, d.Fix = `"`+word+`" is not a keyword: keywords are lower-case`, lower
	case t.kind == kBang && strings.HasPrefix(rest, "="):
		d.Span.End++
		d.Summary, d.Fix = `there is no "!="; negate the whole term`, "! (… = …)"
	case t.kind == kComma:
		d.Summary = `there are no lists; join terms with "and" or "or"`
	case t.kind == kMinus && strings.HasPrefix(rest, ">"):
		d.Span.End++
		d.Summary, d.Fix = `a label is followed by "=>"`, "=>"
	default:
		return false
	}
	d.Rule = ruleOperator
	return true
}

// adviseLoose is for an unquoted value that falls into several lexemes.
func (p *parser) adviseLoose(d *diag.Diagnostic, t lexeme, want string) bool {
	if t.kind != kInteger && t.kind != kMinus && t.kind != kWord || !quotable(want) && !p.joins(t) {
		return false
	}
	run := bareRun(p.lex.text, t.start)
	loose := p.lex.text[run.Start:run.End]
	if len(loose) < 2 || run.Start < t.start && IsKeyword(firstPiece(loose)) || t.kind == kWord && run.Start == t.start {
		return false
	}
	d.Span = run
	d.Rule, d.Summary = looseRule(loose)
	d.Fix = `"` + loose + `"`
	return true
}

// adviseValue is for what is no value.
func (p *parser) adviseValue(d *diag.Diagnostic, t lexeme) bool {
	word := p.lex.text[t.start:t.end]
	switch t.kind {
	case kInteger:
		d.Rule, d.Summary, d.Fix = ruleComponent, "a number is not a value; quote it", `"`+word+`"`
	case kTrue, kFalse:
		d.Rule, d.Summary = ruleReserved, "booleans are not values: exists is true of true, and nothing tells false from other values"
	case kAnd, kOr, kExists, kAbsent, kTimestamp:
		return false
	default:
		if t.kind < firstKeyword {
			return false
		}
		d.Rule, d.Fix = ruleReserved, `"`+word+`"`
		d.Summary = `"` + word + `" is a reserved word; as a value it must be quoted`
	}
	return true
}

// adviseTerm is for what begins no term.
func (p *parser) adviseTerm(d *diag.Diagnostic, t lexeme) bool {
	word := p.lex.text[t.start:t.end]
	field, _, dotted := strings.Cut(word, ".")
	switch {
	case setTypes.has(t.kind) && t.kind != kInteger && !p.wantSet:
		d.Rule, d.Summary, d.Fix = ruleSet, "this is a requirement set, and one requirement is wanted", "drop the label and its =>"
	case t.kind == kLeaf || t.kind == kRoot:
		d.Summary, d.Fix = `"`+word+`" needs "certificate" before it`, "certificate "+word
	case t.kind != kWord && t.kind != kString:
		return false
	case dotted && (field == "subject" || field == "field" || field == "policy" || field == "timestamp"):
		d.Summary, d.Fix = "a field stands in brackets after a certificate", "certificate leaf["+word+"]"
	case strings.HasPrefix(strings.ToLower(word), "team"):
		d.Summary, d.Fix = `there is no term for teams; the team is the leaf's subject.OU`, `certificate leaf[subject.OU] = "…"`
	case isTeam(strings.Trim(word, `"`)):
		d.Summary, d.Fix = "a team identifier alone is no term", `certificate leaf[subject.OU] = "`+strings.Trim(word, `"`)+`"`
	case dotted:
		run := diag.Span{Start: t.start, End: t.end}
		if t.kind == kWord {
			run = bareRun(p.lex.text, t.start)
		}
		d.Span, d.Rule = run, ruleEntitlement
		name := strings.Trim(p.lex.text[run.Start:run.End], `"`)
		d.Summary = "a name alone is no term; is it an identifier or an entitlement?"
		d.Fix = `identifier "` + name + `" (or entitlement["` + name + `"] exists)`
	default:
		return false
	}
	return true
}

// adviseAfter is for what follows a complete term.
func (p *parser) adviseAfter(d *diag.Diagnostic, t lexeme) bool {
	switch {
	case t.kind == kRParen:
		d.Summary, d.Fix = `this ")" closes nothing`, "delete it"
	case t.kind == kWord && p.last.kind == kWord:
		end := t.end
		for l := (lexer{text: p.lex.text, pos: t.end}); ; {
			next := l.next()
			if next.kind != kWord || next.end > t.end+maxRun {
				break
			}
			end = next.end
		}
		d.Span = diag.Span{Start: p.last.start, End: end}
		d.Summary = "a value of several words must be quoted"
		d.Fix = `"` + p.lex.text[p.last.start:end] + `"`
	default:
		return false
	}
	return true
}

// isTeam reports whether s looks like a team identifier.
func isTeam(s string) bool {
	digit := false
	for i := 0; i < len(s); i++ {
		if class[s[i]]&cWord == 0 || s[i] >= 'a' {
			return false
		}
		digit = digit || class[s[i]]&cDigit != 0
	}
	return len(s) == 10 && digit
}

// shown is a lexeme for a message.
func (p *parser) shown(t lexeme) string {
	s := p.lex.text[t.start:t.end]
	if t.kind == kString && len(s) <= 80 { // it has its quotes
		return s
	}
	return quoted(s)
}

// joins reports whether a lexeme touches the word or number before it, as "-"
// does in com.example-app.
func (p *parser) joins(t lexeme) bool {
	return t.start > 0 && class[p.lex.text[t.start-1]]&cWord != 0
}

func firstPiece(s string) string {
	i := 0
	for i < len(s) && class[s[i]]&cWord != 0 {
		i++
	}
	return s[:i]
}

// maxRun bounds how far advice looks around an error, in bytes.
const maxRun = 256

// bareRun returns the stretch around off that looks like one unquoted value.
func bareRun(text string, off int) diag.Span {
	loose := func(c byte) bool {
		return class[c]&cWord != 0 || c == '.' || c == '-' || c == '_'
	}
	s := diag.Span{Start: off, End: off}
	for s.Start > max(0, off-maxRun) && loose(text[s.Start-1]) {
		s.Start--
	}
	for s.End < min(len(text), off+maxRun) && loose(text[s.End]) {
		s.End++
	}
	return s
}

// looseRule says why an unquoted value is not a word.
func looseRule(s string) (rule, summary string) {
	switch {
	case strings.ContainsAny(s, "-_"):
		return ruleHyphen, `a value with "-" or "_" must be quoted`
	case s[0] == '.':
		return ruleSyntax, `"." stands only inside a word, after a letter or digit`
	case strings.Trim(s, "0123456789.") == "":
		return ruleComponent, "a number is not a value; quote it"
	case class[s[0]]&cDigit != 0:
		return ruleDigit, "a value that starts with a digit must be quoted"
	}
	return ruleComponent, "a value with a part that starts with a digit must be quoted"
}

// The lint rules that stand for errors of the text.
const (
	ruleSyntax      = "RQ001 syntax"
	ruleDigit       = "RQ002 team-unquoted-digit"
	ruleQuotes      = "RQ004 curly-quotes"
	ruleSpace       = "RQ005 crlf-or-odd-space"
	ruleHyphen      = "RQ006 unquoted-hyphen-underscore"
	ruleComponent   = "RQ007 unquoted-component-digit"
	ruleReserved    = "RQ008 keyword-as-value"
	ruleOperator    = "RQ009 wrong-operator-word"
	ruleWildcard    = "RQ010 wildcard-position"
	ruleBackslash   = "RQ011 backslash"
	ruleComment     = "RQ012 comment-even-stars"
	ruleCertKey     = "RQ013 bad-cert-key"
	ruleHash        = "RQ014 hash-length"
	ruleSet         = "RQ015 set-not-single"
	ruleBinary      = "RQ016 binary-where-text"
	ruleEntitlement = "RQ017 entitlement-name-as-requirement"
	ruleFile        = "RQ018 cert-file-path"
	ruleTemplate    = "RQ024 unresolved-placeholder"
	ruleEntity      = "RQ026 html-entity"
	ruleInvisible   = "RQ027 invisible-character"
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
