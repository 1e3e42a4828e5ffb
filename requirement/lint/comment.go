package lint

import (
	"strings"
)

// skipBlank returns where the next lexeme begins, behind white space and comments.
func skipBlank(text string, i int) int {
	for i < len(text) {
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\n':
			i++
		default:
			end := commentEnd(text, i)
			if end == i {
				return i
			}
			i = end
		}
	}
	return len(text)
}

// commentEnd returns where the comment that begins at i ends, i when none does.
//
// Apple: in /* … */ a star takes the character behind it along, unless that is a
// slash.
func commentEnd(text string, i int) int {
	rest := text[i:]
	switch {
	case strings.HasPrefix(rest, "#"), strings.HasPrefix(rest, "//"):
		if n := strings.IndexByte(rest, '\n'); n >= 0 {
			return i + n
		}
		return len(text)
	case strings.HasPrefix(rest, "/*"):
		for j := i + 2; j < len(text); j++ {
			if text[j] != '*' {
				continue
			}
			if j++; j < len(text) && text[j] == '/' {
				return j + 1
			}
		}
		return len(text)
	}
	return i
}
