package requirement

import "encoding/binary"

// The numbers at the start of the binary forms.
const (
	magicRequirement = 0xfade0c00 // kSecCodeMagicRequirement
	magicSet         = 0xfade0c01 // kSecCodeMagicRequirementSet

	kindExpr       = 1 // exprForm
	kindConstraint = 2 // lwcrForm
	headerSize     = 12
)

// Encode returns the binary form of a requirement, magic fade0c00 and length
// included: what SecRequirementCopyData returns.
func Encode(e *Expr) []byte {
	var room [512]byte // enough for most: measuring first costs more than copying
	return append([]byte(nil), appendRequirement(room[:0], e)...)
}

func appendRequirement(b []byte, e *Expr) []byte {
	start := len(b)
	b = binary.BigEndian.AppendUint32(b, magicRequirement)
	b = binary.BigEndian.AppendUint32(b, 0)
	if e != nil && e.Op == OpConstraint {
		b = binary.BigEndian.AppendUint32(b, kindConstraint)
		b = append(b, e.Value...)
	} else {
		b = binary.BigEndian.AppendUint32(b, kindExpr)
		var room [16]*Expr
		later := room[:0]
		for n := e; n != nil; {
			b = appendNode(b, n)
			n, later = after(n, later)
		}
		if e != nil && e.odd != nil {
			b = append(b, e.odd.tail...)
		}
	}
	binary.BigEndian.PutUint32(b[start+4:], uint32(len(b)-start))
	return b
}

// appendNode appends one node without the expressions below it.
func appendNode(b []byte, e *Expr) []byte {
	if e.Op == OpUnknown {
		return appendUnknownNode(b, e)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(e.Flags)<<24|uint32(e.Op))
	switch e.Op { // dense, hence a jump
	case OpIdent, OpCDHash, OpNamedAnchor, OpNamedCode:
		return appendData(b, e, 1, e.Value)
	case OpAnchorHash:
		return appendData(binary.BigEndian.AppendUint32(b, uint32(e.Slot)), e, 1, e.Value)
	case OpInfoValue:
		return appendData(appendData(b, e, 0, e.Key), e, 1, e.Value)
	case OpTrustedCert, OpPlatform:
		return binary.BigEndian.AppendUint32(b, uint32(e.Slot))
	case OpInfo, OpEntitlement:
		return appendMatch(appendData(b, e, 0, e.Key), e)
	case OpCertField, OpCertGeneric, OpCertPolicy, OpCertDate:
		b = binary.BigEndian.AppendUint32(b, uint32(e.Slot))
		return appendMatch(appendData(b, e, 0, e.Key), e)
	}
	return b
}

func appendUnknownNode(b []byte, e *Expr) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(e.Flags)<<24|uint32(e.Slot)&0xffffff)
	if e.Flags&(FlagFalse|FlagSkip) != 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(len(e.Value)))
		b = append(b, e.Value...)
	}
	return b
}

func appendMatch(b []byte, e *Expr) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(e.Match))
	switch {
	case e.Match == MatchExists: // the most frequent
	case e.Match.HasDate():
		return binary.BigEndian.AppendUint64(b, uint64(e.Date()))
	case e.Match.HasValue():
		return appendData(b, e, 1, e.Value)
	}
	return b
}

// appendData appends a length, the bytes and zeros up to a multiple of four. which
// says whose padding this is: 0 for Key, 1 for Value.
func appendData(b []byte, e *Expr, which int, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	b = append(b, s...)
	if e.odd != nil && e.odd.set[which] {
		return append(b, e.odd.pads[which]...)
	}
	return append(b, "\x00\x00\x00"[:-len(s)&3]...)
}

// EncodeSet returns the binary form of a set, magic fade0c01 and length included.
// Entries follow in their order. A set that was decoded and not changed since
// gives the bytes it came from.
func EncodeSet(s *Set) []byte {
	if s.raw != "" && sameEntries(s.Entries, s.from) {
		return []byte(s.raw)
	}
	b := make([]byte, headerSize+8*len(s.Entries))
	binary.BigEndian.PutUint32(b, magicSet)
	binary.BigEndian.PutUint32(b[8:], uint32(len(s.Entries)))
	for i, e := range s.Entries {
		binary.BigEndian.PutUint32(b[headerSize+8*i:], uint32(e.Type))
		if e.Expr != nil {
			binary.BigEndian.PutUint32(b[headerSize+8*i+4:], uint32(len(b)))
			b = appendRequirement(b, e.Expr)
		}
	}
	binary.BigEndian.PutUint32(b[4:], uint32(len(b)))
	return b
}

func sameEntries(a, b []Entry) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
