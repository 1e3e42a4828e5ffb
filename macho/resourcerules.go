package macho

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

const (
	// maxRules is the number of rules that a seal may have; codesign writes 13.
	maxRules = 128
	// maxRuleStates bounds the size of all patterns of one seal with their
	// repetitions written out, and with it the time of each match: a path of n
	// bytes costs at most n times this. Codesign's rules have about 250 together.
	maxRuleStates = 4000
	// maxRepeat is RE_DUP_MAX of POSIX.
	maxRepeat = 255
)

// rule is one entry of the rules dictionary: what happens to the paths that its
// pattern matches.
type rule struct {
	pattern                string
	match                  *regexp.Regexp
	literal                string // stands in every path that matches; "" when nothing must
	weight                 float64
	omit, optional, nested bool
	states                 int // size of the pattern with its repetitions written out
}

// rules are the rules of one seal, heaviest first; of equal weight, the one that
// seals more comes first.
type rules []rule

// parseRules reads a rules dictionary.
func parseRules(dict plist.Value) (rules, error) {
	if dict.Len() > maxRules {
		return nil, fmt.Errorf("there are %d rules, at most %d are accepted", dict.Len(), maxRules)
	}
	out := make(rules, 0, dict.Len())
	states := 0
	for pattern, v := range dict.All() {
		r, err := parseRule(pattern, v)
		if err != nil {
			return nil, fmt.Errorf("rule %.80q: %w", pattern, err)
		}
		text, n, err := translateERE(pattern)
		if err != nil {
			return nil, fmt.Errorf("rule %.80q: %w", pattern, err)
		}
		r.states = n
		if states += n; states > maxRuleStates {
			return nil, fmt.Errorf("rule %.80q: the patterns are larger than %d together", pattern, maxRuleStates)
		}
		if r.match, err = regexp.Compile(text); err != nil {
			return nil, fmt.Errorf("rule %.80q: %w", pattern, err)
		}
		if tree, err := syntax.Parse(text, syntax.Perl); err == nil {
			r.literal = literalIn(tree)
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b rule) int {
		switch {
		case a.weight != b.weight:
			return compare(a.weight > b.weight)
		// Apple: of equal weight, whichever its dictionary yields first.
		case a.omit != b.omit:
			return compare(b.omit)
		case a.optional != b.optional:
			return compare(b.optional)
		case a.nested != b.nested:
			return compare(a.nested)
		}
		return 0
	})
	return out, nil
}

func compare(first bool) int {
	if first {
		return -1
	}
	return 1
}

func parseRule(pattern string, v plist.Value) (rule, error) {
	r := rule{pattern: pattern, weight: 1}
	if b, ok := v.Boolean(); ok {
		r.omit = !b
		return r, nil
	}
	if v.Kind() != plist.KindDict {
		return r, fmt.Errorf("it is a %s, want a boolean or a dictionary", v.Kind())
	}
	for key, x := range v.All() {
		var flag *bool
		switch key {
		case "weight":
			n, isInt := x.Int64()
			f, isReal := x.Float()
			if isInt {
				f = float64(n)
			}
			if !isInt && !isReal || math.IsNaN(f) {
				return r, errors.New("its weight is no number")
			}
			r.weight = f
			continue
		case "omit":
			flag = &r.omit
		case "optional":
			flag = &r.optional
		case "nested":
			flag = &r.nested
		default:
			continue
		}
		b, ok := x.Boolean()
		if !ok {
			return r, fmt.Errorf("its %s is a %s, want a boolean", key, x.Kind())
		}
		*flag = b
	}
	return r, nil
}

// find returns the rule that counts for a path, nil when none matches. tie says
// that another rule of the same weight says something else.
func (rs rules) find(path string) (winner *rule, tie bool) {
	for i := range rs {
		r := &rs[i]
		if winner != nil && r.weight != winner.weight {
			break
		}
		if winner != nil && r.omit == winner.omit && r.optional == winner.optional && r.nested == winner.nested {
			continue
		}
		if !strings.Contains(path, r.literal) || !r.match.MatchString(path) {
			continue
		}
		if winner != nil {
			return winner, true
		}
		winner = r
	}
	return winner, false
}

