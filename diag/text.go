package diag

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

func itoa(n int) string { return strconv.Itoa(n) }

func (d Diagnostic) headline() string {
	var b strings.Builder
	if d.Source != nil {
		line, col := d.Source.Position(d.Span.Start)
		b.WriteString(d.Source.name + ":" + itoa(line) + ":" + itoa(col) + ": ")
	}
	if d.Severity != Error {
		b.WriteString(d.Severity.String() + ": ")
	}
	b.WriteString(Printable(d.Summary))
	if d.Rule != "" {
		b.WriteString(" [" + d.Rule + "]")
	}
	return b.String()
}

// Text renders diagnostics for people: the headline that grep finds, the source
// line with carets, then why it matters and what to write instead.
func Text(ds ...Diagnostic) string {
	var b strings.Builder
	for _, d := range ds {
		b.WriteString(d.headline())
		b.WriteByte('\n')
		if d.Source != nil {
			snippet(&b, d.Source, d.Span)
		}
		if d.Why != "" {
			b.WriteString("  = " + Printable(d.Why) + "\n")
		}
		if d.Fix != "" {
			b.WriteString("  = fix: " + Printable(d.Fix) + "\n")
		}
	}
	return b.String()
}

// maxSnippet is how many characters of a source line are shown; a longer line is
// cut around the span, because requirement texts often are one long line.
const maxSnippet = 120

func snippet(b *strings.Builder, s *Source, span Span) {
	n, _ := s.Position(span.Start)
	start, end := s.line(n)
	from := min(max(span.Start, start), end)
	to := min(max(span.End, from), end)

	prefix, suffix := "", ""
	if end-start > maxSnippet {
		left := max(start, min(from-40, end-maxSnippet))
		right := min(end, left+maxSnippet)
		for left > start && !utf8.RuneStart(s.text[left]) {
			left--
		}
		for right < end && !utf8.RuneStart(s.text[right]) {
			right++
		}
		if left > start {
			prefix = "... "
		}
		if right < end {
			suffix = " ..."
		}
		start, end = left, right
		to = min(to, end)
	}
	before, marked := Printable(s.text[start:from]), Printable(s.text[from:to])
	number := itoa(n)
	gutter := strings.Repeat(" ", len(number))
	b.WriteString(gutter + " |\n")
	b.WriteString(number + " | " + prefix + before + marked + Printable(s.text[to:end]) + suffix + "\n")
	b.WriteString(gutter + " | " + strings.Repeat(" ", len(prefix)+width(before)) + "^")
	if w := width(marked); w > 1 {
		b.WriteString(strings.Repeat("~", w-1))
	}
	b.WriteByte('\n')
}

func width(s string) int { return utf8.RuneCountInString(s) }

// Printable makes untrusted text safe to print on a terminal: control
// characters, invalid UTF-8, and characters that hide or reorder text become
// visible escapes; a tab becomes one space.
func Printable(s string) string {
	clean := true
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] >= 0x7f {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteString(`\x` + hexByte(s[i]))
		case r == '\t':
			b.WriteByte(' ')
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x20 || r == 0x7f:
			b.WriteString(`\x` + hexByte(byte(r)))
		case hides(r):
			b.WriteString(`\u{` + strconv.FormatInt(int64(r), 16) + `}`)
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

func hexByte(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}

// hides reports characters that are invisible, or change the order in which
// others are shown.
func hides(r rune) bool {
	switch {
	case r >= 0x80 && r <= 0x9f, // C1 controls
		r == 0xad, r == 0x34f, r == 0x61c, r == 0x115f, r == 0x1160, r == 0x180e,
		r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e,
		r >= 0x2060 && r <= 0x206f, r == 0xfeff, r >= 0xfff0 && r <= 0xfffb,
		r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return false
}
