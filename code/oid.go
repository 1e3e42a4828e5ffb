package code

import (
	"fmt"
	"strconv"
	"strings"
)

// OID is an object identifier in its DER content octets (no tag, no length).
// Comparing two OIDs is comparing strings. In JSON and for people it is dotted.
// The zero value is the empty OID, which no certificate carries.
type OID string

// ParseOID reads a dotted object identifier. It accepts only well-formed ones:
// at least two arcs, decimal, without superfluous zeros, each below 2^63.
// (The requirement compiler is lenient as Apple's is, and does not use this.)
func ParseOID(dotted string) (OID, error) {
	parts := strings.Split(dotted, ".")
	if len(parts) < 2 || len(parts) > 64 {
		return "", fmt.Errorf("object identifier %q needs 2 to 64 arcs, has %d", dotted, len(parts))
	}
	arcs := make([]uint64, len(parts))
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 63)
		if err != nil || (len(p) > 1 && p[0] == '0') || p[0] == '+' {
			return "", fmt.Errorf("object identifier %q: arc %d is not a plain number", dotted, i+1)
		}
		arcs[i] = n
	}
	if arcs[0] > 2 || (arcs[0] < 2 && arcs[1] > 39) || arcs[1] > 1<<62 {
		return "", fmt.Errorf("object identifier %q does not begin with a valid pair of arcs", dotted)
	}
	b := appendArc(nil, 40*arcs[0]+arcs[1])
	for _, a := range arcs[2:] {
		b = appendArc(b, a)
	}
	return OID(b), nil
}

// MustOID is [ParseOID] for constants; it panics on a malformed one.
func MustOID(dotted string) OID {
	o, err := ParseOID(dotted)
	if err != nil {
		panic(err)
	}
	return o
}

func appendArc(b []byte, n uint64) []byte {
	shift := 63
	for shift > 0 && n>>shift == 0 {
		shift -= 7
	}
	for ; shift > 0; shift -= 7 {
		b = append(b, byte(n>>shift)|0x80)
	}
	return append(b, byte(n)&0x7f)
}

// String returns the dotted form. Octets that are no valid encoding (a lenient
// requirement text can make such) are shown as "0x" and hex.
func (o OID) String() string {
	var b strings.Builder
	var n uint64
	first, open := true, false
	for i := 0; i < len(o); i++ {
		if n > 1<<56 {
			return fmt.Sprintf("0x%x", string(o))
		}
		n, open = n<<7|uint64(o[i]&0x7f), o[i]&0x80 != 0
		if open {
			continue
		}
		if first {
			top := min(n/40, 2)
			b.WriteString(strconv.FormatUint(top, 10))
			n -= 40 * top
			first = false
		}
		b.WriteByte('.')
		b.WriteString(strconv.FormatUint(n, 10))
		n = 0
	}
	if open || first {
		return fmt.Sprintf("0x%x", string(o))
	}
	return b.String()
}

// MarshalText returns the dotted form.
func (o OID) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads the dotted form.
func (o *OID) UnmarshalText(b []byte) error {
	v, err := ParseOID(string(b))
	if err == nil {
		*o = v
	}
	return err
}
