package requirement

import (
	"strings"
)

// appendTerm appends a term of the source: as the printer writes it, but with
// what the tree no longer knows about how it was said.
func (f *formatter) appendTerm(b []byte, e *Expr) []byte {
	if e.Op == OpAnchorHash {
		if t := f.lastLexeme(e); t.kind != kHash { // the path of a certificate
			b = append(appendSlot(b, e.Slot), " = "...)
			if t.kind == kPath {
				return append(b, f.text[t.start:t.end]...)
			}
			return appendString(b, f.content(t))
		}
	}
	if !e.Op.hasMatch() {
		return printer{exact: true}.term(b, e)
	}
	switch e.Op {
	case OpInfo:
		b = append(b, "info["...)
	case OpEntitlement:
		b = append(b, "entitlement["...)
	default:
		b = append(appendSlot(b, e.Slot), '[')
	}
	b = append(appendKey(b, f.key(e)), ']')
	switch {
	case e.Match == MatchExists:
		return append(b, " exists"...)
	case e.Match == MatchAbsent:
		return append(b, " absent"...)
	}
	b = append(b, matchSigns[e.Match]...)
	t := f.lastLexeme(e)
	if e.Match.HasDate() {
		return appendQuoted(append(b, "timestamp "...), f.content(t))
	}
	if b = f.appendOperand(b, e, t); e.Match == MatchBeginsWith {
		b = append(b, '*')
	}
	return b
}

// key returns the key of a term as it was written. Of two spellings for an
// extension it is Apple's canonical one.
func (f *formatter) key(e *Expr) string {
	i := f.at(int(e.start))
	for f.lexemes[i].kind != kLBracket {
		i++
	}
	key := f.content(f.lexemes[i+1])
	if rest, ok := strings.CutPrefix(key, "extension."); ok && e.Op == OpCertGeneric {
		return "field." + rest
	}
	return key
}

// appendOperand appends the value of a comparison. Letters beyond ASCII stay
// letters, when they were, and hexadecimal stays when Apple's text would have it.
func (f *formatter) appendOperand(b []byte, e *Expr, t lexeme) []byte {
	if t.kind == kString && !isSimple(e.Value) {
		return appendQuoted(b, e.Value)
	}
	return appendValue(b, e.Value)
}

// lastLexeme returns the last lexeme of a term that is not a star: its operand.
func (f *formatter) lastLexeme(e *Expr) lexeme {
	i := f.at(int(e.end)) - 1
	for f.lexemes[i].kind == kStar {
		i--
	}
	return f.lexemes[i]
}

// content is the text of a lexeme without quotes.
func (f *formatter) content(t lexeme) string {
	s := f.text[t.start:t.end]
	if t.kind != kString {
		return s
	}
	return strings.ReplaceAll(s[1:len(s)-1], `\"`, `"`)
}
