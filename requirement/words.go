package requirement

import (
	"strings"
	"unicode/utf8"
)

// isSimple reports whether s can be written as a word without quotes.
func isSimple(s string) bool {
	if s == "" || class[s[0]]&cLetter == 0 {
		return false
	}
	for i := 1; i < len(s); i++ {
		if class[s[i]]&cWord == 0 {
			return false
		}
	}
	return keyword(s) == kWord
}

// isDotted reports whether the lexer reads s as one word, dots included.
func isDotted(s string) bool {
	l := lexer{text: s}
	if s == "" || class[s[0]]&cLetter == 0 || strings.IndexByte(s, 0) >= 0 {
		return false
	}
	t := l.word(0)
	return t.kind == kWord && t.end == len(s)
}

// isPlain reports whether every byte is printable ASCII or white space.
func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 0x7f || c < 0x20 && (c < '\t' || c > '\r') {
			return false
		}
	}
	return true
}

// fitsString reports whether the lexer can read s between quotes.
func fitsString(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' || class[s[i]]&cNoText != 0 {
			return false
		}
	}
	return true
}

// quoted is a text in quotes for a message, cut when it is long.
func quoted(s string) string {
	const most = 80
	if len(s) <= most {
		return `"` + s + `"`
	}
	n := most
	for n > most-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return `"` + s[:n] + `…"`
}
