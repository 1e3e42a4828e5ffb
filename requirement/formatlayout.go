package requirement

import (
	"bytes"
	"unicode/utf8"
)

// formatter writes words and, between them, the comments of the source in their
// order. Comments keep the line breaks around them, so that formatting the result
// finds them where it would put them.
type formatter struct {
	source
	opt   FormatOptions
	b     []byte
	next  int  // the first comment that is not written yet
	depth int  // of indentation
	line  bool // everything on one line
	stay  bool // comments that do not end a line stay on this one
	hard  bool // a line ended: a comment wants it so
	soft  bool // a line should end before the next word
	blank bool // a blank line should stand before the next line
	tight bool // no blank before the next word: it follows `(`
}

// place returns where the next word will begin.
func (f *formatter) place() int {
	f.gap()
	return len(f.b)
}

// newline ends the line unless it is empty.
func (f *formatter) newline() {
	if n := len(f.b); n > 0 && f.b[n-1] != '\n' {
		f.b = append(f.b, '\n')
	}
	f.hard, f.soft = false, false
}

// gap writes what belongs between the last thing and the next.
func (f *formatter) gap() {
	if f.hard || f.soft {
		f.newline()
	}
	switch n := len(f.b); {
	case n == 0 || f.fresh():
		if n > 0 && f.blank {
			f.b = append(f.b, '\n')
		}
		f.indent()
	case f.tight || f.b[n-1] == ' ':
	default:
		f.b = append(f.b, ' ')
	}
	f.tight, f.blank = false, false
}

// fresh reports whether the last thing written ended its line. (A string can end
// in a newline, but not without a quote after it.)
func (f *formatter) fresh() bool { return len(f.b) > 0 && f.b[len(f.b)-1] == '\n' }

func (f *formatter) indent() {
	if f.line {
		return
	}
	for range min(f.depth, 40) {
		f.b = append(f.b, "    "...)
	}
}

func (f *formatter) token(s string) {
	f.gap()
	f.b = append(f.b, s...)
}

// flush writes the comments that begin before limit.
func (f *formatter) flush(limit int) {
	for f.next < len(f.comments) && f.comments[f.next].start < limit {
		f.comment(f.comments[f.next])
		f.next++
	}
}

func (f *formatter) comment(c sourceComment) {
	ends := !c.block || c.newlineAfter && !f.line && !f.stay
	switch {
	case f.line || f.stay:
	case c.newlineBefore:
		f.soft = true
		f.blank = c.blankBefore && !bytes.HasSuffix(f.b, []byte("(")) && !bytes.HasSuffix(f.b, []byte("=>"))
	case ends:
		f.soft = false // it belongs to the line before the break
	}
	f.gap()
	f.b = append(f.b, f.text[c.start:c.end]...)
	f.hard = ends
}

// glued writes the comments that follow off on its line.
func (f *formatter) glued(off int) {
	limit := len(f.text)
	if i := f.at(off); i < len(f.lexemes) {
		limit = f.lexemes[i].start
	}
	for f.next < len(f.comments) {
		c := f.comments[f.next]
		if c.start >= limit || c.newlineBefore && c.start >= off {
			return
		}
		f.comment(c)
		f.next++
	}
}

// expr writes an expression. It recurses once for each pair of parentheses and
// each `!`, whose number the parser limits.
func (f *formatter) expr(e *Expr) {
	switch {
	case isChain(e):
		f.chain(e)
	case e.Op == OpNot:
		f.flush(int(e.start))
		f.token("!")
		if isChain(e.X) {
			f.group(e.X)
		} else {
			f.expr(e.X)
		}
	default:
		f.flush(int(e.start))
		f.gap()
		f.b = f.appendTerm(f.b, e)
	}
}

func (f *formatter) chain(e *Expr) {
	var spine []*Expr // from the last operator to the first
	first := e
	for ; isChain(first) && first.Op == e.Op; first = first.X {
		spine = append(spine, first)
	}
	f.operand(first, e.Op, false)
	word := "and"
	if e.Op == OpOr {
		word = "or"
	}
	for i := len(spine) - 1; i >= 0; i-- {
		f.operator(spine[i], word)
		f.operand(spine[i].Y, e.Op, true)
	}
}

func (f *formatter) operand(e *Expr, parent Op, right bool) {
	switch {
	case !isChain(e):
		f.expr(e)
	case !f.line, right && e.Op == parent, parent == OpAnd && e.Op == OpOr:
		f.group(e)
	default:
		f.chain(e)
	}
}

// operator writes the `and` or `or` of e. Comments after it that end a line go
// before it: they belong to the operand on the left, or stand above the one on
// the right.
func (f *formatter) operator(e *Expr, word string) {
	f.flush(f.source.operator(e))
	if f.line {
		f.token(word)
		return
	}
	limit := f.firstToken(e.Y, true)
	if isChain(e.Y) {
		limit, _, _ = f.source.group(e.Y)
	}
	last := -1
	for i := f.next; i < len(f.comments) && f.comments[i].start < limit; i++ {
		if !f.comments[i].block || f.comments[i].newlineAfter {
			last = i
		}
	}
	if last >= 0 {
		f.flush(f.comments[last].end)
	}
	f.soft = true
	f.token(word)
	f.stay = true
	f.flush(limit)
	f.stay = false
}

// group writes a chain in parentheses.
func (f *formatter) group(e *Expr) {
	open, end, real := f.source.group(e)
	f.flush(open)
	f.token("(")
	f.tight = f.line
	f.depth++
	f.soft = !f.line
	f.chain(e)
	if real {
		f.flush(end)
	} else if !f.line {
		f.glued(end)
	}
	f.depth--
	f.soft = !f.line
	f.tight = true
	f.token(")")
}

// width returns how many characters a line has, -1 when it is more than one.
func width(line []byte) int {
	if bytes.IndexByte(line, '\n') >= 0 {
		return -1
	}
	return utf8.RuneCount(line)
}
