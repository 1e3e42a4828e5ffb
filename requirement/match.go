package requirement

import (
	"strings"
	"unicode/utf8"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// operand returns the text that a comparison uses; false when it is not UTF-8.
//
// Apple: operands become C strings, so they end at their first NUL.
func operand(s string) (string, bool) {
	for i := 0; i < len(s); i++ {
		if s[i]-1 < utf8.RuneSelf-1 { // ASCII, and no NUL
			continue
		}
		if n := strings.IndexByte(s[i:], 0); n >= 0 {
			s = s[:i+n]
		}
		return s, utf8.ValidString(s)
	}
	return s, true
}

// matchNothing is the answer of a comparison with a value that is not there.
func matchNothing(e *Expr) bool { return e.Match == MatchAbsent }

// matchTrue is the answer of a comparison with the boolean true, which stands
// for an extension or policy that a certificate has.
func matchTrue(e *Expr) bool { return e.Match == MatchExists }

// matchString compares a text with the operand of e.
//
// Apple: an empty operand is contained in nothing, begins nothing, ends nothing.
func matchString(e *Expr, s, want string) bool {
	switch e.Match {
	case MatchExists:
		return true
	case MatchEqual:
		return s == want
	case MatchContains:
		return want != "" && strings.Contains(s, want)
	case MatchBeginsWith:
		return want != "" && strings.HasPrefix(s, want)
	case MatchEndsWith:
		return want != "" && strings.HasSuffix(s, want)
	case MatchLess:
		return CompareVersions(s, want) < 0
	case MatchGreater:
		return CompareVersions(s, want) > 0
	case MatchLessEqual:
		return CompareVersions(s, want) <= 0
	case MatchGreaterEqual:
		return CompareVersions(s, want) >= 0
	}
	return false
}

// matchDate compares a date, in seconds since 2001 and perhaps parts of seconds.
func matchDate(m MatchOp, date int64, seconds float64) bool {
	want := float64(date)
	switch m {
	case MatchExists:
		return true
	case MatchOn:
		return seconds == want
	case MatchBefore:
		return seconds < want
	case MatchAfter:
		return seconds > want
	case MatchOnOrBefore:
		return seconds <= want
	case MatchOnOrAfter:
		return seconds >= want
	}
	return false
}

// matchValue compares a property-list value. Of an array, one matching element is
// enough; else the array itself is the value. Numbers, booleans and data are
// equal to no text.
//
// Apple: boolean false does not exist, and is not absent either.
func matchValue(e *Expr, v code.Value, want string) bool {
	switch v.Kind() {
	case plist.KindString:
		s, _ := v.Str()
		return matchString(e, s, want)
	case plist.KindDate:
		d, _ := v.Seconds()
		return matchDate(e.Match, e.Date(), d)
	case plist.KindBool:
		b, _ := v.Boolean()
		return b && e.Match == MatchExists
	case plist.KindArray:
		for x := range v.Items() {
			if matchValue(e, x, want) {
				return true
			}
		}
	}
	return e.Match == MatchExists
}
