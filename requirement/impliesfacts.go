package requirement

import (
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// fact names one fact of a program with a chain of known length. The certificate
// is counted from the leaf, whatever slot a term names it by.
type fact struct {
	op   Op
	cert int64
	key  string
}

// values holds the facts of a program that were found so far. What is not in it
// is absent, false, or of no interest.
type values struct {
	bools map[fact]bool
	texts map[fact]string
	dates map[fact]float64
	lists map[fact]code.Value
	trust map[int64]code.TrustSetting
	not   map[fact]map[string]bool // what a text must not be
}

// refusal is a set of literals that exclude each other, or that no facts could be
// found for; doubt says why then, and is empty for a proof.
type refusal struct {
	core  []int32
	doubt string
}

// place returns the fact that an atom is about in a chain of n certificates;
// false when the certificate is missing, which makes every atom about it false.
func place(a *atom, n int64) (fact, bool) {
	f := fact{op: a.op}
	slot := int64(a.slot)
	switch a.op {
	case OpInfo, OpEntitlement:
		f.key = a.key
		return f, true
	case OpUnknown, OpNamedAnchor, OpNamedCode:
		f.key = a.value
		return f, true
	case OpTrustedCerts:
		return fact{op: OpTrustedCert}, n > 0
	case OpAppleGeneric:
		slot = int64(SlotRoot)
	case OpTrustedCert, OpAnchorHash:
	case OpCertField, OpCertGeneric, OpCertPolicy, OpCertDate:
		f.key = a.key
	default:
		return f, true
	}
	if slot < 0 {
		slot += n
	}
	if a.op != OpTrustedCert { // settings are solved together
		f.cert = slot
	}
	return f, slot >= 0 && slot < n
}

// solve looks for values of one fact.
func (v *values) solve(f fact, ws []*want, n int64, steps *int) *refusal {
	*steps -= len(ws) + 1
	switch f.op {
	case OpNotarized, OpAppleAnchor, OpLegacy:
		v.bools[f] = ws[0].positive()
	case OpIdent, OpCDHash, OpAnchorHash:
		return v.exact(f, ws)
	case OpPlatform:
		return v.platform(f, ws)
	case OpInfo, OpEntitlement:
		return v.list(f, ws, steps)
	case OpCertField:
		return v.attribute(f, ws, steps)
	case OpCertDate:
		return v.date(f, ws, steps)
	case OpCertGeneric, OpCertPolicy, OpAppleGeneric:
		return v.extension(f, ws)
	case OpTrustedCert:
		return v.settings(ws, n)
	case OpNamedAnchor, OpNamedCode:
		if ws[0].positive() {
			return &refusal{literals(ws[0]), "it depends on the named requirement " + quoted(f.key) + ", which is not known here"}
		}
	}
	return nil // an opaque term: the confirmation tells
}

// exact solves facts that terms only compare for equality. Each has one value.
func (v *values) exact(f fact, ws []*want) *refusal {
	var is *want
	not := map[string]bool{}
	for _, w := range ws {
		switch {
		case !w.positive():
			not[w.value] = true
		case is != nil:
			return &refusal{core: literals(is, w)}
		default:
			is = w
		}
	}
	switch {
	case is == nil:
		v.not[f] = not
	case f.op == OpAnchorHash && is.value == string(make([]byte, 20)):
		return &refusal{literals(is), "no certificate is known to have a hash of zeros"}
	default:
		v.texts[f] = is.value
	}
	return nil
}

func (v *values) platform(f fact, ws []*want) *refusal {
	var is *want
	var taken [256]bool
	for _, w := range ws {
		switch {
		case !w.positive():
			taken[w.slot] = true
		case is != nil:
			return &refusal{core: literals(is, w)}
		default:
			is = w
		}
	}
	if is != nil {
		v.texts[f] = string([]byte{byte(is.slot)})
		return nil
	}
	for b, no := range taken {
		if !no {
			v.texts[f] = string([]byte{byte(b)})
			return nil
		}
	}
	return &refusal{literals(ws...), "only code without a platform byte would tell them apart"}
}

// extension solves what is there or not.
func (v *values) extension(f fact, ws []*want) *refusal {
	var yes, no *want
	for _, w := range ws {
		if w.positive() == (w.match != MatchAbsent) {
			yes = w
		} else {
			no = w
		}
	}
	if yes != nil && no != nil {
		return &refusal{core: literals(yes, no)}
	}
	if o := code.OID(f.key); yes != nil && f.op != OpAppleGeneric {
		if again, err := code.ParseOID(o.String()); err != nil || again != o {
			return &refusal{literals(yes), "it depends on a malformed object identifier"}
		}
	}
	v.bools[f] = yes != nil
	return nil
}

// attribute solves an attribute of a certificate's subject, which is one text or
// missing.
func (v *values) attribute(f fact, ws []*want, steps *int) *refusal {
	if f.key == "email" {
		return &refusal{literals(ws[0]), "it depends on email names, which are no facts here"}
	}
	if !anyPositive(ws) {
		return nil
	}
	text, core, answer := solveText(ws, steps)
	switch answer {
	case impossible:
		return &refusal{core: core}
	case unsure:
		return &refusal{literals(ws...), "no text was found for certificate attribute " + attributeName(code.OID(f.key))}
	}
	v.texts[f] = text
	return nil
}

func anyPositive(ws []*want) bool {
	for _, w := range ws {
		if w.positive() {
			return true
		}
	}
	return false
}

func (v *values) date(f fact, ws []*want, steps *int) *refusal {
	if !anyPositive(ws) {
		return nil
	}
	d, core, answer := solveDate(ws, true, steps)
	switch answer {
	case impossible:
		return &refusal{core: core}
	case unsure:
		return &refusal{literals(ws...), "no whole second was found for the date of a certificate"}
	}
	v.dates[f] = d
	return nil
}

// settings solves the trust settings of the whole chain.
func (v *values) settings(ws []*want, n int64) *refusal {
	var anchor *want
	yes, no := map[int64]*want{}, map[int64]*want{}
	for _, w := range ws {
		i := int64(w.slot)
		if i < 0 {
			i += n
		}
		switch {
		case w.op == OpTrustedCerts:
			anchor = w
		case w.positive():
			yes[i] = w
		default:
			no[i] = w
		}
		if yes[i] != nil && no[i] != nil {
			return &refusal{core: literals(yes[i], no[i])}
		}
	}
	for i := range yes {
		v.trust[i] = code.TrustRoot
	}
	switch {
	case anchor == nil:
	case anchor.positive():
		core := []*want{anchor}
		for i := range n {
			if no[i] == nil {
				v.trust[i] = code.TrustRoot
				return nil
			}
			core = append(core, no[i])
		}
		return &refusal{core: literals(core...)}
	case yes[0] != nil:
		return &refusal{core: literals(anchor, yes[0])}
	case len(yes) > 0:
		v.trust[0] = code.TrustDeny
	}
	return nil
}

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
	if *steps -= (len(texts) + len(dates)) * len(ws); *steps <= 0 { // what evaluating them costs
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

func attributeName(o code.OID) string {
	for i := range subjectFields {
		if subjectFields[i].oid == o {
			return "subject." + subjectFields[i].name
		}
	}
	return o.String()
}
