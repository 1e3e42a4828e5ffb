package requirement

import (
	"github.com/xpcpolicy/xpcpolicy/diag"
)

// MaxText is how long a text or a binary may be, in bytes: it bounds the memory
// of a tree, which is about 25 times the size of its binary form.
//
// Apple: has no limit.
const MaxText = 16 << 20

// ParseOptions changes what the parser may do. The zero value is what [Parse] uses.
type ParseOptions struct {
	// ReadFile reads a certificate that the text names by its path, as in
	// `anchor = /a/b`; the SHA-1 of the file's bytes is what counts. Nil refuses
	// such texts: the same text would mean something else on another machine.
	ReadFile func(path string) ([]byte, error)
	// Comments, when not nil, receives the span of every comment, in order.
	Comments *[]diag.Span
}

// Parse reads the text of one requirement. The name is shown before positions in
// errors, which are a [*SyntaxError]. A set ("designated => …") is refused, as
// SecRequirementCreateWithString does.
func Parse(name, text string) (*Expr, error) { return ParseOptions{}.Parse(name, text) }

// ParseSet reads the text of a requirement set: labels, each followed by "=>" and
// a requirement.
func ParseSet(name, text string) (*Set, error) { return ParseOptions{}.ParseSet(name, text) }

// ParseAny reads either; the first word of the text decides which.
func ParseAny(name, text string) (Any, error) { return ParseOptions{}.ParseAny(name, text) }

// Parse is the function [Parse] with options.
func (o ParseOptions) Parse(name, text string) (*Expr, error) {
	var p parser
	if p.start(o, text) {
		e := p.requirement()
		if p.ok() {
			return e, nil
		}
	}
	return nil, p.syntaxError(name)
}

// ParseSet is the function [ParseSet] with options.
func (o ParseOptions) ParseSet(name, text string) (*Set, error) {
	var p parser
	p.wantSet = true
	if p.start(o, text) {
		s := p.requirementSet()
		if p.ok() {
			return s, nil
		}
	}
	return nil, p.syntaxError(name)
}

// ParseAny is the function [ParseAny] with options.
func (o ParseOptions) ParseAny(name, text string) (Any, error) {
	var p parser
	if p.start(o, text) {
		var a Any
		switch {
		case setTypes.has(p.tok.kind):
			p.wantSet = true
			a.Set = p.requirementSet()
		case firstPrimary.has(p.tok.kind):
			a.Expr = p.requirement()
		default:
			p.unexpected(p.tok, wantTerm)
			p.recover(stopEnd)
		}
		if p.ok() {
			return a, nil
		}
	}
	return Any{}, p.syntaxError(name)
}

// Any is a requirement or a requirement set: exactly one of the two is not nil.
type Any struct {
	Expr *Expr
	Set  *Set
}

// Encode returns the binary form, nil for the zero Any.
func (a Any) Encode() []byte {
	switch {
	case a.Expr != nil:
		return Encode(a.Expr)
	case a.Set != nil:
		return EncodeSet(a.Set)
	}
	return nil
}

// Format returns the text, "" for the zero Any.
func (a Any) Format(style Style) string {
	switch {
	case a.Expr != nil:
		return FormatStyle(a.Expr, style)
	case a.Set != nil:
		return FormatSet(a.Set, style)
	}
	return ""
}