// literalIn returns the longest text that every match of a pattern contains. Most
// rules are about rare names, and looking for those takes a tenth of a match.
func literalIn(re *syntax.Regexp) (longest string) {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 && !slices.Contains(re.Rune, utf8.RuneError) { // bytes that are no UTF-8 match that
			return string(re.Rune)
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if s := literalIn(sub); len(s) > len(longest) {
				longest = s
			}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return literalIn(re.Sub[0])
	}
	return longest
}

// states is the size of all patterns together.
func (rs rules) states() (n int64) {
	for i := range rs {
		n += int64(rs[i].states)
	}
	return n
}

// weakRules says why the rules of version 2 seal less than codesign's own: the
// catch-all is missing, or something is left out that codesign would seal.
// resources says whether the bundle keeps its resources in a directory of their own.
func weakRules(dict plist.Value, resources bool) string {
	omittable := []string{`^(.*/)?\.DS_Store$`, `^Info\.plist$`, `^PkgInfo$`, `^Resources/.*\.lproj/locversion.plist$`}
	if !resources {
		omittable = append(omittable, `^.*\.lproj/locversion.plist$`)
	}
	catchAll := false
	for pattern, v := range dict.All() {
		r, err := parseRule(pattern, v)
		switch {
		case err != nil: // step R7 says what is wrong with it
		case r.omit && !slices.Contains(omittable, pattern):
			return fmt.Sprintf("the rule %.80q leaves files out that codesign would seal", pattern)
		case !r.omit && pattern == `^.*`:
			catchAll = true
		}
	}
	if !catchAll {
		return "there is no rule \"^.*\", so that files which no rule names are not sealed"
	}
	return ""
}

// translateERE rewrites a POSIX extended regular expression for package regexp,
// and returns its size with repetitions written out. What POSIX leaves undefined,
// and what depends on a locale, is refused: two readers could disagree.
//
// A dot and a negated bracket match a newline too, and the anchors stand for the
// ends of the path alone, as regcomp reads them without REG_NEWLINE.
func translateERE(pattern string) (text string, states int, err error) {
	t := ereReader{in: pattern}
	t.out.WriteString("(?s)")
	states, err = t.alternatives(0)
	if err == nil && t.at < len(t.in) {
		err = errors.New("a ) without its (")
	}
	return t.out.String(), states, err
}

type ereReader struct {
	in  string
	at  int
	out strings.Builder
}

// alternatives reads up to a closing parenthesis or the end.
func (t *ereReader) alternatives(depth int) (states int, err error) {
	if depth > 20 {
		return 0, errors.New("more than 20 groups inside each other")
	}
	for {
		n, err := t.branch(depth)
		if err != nil {
			return 0, err
		}
		if states += n + 1; states > maxRuleStates {
			return 0, fmt.Errorf("the pattern is larger than %d", maxRuleStates)
		}
		if t.at == len(t.in) || t.in[t.at] != '|' {
			return states, nil
		}
		t.at++
		t.out.WriteByte('|')
	}
}

func (t *ereReader) branch(depth int) (states int, err error) {
	for t.at < len(t.in) && t.in[t.at] != '|' && t.in[t.at] != ')' {
		n, repeatable, err := t.atom(depth)
		if err != nil {
			return 0, err
		}
		if t.at < len(t.in) && strings.IndexByte("*+?{", t.in[t.at]) >= 0 {
			if !repeatable {
				return 0, fmt.Errorf("%q repeats nothing", t.in[t.at])
			}
			times, err := t.repetition()
			if err != nil {
				return 0, err
			}
			n *= times
			if t.at < len(t.in) && strings.IndexByte("*+?{", t.in[t.at]) >= 0 {
				return 0, errors.New("two repetitions in a row")
			}
		}
		if states += n; states > maxRuleStates {
			return 0, fmt.Errorf("the pattern is larger than %d", maxRuleStates)
		}
	}
	return states, nil
}

