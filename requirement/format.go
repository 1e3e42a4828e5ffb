package requirement

import (
	"bytes"
	"errors"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// Layout says how [FormatSource] breaks lines.
type Layout uint8

// The layouts.
const (
	// LayoutAuto keeps a requirement on one line when it fits and no comment in
	// it needs a line of its own, and otherwise is LayoutIndent.
	LayoutAuto Layout = iota
	// LayoutLine breaks lines after `//` and `#` comments only.
	LayoutLine
	// LayoutIndent gives each clause a line of its own.
	LayoutIndent
)

// FormatOptions changes how [FormatSource] writes. The zero value is what a
// file in version control should have.
type FormatOptions struct {
	Layout Layout
	// Width is how many characters a line may have before LayoutAuto breaks it; 0
	// means 100. Lines of one clause are never broken.
	Width int
}

const usualWidth = 100

// FormatSource rewrites the text of a requirement or of a requirement set, as
// people write it, in canonical form: spaces, quotes, keywords with two
// spellings, line breaks. Comments stay, and so do the parentheses that decide
// bytes: the result compiles to the same bytes, and formatting it again changes
// nothing. It ends in a newline.
//
// One blank line stays before a comment, a label and the first word. A comment
// inside a term moves behind it; one between an operator and its
// line's end moves in front of the operator. The dumper's `/* exists */` becomes
// the word. What a text says stays as it was written, if not as it was quoted:
// dates, object identifiers, letters beyond ASCII, paths of certificates (which
// are not read), double labels and their order.
//
// A text that does not parse is refused with a [*SyntaxError]; one with a NUL
// byte is refused too, because the compiler does not see what follows it. The
// name is shown before positions in errors.
func FormatSource(name, text string, o FormatOptions) (string, error) {
	if o.Width <= 0 {
		o.Width = usualWidth
	}
	paths := ParseOptions{ReadFile: func(path string) ([]byte, error) { return []byte(path), nil }}
	a, err := paths.ParseAny(name, text)
	if err != nil {
		return "", err
	}
	if i := strings.IndexByte(text, 0); i >= 0 {
		return "", diag.List{{
			Source: diag.NewSource(name, text), Span: diag.Span{Start: i, End: i + 1},
			Summary: "the text ends at this NUL byte",
			Why:     "the compiler does not see what follows, and formatting would lose it",
			Fix:     "delete it and what follows",
		}}
	}
	want := a.Encode()
	out := ""
	for _, layout := range []Layout{o.Layout, LayoutLine} {
		o.Layout = layout
		out = formatSource(text, o)
		// Nothing is trusted here, not even this package: a file that changes its
		// meaning when it is formatted is worse than an ugly one. (Nesting near the
		// parser's limit does not survive the parentheses that indenting adds.)
		if again, err := paths.ParseAny(name, out); err == nil && bytes.Equal(again.Encode(), want) {
			return out, nil
		}
	}
	return "", errors.New(name + ": cannot be formatted without changing what it compiles to")
}

// formatSource formats a text that parses.
func formatSource(text string, o FormatOptions) string {
	s := scan(text)
	f := formatter{source: s, opt: o}
	f.b = make([]byte, 0, len(text)+len(text)/4)
	for i, part := range s.parts {
		limit := len(text)
		if i+1 < len(s.parts) {
			limit = s.parts[i+1].start
		}
		f.flush(part.start)
		f.soft, f.blank = i > 0, part.blankBefore
		f.part(part)
		f.depth, f.line = 0, false
		f.flush(limit)
	}
	f.newline()
	return string(f.b)
}

// part writes one requirement, with its label if it has one.
func (f *formatter) part(p sourcePart) {
	line := f.opt.Layout == LayoutLine
	if f.opt.Layout == LayoutAuto && !f.breaks(p) {
		saved, b := *f, len(f.b)
		start := f.place()
		f.onLine(p)
		width := width(f.b[start:])
		line = width >= 0 && width <= f.opt.Width
		*f = saved
		f.b = f.b[:b]
	}
	if line {
		f.onLine(p)
		return
	}
	f.line = false
	if p.label != "" {
		f.token(p.label)
		f.depth, f.soft = 1, true
		f.flush(f.firstToken(p.expr, true))
	}
	f.expr(p.expr)
}

func (f *formatter) onLine(p sourcePart) {
	f.line = true
	if p.label != "" {
		f.token(p.label)
	}
	f.expr(p.expr)
}

// breaks reports whether a comment inside a part wants its own line. Those before
// the first and after the last word of it do not count.
func (f *formatter) breaks(p sourcePart) bool {
	last := f.lastToken(p.expr)
	for _, c := range f.comments[f.next:] {
		if c.start >= last {
			break
		}
		if !c.block || c.newlineBefore && c.newlineAfter || strings.IndexByte(f.text[c.start:c.end], '\n') >= 0 {
			return true
		}
	}
	return false
}
