package requirement

import (
	"encoding/binary"
)

// DecodeSet reads the binary form of a requirement set. Encoding the result gives
// the same bytes again. Errors are as for [Decode].
//
// Apple: order, overlaps and bytes after the set are not checked, and each entry
// is checked when it is used.
func DecodeSet(blob []byte) (*Set, error) {
	index, err := setIndex(blob)
	if err != nil {
		return nil, err
	}
	s := &Set{}
	if len(index) > 0 {
		s.Entries = make([]Entry, len(index))
	}
	budget := 2 * len(blob) // entries may overlap: bound what they decode to
	for i, x := range index {
		s.Entries[i].Type = x.kind
		if x.off == 0 {
			continue
		}
		part := blob[x.off:x.end]
		if budget -= len(part); budget < 0 {
			return nil, invalid(x.off, "the entries of the set overlap")
		}
		if _, err := checkRequirement(part, x.off); err != nil {
			return nil, err
		}
		e, err := Decode(part)
		if err != nil {
			return nil, err
		}
		s.Entries[i].Expr = e
	}
	if usual := EncodeSet(s); string(usual) != string(blob) {
		s.raw, s.from = string(blob), append([]Entry(nil), s.Entries...)
	}
	return s, nil
}

// setEntry places one requirement of a set; off is 0 when it is absent.
type setEntry struct {
	kind     SetType
	off, end int
}

// setIndex reads and checks the index of a set.
func setIndex(blob []byte) ([]setEntry, error) {
	switch {
	case len(blob) > MaxText:
		return nil, invalid(0, "longer than 16 MiB")
	case len(blob) < headerSize:
		return nil, invalid(0, "%d bytes, the header of a set has 12", len(blob))
	}
	magic, length, count := binary.BigEndian.Uint32(blob), binary.BigEndian.Uint32(blob[4:]), binary.BigEndian.Uint32(blob[8:])
	indexEnd := headerSize + 8*uint64(count)
	switch {
	case magic != magicSet:
		return nil, invalid(0, "magic is %08x, want fade0c01", magic)
	case uint64(length) > uint64(len(blob)):
		return nil, invalid(4, "length says %d bytes, have %d", length, len(blob))
	case indexEnd > uint64(length):
		return nil, invalid(8, "%d entries do not fit into %d bytes", count, length)
	}
	index := make([]setEntry, count)
	for i := range index {
		at := headerSize + 8*i
		off := uint64(binary.BigEndian.Uint32(blob[at+4:]))
		index[i].kind = SetType(binary.BigEndian.Uint32(blob[at:]))
		if off == 0 {
			continue
		}
		if off < indexEnd || off+8 > uint64(length) {
			return nil, invalid(at+4, "offset 0x%x lies outside the set", off)
		}
		size := uint64(binary.BigEndian.Uint32(blob[off+4:]))
		if size < 8 || off+size > uint64(length) {
			return nil, invalid(int(off)+4, "%d bytes at offset 0x%x do not fit into the set", size, off)
		}
		index[i].off, index[i].end = int(off), int(off+size)
	}
	return index, nil
}

// DecodeAny reads a requirement or a requirement set; the magic decides which.
func DecodeAny(blob []byte) (Any, error) {
	if len(blob) >= 4 && binary.BigEndian.Uint32(blob) == magicSet {
		s, err := DecodeSet(blob)
		return Any{Set: s}, err
	}
	e, err := Decode(blob)
	return Any{Expr: e}, err
}
