package requirement

import (
	"math"
	"strconv"
	"strings"
)

// The arc under which Apple names extensions and policies. Requirements hardly
// have another, so both directions take it in one step.
const (
	appleArc    = "1.2.840.113635.100."
	appleOctets = "\x2a\x86\x48\x86\xf7\x63\x64"
)

// appendOID appends the content octets of a dotted object identifier.
//
// Apple: nothing is ever rejected. Without "a.b" the result is empty; the first
// octets are 40*a+b without a range check; an arc that is no number is 0; what
// follows the last arc is ignored.
func appendOID(b []byte, s string) []byte {
	// Digits and dots, in one pass: texts hardly ever have anything else here.
	out, first, v := b, uint64(0), uint64(0)
	i, from, n := 0, 0, 0
	if strings.HasPrefix(s, appleArc) {
		out = append(out, appleOctets...)
		i, from, n = len(appleArc), len(appleArc), 5
	}
	for ; ; i++ {
		if i < len(s) {
			if d := s[i] - '0'; d < 10 {
				v = v*10 + uint64(d)
				continue
			}
		}
		if i == from || i-from > 19 { // no digit, or perhaps beyond 64 bits
			return appendOddOID(b, s)
		}
		switch {
		case n == 0:
			first = v
		case n == 1:
			out = appendArc(out, 40*first+v)
		case v < 1<<7: // most are; this spares a call
			out = append(out, byte(v))
		default:
			out = appendArc(out, v)
		}
		if i == len(s) || s[i] != '.' {
			return out
		}
		n, v, from = n+1, 0, i+1
	}
}

// appendOddOID is appendOID for all texts.
func appendOddOID(b []byte, s string) []byte {
	first, n := arc(s)
	s = s[n:]
	if s == "" || s[0] != '.' {
		return b
	}
	second, n := arc(s[1:])
	s = s[1+n:]
	b = appendArc(b, 40*first+second)
	for s != "" && s[0] == '.' {
		a, n := arc(s[1:])
		s = s[1+n:]
		b = appendArc(b, a)
	}
	return b
}

// arc reads a number as C's strtoul does: after blanks and a sign, saturating at
// 2^64-1. It returns how many bytes it read; 0 when there is no number.
func arc(s string) (uint64, int) {
	i := 0
	for i < len(s) && (s[i] == ' ' || s[i] >= '\t' && s[i] <= '\r') {
		i++
	}
	negative := false
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		negative = s[i] == '-'
		i++
	}
	start := i
	var v uint64
	for i < len(s) && s[i]-'0' < 10 {
		v = v*10 + uint64(s[i]-'0')
		i++
	}
	switch {
	case i == start:
		return 0, 0
	case i-start > 19: // perhaps beyond 64 bits
		n, err := strconv.ParseUint(s[start:i], 10, 64)
		if err != nil {
			return math.MaxUint64, i
		}
		v = n
	}
	if negative {
		v = -v
	}
	return v, i
}

func appendArc(b []byte, n uint64) []byte {
	switch {
	case n < 1<<7:
		return append(b, byte(n))
	case n < 1<<14:
		return append(b, byte(n>>7)|0x80, byte(n)&0x7f)
	case n < 1<<21:
		return append(b, byte(n>>14)|0x80, byte(n>>7)|0x80, byte(n)&0x7f)
	}
	shift := 63
	for n>>shift == 0 {
		shift -= 7
	}
	for ; shift > 0; shift -= 7 {
		b = append(b, byte(n>>shift)|0x80)
	}
	return append(b, byte(n)&0x7f)
}

// appendDotted appends the text that appendOID turns into the octets of oid. It
// reports false, with b as it was, when there is no such text.
func appendDotted(b []byte, oid string) ([]byte, bool) {
	out, i := b, 0
	if strings.HasPrefix(oid, appleOctets) {
		out, i = append(out, appleArc[:len(appleArc)-1]...), len(appleOctets)
	}
	for i < len(oid) {
		first, c := i == 0, oid[i]
		if c == 0x80 { // a superfluous zero digit
			return b, false
		}
		n := uint64(c & 0x7f)
		for i++; c&0x80 != 0; i++ {
			if i >= len(oid) || n > math.MaxUint64>>7 {
				return b, false
			}
			c = oid[i]
			n = n<<7 | uint64(c&0x7f)
		}
		if first {
			top := min(n/40, 2)
			out = append(out, byte('0'+top))
			n -= 40 * top
		}
		out = appendDecimal(append(out, '.'), n)
	}
	return out, true
}

// appendDecimal is strconv.AppendUint, faster for the numbers that most arcs are.
func appendDecimal(b []byte, n uint64) []byte {
	switch {
	case n < 10:
		return append(b, byte('0'+n))
	case n < 100:
		return append(b, byte('0'+n/10), byte('0'+n%10))
	case n < 1000:
		return append(b, byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10))
	}
	return strconv.AppendUint(b, n, 10)
}
