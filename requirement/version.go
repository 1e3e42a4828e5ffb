package requirement

import "unicode/utf8"

// CompareVersions orders two texts as Apple's `<` and `>` do, which is that of
// CFStringCompare with kCFCompareNumerically and without a locale: -1, 0 or +1.
//
// Where both have an ASCII digit, the runs of digits compare as 64-bit numbers;
// other characters compare as UTF-16 units; a text that ends first is less. So
// 1.10 > 1.9 and 01 = 1, but 1.0 < 1.0.0, and 1.0b2 > 1.0.
//
// Apple: numbers wrap at 2^64.
func CompareVersions(a, b string) int {
	for a != "" && b != "" {
		if class[a[0]]&class[b[0]]&cDigit != 0 {
			var m, n uint64
			m, a = digits(a)
			n, b = digits(b)
			if m != n {
				return sign(m < n)
			}
			continue
		}
		if a[0] < utf8.RuneSelf && b[0] < utf8.RuneSelf {
			if a[0] != b[0] {
				return sign(a[0] < b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		r, i := utf8.DecodeRuneInString(a)
		s, j := utf8.DecodeRuneInString(b)
		if r != s {
			return sign(lessUTF16(r, s))
		}
		a, b = a[i:], b[j:]
	}
	switch {
	case a == "" && b == "":
		return 0
	default:
		return sign(a == "")
	}
}

func sign(less bool) int {
	if less {
		return -1
	}
	return 1
}

// digits reads the run of digits at the start of s.
func digits(s string) (n uint64, rest string) {
	i := 0
	for i < len(s) && class[s[i]]&cDigit != 0 {
		n = n*10 + uint64(s[i]-'0')
		i++
	}
	return n, s[i:]
}

// lessUTF16 compares the first UTF-16 units of two different characters, and the
// second ones if those are the same.
func lessUTF16(r, s rune) bool {
	if r >= 0x10000 == (s >= 0x10000) {
		return r < s
	}
	// Units of pairs begin with D8 to DB: above U+D7FF, below U+E000.
	if r >= 0x10000 {
		return s >= 0xe000
	}
	return r < 0xe000
}
