package macho

import (
	"errors"
	"fmt"
)

// ASN.1 tags, with class and constructed bit, of what a CMS signature is made of.
const (
	tagBoolean     = 0x01
	tagInteger     = 0x02
	tagOctets      = 0x04
	tagOID         = 0x06
	tagUTF8        = 0x0c
	tagUTCTime     = 0x17
	tagGeneralTime = 0x18
	tagSequence    = 0x30
	tagSet         = 0x31
	tagOctetsBER   = 0x24 // OCTET STRING in pieces
	tagContext0    = 0xa0
	tagContext1    = 0xa1
	tagPrimitive0  = 0x80
)

const (
	maxCMS      = 1 << 20 // bytes; real ones have 5 to 20 KiB
	maxTLVDepth = 32
	maxTLVs     = 20000
	// maxCertificates is how many certificates one CMS may carry; real ones have three.
	maxCertificates = 32
)

// tlv is one ASN.1 element.
type tlv struct {
	tag        byte
	raw        []byte // header, content, and end-of-contents if indefinite
	body       []byte // content
	indefinite bool
}

// errDER is the base of every complaint about ASN.1.
var errDER = errors.New("malformed ASN.1")

func derError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errDER, fmt.Sprintf(format, args...))
}

// header reads a tag and a length. length is -1 for the indefinite form.
func header(b []byte) (tag byte, length, size int, err error) {
	if len(b) < 2 {
		return 0, 0, 0, derError("the data ends inside an element")
	}
	tag = b[0]
	if tag&0x1f == 0x1f {
		return 0, 0, 0, derError("tag %02x has more than one byte", tag)
	}
	n := int(b[1])
	switch {
	case n == 0x80:
		if tag&0x20 == 0 {
			return 0, 0, 0, derError("a primitive element of indefinite length")
		}
		return tag, -1, 2, nil
	case n < 0x80:
		length, size = n, 2
	default:
		k := n & 0x7f
		if k > 4 || len(b) < 2+k {
			return 0, 0, 0, derError("a length of %d bytes", k)
		}
		for _, c := range b[2 : 2+k] {
			length = length<<8 | int(c)
		}
		if b[2] == 0 || length < 0x80 {
			return 0, 0, 0, derError("a length that is not minimal")
		}
		size = 2 + k
	}
	if length > len(b)-size {
		return 0, 0, 0, derError("an element of %d bytes, %d are left", length, len(b)-size)
	}
	return tag, length, size, nil
}

// checkTLV walks all of b without recursion and makes sure that every length is
// sound, that nesting and count are bounded, and that each indefinite length is
// closed. It returns the length of the first element. Nothing else looks at the
// bytes before this has passed.
func checkTLV(b []byte) (int, error) {
	type level struct{ end int } // end -1: indefinite
	var stack []level
	at, count := 0, 0
	for {
		for len(stack) > 0 && stack[len(stack)-1].end == at {
			stack = stack[:len(stack)-1]
		}
		if len(stack) == 0 && at > 0 {
			return at, nil
		}
		if count++; count > maxTLVs {
			return 0, derError("more than %d elements", maxTLVs)
		}
		limit := len(b)
		for i := len(stack) - 1; i >= 0; i-- {
			if stack[i].end >= 0 {
				limit = stack[i].end
				break
			}
		}
		if at+2 <= limit && b[at] == 0 && b[at+1] == 0 { // end of contents
			if len(stack) == 0 || stack[len(stack)-1].end >= 0 {
				return 0, derError("end of contents without an open element at offset %d", at)
			}
			stack = stack[:len(stack)-1]
			at += 2
			continue
		}
		tag, length, size, err := header(b[at:limit])
		if err != nil {
			return 0, fmt.Errorf("%w at offset %d", err, at)
		}
		switch {
		case tag&0x20 == 0: // primitive
			at += size + length
		case len(stack) >= maxTLVDepth:
			return 0, derError("nested deeper than %d", maxTLVDepth)
		case length < 0:
			stack = append(stack, level{-1})
			at += size
		default:
			stack = append(stack, level{at + size + length})
			at += size
		}
	}
}

// next splits the first element off b. checkTLV must have passed over the bytes.
func next(b []byte) (tlv, []byte, error) {
	tag, length, size, err := header(b)
	if err != nil {
		return tlv{}, nil, err
	}
	if length >= 0 {
		end := size + length
		return tlv{tag: tag, raw: b[:end:end], body: b[size:end:end]}, b[end:], nil
	}
	total, err := checkTLV(b)
	if err != nil {
		return tlv{}, nil, err
	}
	return tlv{tag: tag, raw: b[:total:total], body: b[size : total-2 : total-2], indefinite: true}, b[total:], nil
}

// want is next for a known tag.
func want(b []byte, tag byte, what string) (tlv, []byte, error) {
	t, rest, err := next(b)
	if err != nil {
		return tlv{}, nil, fmt.Errorf("%s: %w", what, err)
	}
	if t.tag != tag {
		return tlv{}, nil, fmt.Errorf("%s: %w: tag %02x, want %02x", what, errDER, t.tag, tag)
	}
	return t, rest, nil
}

// definite makes sure that no element inside b has an indefinite length.
func definite(b []byte, what string) error {
	if len(b) == 0 {
		return nil
	}
	for at := 0; at < len(b); {
		tag, length, size, err := header(b[at:])
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if length < 0 {
			return fmt.Errorf("%s: %w: indefinite length where DER is needed", what, errDER)
		}
		at += size
		if tag&0x20 == 0 {
			at += length
		}
	}
	return nil
}

// derHeader appends a tag and a length as DER has them. maxCMS bounds the length.
func derHeader(out []byte, tag byte, n int) []byte {
	switch {
	case n < 0x80:
		return append(out, tag, byte(n))
	case n < 0x100:
		return append(out, tag, 0x81, byte(n))
	case n < 0x10000:
		return append(out, tag, 0x82, byte(n>>8), byte(n))
	}
	return append(out, tag, 0x83, byte(n>>16), byte(n>>8), byte(n))
}
