package requirement

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// MaxText is how long a text or a binary may be, in bytes: it bounds the memory
// of a tree, which is about 25 times the size of its binary form.
//
// Apple: has no limit.
const MaxText = 16 << 20

// maxNesting is how many parentheses and `!` may stand inside each other. Chains
// of `and` and `or` do not nest.
const maxNesting = 10000

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

// parser reads a text by recursive descent with two lexemes in sight. Every rule
// deals with its own errors; see recover.
type parser struct {
	lex      lexer
	tok      lexeme // the next lexeme
	ahead    lexeme // the one after it, when hasAhead
	hasAhead bool
	wantSet  bool
	last     lexeme // the one before
	depth    int
	nodes    slab
	bytes    strings.Builder // values that do not stand in the text as they are
	opt      ParseOptions
	problems []problem
	text     string // as given; lex.text may end before it
}

func (p *parser) start(o ParseOptions, text string) bool {
	p.opt, p.text = o, text
	if len(text) > MaxText {
		p.problems = append(p.problems, problem{
			semantic: true, apple: "text too long",
			diag: diag.Diagnostic{Summary: "the text is longer than 16 MiB"},
		})
		p.text = text[:0]
		return false
	}
	p.lex = newLexer(text)
	p.lex.comments = o.Comments
	p.nodes = newSlab(len(text), 24)
	p.tok = p.lex.next()
	return true
}

func (p *parser) ok() bool { return len(p.problems) == 0 && p.lex.fault == nil }

func (p *parser) advance() {
	p.last = p.tok
	if p.hasAhead {
		p.tok, p.hasAhead = p.ahead, false
		return
	}
	p.tok = p.lex.next()
}

// peek returns the kind of the lexeme after the next.
func (p *parser) peek() kind {
	if !p.hasAhead {
		p.ahead, p.hasAhead = p.lex.next(), true
	}
	return p.ahead.kind
}

// match takes a lexeme of kind k. Otherwise it reports an error and recovers.
func (p *parser) match(k kind, stop kinds) bool {
	if p.tok.kind == k {
		p.advance()
		return true
	}
	p.expected(k)
	p.recover(stop)
	return false
}

// mark sets the span of a term that began at start and ended with the last lexeme.
func (p *parser) mark(e *Expr, start int) *Expr {
	e.Span = diag.Span{Start: start, End: max(start, p.last.end)}
	return e
}

func (p *parser) requirement() *Expr {
	e := p.element()
	if p.tok.kind != kEOF {
		p.expected(kEOF)
		p.recover(stopEnd)
	}
	return e
}

func (p *parser) requirementSet() *Set {
	s := &Set{}
	for n := 0; ; n++ {
		if !setTypes.has(p.tok.kind) {
			if n == 0 {
				p.unexpected(p.tok, wantLabel)
				p.recover(stopEnd)
				return s
			}
			break
		}
		t := p.setType()
		if p.tok.kind != kArrow {
			p.expected(kArrow)
			p.recover(stopEnd)
			return s
		}
		p.advance()
		s.put(t, p.element())
	}
	s.arrange()
	if p.tok.kind != kEOF {
		p.expected(kEOF)
		p.recover(stopEnd)
	}
	return s
}

func (p *parser) setType() SetType {
	t := p.tok
	p.advance()
	switch t.kind {
	case kHost:
		return TypeHost
	case kGuest:
		return TypeGuest
	case kDesignated:
		return TypeDesignated
	case kLibrary:
		return TypeLibrary
	case kPlugin:
		return TypePlugin
	}
	return SetType(p.number(t))
}

func (p *parser) element() *Expr {
	e := p.expr()
	for p.tok.kind == kSemicolon {
		p.advance()
	}
	return e
}

func (p *parser) expr() *Expr {
	start := p.tok.start
	e := p.term()
	for p.tok.kind == kOr {
		p.advance()
		or := p.nodes.node(OpOr)
		or.X, or.Y = e, p.term()
		e = p.mark(or, start)
	}
	return e
}

func (p *parser) term() *Expr {
	start := p.tok.start
	e := p.primary()
	for p.tok.kind == kAnd {
		p.advance()
		and := p.nodes.node(OpAnd)
		and.X, and.Y = e, p.primary()
		e = p.mark(and, start)
	}
	return e
}

