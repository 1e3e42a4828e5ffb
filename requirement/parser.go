package requirement

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// maxNesting is how many parentheses and `!` may stand inside each other. Chains
// of `and` and `or` do not nest.
const maxNesting = 10000

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
	p.nodes = newSlab(len(text), 26)
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
	e.start, e.end = uint32(start), uint32(max(start, p.last.end))
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
	p.lex.pos, p.hasAhead = len(p.lex.text), false
	p.advance()
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
		var e *Expr
		if p.enter() {
			e = p.expr()
		} else {
			e = p.nodes.zero()
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
