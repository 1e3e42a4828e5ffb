package policy

import (
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"

	"github.com/xpcpolicy/xpcpolicy/internal/spell"
	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
)

// issues reports what CEL says about an expression, where its author typed it.
func (c *compiler) issues(r *reader, n *yamlpos.Node, issues *cel.Issues) {
	reported := 0
	for _, e := range issues.Errors() {
		if reported++; reported > 3 { // the first ones cause the others
			return
		}
		from, to := wordAt(n.Value, offsetOf(n.Value, e.Location.Line(), e.Location.Column()))
		summary, detail := c.words(e.Message, n.Value, from, to)
		r.inside(n, from, to, summary, detail)
	}
}

// words turns a message of CEL into one about this vocabulary.
func (c *compiler) words(message, text string, from, to int) (summary, detail string) {
	message = strings.TrimPrefix(message, "ERROR: ")
	if rest, ok := strings.CutPrefix(message, "undeclared reference to '"); ok {
		name, _, _ := strings.Cut(rest, "'")
		switch name {
		case "subject", "process", "vars":
			switch word := text[from:to]; {
			case strings.HasSuffix(text[:from], "has("):
				return "has() asks for the key of a map, and " + quoteShort(word) + " is none", "a field that can be missing is null: write " + word + " != null"
			case word == name:
				return name + " is no value by itself", "read one of its fields, as in " + name + ".NAME"
			default:
				name = word
			}
		case "requirements":
			return "requirements can stand only in satisfies(requirements.NAME)", ""
		case "satisfies", "matches", "entitled":
			return name + "() takes one argument", ""
		}
		known := make([]string, 0, len(fields)+len(c.variables))
		for i := range fields {
			known = append(known, fields[i].name)
		}
		if strings.HasPrefix(name, "vars.") {
			return "there is no variable " + name + " above this one", spell.DidYouMean(name, namesOf(c.variables))
		}
		return "unknown name " + name, spell.DidYouMean(name, append(known, namesOf(c.variables)...))
	}
	if rest, ok := strings.CutPrefix(message, "found no matching overload for '"); ok {
		op, operands, _ := strings.Cut(rest, "' applied to '")
		return strings.Trim(op, "_@") + " cannot be applied to " + strings.TrimSuffix(operands, "'"), ""
	}
	if rest, ok := strings.CutPrefix(message, "Syntax error: "); ok {
		if strings.HasPrefix(rest, "token recognition error at: '= ") {
			return "= is no operator", "write == to compare"
		}
		return "malformed expression: " + rest, ""
	}
	return message, ""
}

// offsetOf converts a line and column in characters to a byte offset.
func offsetOf(text string, line, column int) int {
	off := 0
	for ; line > 1; line-- {
		i := strings.IndexByte(text[off:], '\n')
		if i < 0 {
			break
		}
		off += i + 1
	}
	return off + byteOffset(text[off:], column)
}

// byteOffset converts an offset in characters to one in bytes.
func byteOffset(text string, runes int) int {
	off := 0
	for ; runes > 0 && off < len(text); runes-- {
		_, n := utf8.DecodeRuneInString(text[off:])
		off += n
	}
	return off
}

// wordAt returns the dotted name that stands at an offset, else one character.
func wordAt(text string, off int) (from, to int) {
	isWord := func(i int) bool {
		c := text[i]
		return c == '_' || c == '.' || c >= '0' && c <= '9' || lower(c) >= 'a' && lower(c) <= 'z'
	}
	from = min(off, len(text))
	to = from
	if from >= len(text) || !isWord(from) {
		if to < len(text) {
			_, n := utf8.DecodeRuneInString(text[to:])
			to += n
		}
		return from, to
	}
	for from > 0 && isWord(from-1) {
		from--
	}
	for to < len(text) && isWord(to) {
		to++
	}
	return from, to
}