// enter counts one level of nesting; too many end the parse.
func (p *parser) enter() bool {
	p.depth++
	if p.depth <= maxNesting {
		return true
	}
	p.semantic(p.tok, "nesting too deep", diag.Diagnostic{Summary: "more than 10000 parentheses and ! inside each other"})
	p.skipTo(stopEnd)
	return false
}

func (p *parser) primary() *Expr {
	start := p.tok.start
	var e *Expr
	switch k := p.tok.kind; k {
	case kLParen:
		e = p.group()
		if e.Op != OpNamedCode { // parentheses leave no trace
			return e
		}
	case kBang:
		p.advance()
		e = p.nodes.node(OpNot)
		if p.enter() {
			e.X = p.primary()
		}
		p.depth--
	case kAlways, kTrue:
		e = p.word(OpTrue)
	case kNever, kFalse:
		e = p.word(OpFalse)
	case kNotarized:
		e = p.word(OpNotarized)
	case kLegacy:
		e = p.word(OpLegacy)
	case kAnchor, kCertificate, kCert:
		e = p.certSpec()
	case kInfo:
		e = p.keyed(OpInfo)
	case kEntitlement:
		e = p.keyed(OpEntitlement)
	case kIdentifier:
		e = p.word(OpIdent)
		p.eql()
		e.Value = p.identifier()
	case kCDHash:
		e = p.word(OpCDHash)
		p.eql()
		e.Value = p.hash()
	case kPlatform:
		e = p.word(OpPlatform)
		p.eql()
		e.Slot = int32(p.integer())
	default:
		e = p.nodes.node(OpFalse)
		p.unexpected(p.tok, wantTerm)
		p.recover(stopPrimary)
	}
	return p.mark(e, start)
}

// word takes a keyword that begins a term.
func (p *parser) word(op Op) *Expr {
	p.advance()
	return p.nodes.node(op)
}

// group reads what stands in parentheses: an expression, or the name of a
// sub-requirement.
func (p *parser) group() *Expr {
	switch k := p.peek(); {
	case firstText.has(k):
		e := p.word(OpNamedCode)
		e.Value = p.identifier()
		p.match(kRParen, stopPrimary)
		return e
	case firstPrimary.has(k):
		p.advance()
		e := p.nodes.zero()
		if p.enter() {
			e = p.expr()
		}
		p.depth--
		p.match(kRParen, stopPrimary)
		return e
	}
	p.unexpectedPair(wantTerm)
	p.recover(stopPrimary)
	return p.nodes.zero()
}

func (s *slab) zero() *Expr { return s.node(OpFalse) }

func (p *parser) keyed(op Op) *Expr {
	e := p.word(op)
	e.Key = p.bracketKey()
	p.suffix(e)
	return e
}

func (p *parser) certSpec() *Expr {
	anchor := p.tok.kind == kAnchor
	switch k := p.peek(); {
	case k == kTrusted:
		p.advance()
		return p.word(OpTrustedCerts)
	case anchor && k == kApple:
		p.advance()
		return p.appleAnchor(p.word(OpAppleAnchor))
	case anchor && k == kGeneric:
		p.advance()
		e := p.word(OpAppleGeneric)
		p.match(kApple, stopPrimary)
		return e
	case anchor && firstSlotSpec.has(k):
		e := p.word(OpAnchorHash)
		e.Slot = SlotRoot
		return p.slotSpec(e)
	case !anchor && firstSlot.has(k):
		e := p.word(OpAnchorHash)
		e.Slot = p.slot()
		switch {
		case firstSlotSpec.has(p.tok.kind):
			return p.slotSpec(e)
		case p.tok.kind == kTrusted:
			p.advance()
			e.Op = OpTrustedCert
			return e
		}
		p.unexpected(p.tok, wantSlotSpec)
		p.recover(stopPrimary)
		return e
	}
	want := wantSlot
	if anchor {
		want = wantAnchor
	}
	p.unexpectedPair(want)
	p.recover(stopPrimary)
	return p.nodes.zero()
}

