package lint

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// hole is a place that a program or a template fills in.
type hole struct {
	diag.Span
	quoted bool // between quotes
	hash   bool // the digits of a hash
	gap    bool // dots for something that was left out
}

// holes finds the placeholders of a text.
func holes(text string) []hole {
	var out []hole
	quoted, hash := false, false
	for i := 0; i < len(text); {
		if !quoted {
			if end := commentEnd(text, i); end > i {
				i = end
				continue
			}
		}
		if n := placeholder(text[i:], quoted); n > 0 {
			out = append(out, hole{Span: diag.Span{Start: i, End: i + n}, quoted: quoted, hash: hash})
			i += n
			continue
		}
		if n := dots(text[i:]); n > 0 && !quoted {
			out = append(out, hole{Span: diag.Span{Start: i, End: i + n}, gap: true})
			i += n
			continue
		}
		switch c := text[i]; {
		case c == '"':
			hash = !quoted && i > 0 && text[i-1] == 'H'
			quoted = !quoted
		case hash && quoted && c == '[':
			if n := strings.IndexByte(text[i:], ']'); n > 1 && n < maxHole {
				out = append(out, hole{Span: diag.Span{Start: i, End: i + n + 1}, quoted: true, hash: true})
				i += n
			}
		case c == '\\' && quoted:
			i++
		}
		i++
	}
	return out
}

const maxHole = 200

// dots returns the length of an ellipsis that s begins with, else 0.
func dots(s string) int {
	if strings.HasPrefix(s, "…") {
		return len("…")
	}
	n := len(s) - len(strings.TrimLeft(s, "."))
	if n < 3 {
		return 0
	}
	return n
}

// placeholder returns the length of the placeholder that s begins with, else 0:
// \(x) of Swift, %@ and %s, %NAME% of AutoPkg, ${x}, $(x) and $x, {x}, <x>, __X__
// and @X@.
func placeholder(s string, quoted bool) int {
	if len(s) < 2 {
		return 0
	}
	switch c := s[0]; c {
	case '\\':
		n := 1
		for n < len(s) && s[n] == '#' {
			n++
		}
		return enclosed(s, n, '(', ')')
	case '%':
		if n := 1 + nameLen(s[1:]); n > 2 && n < len(s) && s[n] == '%' {
			return n + 1
		}
		switch s[1] {
		case '@', 's', 'd', 'v', 'q':
			return 2
		}
	case '$':
		if n := max(enclosed(s, 1, '{', '}'), enclosed(s, 1, '(', ')')); n > 0 {
			return n
		}
		n := 1 + nameLen(s[1:])
		if strings.HasPrefix(s, "$self.identifier") {
			n = len("$self.identifier")
		}
		if n > 1 {
			return n
		}
	case '{':
		return enclosed(s, 0, '{', '}')
	case '<':
		n := 1 + nameLen(s[1:])
		for n < len(s) && (s[n] == '-' || s[n] == ' ' && quoted) {
			n += 1 + nameLen(s[n+1:])
		}
		if n > 1 && n < len(s) && s[n] == '>' {
			return n + 1
		}
	case '_', '@':
		mark := strings.Repeat("_", 2)
		if c == '@' {
			mark = "@"
		}
		if rest, ok := strings.CutPrefix(s, mark); ok {
			if n := strings.Index(rest, mark); n > 1 && nameLen(rest[:n]) == n && strings.ToUpper(rest[:n]) == rest[:n] {
				return 2*len(mark) + n
			}
		}
	}
	return 0
}

// nameLen is the length of the name that s begins with.
func nameLen(s string) int {
	n := 0
	for n < len(s) && n < maxHole {
		c := s[n] | 0x20
		if (c < 'a' || c > 'z') && (n == 0 || s[n] < '0' || s[n] > '9') && s[n] != '_' {
			break
		}
		n++
	}
	return n
}

// enclosed returns the end of the brackets that open at s[from], else 0.
func enclosed(s string, from int, open, shut byte) int {
	if from >= len(s) || s[from] != open {
		return 0
	}
	depth := 0
	for i := from; i < len(s) && i < maxHole; i++ {
		switch s[i] {
		case open:
			depth++
		case shut:
			if depth--; depth == 0 {
				return i + 1
			}
		case '\n':
			return 0
		}
	}
	return 0
}

// filler is what stands for a placeholder while the rest is judged.
const filler = "Placeholder"

// fillerHash is filler for a hash.
const fillerHash = `H"0000000000000000000000000000000000000000"`

// shownHoles is a message in which placeholders are what the source calls them.
func (p *pass) shownHoles(message string) string {
	if len(p.holes) == 0 || !strings.Contains(message, filler) {
		return message
	}
	for i := len(p.holes) - 1; i >= 0; i-- {
		message = strings.ReplaceAll(message, filler+strconv.Itoa(i+1), p.text[p.holes[i].Start:p.holes[i].End])
	}
	return message
}

// fill puts a word into each hole, or the digits of a hash.
func (t *patch) fill(holes []hole) {
	edits := make([]Edit, len(holes))
	for i, h := range holes {
		edits[i] = Edit{h.Span, filler + strconv.Itoa(i+1)}
		switch {
		case h.gap:
			edits[i].New = ""
		case h.hash:
			edits[i].New = strings.Repeat("0", 40)
		}
	}
	t.apply(edits...)
}

// unknown reports whether a value is not what it will be.
func unknown(value string) bool {
	if strings.Contains(value, filler) {
		return true
	}
	for i := range len(value) {
		if placeholder(value[i:], true) > 0 {
			return true
		}
	}
	return isStandIn(value)
}

// isStandIn reports whether a value is a word that documents write for one.
func isStandIn(value string) bool {
	var room [32]byte
	word := room[:0]
	for i := range len(value) {
		c := value[i]
		switch {
		case c == '_' || c == '-' || c == ' ' || c == '.':
			continue
		case c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		if len(word) == cap(word) {
			return false
		}
		word = append(word, c)
	}
	if len(word) >= 5 && len(bytes.Trim(word, "X")) == 0 {
		return true
	}
	for _, w := range [...]string{"YOUR", "MY", "REPLACE", "INSERT", "SOME", "THE"} {
		if len(word) > len(w) && string(word[:len(w)]) == w {
			word = word[len(w):]
		}
	}
	switch string(bytes.TrimSuffix(word, []byte("HERE"))) {
	case "TEAM", "TEAMID", "TEAMIDENTIFIER", "DEVELOPMENTTEAM", "DEVELOPERTEAMID", "APPLETEAMID", "BUNDLEID", "BUNDLEIDENTIFIER", "PLACEHOLDER", "CHANGEME":
		return true
	}
	return false
}
