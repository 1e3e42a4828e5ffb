package requirement

import "github.com/xpcpolicy/xpcpolicy/code"

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
	*steps -= weight(ws)
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

// exact solves facts that terms only compare for equality. Each has one value, and
// the same comparison may stand there twice, for two slots of one certificate.
func (v *values) exact(f fact, ws []*want) *refusal {
	var is *want
	not := map[string]bool{}
	for _, w := range ws {
		switch {
		case !w.positive():
			not[w.value] = true
		case is != nil && is.value != w.value:
			return &refusal{core: literals(is, w)}
		default:
			is = w
		}
	}
	switch {
	case is == nil:
		v.not[f] = not
	case not[is.value]:
		for _, w := range ws {
			if !w.positive() && w.value == is.value {
				return &refusal{core: literals(is, w)}
			}
		}
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

func attributeName(o code.OID) string {
	for i := range subjectFields {
		if subjectFields[i].oid == o {
			return "subject." + subjectFields[i].name
		}
	}
	return o.String()
}