func (p *parser) appleAnchor(e *Expr) *Expr {
	switch k := p.tok.kind; {
	case k == kGeneric:
		p.advance()
		e.Op = OpAppleGeneric
	case firstText.has(k):
		e.Op = OpNamedAnchor
		e.Value = p.identifier()
	case !stopPrimary.has(k):
		p.unexpected(p.tok, wantAfterApple)
		p.recover(stopPrimary)
	}
	return e
}

func (p *parser) slot() int32 {
	t := p.tok
	switch t.kind {
	case kInteger:
		p.advance()
		return int32(p.number(t))
	case kMinus:
		p.advance()
		return -int32(p.integer())
	case kRoot:
		p.advance()
		return SlotRoot
	}
	p.advance()
	return SlotLeaf
}

// slotSpec reads what a certificate must be: a hash, or a field and a comparison.
func (p *parser) slotSpec(e *Expr) *Expr {
	if p.tok.kind != kLBracket {
		p.eql()
		e.Value = p.digest()
		return e
	}
	key := p.tok
	text := p.bracketKey()
	if !p.certKey(e, text) {
		key.start, key.end = key.end, max(key.end, p.last.start)
		p.unknownKey(key, text)
		p.skipTo(stopPrimary)
		return e
	}
	p.suffix(e)
	return e
}

// certKey sets the operator and key of a term about a certificate's field.
//
// Apple: an object identifier is not checked; see appendOID.
func (p *parser) certKey(e *Expr, key string) bool {
	prefix, rest, ok := strings.Cut(key, ".")
	if !ok {
		return false
	}
	switch prefix {
	case "subject":
		e.Op, e.Key = OpCertField, key
		return true
	case "field", "extension":
		e.Op = OpCertGeneric
	case "policy":
		e.Op = OpCertPolicy
	case "timestamp":
		e.Op = OpCertDate
	default:
		return false
	}
	var room [64]byte
	e.Key = p.keep(appendOID(room[:0], rest))
	return true
}

// suffix reads the comparison at the end of a term.
func (p *parser) suffix(e *Expr) {
	k := p.tok.kind
	switch k {
	case kExists:
		p.advance()
		return
	case kAbsent:
		p.advance()
		e.Match = MatchAbsent
		return
	case kTilde:
		p.advance()
		e.Match = MatchContains
		e.Value = p.data()
		return
	case kEqual, kEqualEqual:
		if p.peek() == kStar || firstData.has(p.ahead.kind) {
			p.equality(e)
			return
		}
	case kLess, kGreater, kLessEqual, kGreaterEqual:
		if firstData.has(p.peek()) {
			p.advance()
			e.Match = comparison(k)
			e.Value = p.data()
			return
		}
	default:
		if !stopPrimary.has(k) {
			p.unexpected(p.tok, wantSuffix)
			p.recover(stopPrimary)
		}
		return
	}
	if p.peek() == kTimestamp {
		p.advance()
		e.Match = comparison(k) + (MatchBefore - MatchLess)
		e.Date = p.timestamp()
		return
	}
	p.unexpectedPair(wantValue)
	p.recover(stopPrimary)
}

// comparison returns the comparison that a sign means; that of `=` is chosen so
// that the step to the comparison of dates is the same for all.
func comparison(k kind) MatchOp {
	switch k {
	case kLess:
		return MatchLess
	case kGreater:
		return MatchGreater
	case kLessEqual:
		return MatchLessEqual
	case kGreaterEqual:
		return MatchGreaterEqual
	}
	return MatchOn - (MatchBefore - MatchLess)
}

func (p *parser) equality(e *Expr) {
	p.advance()
	e.Match = MatchEqual
	if p.tok.kind == kStar {
		p.advance()
		e.Match = MatchEndsWith
	}
	e.Value = p.data()
	switch k := p.tok.kind; {
	case k == kStar:
		p.advance()
		if e.Match == MatchEndsWith {
			e.Match = MatchContains
		} else {
			e.Match = MatchBeginsWith
		}
	case !stopPrimary.has(k):
		p.unexpected(p.tok, wantAfterTerm)
		p.recover(stopPrimary)
	}
}
