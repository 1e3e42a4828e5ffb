package requirement

import (
	"slices"
	"strings"
)

// verdict says whether a fact can have a value.
type verdict uint8

const (
	unsure verdict = iota // no value was found, and no proof that there is none
	possible
	impossible
)

// want is an atom about a fact, or its negation, that must hold.
type want struct {
	atom
	lit int32
}

func (w *want) positive() bool { return w.lit > 0 }

// weight is what it costs to look at all wants once, in steps.
func weight(ws []*want) int {
	n := 4
	for _, w := range ws {
		n += 4 + len(w.value)/16
	}
	return n
}

// literals returns the literals of several wants.
func literals(ws ...*want) []int32 {
	var out []int32
	for _, w := range ws {
		if w != nil && !slices.Contains(out, w.lit) {
			out = append(out, w.lit)
		}
	}
	return out
}

// bound is a limit of a text or a date.
type bound struct {
	by     *want // nil: no limit
	strict bool
}

// limits returns what a comparison, or the negation of one, says about the order
// of a value that is there.
func (w *want) limits() (below, above, strict bool) {
	op := w.match
	if !w.positive() { // of a value that is there
		switch op {
		case MatchLess, MatchBefore:
			op = MatchGreaterEqual
		case MatchGreater, MatchAfter:
			op = MatchLessEqual
		case MatchLessEqual, MatchOnOrBefore:
			op = MatchGreater
		case MatchGreaterEqual, MatchOnOrAfter:
			op = MatchLess
		default:
			return false, false, false
		}
	}
	switch op {
	case MatchLess, MatchBefore:
		return true, false, true
	case MatchLessEqual, MatchOnOrBefore:
		return true, false, false
	case MatchGreater, MatchAfter:
		return false, true, true
	case MatchGreaterEqual, MatchOnOrAfter:
		return false, true, false
	}
	return false, false, false
}

// between collects the tightest limits of texts or dates.
func between(ws []*want, compare func(x, y *want) int) (lo, hi bound) {
	for _, w := range ws {
		below, above, strict := w.limits()
		switch {
		case below:
			hi = hi.tightened(w, strict, -1, compare)
		case above:
			lo = lo.tightened(w, strict, +1, compare)
		}
	}
	return lo, hi
}

// tightened returns the tighter of b and a new limit; sign is +1 for lower limits
// and -1 for upper ones.
func (b bound) tightened(w *want, strict bool, sign int, compare func(x, y *want) int) bound {
	if b.by != nil {
		c := sign * compare(w, b.by)
		if c < 0 || c == 0 && (b.strict || !strict) {
			return b
		}
	}
	return bound{w, strict}
}

func compareTexts(x, y *want) int { return CompareVersions(x.value, y.value) }

// beyond is the last character of all by Apple's order. No text of a requirement
// is expected to hold it; those that do get no use of it.
const beyond = "\uffff"

// solveText looks for one text that matches every positive want and no negative
// one. There is at least one positive. A proof names the wants that exclude each
// other, the first positive one among them, which is why there is a text.
func solveText(ws []*want, steps *int) (text string, core []int32, v verdict) {
	var witness, equal *want
	for _, w := range ws {
		if w.positive() && witness == nil {
			witness = w
		}
		if w.positive() && w.match == MatchEqual {
			equal = w
		}
	}
	once := weight(ws)
	if *steps -= 4 * once; *steps <= 0 {
		return "", nil, unsure
	}
	for _, w := range ws {
		if w.match == MatchExists && !w.positive() {
			return "", literals(witness, w), impossible
		}
	}
	if equal != nil {
		return settled(equal.value, ws, equal)
	}
	lo, hi := between(ws, compareTexts)
	if core := emptyRange(lo, hi, witness); core != nil {
		return "", core, impossible
	}
	if hi.by != nil && hi.by.value == "" {
		return settled("", ws, witness, hi.by)
	}
	if lo.by != nil && hi.by != nil && compareTexts(lo.by, hi.by) == 0 && single(lo.by.value) {
		return settled(lo.by.value, ws, witness, lo.by, hi.by)
	}
	if core := clash(ws, lo, hi, once, steps); core != nil {
		return "", core, impossible
	}
	if *steps < 64*once { // some dozen texts are made at once
		*steps = 0
		return "", nil, unsure
	}
	for text := range textCandidates(ws, lo, hi) {
		if *steps -= once + len(text)/16*(len(ws)+1); *steps <= 0 {
			break
		}
		if violated(text, ws) == nil {
			return text, nil, possible
		}
	}
	return "", nil, unsure
}

