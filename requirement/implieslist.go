package requirement

import (
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// list solves a value of a property list. It may be an array, of which one
// element is enough for each positive want; so two wants exclude each other only
// when one of them is negative, which all elements must heed.
func (v *values) list(f fact, ws []*want, steps *int) *refusal {
	var exists, none, absent, present *want
	var texts, dates, notTexts, notDates []*want
	for _, w := range ws {
		switch {
		case w.match == MatchExists && w.positive():
			exists = w
		case w.match == MatchExists:
			none = w
		case w.match == MatchAbsent && w.positive():
			absent = w
		case w.match == MatchAbsent:
			present = w
		case w.match.HasDate() && w.positive():
			dates = append(dates, w)
		case w.match.HasDate():
			notDates = append(notDates, w)
		case w.positive():
			texts = append(texts, w)
		default:
			notTexts = append(notTexts, w)
		}
	}
	some := exists
	for _, w := range append(texts[:len(texts):len(texts)], dates...) {
		some = w
	}
	switch {
	case absent != nil && present != nil:
		return &refusal{core: literals(absent, present)}
	case some != nil && absent != nil:
		return &refusal{core: literals(some, absent)}
	case some != nil && none != nil:
		return &refusal{core: literals(some, none)}
	case some == nil && present == nil:
		return nil // missing
	case some == nil:
		v.lists[f] = plist.Bool(none == nil) // false neither exists nor is absent
		return nil
	}
	if *steps -= (len(texts) + len(dates)) * weight(ws); *steps <= 0 { // what evaluating them costs
		return nil
	}
	items, refused := elements(f, texts, dates, notTexts, notDates, steps)
	switch {
	case refused != nil:
		return refused
	case len(items) == 0:
		v.lists[f] = plist.Bool(true)
	case len(items) == 1:
		v.lists[f] = items[0]
	default:
		v.lists[f] = plist.Array(items...)
	}
	return nil
}

// elements finds a value for each positive want, and one for all if it can.
func elements(f fact, texts, dates, notTexts, notDates []*want, steps *int) ([]code.Value, *refusal) {
	var items []code.Value
	if len(texts) > 0 && len(dates) == 0 {
		all := append(texts[:len(texts):len(texts)], notTexts...)
		if text, _, answer := solveText(all, steps); answer == possible {
			return []code.Value{plist.String(text)}, nil
		}
	}
	for _, w := range texts {
		ws := append([]*want{w}, notTexts...)
		text, core, answer := solveText(ws, steps)
		switch answer {
		case impossible:
			return nil, &refusal{core: core}
		case unsure:
			return nil, &refusal{literals(ws...), "no text was found for key " + quoted(f.key)}
		}
		items = append(items, plist.String(text))
	}
	for _, w := range dates {
		ws := append([]*want{w}, notDates...)
		d, core, answer := solveDate(ws, false, steps)
		switch answer {
		case impossible:
			return nil, &refusal{core: core}
		case unsure:
			return nil, &refusal{literals(ws...), "no date was found for key " + quoted(f.key)}
		}
		items = append(items, plist.DateAt(d))
	}
	return items, nil
}
