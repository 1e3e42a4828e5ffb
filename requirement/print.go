package requirement

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// Style says how [FormatStyle] writes a requirement.
type Style uint8

// The styles.
const (
	// StyleDefault is Apple's text with its mistakes repaired, so that it parses
	// to the same meaning.
	StyleDefault Style = iota
	// StyleExact is StyleDefault with the parentheses that make it parse to the
	// same bytes.
	StyleExact
	// StyleApple is the text of Apple's dumper, byte for byte; see [Dump]. It does
	// not always parse, and is empty where Apple's dumper fails.
	StyleApple
	// StyleIndent is StyleDefault over several lines, for reading.
	StyleIndent
)

// Format returns the text of a requirement in [StyleDefault].
//
// Not everything that a binary can hold has a text; see [HasText]. What has none
// is written with a question mark, as in `identifier ?0x615c`, which no parser
// accepts: it can not be taken for another requirement.
func Format(e *Expr) string { return FormatStyle(e, StyleDefault) }

// FormatStyle returns the text of a requirement in a style, without a newline at
// its end.
func FormatStyle(e *Expr, style Style) string {
	switch style {
	case StyleApple:
		text, err := Dump(Encode(e))
		if err != nil {
			return ""
		}
		return text
	case StyleIndent:
		return formatIndent(e)
	}
	p := printer{exact: style == StyleExact}
	var room [512]byte // enough for most: measuring first costs more than copying
	return string(p.expr(room[:0], e))
}

// FormatSet returns the text of a set, each requirement on a line of its own that
// begins with its label; "" for an empty set, which has no text.
func FormatSet(s *Set, style Style) string {
	if style == StyleApple {
		text, err := Dump(EncodeSet(s))
		if err != nil {
			return ""
		}
		return text
	}
	var b strings.Builder
	for _, e := range s.Entries {
		b.WriteString(e.Type.String() + " => ")
		if e.Expr == nil {
			b.WriteString("?absent")
		} else {
			b.WriteString(FormatStyle(e.Expr, style))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// level says what an expression stands in, hence when it needs parentheses.
type level uint8

const (
	inOr  level = iota // alone, or an operand of `or`: no parentheses
	inAnd              // an operand of `and`: around `or`
	inNot              // the operand of `!`: around `and` and `or`
)

// item is something still to print: a right operand with the word before it, or,
// without e, a closing parenthesis.
type item struct {
	e   *Expr
	in  level
	and bool // after " and ", otherwise " or "
}

// printer writes the styles that parse. It does not recurse.
type printer struct{ exact bool }

func (p printer) expr(b []byte, e *Expr) []byte {
	if e == nil {
		return b
	}
	var room [16]item
	todo := room[:0]
	for in := inOr; ; {
		for (e.Op == OpAnd || e.Op == OpOr) && e.X != nil && e.Y != nil { // down the left side
			and, left := false, inOr
			if e.Op == OpAnd {
				and, left = true, inAnd
			}
			right := left
			if p.exact {
				right++ // a chain on the right side is not the chain that text means
			}
			if in > left {
				b = append(b, '(')
				todo = append(todo, item{})
			}
			todo = append(todo, item{e: e.Y, in: right, and: and})
			e, in = e.X, left
		}
		b = p.term(b, e)
		if e.operands() > 0 && e.X != nil {
			if e.Op == OpNot {
				in = inNot
			}
			e = e.X
			continue
		}
		n := len(todo)
		for ; n > 0 && todo[n-1].e == nil; n-- {
			b = append(b, ')')
		}
		if n == 0 {
			return b
		}
		t := todo[n-1]
		todo = todo[:n-1]
		e, in = t.e, t.in
		if t.and {
			b = append(b, " and "...)
		} else {
			b = append(b, " or "...)
		}
	}
}

// term appends one node without the expressions below it.
func (p printer) term(b []byte, e *Expr) []byte {
	switch e.Op {
	case OpFalse:
		return append(b, "never"...)
	case OpTrue:
		return append(b, "always"...)
	case OpIdent:
		return appendName(append(b, "identifier "...), e.Value)
	case OpAppleAnchor:
		return append(b, "anchor apple"...)
	case OpAppleGeneric:
		return append(b, "anchor apple generic"...)
	case OpNamedAnchor:
		return appendName(append(b, "anchor apple "...), e.Value)
	case OpNamedCode:
		return append(appendName(append(b, '('), e.Value), ')')
	case OpAnchorHash:
		return appendHash(append(appendSlot(b, e.Slot), " = "...), e.Value)
	case OpCDHash:
		return appendHash(append(b, "cdhash "...), e.Value)
	case OpTrustedCert:
		return append(appendSlot(b, e.Slot), " trusted"...)
	case OpTrustedCerts:
		return append(b, "anchor trusted"...)
	case OpPlatform:
		// Negative numbers have no text; the compiler cuts large ones to 32 bits.
		return strconv.AppendUint(append(b, "platform = "...), uint64(uint32(e.Slot)), 10)
	case OpNotarized:
		return append(b, "notarized"...)
	case OpLegacy:
		return append(b, "legacy"...)
	case OpNot:
		return append(b, "! "...)
	case OpInfoValue:
		return appendValue(append(appendKey(append(b, "info["...), e.Key), "] = "...), e.Value)
	case OpInfo:
		return appendMatchText(append(appendKey(append(b, "info["...), e.Key), ']'), e)
	case OpEntitlement:
		return appendMatchText(append(appendKey(append(b, "entitlement["...), e.Key), ']'), e)
	case OpCertField, OpCertGeneric, OpCertPolicy, OpCertDate:
		return appendMatchText(append(appendCertKey(append(appendSlot(b, e.Slot), '['), e), ']'), e)
	case OpUnknown:
		return appendUnknown(b, e, p.exact)
	case OpConstraint:
		return hex.AppendEncode(append(b, "?constraint 0x"...), []byte(e.Value))
	}
	return append(b, "?and-or-without-operands"...)
}

// appendUnknown appends an opcode that has no text, as the text of what it
// evaluates to when that is known.
func appendUnknown(b []byte, e *Expr, exact bool) []byte {
	n := strconv.Itoa(int(e.Slot & 0xffffff))
	switch {
	case exact || e.Flags&(FlagFalse|FlagSkip) == 0:
		return append(b, "?opcode "+n+" "...)
	case e.Flags&FlagFalse != 0:
		return append(b, "never /* opcode "+n+" */"...)
	}
	return append(b, "/* opcode "+n+" */ "...)
}

func appendSlot(b []byte, slot int32) []byte {
	b = append(b, "certificate "...)
	switch slot {
	case SlotLeaf:
		return append(b, "leaf"...)
	case SlotRoot:
		return append(b, "root"...)
	}
	return strconv.AppendInt(b, int64(slot), 10)
}

func appendHash(b []byte, h string) []byte {
	return append(hex.AppendEncode(append(b, `H"`...), []byte(h)), '"')
}

// appendName appends a name: a word or a string.
func appendName(b []byte, s string) []byte {
	if isSimple(s) {
		return append(b, s...)
	}
	return appendString(b, s)
}

// appendKey appends a key: a dotted word or a string.
func appendKey(b []byte, s string) []byte {
	if isDotted(s) {
		return append(b, s...)
	}
	return appendString(b, s)
}

// appendString appends a string in quotes, or its bytes after a question mark
// when no string can hold them.
func appendString(b []byte, s string) []byte {
	if !fitsString(s) {
		return hex.AppendEncode(append(b, "?0x"...), []byte(s))
	}
	return appendQuoted(b, s)
}

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return append(append(b, s...), '"')
		}
		b = append(append(b, s[:i]...), '\\', '"')
		s = s[i+1:]
	}
}

