package requirement

import (
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"
)

// textCandidates makes texts that are likely to fulfil wants: what they must begin
// with, contain and end with, joined by characters that appear in none of them,
// and texts at and around the limits. That none of them fits proves nothing.
func textCandidates(ws []*want, lo, hi bound) iter.Seq[string] {
	begin, end := "", ""
	var parts []string
	for _, w := range ws {
		if !w.positive() {
			continue
		}
		switch w.match {
		case MatchBeginsWith:
			if len(w.value) > len(begin) {
				begin = w.value
			}
		case MatchEndsWith:
			if len(w.value) > len(end) {
				end = w.value
			}
		case MatchContains:
			parts = append(parts, w.value)
		}
	}
	seps := []string{"", unused(ws), "a", "0", "~", " "}
	return func(yield func(string) bool) {
		for _, head := range heads(begin, lo, hi) {
			for _, sep := range seps {
				for _, tail := range []string{"", sep} {
					s := compose(head, parts, end, sep) + tail
					if s != "" && !yield(s) {
						return
					}
				}
			}
		}
		yield("") // the least likely of all
	}
}

// compose joins the parts that the text does not have yet.
func compose(head string, parts []string, end, sep string) string {
	var b strings.Builder
	b.WriteString(head)
	for _, p := range parts {
		if len(parts) < 64 && (strings.Contains(b.String(), p) || strings.Contains(end, p)) {
			continue
		}
		b.WriteString(sep)
		b.WriteString(p)
	}
	if !strings.HasSuffix(b.String(), end) {
		b.WriteString(sep)
		b.WriteString(overlapped(b.String(), end, sep))
	}
	return b.String()
}

// overlapped is what is missing of an end, when a text has its beginning already.
func overlapped(s, end, sep string) string {
	if sep == "" {
		for n := min(len(s), len(end)-1); n > 0; n-- {
			if strings.HasSuffix(s, end[:n]) {
				return end[n:]
			}
		}
	}
	return end
}

// heads are beginnings of a text between the limits.
func heads(begin string, lo, hi bound) []string {
	out := []string{begin}
	add := func(s string) {
		if strings.HasPrefix(s, begin) {
			out = append(out, s)
		}
	}
	if lo.by != nil {
		v := lo.by.value
		for _, tail := range []string{"", ".1", "!", "0", "~"} {
			add(v + tail)
		}
		add(padded(v))
		add(begin + v)
	}
	for _, tail := range []string{"0", ".0", "1", "9", "!", "99999999", "~", "\U0010fffd", "\ufffd"} {
		out = append(out, begin+tail)
	}
	out = append(out, wrapped(begin))
	if hi.by != nil {
		v := hi.by.value
		add(v)
		add(padded(v))
		for n, cut := 0, v; cut != "" && n < 8; n++ {
			_, size := utf8.DecodeLastRuneInString(cut)
			last := cut[len(cut)-1]
			cut = cut[:len(cut)-size]
			add(cut)
			if class[last]&cDigit != 0 && last > '0' {
				add(cut + string(rune(last-1)))
				add(cut + string(rune(last-1)) + ".9")
			}
		}
	}
	return out
}

// padded is a text that is equal by Apple's order, and not the same: its first
// number has one more zero.
func padded(s string) string {
	i := strings.IndexAny(s, "0123456789")
	if i < 0 {
		return s
	}
	return s[:i] + "0" + s[i:]
}

// unused is a character that no want has.
func unused(ws []*want) string {
	for _, c := range "x-qzk_jw+#%$&,;" {
		s := string(c)
		free := true
		for _, w := range ws {
			free = free && !strings.Contains(w.value, s)
		}
		if free {
			return s
		}
	}
	return "\u00e6"
}

// wrapped goes on with the digits that make a number at the end zero: numbers are
// counted modulo 2^64, so a text that begins with "2" may come before "1".
func wrapped(s string) string {
	n, _ := digits(s[len(strings.TrimRight(s, "0123456789")):])
	for range 20 {
		n *= 10
	}
	tail := strconv.FormatUint(-n, 10)
	return s + strings.Repeat("0", 20-len(tail)) + tail
}