// violated returns a want that the text does not fulfil.
func violated(text string, ws []*want) *want {
	for _, w := range ws {
		if matchString(&Expr{Match: w.match}, text, w.value) != w.positive() {
			return w
		}
	}
	return nil
}

// settled is the answer when only one text comes into question.
func settled(text string, ws []*want, because ...*want) (string, []int32, verdict) {
	if w := violated(text, ws); w != nil {
		return "", literals(append(because, w)...), impossible
	}
	return text, nil, possible
}

// single reports whether no other text has the same place in Apple's order:
// numbers have many forms, and bytes that are no UTF-8 stand where U+FFFD does.
func single(s string) bool { return !strings.ContainsAny(s, "0123456789\ufffd") }

func emptyRange(lo, hi bound, witness *want) []int32 {
	switch {
	case hi.by != nil && hi.strict && hi.by.value == "":
		return literals(witness, hi.by)
	case hi.by == nil || lo.by == nil:
		return nil
	}
	if c := compareTexts(lo.by, hi.by); c > 0 || c == 0 && (lo.strict || hi.strict) {
		return literals(witness, lo.by, hi.by)
	}
	return nil
}

// clash returns wants about the parts of a text that exclude each other.
func clash(ws []*want, lo, hi bound, once int, steps *int) []int32 {
	for _, p := range ws {
		if !p.positive() || p.match != MatchBeginsWith && p.match != MatchEndsWith && p.match != MatchContains {
			continue
		}
		if p.match == MatchBeginsWith {
			if core := clashWithOrder(p, lo, hi); core != nil {
				return core
			}
		}
		if *steps -= once + len(p.value)/16*len(ws); *steps <= 0 {
			return nil
		}
		for _, q := range ws {
			if q.positive() && q.match == p.match && !agree(p, q) || !q.positive() && entails(p, q) {
				return literals(p, q)
			}
		}
	}
	return nil
}

// agree reports whether two beginnings, or two ends, fit the same text.
func agree(p, q *want) bool {
	switch p.match {
	case MatchBeginsWith:
		return strings.HasPrefix(p.value, q.value) || strings.HasPrefix(q.value, p.value)
	case MatchEndsWith:
		return strings.HasSuffix(p.value, q.value) || strings.HasSuffix(q.value, p.value)
	}
	return true
}

// entails reports whether each text with p has q.
func entails(p, q *want) bool {
	switch {
	case q.match == MatchContains:
		return strings.Contains(p.value, q.value)
	case q.match == MatchBeginsWith && p.match == MatchBeginsWith:
		return strings.HasPrefix(p.value, q.value)
	case q.match == MatchEndsWith && p.match == MatchEndsWith:
		return strings.HasSuffix(p.value, q.value)
	}
	return false
}

// clashWithOrder compares the range of all texts that begin with p with the
// limits. A number at the end of p may go on, and be any number.
func clashWithOrder(p *want, lo, hi bound) []int32 {
	start := strings.TrimRight(p.value, "0123456789")
	first, last := p.value, p.value+beyond // of the texts that begin so
	if start != p.value {
		first, last = start+"0", start+":" // the character after the digits
	}
	if hi.by != nil {
		if c := CompareVersions(first, hi.by.value); c > 0 || c == 0 && hi.strict {
			return literals(p, hi.by)
		}
	}
	if lo.by != nil && !strings.Contains(lo.by.value, beyond) && CompareVersions(lo.by.value, last) >= 0 {
		return literals(p, lo.by)
	}
	return nil
}
