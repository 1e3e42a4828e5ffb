package requirement

import "math"

func compareDates(x, y *want) int {
	switch a, b := float64(x.date), float64(y.date); {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// solveDate looks for one date that matches every positive want and no negative
// one. There is at least one positive. Dates of certificates are whole seconds,
// and 2001-01-01 counts as none; those in property lists may be any.
func solveDate(ws []*want, certificate bool, steps *int) (seconds float64, core []int32, v verdict) {
	var witness, on *want
	var not []*want
	*steps -= 4 * len(ws)
	for _, w := range ws {
		switch {
		case w.positive() && witness == nil:
			witness = w
		case !w.positive() && w.match == MatchExists:
			not = append(not, w)
		}
	}
	if len(not) > 0 {
		return 0, literals(witness, not[0]), impossible
	}
	for _, w := range ws {
		switch {
		case w.match == MatchOn && w.positive():
			on = w
		case w.match == MatchOn:
			not = append(not, w)
		}
	}
	lo, hi := between(ws, compareDates)
	fixed := []*want{witness}
	switch {
	case on != nil:
		lo, hi, fixed = bound{by: on}, bound{by: on}, []*want{on}
	case lo.by != nil && hi.by != nil:
		fixed = append(fixed, lo.by, hi.by)
		if c := compareDates(lo.by, hi.by); c > 0 || c == 0 && (lo.strict || hi.strict) {
			return 0, literals(fixed...), impossible
		}
	}
	if lo.by != nil && hi.by != nil && compareDates(lo.by, hi.by) == 0 {
		d := float64(lo.by.date)
		if certificate && d == 0 {
			return 0, literals(fixed...), impossible
		}
		if w := violatedDate(d, ws); w != nil {
			return 0, literals(append(fixed, w)...), impossible
		}
		return d, nil, possible
	}
	for _, d := range dateCandidates(lo, hi, len(not)+2) {
		if *steps -= len(ws); *steps <= 0 {
			break
		}
		if (!certificate || d != 0 && d == math.Trunc(d)) && violatedDate(d, ws) == nil {
			return d, nil, possible
		}
	}
	return 0, nil, unsure
}

func violatedDate(d float64, ws []*want) *want {
	for _, w := range ws {
		if matchDate(w.match, w.date, d) != w.positive() {
			return w
		}
	}
	return nil
}

// dateCandidates returns enough dates between the limits that one remains when n
// are excluded, if there are that many.
func dateCandidates(lo, hi bound, n int) []float64 {
	var out []float64
	n = min(n, 4096)
	for i := 0; i <= n; i++ {
		k := float64(i)
		switch {
		case lo.by != nil && hi.by != nil:
			a, b := float64(lo.by.date), float64(hi.by.date)
			out = append(out, a+k, b-k, a+(b-a)*(k+1)/float64(n+2))
		case lo.by != nil:
			a := float64(lo.by.date)
			out = append(out, a+k, a+math.Abs(a)*k)
		case hi.by != nil:
			b := float64(hi.by.date)
			out = append(out, b-k, b-math.Abs(b)*k)
		default:
			out = append(out, 500_000_000+86_400*k)
		}
	}
	return out
}
