package policy

import (
	"strings"
)

// version is a version as people write them: 2.1 is 2.1.0, 2.10 is newer than
// 2.9, and 2.1b3 and 2.1-rc.1 are older than 2.1.
type version struct {
	text    string
	numbers []string // the dotted numbers, without leading zeros or final zero components
	pre     []string // what follows, in runs of digits and letters; nil for a release
}

// maxVersion bounds the text of a version in bytes.
const maxVersion = 256

// parseVersion reads a version: numbers with dots between, an optional leading
// "v", and an optional pre-release that begins with a letter or '-'. What follows
// a '+' is a build label and does not count. It refuses everything else.
func parseVersion(text string) (version, bool) {
	v := version{text: text}
	s := strings.TrimSpace(text)
	if len(s) > maxVersion {
		return v, false
	}
	if len(s) > 1 && (s[0] == 'v' || s[0] == 'V') {
		s = s[1:]
	}
	s, _, _ = strings.Cut(s, "+")
	for {
		n := digits(s)
		if n == 0 {
			return v, false
		}
		v.numbers = append(v.numbers, trimZeros(s[:n]))
		s = s[n:]
		if len(s) > 1 && s[0] == '.' && digits(s[1:]) > 0 {
			s = s[1:]
			continue
		}
		break
	}
	for len(v.numbers) > 1 && v.numbers[len(v.numbers)-1] == "0" {
		v.numbers = v.numbers[:len(v.numbers)-1]
	}
	if s == "" {
		return v, true
	}
	if c := lower(s[0]); c != '-' && (c < 'a' || c > 'z') {
		return v, false
	}
	v.pre = []string{}
	for s != "" {
		switch n, c := digits(s), lower(s[0]); {
		case n > 0:
			v.pre, s = append(v.pre, trimZeros(s[:n])), s[n:]
		case c >= 'a' && c <= 'z':
			n = 1
			for n < len(s) && lower(s[n]) >= 'a' && lower(s[n]) <= 'z' {
				n++
			}
			v.pre, s = append(v.pre, strings.ToLower(s[:n])), s[n:]
		case c == '-' || c == '.' || c == '_':
			s = s[1:]
		default:
			return v, false
		}
	}
	if len(v.pre) == 0 { // "2.1-" is no version
		return v, false
	}
	return v, true
}

// compare returns -1, 0 or 1.
func (v version) compare(o version) int {
	for i := 0; i < len(v.numbers) || i < len(o.numbers); i++ {
		a, b := "0", "0"
		if i < len(v.numbers) {
			a = v.numbers[i]
		}
		if i < len(o.numbers) {
			b = o.numbers[i]
		}
		if c := compareNumbers(a, b); c != 0 {
			return c
		}
	}
	switch {
	case v.pre == nil && o.pre == nil:
		return 0
	case v.pre == nil:
		return 1
	case o.pre == nil:
		return -1
	}
	for i := 0; i < len(v.pre) && i < len(o.pre); i++ {
		if c := comparePre(v.pre[i], o.pre[i]); c != 0 {
			return c
		}
	}
	return sign(len(v.pre) - len(o.pre))
}

// comparePre orders one run of a pre-release: numbers by value and before words.
func comparePre(a, b string) int {
	an, bn := digits(a) > 0, digits(b) > 0
	switch {
	case an && bn:
		return compareNumbers(a, b)
	case an:
		return -1
	case bn:
		return 1
	}
	return strings.Compare(a, b)
}

// compareNumbers compares decimal numbers without leading zeros.
func compareNumbers(a, b string) int {
	if len(a) != len(b) {
		return sign(len(a) - len(b))
	}
	return strings.Compare(a, b)
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

func trimZeros(s string) string {
	if t := strings.TrimLeft(s, "0"); t != "" {
		return t
	}
	return "0"
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
