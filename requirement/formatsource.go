package requirement

import (
	"slices"
	"sort"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// source is a text that parses, taken apart for formatting.
type source struct {
	text     string
	lexemes  []lexeme
	comments []sourceComment
	parts    []sourcePart
}

// sourceComment is one comment and where the line breaks around it are.
type sourceComment struct {
	start, end    int
	block         bool // in /* and */
	newlineBefore bool // between it and what stands before it, be it a comment or not
	newlineAfter  bool
	blankBefore   bool // a whole line between it and what stands before it
}

// sourcePart is one requirement: the whole text, or one of a set. Unlike a [Set],
// parts keep their order and double labels.
type sourcePart struct {
	start       int    // of the label, else of the first word that is printed
	label       string // with its arrow; "" when there is none
	expr        *Expr
	blankBefore bool
}

// scan takes a text apart that parses.
func scan(text string) source {
	s := source{text: text}
	var spans []diag.Span
	l := newLexer(text)
	l.comments = &spans
	for t := l.next(); t.kind != kEOF; t = l.next() {
		s.lexemes = append(s.lexemes, t)
	}
	s.comments = make([]sourceComment, len(spans))
	before := 0 // where the last thing ended
	i := 0
	for n, c := range spans {
		for i < len(s.lexemes) && s.lexemes[i].start < c.Start {
			before = s.lexemes[i].end
			i++
		}
		after := len(text)
		if i < len(s.lexemes) {
			after = s.lexemes[i].start
		}
		if n+1 < len(spans) {
			after = min(after, spans[n+1].Start)
		}
		s.comments[n] = sourceComment{
			start: c.Start, end: c.End,
			block:         strings.HasPrefix(text[c.Start:], "/*"),
			newlineBefore: before == 0 || strings.IndexByte(text[before:c.Start], '\n') >= 0,
			newlineAfter:  after == len(text) || strings.IndexByte(text[c.End:after], '\n') >= 0,
			blankBefore:   strings.Count(text[before:c.Start], "\n") > 1,
		}
		before = c.End
	}
	s.parse()
	for i, p := range s.parts {
		s.parts[i].blankBefore = s.blankBefore(p)
		s.dropExists(p.expr)
	}
	return s
}

// dropExists forgets the comments with which Apple's dumper says `exists`.
func (s *source) dropExists(e *Expr) {
	drop := map[int]bool{}
	for n := range All(e) {
		if !n.Op.hasMatch() || n.Match != MatchExists || s.lexemes[s.at(int(n.end))-1].kind != kRBracket {
			continue
		}
		i := sort.Search(len(s.comments), func(i int) bool { return s.comments[i].start >= int(n.end) })
		if i == len(s.comments) || s.text[s.comments[i].start:s.comments[i].end] != "/* exists */" {
			continue
		}
		if next := s.at(int(n.end)); next == len(s.lexemes) || s.comments[i].start < s.lexemes[next].start {
			drop[s.comments[i].start] = true
		}
	}
	if len(drop) > 0 {
		s.comments = slices.DeleteFunc(s.comments, func(c sourceComment) bool { return drop[c.start] })
	}
}

// parse fills in the parts.
func (s *source) parse() {
	var p parser
	o := ParseOptions{ReadFile: func(path string) ([]byte, error) { return []byte(path), nil }}
	if !p.start(o, s.text) {
		return
	}
	if !setTypes.has(p.tok.kind) {
		e := p.requirement()
		s.parts = []sourcePart{{start: s.firstToken(e, false), expr: e}}
		return
	}
	for setTypes.has(p.tok.kind) {
		part := sourcePart{start: p.tok.start}
		part.label = p.setType().String() + " =>"
		p.advance()
		part.expr = p.element()
		s.parts = append(s.parts, part)
	}
}

// blankBefore reports whether a whole line is blank between what stands before the
// first word of a part, without parentheses, and what follows that.
func (s *source) blankBefore(p sourcePart) bool {
	before := 0
	if i := s.at(p.start); i > 0 && p.label != "" {
		before = s.lexemes[i-1].end
	}
	if i := sort.Search(len(s.comments), func(i int) bool { return s.comments[i].start >= p.start }); i > 0 {
		before = max(before, s.comments[i-1].end)
	}
	return strings.Count(s.text[before:s.lexemes[s.at(before)].start], "\n") > 1
}

// at returns the index of the first lexeme that starts at or after off.
func (s *source) at(off int) int {
	return sort.Search(len(s.lexemes), func(i int) bool { return s.lexemes[i].start >= off })
}

// group returns where the parentheses directly around an expression are; when
// there are none, where they would be.
func (s *source) group(e *Expr) (open, end int, real bool) {
	open, end = int(e.start), int(e.end)
	before, after := s.at(open)-1, s.at(end)
	if before >= 0 && after < len(s.lexemes) && s.lexemes[before].kind == kLParen && s.lexemes[after].kind == kRParen {
		return s.lexemes[before].start, s.lexemes[after].start, true
	}
	return open, end, false
}

// operator returns where the `and` or `or` after the left operand of e is.
func (s *source) operator(e *Expr) int {
	i := s.at(int(e.X.end))
	for s.lexemes[i].kind == kRParen {
		i++
	}
	return s.lexemes[i].start
}

// firstToken returns where the first word is that an expression prints. With
// grouped, every chain that is an operand stands in parentheses.
func (s *source) firstToken(e *Expr, grouped bool) int {
	for isChain(e) {
		first := e
		for isChain(first) && first.Op == e.Op {
			first = first.X
		}
		if isChain(first) && (grouped || e.Op == OpAnd) {
			open, _, _ := s.group(first)
			return open
		}
		e = first
	}
	return int(e.start)
}

// lastToken returns where the last word begins that an expression prints on one
// line.
func (s *source) lastToken(e *Expr) int {
	for {
		x := e
		switch {
		case isChain(e):
			x = e.Y
			if !isChain(x) || e.Op == OpOr && x.Op == OpAnd {
				break
			}
			_, end, _ := s.group(x)
			return end
		case e.Op == OpNot:
			x = e.X
			if isChain(x) {
				_, end, _ := s.group(x)
				return end
			}
		default:
			return int(e.start)
		}
		e = x
	}
}
