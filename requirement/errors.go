package requirement

import (
	"errors"
	"strconv"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// SyntaxError is why a text was refused: everything that is wrong with it, as far
// as recovery finds it. errors.As also finds a [diag.List] in it.
type SyntaxError struct {
	Diagnostics diag.List // never empty; in the order of the text
	apple       string
}

// Error is the first diagnostic in one line, and how many follow.
func (e *SyntaxError) Error() string { return e.Diagnostics.Error() }

// Unwrap returns the diagnostics.
func (e *SyntaxError) Unwrap() error { return e.Diagnostics }

// AppleError returns what Apple's compiler says of a text that [Parse] refused:
// lines of the form "line L:C: …", each ended by a newline. Lines count from 1,
// but not at newlines inside strings and comments; columns count bytes from 1,
// and a tab goes to the next multiple of 8. Where Apple gives no position the
// line has ours. Any other error gives its own text, nil gives "".
func AppleError(err error) string {
	var e *SyntaxError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.apple
	}
	return err.Error()
}

// problem is one error as Apple's parser reports it and as we do.
type problem struct {
	at       lexeme // where Apple's position stands
	apple    string
	semantic bool // Apple gives no position
	diag     diag.Diagnostic
}

// report records an error, unless the lexer failed: then Apple's parser ends
// before it can report anything, and so do we.
func (p *parser) report(q problem) {
	if !p.quiet() {
		p.problems = append(p.problems, q)
	}
}

// maxProblems is how many errors one text can have; more say nothing more.
const maxProblems = 100

// quiet reports whether nothing more is to be reported: advice has its cost.
func (p *parser) quiet() bool { return p.lex.fault != nil || len(p.problems) >= maxProblems }

// expected reports that a lexeme of kind k should stand here.
func (p *parser) expected(k kind) {
	if p.quiet() {
		return
	}
	t := p.tok
	p.report(problem{at: t, apple: "expecting " + appleName(k) + ", found '" + p.content(t) + "'", diag: p.advise(t, wantKind(k))})
}

// unexpected reports a lexeme that nothing here can begin with.
func (p *parser) unexpected(t lexeme, want string) {
	if p.quiet() {
		return
	}
	p.report(problem{at: t, apple: p.appleToken(t), diag: p.advise(t, want)})
}

// unexpectedPair reports the lexeme after the next. Apple decides with two
// lexemes in sight and then gives the position of the first.
func (p *parser) unexpectedPair(want string) {
	p.peek()
	if p.quiet() {
		return
	}
	p.report(problem{at: p.tok, apple: p.appleToken(p.tok), diag: p.advise(p.ahead, want)})
}

// semantic reports an error about what a well-formed lexeme means.
func (p *parser) semantic(t lexeme, apple string, d diag.Diagnostic) {
	if d.Span == (diag.Span{}) {
		d.Span = diag.Span{Start: t.start, End: t.end}
	}
	p.report(problem{at: t, apple: apple, semantic: true, diag: d})
}

func (p *parser) appleToken(t lexeme) string {
	if t.kind == kEOF {
		return "unexpected end of file"
	}
	return "unexpected token: " + p.content(t)
}

// appleName is what Apple's grammar calls a kind of lexeme.
func appleName(k kind) string {
	switch k {
	case kEOF:
		return "EOF"
	case kArrow:
		return "ARROW"
	case kLBracket:
		return "LBRACK"
	case kRBracket:
		return "RBRACK"
	case kRParen:
		return "RPAREN"
	case kInteger:
		return "INTEGER"
	case kHash:
		return "HASHCONSTANT"
	case kString:
		return "STRING"
	}
	return `"` + keywords[k-firstKeyword] + `"`
}

// syntaxError makes the error of a text that did not parse.
func (p *parser) syntaxError(name string) error {
	src := diag.NewSource(name, p.text)
	e := &SyntaxError{}
	var apple strings.Builder
	pos := applePositions{text: p.lex.text}
	add := func(d diag.Diagnostic) {
		// What stands inside the finding before it is its consequence.
		if n := len(e.Diagnostics); n > 0 {
			if before := e.Diagnostics[n-1].Span; d.Span.Start < before.End || d.Span == before {
				return
			}
		}
		d.Source = src
		e.Diagnostics = append(e.Diagnostics, d)
	}
	for _, q := range p.problems {
		pos.append(&apple, q.at.start, q.apple)
		add(q.diag)
	}
	if f := p.lex.fault; f != nil {
		// Apple: an error of the lexer replaces all that was found before it.
		apple.Reset()
		pos.append(&apple, f.off, f.apple(p.lex.text))
		d := f.advise(p.lex.text)
		for n := len(e.Diagnostics); n > 0 && e.Diagnostics[n-1].Span.End > d.Span.Start; n-- {
			e.Diagnostics = e.Diagnostics[:n-1]
		}
		add(d)
	}
	e.apple = apple.String()
	return e
}

// applePositions turns offsets into the lines and columns that Apple counts. Going
// forward it reads the text once.
type applePositions struct {
	text         string
	off          int // of what line and column describe
	line, column int
	end          int  // of the stretch that off is in
	opaque       bool // the stretch is a lexeme or comment: newlines in it do not count
}

func (a *applePositions) append(b *strings.Builder, off int, message string) {
	a.move(off)
	b.WriteString("line " + itoa(a.line) + ":" + itoa(a.column) + ": " + message + "\n")
}

func (a *applePositions) move(off int) {
	if off < a.off || a.line == 0 {
		*a = applePositions{text: a.text, line: 1, column: 1}
	}
	for off = min(off, len(a.text)); a.off < off; a.off++ {
		if a.off >= a.end {
			a.stretch()
		}
		switch c := a.text[a.off]; {
		case c == '\n' && !a.opaque:
			a.line, a.column = a.line+1, 1
		case c == '\t':
			a.column = (a.column-1)/8*8 + 9
		default:
			a.column++
		}
	}
}

// stretch finds the end of the white space, lexeme or comment at off.
func (a *applePositions) stretch() {
	l := lexer{text: a.text, pos: a.off}
	c := a.text[a.off]
	a.opaque = class[c]&cSpace == 0
	switch {
	case !a.opaque:
		for l.pos < len(a.text) && class[a.text[l.pos]]&cSpace != 0 {
			l.pos++
		}
	case c == '#' || c == '/' && l.at(a.off+1) == '/':
		l.line(a.off)
	case c == '/' && l.at(a.off+1) == '*':
		l.comment(a.off)
	default:
		l.next()
	}
	a.end = max(l.pos, a.off+1)
}

// apple is Apple's message for a fault.
func (f *lexFault) apple(text string) string {
	found := "EOF"
	if f.off < len(text) {
		found = appleChar(text[f.off])
	}
	if f.want == "" {
		return "unexpected char: " + found
	}
	return "expecting '" + f.want + "', found '" + found + "'"
}

func appleChar(c byte) string {
	if c < 0x20 || c >= 0x7f {
		const digits = "0123456789ABCDEF"
		return "0x" + string([]byte{digits[c>>4], digits[c&15]})
	}
	return "'" + string([]byte{c}) + "'"
}

func itoa(n int) string { return strconv.Itoa(n) }
