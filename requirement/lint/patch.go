package lint

import (
	"github.com/xpcpolicy/xpcpolicy/diag"
)

// patch is a text with changes made so that it compiles, and where each byte of it
// stands in the text as it was written.
type patch struct {
	text string
	off  []int // one for each byte of text, and one for its end; nil while nothing changed
}

// span returns where a stretch of the patched text stands in the original.
func (p *patch) span(s diag.Span) diag.Span {
	if p.off == nil {
		return s
	}
	last := len(p.off) - 1
	return diag.Span{Start: p.off[min(s.Start, last)], End: p.off[min(s.End, last)]}
}

// apply makes one edit, given in places of the patched text.
func (p *patch) apply(e Edit) {
	s := e.Span
	if s.Start < 0 || s.Start > s.End || s.End > len(p.text) {
		return
	}
	if p.off == nil {
		p.off = make([]int, len(p.text)+1)
		for i := range p.off {
			p.off[i] = i
		}
	}
	off := make([]int, 0, len(p.off)+len(e.New))
	off = append(off, p.off[:s.Start]...)
	for i := range len(e.New) {
		off = append(off, p.off[min(s.Start+i, s.End)])
	}
	p.off = append(off, p.off[s.End:]...)
	p.text = p.text[:s.Start] + e.New + p.text[s.End:]
}
