package policy

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Bounds of the search for a nearest miss.
const (
	missEvaluations = 2000
	missTime        = 50 * time.Millisecond
	maxWishes       = 500
)

// Change is one fact that would have to be another one.
type Change struct {
	// Fact is the name that rules use, as in `subject.version` or
	// `subject.entitlements["KEY"]`; "signature" and "root" are what the floor asks.
	Fact string `json:"fact"`
	From string `json:"from"`
	To   string `json:"to"`
}

// String is the change in words.
func (c Change) String() string { return c.Fact + " " + c.To + " instead of " + c.From }

// NearestMiss is the smallest set of facts that would have to differ for an allow.
type NearestMiss struct {
	// Found is false when no single change and no two changes together lead to an
	// allow, or when the search ended before.
	Found   bool     `json:"found"`
	Changes []Change `json:"changes,omitempty"`
	// Reason says why nothing was found, or that the search was not complete.
	Reason string `json:"reason,omitempty"`
	// Evaluations is how many changed callers were judged.
	Evaluations int `json:"evaluations"`

	requests []Request // the changed question, for tests
}

// String is what an explanation says of it.
func (m NearestMiss) String() string {
	if !m.Found {
		return "no nearest allow: " + m.Reason
	}
	parts := make([]string, len(m.Changes))
	for i, c := range m.Changes {
		parts[i] = c.String()
	}
	return "nearest allow: " + strings.Join(parts, ", and ")
}

// NearestMiss searches for the smallest change that would lead to an allow. The
// candidates are the facts that the policy reads, with the constants that its
// conditions, requirements, peers and floor hold against them. Each is really made
// on a copy of the facts, and the copy is judged like any caller: what is found
// does allow, and a smaller change among the candidates does not. It judges at
// most 2,000 copies and takes at most 50 milliseconds.
//
// It tells whoever asks what the policy wants to see. Show it to the operator of
// the policy, not to the caller.
func (d Decision) NearestMiss(ctx context.Context) NearestMiss { return d.nearestMiss(ctx, missTime) }

func (d Decision) nearestMiss(ctx context.Context, limit time.Duration) (m NearestMiss) {
	switch {
	case d.policy == nil || d.request.Subject == nil:
		return NearestMiss{Reason: "nobody asked"}
	case d.allow:
		return NearestMiss{Reason: "the decision allows already"}
	}
	defer func() {
		if v := recover(); v != nil {
			m = NearestMiss{Reason: "internal error", Evaluations: m.Evaluations}
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	s := &search{ctx: ctx, d: d, wishes: d.wishes()}
	return s.run()
}

// wish is one change that may help.
type wish struct {
	fact, to string
	rank     int // how far from what an operator would change: see wishes
	apply    func(r Request) (Request, error)
}

// search judges changed copies of a request.
type search struct {
	ctx    context.Context
	d      Decision
	wishes []wish
	count  int
}

var errSearchEnded = errors.New("search ended")

func (s *search) run() NearestMiss {
	usable := s.wishes[:0:0]
	var changed []Request
	var progress []int // usable wishes that changed the answer without turning it
	for _, w := range s.wishes {
		if s.d.shownFact(w.fact) == w.to { // nothing that the reader could see would change
			continue
		}
		r, d, err := s.try(w, s.d.request)
		switch {
		case errors.Is(err, errSearchEnded):
			return s.ended()
		case err != nil: // the change cannot be made here
			continue
		case d.allow:
			return s.found(r, w)
		}
		if w.fact != "operation" && (d.finding.reason != s.d.finding.reason || d.finding.rule != s.d.finding.rule || d.finding.outcome != s.d.finding.outcome || d.finding.slice != s.d.finding.slice) {
			progress = append(progress, len(usable))
		}
		usable, changed = append(usable, w), append(changed, r)
	}
	tried := map[[2]int]bool{}
	pair := func(i, k int) (*NearestMiss, bool) {
		if i == k || tried[[2]int{min(i, k), max(i, k)}] || usable[i].fact == usable[k].fact {
			return nil, false
		}
		tried[[2]int{min(i, k), max(i, k)}] = true
		r, d, err := s.try(usable[k], changed[i])
		switch {
		case errors.Is(err, errSearchEnded):
			m := s.ended()
			return &m, true
		case err == nil && d.allow:
			m := s.found(r, usable[i], usable[k])
			return &m, true
		}
		return nil, false
	}
	for _, i := range progress {
		for k := range usable {
			if m, done := pair(i, k); done {
				return *m
			}
		}
	}
	for k := range usable { // the likely ones first, see wishes
		for i := range k {
			if m, done := pair(i, k); done {
				return *m
			}
		}
	}
	return NearestMiss{Reason: "no change of one or two facts leads to an allow", Evaluations: s.count}
}

// try makes one change and judges the copy.
func (s *search) try(w wish, r Request) (Request, Decision, error) {
	if s.count >= missEvaluations || s.ctx.Err() != nil {
		return r, Decision{}, errSearchEnded
	}
	r, err := w.apply(r)
	if err != nil {
		return r, Decision{}, err
	}
	s.count++
	d := s.d.policy.Decide(s.ctx, r)
	if s.ctx.Err() != nil {
		return r, d, errSearchEnded
	}
	return r, d, nil
}

func (s *search) ended() NearestMiss {
	return NearestMiss{Reason: "the search ended at its limit", Evaluations: s.count}
}

func (s *search) found(r Request, wishes ...wish) NearestMiss {
	m := NearestMiss{Found: true, Evaluations: s.count, requests: []Request{r}}
	for _, w := range wishes {
		m.Changes = append(m.Changes, Change{Fact: w.fact, From: s.d.shownFact(w.fact), To: w.to})
	}
	return m
}

// shownFact is what a fact of the request is now, in the slice that decided.
func (d Decision) shownFact(name string) string {
	all := d.perSlice()
	f := &all[0]
	for i := range all {
		if all[i].s.Arch == d.finding.slice {
			f = &all[i]
		}
	}
	switch name {
	case factSignature:
		return "not verified"
	case factRoot:
		if root, ok, _ := f.s.AnchorCert().Get(); ok {
			return quoteShort(root.CommonName())
		}
		return "nothing"
	}
	for _, dict := range []struct {
		name string
		fact code.Fact[code.Value]
	}{{"subject.entitlements", f.s.Entitlements}, {"subject.info", f.s.Info}} {
		if rest, ok := strings.CutPrefix(name, dict.name+"["); ok {
			if dict.fact.IsUnknown() {
				return "unknown"
			}
			key, _ := strconv.Unquote(strings.TrimSuffix(rest, "]"))
			v, there := dict.fact.Or(code.Value{}).Get(key)
			if !there {
				return "nothing"
			}
			return showValue(v)
		}
	}
	for i := range fields {
		if fields[i].name == name {
			return f.shown(&fields[i])
		}
	}
	return "something else"
}
