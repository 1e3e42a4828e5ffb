package requirement

import (
	"strconv"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// describe writes into n what a term expected and what was found.
func (x *explainer) describe(n *diag.Node, e *Expr, out Outcome) {
	s := x.v.s
	n.Hint = hint(e)
	if out == Unknown {
		n.Note = "nobody knows " + strings.Join(x.v.missing(e), ", ")
		return
	}
	switch e.Op {
	case OpTrue:
		n.Note = "this is always true"
	case OpFalse:
		n.Note = "this is never true"
	case OpIdent:
		id, ok, _ := s.Identifier.Get()
		n.Expected = quoted(e.Value)
		switch {
		case !ok:
			n.Found = "no identifier: there is no CodeDirectory"
		case out == False && strings.EqualFold(id, e.Value):
			n.Found = quoted(id) + ", which differs in case, and case counts"
		default:
			n.Found = quoted(id)
		}
	case OpCDHash:
		describeCDHash(n, e, s)
	case OpPlatform:
		n.Expected = strconv.Itoa(int(e.Slot))
		if b, ok, _ := s.PlatformByte.Get(); ok {
			n.Found = strconv.Itoa(int(b))
		} else {
			n.Found = "no platform: there is no CodeDirectory"
		}
		if e.Slot < 0 || e.Slot > 255 {
			n.Note = "no code has platform " + n.Expected + ": it is one byte"
		}
	case OpNotarized:
		n.Found = "no valid notarisation ticket for this code"
		if out == True {
			n.Found = "a valid notarisation ticket"
		}
	case OpLegacy:
		_, n.Found = legacy(s)
	case OpInfo, OpInfoValue:
		describeKey(n, e, &s.Info, "Info.plist", out)
	case OpEntitlement:
		describeKey(n, e, &s.Entitlements, "the entitlements", out)
	case OpNamedAnchor, OpNamedCode:
		n.Found = "no requirement is registered under this name"
		if x.v.o.Anchors[e.Value] != nil && e.Op == OpNamedAnchor || x.v.o.Codes[e.Value] != nil && e.Op == OpNamedCode {
			n.Found = "the requirement of this name is " + out.String()
		}
	case OpConstraint:
		n.Note = "the launch constraint is " + out.String()
	default:
		x.describeCertificate(n, e, out)
	}
}

// hint says in a few words what a term means.
func hint(e *Expr) string {
	switch e.Op {
	case OpAppleAnchor:
		return "Apple's own software"
	case OpAppleGeneric:
		return "signed under an Apple root"
	case OpTrustedCerts, OpTrustedCert:
		return "trusted by this Mac's settings"
	case OpCertGeneric, OpCertDate:
		return code.MarkerName(code.OID(e.Key))
	case OpCertField:
		if e.Key == "subject.OU" && e.Slot == SlotLeaf {
			return "team"
		}
	}
	return ""
}

func describeCDHash(n *diag.Node, e *Expr, s *code.Subject) {
	n.Expected = hexText(e.Value)
	hashes, ok, _ := s.CDHashes.Get()
	if !ok || len(hashes) == 0 {
		n.Found = "no cdhash: there is no CodeDirectory"
		return
	}
	n.Found = hashes[0].String()
	if len(e.Value) != 20 {
		n.Note = "a cdhash has 20 bytes, this one has " + itoa(len(e.Value)) + " and matches nothing"
	}
	for _, h := range hashes[1:] {
		if string(h.Hash[:]) == e.Value && string(hashes[0].Hash[:]) != e.Value {
			n.Note = "this is the hash of the " + h.Type.String() + " CodeDirectory; only that of the best one counts, " + n.Found
		}
	}
}

// expectation is a comparison in words.
func expectation(e *Expr) string {
	switch {
	case e.Op == OpInfoValue:
		return quoted(e.Value)
	case e.Match == MatchExists:
		return "a value"
	case e.Match == MatchAbsent:
		return "no value"
	case e.Match == MatchEqual:
		return quoted(e.Value)
	case e.Match == MatchContains:
		return "a text with " + quoted(e.Value) + " in it"
	case e.Match == MatchBeginsWith:
		return "a text that begins with " + quoted(e.Value)
	case e.Match == MatchEndsWith:
		return "a text that ends with " + quoted(e.Value)
	case e.Match.HasDate():
		return strings.TrimSpace(matchSigns[e.Match]) + " " + dateText(e.Date())
	case e.Match < matchCount:
		return strings.TrimSpace(matchSigns[e.Match]) + " " + quoted(e.Value)
	}
	return "nothing: comparison " + strconv.FormatUint(uint64(e.Match), 10) + " is not known and never matches"
}

// describeKey is for a key of a dictionary.
func describeKey(n *diag.Node, e *Expr, f *code.Fact[code.Value], where string, out Outcome) {
	n.Expected = expectation(e)
	dict, ok, _ := f.Get()
	if !ok {
		n.Found = "no value: nothing is sealed as " + where
		if e.Op == OpEntitlement {
			n.Found = "no value: the code has no entitlements"
		}
		return
	}
	key, _ := operand(e.Key)
	v, ok := dict.Get(key)
	if !ok {
		n.Found = "no value"
		for k := range dict.All() {
			if strings.EqualFold(k, key) {
				n.Found = "no value, but one under " + quoted(k) + ": keys count case"
			}
		}
		return
	}
	n.Found = display(v)
	if out == False {
		n.Found += mismatch(e, v)
	}
}

// mismatch says why a value cannot match for what it is.
func mismatch(e *Expr, v code.Value) string {
	b, isBool := v.Boolean()
	switch {
	case e.Match == MatchExists && isBool && !b:
		return ", which counts neither as existing nor as absent"
	case e.Match == MatchExists || e.Match == MatchAbsent:
		return ""
	case v.Kind() == plist.KindArray:
		return ""
	case e.Match.HasDate() && v.Kind() != plist.KindDate:
		return ", and only dates compare with a timestamp"
	case e.Match.HasDate():
		return ""
	case v.Kind() != plist.KindString:
		return ", and only strings compare with a text"
	case e.Value == "" && e.Match >= MatchContains && e.Match <= MatchEndsWith:
		return ", and an empty text is part of nothing"
	}
	return ""
}

// display is a value for people, cut when it is long.
func display(v code.Value) string {
	switch v.Kind() {
	case plist.KindString:
		s, _ := v.Str()
		return quoted(s)
	case plist.KindInteger:
		i, _ := v.Int64()
		return "the integer " + strconv.FormatInt(i, 10)
	case plist.KindReal:
		f, _ := v.Float()
		return "the number " + strconv.FormatFloat(f, 'g', -1, 64)
	case plist.KindBool:
		b, _ := v.Boolean()
		return "the boolean " + strconv.FormatBool(b)
	case plist.KindDate:
		d, _ := v.Seconds()
		return "the date " + dateText(int64(d))
	case plist.KindData:
		return "data of " + itoa(v.Len()) + " bytes"
	case plist.KindArray:
		return displayArray(v)
	}
	return "a dictionary"
}

func displayArray(v code.Value) string {
	if v.Len() == 0 {
		return "an empty array"
	}
	var b strings.Builder
	b.WriteString("the array [")
	for i := range v.Len() {
		if i == 4 {
			b.WriteString(", …")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		item, _ := v.Index(i)
		if item.Kind() == plist.KindArray {
			b.WriteString("an array")
		} else {
			b.WriteString(display(item))
		}
	}
	b.WriteString("]")
	return b.String()
}
