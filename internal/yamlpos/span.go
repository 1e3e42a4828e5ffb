package yamlpos

import "strings"

// Span returns the bytes of the node in the source: a scalar with its quotes, a
// collection from its beginning to the end of its last element.
func (n *Node) Span() (start, end int) {
	switch {
	case n.Kind == Mapping && len(n.Pairs) > 0:
		_, end = n.Pairs[len(n.Pairs)-1].Value.Span()
		return n.start, max(n.start, end)
	case n.Kind == Sequence && len(n.Items) > 0:
		_, end = n.Items[len(n.Items)-1].Span()
		return n.start, max(n.start, end)
	case n.Kind != Scalar:
		return n.start, min(n.start+1, len(n.text.s))
	}
	_, end = n.align()
	return n.start, end
}

// At returns where the bytes [from, to) of a scalar's Value stand in the source.
// Where escapes hide the place it returns the whole scalar.
func (n *Node) At(from, to int) (start, end int) {
	offset, whole := n.align()
	if n.Kind != Scalar || offset == nil {
		return n.start, whole
	}
	from = max(0, min(from, len(offset)-1))
	to = max(from, min(to, len(offset)-1))
	start, end = offset[from], offset[to]
	if to > from { // not the whitespace between a line and its continuation
		end = offset[to-1] + 1
		for end < len(n.text.s) && n.text.s[end]&0xc0 == 0x80 { // the rest of a character
			end++
		}
	}
	return start, max(start, end)
}

// align walks the value and the source side by side and returns the offset of
// each byte of the value, with one more for its end, and where the scalar ends
// in the source. The offsets are nil when the two do not agree.
func (n *Node) align() ([]int, int) {
	if n.end > 0 {
		return n.offset, n.end
	}
	src, v := n.text.s, n.Value
	p, quote := n.start, byte(0)
	if p < len(src) {
		switch src[p] {
		case '"', '\'':
			quote = src[p]
			p++
		case '|', '>':
			for p < len(src) && src[p] != '\n' { // the header of a block
				p++
			}
			p++
		}
	}
	offset := make([]int, 0, len(v)+1)
	for i := 0; i < len(v); {
		switch {
		case p >= len(src):
			if strings.Trim(v[i:], " \n") != "" {
				return n.unaligned()
			}
			offset = append(offset, len(src)) // the line end that a block adds
			i++
		case quote == '"' && src[p] == '\\':
			from, size := p, escape(src[p:])
			p += size
			if from+1 < len(src) && (src[from+1] == '\n' || src[from+1] == '\r') { // an escaped line break is nothing
				for p < len(src) && (src[p] == ' ' || src[p] == '\t') {
					p++
				}
				continue
			}
			for k := runeSize(v[i:]); k > 0; k-- {
				offset, i = append(offset, from), i+1
			}
		case quote == '\'' && src[p] == '\'' && v[i] == '\'':
			offset, i, p = append(offset, p), i+1, p+2
		case src[p] == v[i]:
			offset, i, p = append(offset, p), i+1, p+1
		case isSpace(v[i]) && isSpace(src[p]): // folded
			offset, i = append(offset, p), i+1
			for p < len(src) && isSpace(src[p]) && (i >= len(v) || v[i] != src[p]) {
				p++
			}
		case isSpace(src[p]): // indentation
			p++
		default:
			return n.unaligned()
		}
	}
	n.offset, n.end = append(offset, min(p, len(src))), min(p, len(src))
	if quote != 0 && n.end < len(src) {
		n.end++
	}
	if quote == 0 { // a block ends before its last line break
		for n.end > n.start && isSpace(src[n.end-1]) {
			n.end--
		}
	}
	n.end = max(n.end, n.start)
	return n.offset, n.end
}

func (n *Node) unaligned() ([]int, int) {
	n.offset, n.end = nil, n.text.wordEnd(n.start)
	return nil, n.end
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// escape returns the length of a double-quoted escape sequence.
func escape(s string) int {
	size := 2
	if len(s) > 1 {
		switch s[1] {
		case 'x':
			size = 4
		case 'u':
			size = 6
		case 'U':
			size = 10
		}
	}
	return min(size, len(s))
}

func runeSize(s string) int {
	n := 1
	for n < len(s) && s[n]&0xc0 == 0x80 {
		n++
	}
	return n
}
