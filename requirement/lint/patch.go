package lint

import (
	"strings"

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
	return diag.Span{Start: p.place(s.Start), End: p.place(s.End)}
}

// apply makes edits, given in places of the patched text, in its order and apart
// from each other; others of them are left out.
func (p *patch) apply(edits ...Edit) {
	var text strings.Builder
	off := make([]int, 0, len(p.text)+1)
	at := 0
	keep := func(end int) {
		text.WriteString(p.text[at:end])
		for ; at < end; at++ {
			off = append(off, p.place(at))
		}
	}
	for _, e := range edits {
		s := e.Span
		if s.Start < at || s.End < s.Start || s.End > len(p.text) {
			continue
		}
		keep(s.Start)
		text.WriteString(e.New)
		for i := range len(e.New) {
			off = append(off, p.place(min(s.Start+i, s.End)))
		}
		at = s.End
	}
	keep(len(p.text))
	p.off = append(off, p.place(len(p.text)))
	p.text = text.String()
}

// place is where a byte stands in the original.
func (p *patch) place(i int) int {
	if p.off == nil {
		return i
	}
	return p.off[min(i, len(p.off)-1)]
}
