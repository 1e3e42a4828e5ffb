package requirement

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// line skips a comment that ends with its line.
func (l *lexer) line(start int) {
	i := start
	for i < len(l.text) && l.text[i] != '\n' {
		if class[l.text[i]]&cNoText != 0 {
			l.fail(i, "", inComment, start)
			return
		}
		i++
	}
	l.remark(start, i)
}

// comment skips a comment in /* and */.
//
// Apple: a star that is not followed by a slash is skipped together with the
// character after it, so `/***/` and `/* x **/` do not end there.
func (l *lexer) comment(start int) {
	const exists = "/* exists */" // what printers put behind every other term
	if strings.HasPrefix(l.text[start:], exists) {
		l.remark(start, start+len(exists))
		return
	}
	text, i := l.text, start+2
	for uint(i) < uint(len(text)) {
		switch c := text[i]; {
		case c == '*':
			if l.at(i+1) == '/' {
				l.remark(start, i+2)
				return
			}
			i++
			if i >= len(l.text) {
				l.fail(i, `'/'`, inComment, start)
				return
			}
			if class[l.text[i]]&cNoText != 0 {
				l.fail(i, "", inComment, start)
				return
			}
			i++
		case class[c]&cNoText != 0:
			l.fail(i, `'*'`, inComment, start)
			return
		default:
			i++
		}
	}
	l.fail(i, `'*'`, inComment, start)
}

func (l *lexer) remark(start, end int) {
	l.pos = end
	if l.comments != nil {
		*l.comments = append(*l.comments, diag.Span{Start: start, End: end})
	}
}