// appendValue appends a value to compare with, as Apple does: in hexadecimal when
// it is not plain ASCII, or holds a backslash, which no string can.
func appendValue(b []byte, s string) []byte {
	switch {
	case isSimple(s):
		return append(b, s...)
	case isPlain(s) && strings.IndexByte(s, '\\') < 0:
		return appendQuoted(b, s)
	}
	return hex.AppendEncode(append(b, "0x"...), []byte(s))
}

var oidPrefixes = [...]string{OpCertGeneric: "field.", OpCertPolicy: "policy.", OpCertDate: "timestamp."}

func appendCertKey(b []byte, e *Expr) []byte {
	switch {
	case e.Op == OpCertField && strings.HasPrefix(e.Key, "subject."):
		return appendKey(b, e.Key)
	case e.Op == OpCertField:
		return hex.AppendEncode(append(b, "?0x"...), []byte(e.Key))
	case e.Key == "": // a malformed OID compiles to this
		return append(b, `"`+oidPrefixes[e.Op]+`"`...)
	}
	b = append(b, oidPrefixes[e.Op]...)
	if out, ok := appendDotted(b, e.Key); ok {
		return out
	}
	return hex.AppendEncode(append(b, "?0x"...), []byte(e.Key))
}

// matchSigns are the texts before the operand of a comparison.
var matchSigns = [matchCount]string{
	MatchEqual: " = ", MatchContains: " ~ ", MatchBeginsWith: " = ", MatchEndsWith: " = *",
	MatchLess: " < ", MatchGreater: " > ", MatchLessEqual: " <= ", MatchGreaterEqual: " >= ",
	MatchOn: " = ", MatchBefore: " < ", MatchAfter: " > ", MatchOnOrBefore: " <= ", MatchOnOrAfter: " >= ",
}

func appendMatchText(b []byte, e *Expr) []byte {
	switch {
	case e.Match == MatchExists:
		return append(b, " /* exists */"...)
	case e.Match == MatchAbsent:
		return append(b, " absent"...)
	case e.Match >= matchCount:
		return append(b, " ?match "+strconv.FormatUint(uint64(e.Match), 10)+" 0x"+hexText(e.Value)...)
	}
	b = append(b, matchSigns[e.Match]...)
	if e.Match.HasDate() {
		b = append(b, `timestamp "`...)
		out, ok := appendTimestamp(b, e.Date())
		if !ok { // a text of this form would silently mean 2001-01-01
			return append(strconv.AppendInt(append(b[:len(b)-1], '?'), e.Date(), 10), ' ')
		}
		return append(out, '"')
	}
	b = appendValue(b, e.Value)
	if e.Match == MatchBeginsWith {
		b = append(b, '*')
	}
	return b
}
