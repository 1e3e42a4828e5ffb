package requirement

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// lexer reads lexemes from text. After a fault it is at the end of its input.
type lexer struct {
	text     string
	pos      int
	fault    *lexFault
	comments *[]diag.Span
}

// What a byte can be part of.
const (
	cLetter = 1 << iota
	cDigit
	cHexDigit
	cSpace
	cNoText // bytes that are in no string and no comment
)

var class = func() (t [256]uint8) {
	for c := 'a'; c <= 'z'; c++ {
		t[c] |= cLetter
		t[c-'a'+'A'] |= cLetter
	}
	for c := '0'; c <= '9'; c++ {
		t[c] |= cDigit | cHexDigit
	}
	for c := 'a'; c <= 'f'; c++ {
		t[c] |= cHexDigit
		t[c-'a'+'A'] |= cHexDigit
	}
	t[' '], t['\t'], t['\n'] = cSpace, cSpace, cSpace
	t[0], t[0xc0], t[0xc1] = cNoText, cNoText, cNoText
	for c := 0xf5; c <= 0xff; c++ {
		t[c] = cNoText
	}
	return t
}()

const cWord = cLetter | cDigit

// newLexer reads text up to its first NUL.
//
// Apple: the API turns the text into a C string, so a NUL ends it.
func newLexer(text string) lexer {
	if i := strings.IndexByte(text, 0); i >= 0 {
		text = text[:i]
	}
	return lexer{text: text}
}

// at returns the byte at i, or 0 at the end; the text holds no NUL.
func (l *lexer) at(i int) byte {
	if i < len(l.text) {
		return l.text[i]
	}
	return 0
}

func (l *lexer) fail(off int, want string, where lexPlace, start int) lexeme {
	if l.fault == nil {
		l.fault = &lexFault{off: off, want: want, where: where, start: start}
	}
	l.pos = len(l.text)
	return lexeme{start: len(l.text), end: len(l.text)}
}

// next returns the next lexeme; kEOF at the end and after a fault.
func (l *lexer) next() lexeme {
	text := l.text
	for i := l.pos; i < len(text); {
		c := text[i]
		switch cl := class[c]; {
		case cl&cSpace != 0:
			i++
			continue
		case cl&cLetter != 0:
			if c == 'H' && l.at(i+1) == '"' {
				return l.hash(i)
			}
			return l.word(i)
		case cl&cDigit != 0:
			if c == '0' && l.at(i+1) == 'x' {
				return l.hex(i)
			}
			start := i
			for i < len(text) && class[text[i]]&cDigit != 0 {
				i++
			}
			return l.emit(kInteger, start, i)
		case c == '"':
			return l.str(i)
		case c == '#', c == '/' && l.at(i+1) == '/':
			l.line(i)
			i = l.pos
			continue
		case c == '/':
			if l.at(i+1) == '*' {
				l.comment(i)
				i = l.pos
				continue
			}
			if class[l.at(i+1)]&cLetter != 0 {
				return l.path(i)
			}
			return l.fail(i, "", inNothing, i)
		}
		if k, n := punctuation(c, l.at(i+1)); n > 0 {
			return l.emit(k, i, i+n)
		}
		return l.fail(i, "", inNothing, i)
	}
	l.pos = len(text)
	return lexeme{start: len(text), end: len(text)}
}

func (l *lexer) emit(k kind, start, end int) lexeme {
	l.pos = end
	return lexeme{start: start, end: end, kind: k}
}

// punctuation returns the kind and length of the sign c, with d after it; length
// 0 when c begins nothing.
func punctuation(c, d byte) (kind, int) {
	switch c {
	case '(':
		return kLParen, 1
	case ')':
		return kRParen, 1
	case '[':
		return kLBracket, 1
	case ']':
		return kRBracket, 1
	case '=':
		switch d {
		case '>':
			return kArrow, 2
		case '=':
			return kEqualEqual, 2
		}
		return kEqual, 1
	case '<':
		if d == '=' {
			return kLessEqual, 2
		}
		return kLess, 1
	case '>':
		if d == '=' {
			return kGreaterEqual, 2
		}
		return kGreater, 1
	case '!':
		return kBang, 1
	case '*':
		return kStar, 1
	case '-':
		return kMinus, 1
	case '~':
		return kTilde, 1
	case ';':
		return kSemicolon, 1
	case ',':
		return kComma, 1
	}
	return kEOF, 0
}

// word reads an unquoted word: letters and digits, then pieces after dots that
// are either digits or again begin with a letter.
func (l *lexer) word(start int) lexeme {
	text, i := l.text, start+1
	for i < len(text) && class[text[i]]&cWord != 0 {
		i++
	}
	if i >= len(text) || text[i] != '.' {
		return l.emit(keyword(text[start:i]), start, i)
	}
	for i < len(text) && text[i] == '.' {
		i++
		if i >= len(text) || class[text[i]]&cWord == 0 {
			return l.fail(i, "", inWord, start)
		}
		more := uint8(cWord)
		if class[text[i]]&cDigit != 0 {
			more = cDigit
		}
		for i < len(text) && class[text[i]]&more != 0 {
			i++
		}
	}
	return l.emit(kWord, start, i)
}

func (l *lexer) str(start int) lexeme {
	text := l.text
	escaped := false
	for i := start + 1; ; i++ {
		if i >= len(text) {
			return l.fail(i, `'"'`, inString, start)
		}
		switch c := text[i]; {
		case c == '"':
			return lexeme{start: start, end: l.emit(kString, start, i+1).end, kind: kString, escaped: escaped}
		case c == '\\':
			if l.at(i+1) != '"' {
				return l.fail(i+1, `'"'`, inString, start)
			}
			escaped = true
			i++
		case class[c]&cNoText != 0:
			return l.fail(i, `'"'`, inString, start)
		}
	}
}

func (l *lexer) hash(start int) lexeme {
	text, i := l.text, start+2
	for i < len(text) && class[text[i]]&cHexDigit != 0 {
		i++
	}
	switch {
	case i == start+2:
		return l.fail(i, "", inHash, start)
	case l.at(i) != '"':
		return l.fail(i, `'"'`, inHash, start)
	}
	return l.emit(kHash, start, i+1)
}

func (l *lexer) hex(start int) lexeme {
	text, i := l.text, start+2
	for i < len(text) && class[text[i]]&cHexDigit != 0 {
		i++
	}
	if i == start+2 {
		return l.fail(i, "", inHex, start)
	}
	return l.emit(kHex, start, i)
}

func (l *lexer) path(start int) lexeme {
	text, i, pieces := l.text, start, 0
	for l.at(i) == '/' {
		i++
		if class[l.at(i)]&cLetter == 0 {
			return l.fail(i, "", inPath, start)
		}
		for i < len(text) && class[text[i]]&cWord != 0 {
			i++
		}
		pieces++
	}
	if pieces < 2 {
		return l.fail(i, "", inPath, start)
	}
	return l.emit(kPath, start, i)
}
