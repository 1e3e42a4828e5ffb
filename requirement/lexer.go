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
	cSign   // a lexeme of its own; see signs
	cPair   // … or the first byte of one of two; see pair
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
	for c, k := range signs {
		if k != kEOF {
			t[c] |= cSign
		}
	}
	t['='], t['<'], t['>'] = cSign|cPair, cSign|cPair, cSign|cPair
	return t
}()

// signs holds the lexemes of one byte that are neither letter nor digit.
var signs = [256]kind{
	'(': kLParen, ')': kRParen, '[': kLBracket, ']': kRBracket, '=': kEqual, '<': kLess, '>': kGreater,
	'!': kBang, '*': kStar, '-': kMinus, '~': kTilde, ';': kSemicolon, ',': kComma,
}

// pair returns the lexeme of two bytes that c and d are; kEOF when they are two.
func pair(c, d byte) kind {
	switch {
	case c == '=' && d == '>':
		return kArrow
	case d != '=':
		return kEOF
	case c == '=':
		return kEqualEqual
	case c == '<':
		return kLessEqual
	}
	return kGreaterEqual
}

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
	if uint(i) < uint(len(l.text)) {
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
	for i := l.pos; uint(i) < uint(len(text)); { // uint: one check, and none for text[i]
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
		case cl&cSign != 0:
			if cl&cPair != 0 {
				if k := pair(c, l.at(i+1)); k != kEOF {
					return l.emit(k, i, i+2)
				}
			}
			return l.emit(signs[c], i, i+1)
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
		default:
			return l.fail(i, "", inNothing, i)
		}
	}
	l.pos = len(text)
	return lexeme{start: len(text), end: len(text)}
}

func (l *lexer) emit(k kind, start, end int) lexeme {
	l.pos = end
	return lexeme{start: start, end: end, kind: k}
}

// word reads an unquoted word: letters and digits, then pieces after dots that
// are either digits or again begin with a letter.
func (l *lexer) word(start int) lexeme {
	text, i := l.text, start+1
	for uint(i) < uint(len(text)) && class[text[i]]&cWord != 0 {
		i++
	}
	if uint(i) >= uint(len(text)) || text[i] != '.' {
		return l.emit(keyword(text[start:i]), start, i)
	}
	if strings.HasPrefix(text[i:], "."+appleArc) { // most dotted words; go on at its last dot
		i += len(appleArc)
	}
	for uint(i) < uint(len(text)) && text[i] == '.' {
		i++
		switch cl := class[l.at(i)]; {
		case cl&cDigit != 0:
			for i++; uint(i) < uint(len(text)) && text[i]-'0' < 10; i++ {
			}
		case cl&cLetter != 0:
			for i++; uint(i) < uint(len(text)) && class[text[i]]&cWord != 0; i++ {
			}
		default:
			return l.fail(i, "", inWord, start)
		}
	}
	return l.emit(kWord, start, i)
}

func (l *lexer) str(start int) lexeme {
	text := l.text
	for i := start + 1; ; i++ {
		if uint(i) >= uint(len(text)) {
			return l.fail(i, `'"'`, inString, start)
		}
		switch c := text[i]; {
		case c == '"':
			return l.emit(kString, start, i+1)
		case c == '\\':
			if l.at(i+1) != '"' {
				return l.fail(i+1, `'"'`, inString, start)
			}
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
