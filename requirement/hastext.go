package requirement

import "strings"

// HasText reports whether the text of a style parses again: to the same meaning
// for [StyleDefault] and [StyleIndent], to the same bytes for [StyleExact] and
// [StyleApple]. With StyleDefault and StyleExact it is true of everything that
// was parsed; binaries can hold what no text says (a backslash in an identifier,
// opcodes that are not known).
func HasText(e *Expr, style Style) bool {
	if style == StyleApple {
		again, err := Parse("", FormatStyle(e, style))
		return err == nil && string(Encode(again)) == string(Encode(e))
	}
	exact, nodes := style == StyleExact, 0
	for n := range All(e) {
		nodes++
		if !termHasText(n) || exact && (n.Flags != 0 || n.odd != nil || n.Op == OpInfoValue || n.Op == OpUnknown) {
			return false
		}
	}
	if nodes >= maxNesting { // perhaps too deep, or too long
		_, err := Parse("", FormatStyle(e, style))
		return err == nil
	}
	return nodes > 0
}

func termHasText(e *Expr) bool {
	switch e.Op {
	case OpIdent, OpNamedAnchor, OpNamedCode:
		return fitsString(e.Value)
	case OpAnchorHash, OpCDHash:
		return len(e.Value) == 20
	case OpInfo, OpEntitlement, OpInfoValue:
		return fitsString(e.Key) && matchHasText(e)
	case OpCertField:
		return strings.HasPrefix(e.Key, "subject.") && fitsString(e.Key) && matchHasText(e)
	case OpCertGeneric, OpCertPolicy, OpCertDate:
		_, ok := appendDotted(nil, e.Key)
		return ok && matchHasText(e)
	case OpAnd, OpOr:
		return e.X != nil && e.Y != nil
	case OpNot:
		return e.X != nil
	case OpUnknown:
		return e.Flags&FlagFalse != 0 || e.Flags&FlagSkip != 0 && e.X != nil
	case OpConstraint:
		return false
	}
	return true
}

func matchHasText(e *Expr) bool {
	if e.Match.HasDate() {
		_, ok := appendTimestamp(nil, e.Date())
		return ok
	}
	return e.Match < matchCount
}