// atom reads what a repetition may follow. Anchors must not be repeated.
func (t *ereReader) atom(depth int) (states int, repeatable bool, err error) {
	switch c := t.in[t.at]; c {
	case '(':
		t.at++
		t.out.WriteString("(?:")
		n, err := t.alternatives(depth + 1)
		if err != nil {
			return 0, false, err
		}
		if t.at == len(t.in) {
			return 0, false, errors.New("a ( without its )")
		}
		t.at++
		t.out.WriteByte(')')
		return n + 1, true, nil
	case '[':
		return 1, true, t.bracket()
	case '^':
		t.at++
		t.out.WriteString(`\A`)
		return 1, false, nil
	case '$':
		t.at++
		t.out.WriteString(`\z`)
		return 1, false, nil
	case '.':
		t.at++
		t.out.WriteByte('.')
		return 1, true, nil
	case '*', '+', '?', '{':
		return 0, false, fmt.Errorf("%q repeats nothing", c)
	case '\\':
		t.at++
		if t.at == len(t.in) || strings.IndexByte(`.[]()*+?{}|^$\/-"`, t.in[t.at]) < 0 {
			return 0, false, errors.New("a backslash before something that needs none has no meaning in POSIX")
		}
	}
	size := 1
	for size < len(t.in)-t.at && t.in[t.at+size]&0xc0 == 0x80 { // one character
		size++
	}
	t.out.WriteString(regexp.QuoteMeta(t.in[t.at : t.at+size]))
	t.at += size
	return 1, true, nil
}

// repetition reads *, +, ? or an interval, and returns how often it writes its
// operand out.
func (t *ereReader) repetition() (times int, err error) {
	c := t.in[t.at]
	t.at++
	if c != '{' {
		t.out.WriteByte(c)
		return 1, nil
	}
	lo, hasLo := t.number()
	hi, hasHi := lo, true
	if t.at < len(t.in) && t.in[t.at] == ',' {
		t.at++
		hi, hasHi = t.number()
	}
	if !hasLo || t.at == len(t.in) || t.in[t.at] != '}' || lo > maxRepeat || hi > maxRepeat || hasHi && hi < lo {
		return 0, fmt.Errorf("an interval is {n}, {n,} or {n,m} with numbers up to %d in order", maxRepeat)
	}
	t.at++
	fmt.Fprintf(&t.out, "{%d,", lo)
	if hasHi {
		fmt.Fprintf(&t.out, "%d", hi)
	}
	t.out.WriteByte('}')
	return max(lo, hi) + 1, nil
}

func (t *ereReader) number() (n int, ok bool) {
	for t.at < len(t.in) && t.in[t.at] >= '0' && t.in[t.at] <= '9' {
		n, ok = min(n*10+int(t.in[t.at]-'0'), maxRepeat+1), true
		t.at++
	}
	return n, ok
}

var bracketClasses = []string{"alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit"}

// bracket reads a bracket expression of ASCII characters, ranges and classes. A
// backslash in it stands for itself.
func (t *ereReader) bracket() error {
	t.at++
	t.out.WriteByte('[')
	if t.at < len(t.in) && t.in[t.at] == '^' {
		t.at++
		t.out.WriteByte('^')
	}
	for first := true; ; first = false {
		if t.at == len(t.in) {
			return errors.New("a [ without its ]")
		}
		c := t.in[t.at]
		rest := t.in[t.at:]
		switch {
		case c == ']' && !first:
			t.at++
			t.out.WriteByte(']')
			return nil
		case c >= 0x80:
			return errors.New("a bracket expression with more than ASCII depends on the locale")
		case strings.HasPrefix(rest, "[:"):
			name, _, ok := strings.Cut(rest[2:], ":]")
			if !ok || !slices.Contains(bracketClasses, name) {
				return errors.New("an unknown character class")
			}
			t.out.WriteString("[:" + name + ":]")
			t.at += len(name) + 4
			continue
		case strings.HasPrefix(rest, "[.") || strings.HasPrefix(rest, "[="):
			return errors.New("collating elements depend on the locale")
		}
		t.at++
		hi := c
		if len(rest) > 2 && rest[1] == '-' && rest[2] != ']' {
			if hi = rest[2]; hi < c || hi >= 0x80 || hi == '[' {
				return errors.New("a range that is out of order or depends on the locale")
			}
			t.at += 2
		}
		fmt.Fprintf(&t.out, `\x%02x-\x%02x`, c, hi)
	}
}
