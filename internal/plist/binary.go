package plist

import (
	"fmt"
	"math"
	"slices"
	"unicode/utf16"

	"github.com/xpcpolicy/xpcpolicy/internal/bin"
)

// The fixed parts of a binary list: 8 bytes "bplist00", objects, offset table,
// trailer.
const (
	magic       = "bplist00"
	trailerSize = 32
)

// ParseBinary reads a "bplist00" property list. Every error is a [*SyntaxError].
//
// The objects must fill the space between the header and the offset table, in any
// order, as every writer makes them: no byte is hidden and no object lies inside
// another one.
//
// Apple: CFBinaryPList.c lets objects overlap, takes every version "bplist0x" and
// lets the last of equal keys win. A shared object is expanded where it is used;
// what the expansion may hold is bounded by [Options].
func ParseBinary(b []byte, o Options) (Value, error) {
	p := binaryParser{b: b, budget: o.budget(len(b))}
	top, err := p.trailer()
	if err != nil {
		return Value{}, err
	}
	if err := p.tile(); err != nil {
		return Value{}, err
	}
	return p.value(top)
}

type binaryParser struct {
	b       []byte
	end     uint64   // where the objects end: the offset of the offset table
	offs    []uint64 // where each object begins; inside 8..end
	refSize uint64   // bytes of a reference, 1 to 8
	open    []uint64 // the containers around the value being read
	budget  budget
}

// object is the head of one object: what stands at off.
type object struct {
	off   uint64
	typ   byte   // the upper half of the marker
	info  byte   // its lower half
	count uint64 // elements, characters or bytes; for dictionaries pairs
	body  uint64 // where they begin
	size  uint64 // the bytes they take
}

// trailer reads the trailer and the offset table and returns the root's number.
func (p *binaryParser) trailer() (uint64, error) {
	size := uint64(len(p.b))
	if size < uint64(len(magic)+trailerSize) || string(p.b[:len(magic)]) != magic {
		return 0, bad(0, "got %d bytes that are no binary list, want %q, objects and a trailer", size, magic)
	}
	at := size - trailerSize
	r := bin.NewReader(p.b[at:], int64(at))
	unused := uint64(r.Uint32("trailer.unused"))<<8 | uint64(r.Uint8("trailer.unused"))
	r.Skip(1, "trailer.sortVersion") // Apple: nothing reads it
	offSize, refSize := uint64(r.Uint8("trailer.offsetIntSize")), uint64(r.Uint8("trailer.objectRefSize"))
	count, top := r.Uint64("trailer.numObjects"), r.Uint64("trailer.topObject")
	p.end, p.refSize = r.Uint64("trailer.offsetTableOffset"), refSize
	if err := r.Err(); err != nil {
		return 0, bad(at, "%v", err)
	}
	switch {
	case unused != 0:
		return 0, bad(at, "got bytes in the unused part of the trailer, want zero")
	case offSize < 1 || offSize > 8:
		return 0, bad(at+6, "got offsets of %d bytes, want 1 to 8", offSize)
	case refSize < 1 || refSize > 8:
		return 0, bad(at+7, "got references of %d bytes, want 1 to 8", refSize)
	case p.end <= uint64(len(magic)) || p.end > at:
		return 0, bad(at+24, "got the offset table at 0x%x, want it between objects and trailer", p.end)
	case count > (at-p.end)/offSize || count*offSize != at-p.end:
		return 0, bad(at+8, "got %d objects, whose offsets do not end at the trailer", count)
	case top >= count:
		return 0, bad(at+16, "got object %d as root, have %d objects", top, count)
	}
	p.offs = make([]uint64, count)
	for i := range p.offs {
		off := p.end + uint64(i)*offSize
		p.offs[i] = p.uint(off, offSize)
		if p.offs[i] < uint64(len(magic)) || p.offs[i] >= p.end {
			return 0, bad(off, "got object %d at 0x%x, want it between header and offset table", i, p.offs[i])
		}
	}
	return top, nil
}

// tile checks that the objects fill their space without gap and overlap.
func (p *binaryParser) tile() error {
	at := uint64(len(magic))
	sorted := slices.Sorted(slices.Values(p.offs))
	for _, off := range sorted {
		if off != at {
			return bad(min(off, at), "got an object at 0x%x, want it at 0x%x, behind the one before", off, at)
		}
		o, err := p.head(off)
		if err != nil {
			return err
		}
		at = o.body + o.size
	}
	if at != p.end {
		return bad(at, "got bytes behind the last object, want the offset table")
	}
	return nil
}

// uint reads n big-endian bytes, 1 to 8 of them, that the caller knows are there.
func (p *binaryParser) uint(off, n uint64) (v uint64) {
	for _, c := range p.b[off : off+n] {
		v = v<<8 | uint64(c)
	}
	return v
}

// head reads the marker of the object at off, which is below end, and checks that
// the object ends at or before end.
func (p *binaryParser) head(off uint64) (object, error) {
	marker := p.b[off]
	o := object{off: off, typ: marker >> 4, info: marker & 15, body: off + 1}
	unit := uint64(1)
	switch o.typ {
	case 0x0:
		if o.info != 8 && o.info != 9 {
			return o, bad(off, "got marker 0x%02x, want a value: null and fill are none", marker)
		}
		return o, nil
	case 0x1, 0x2, 0x3:
		ok := o.info <= 4
		if o.typ == 2 {
			ok = o.info == 2 || o.info == 3
		} else if o.typ == 3 {
			ok = o.info == 3
		}
		if !ok {
			return o, bad(off, "got marker 0x%02x, a number of unknown size", marker)
		}
		o.count = 1 << o.info
	case 0x4, 0x5, 0x6, 0xa, 0xd:
		if err := p.count(&o); err != nil {
			return o, err
		}
		switch o.typ {
		case 0x6:
			unit = 2
		case 0xa:
			unit = p.refSize
		case 0xd:
			unit = 2 * p.refSize
		}
	case 0x8:
		return o, bad(off, "got a UID, which no property list of ours holds")
	default:
		return o, bad(off, "got marker 0x%02x, an unknown type", marker)
	}
	if o.count > (p.end-o.body)/unit {
		return o, bad(off, "got %d elements, more than fit before the offset table", o.count)
	}
	o.size = o.count * unit
	return o, nil
}

// count reads the number of elements: the lower half of the marker or, when that
// is 15, an integer behind it.
func (p *binaryParser) count(o *object) error {
	if o.info != 15 {
		o.count = uint64(o.info)
		return nil
	}
	if o.body >= p.end || p.b[o.body]>>4 != 1 || p.b[o.body]&15 > 3 {
		return bad(o.body, "got no integer of 1 to 8 bytes behind the marker, want a count")
	}
	n := uint64(1) << (p.b[o.body] & 15)
	if n > p.end-o.body-1 {
		return bad(o.body, "got a count that does not end before the offset table")
	}
	o.count = p.uint(o.body+1, n)
	o.body += 1 + n
	return nil
}

// ref reads reference i of the list at off and checks that there is such an object.
func (p *binaryParser) ref(off, i uint64) (uint64, error) {
	off += i * p.refSize
	n := p.uint(off, p.refSize)
	if n >= uint64(len(p.offs)) {
		return 0, bad(off, "got a reference to object %d, have %d objects", n, len(p.offs))
	}
	return n, nil
}

// value reads object n.
func (p *binaryParser) value(n uint64) (Value, error) {
	o, err := p.head(p.offs[n])
	if err != nil {
		return Value{}, err
	}
	if err := p.budget.value(int(o.off)); err != nil {
		return Value{}, err
	}
	switch o.typ {
	case 0x0:
		return Bool(o.info == 9), nil
	case 0x1, 0x2, 0x3:
		return p.number(o)
	case 0x4, 0x5, 0x6:
		return p.text(o)
	}
	switch {
	case slices.Contains(p.open, n):
		return Value{}, &SyntaxError{Off: int64(o.off), Msg: fmt.Sprintf("got a cycle: object %d contains itself", n), Cycle: true}
	case len(p.open) == MaxDepth:
		return Value{}, bad(o.off, "more than %d levels", MaxDepth)
	}
	p.open = append(p.open, n)
	var v Value
	if o.typ == 0xa {
		v, err = p.array(o)
	} else {
		v, err = p.dict(o)
	}
	p.open = p.open[:len(p.open)-1]
	return v, err
}

func (p *binaryParser) number(o object) (Value, error) {
	switch {
	case o.typ == 2 && o.count == 4:
		return Real(float64(math.Float32frombits(uint32(p.uint(o.body, 4))))), nil
	case o.typ == 2:
		return Real(math.Float64frombits(p.uint(o.body, 8))), nil
	case o.typ == 3:
		v := DateAt(math.Float64frombits(p.uint(o.body, 8)))
		if v.kind == Invalid {
			return Value{}, bad(o.off, "got a date that is no number")
		}
		return v, nil
	case o.count < 16:
		return Int(int64(p.uint(o.body, o.count))), nil // signed only when 8 bytes, as in CoreFoundation
	}
	hi, lo := int64(p.uint(o.body, 8)), int64(p.uint(o.body+8, 8))
	if hi != lo>>63 {
		return Value{}, bad(o.off, "got an integer beyond 64 bits")
	}
	return Int(lo), nil
}

func (p *binaryParser) text(o object) (Value, error) {
	if err := p.budget.take(int(o.off), int(o.size)); err != nil {
		return Value{}, err
	}
	raw := p.b[o.body : o.body+o.size]
	switch o.typ {
	case 0x4:
		return Data(raw), nil
	case 0x5:
		for i, c := range raw {
			if c > 0x7f {
				return Value{}, bad(o.body+uint64(i), "got byte 0x%02x in a string of ASCII", c)
			}
		}
		return String(string(raw)), nil
	}
	runes := make([]rune, 0, o.count)
	for i := uint64(0); i < o.count; i++ {
		at := o.body + 2*i
		r := rune(p.uint(at, 2))
		if utf16.IsSurrogate(r) {
			var low rune
			if i++; i < o.count {
				low = rune(p.uint(at+2, 2))
			}
			if r = utf16.DecodeRune(r, low); r == '\ufffd' {
				return Value{}, bad(at, "got an unpaired surrogate")
			}
		}
		runes = append(runes, r)
	}
	return String(string(runes)), nil
}

func (p *binaryParser) array(o object) (Value, error) {
	items := make([]Value, 0, min(o.count, uint64(max(p.budget.values, 0))))
	for i := range o.count {
		n, err := p.ref(o.body, i)
		if err != nil {
			return Value{}, err
		}
		v, err := p.value(n)
		if err != nil {
			return Value{}, err
		}
		items = append(items, v)
	}
	return newArray(items), nil
}

func (p *binaryParser) dict(o object) (Value, error) {
	var entries []Entry
	var offs []int
	for i := range o.count {
		k, err := p.ref(o.body, i)
		if err != nil {
			return Value{}, err
		}
		key, err := p.key(k)
		if err != nil {
			return Value{}, err
		}
		n, err := p.ref(o.body, o.count+i)
		if err != nil {
			return Value{}, err
		}
		v, err := p.value(n)
		if err != nil {
			return Value{}, err
		}
		entries = append(entries, Entry{key, v})
		offs = append(offs, int(o.body+i*p.refSize))
	}
	return dictAt(entries, offs)
}

// key reads object n, which must be a string.
func (p *binaryParser) key(n uint64) (string, error) {
	o, err := p.head(p.offs[n])
	if err != nil {
		return "", err
	}
	if o.typ != 0x5 && o.typ != 0x6 {
		return "", bad(o.off, "got a key that is no string")
	}
	v, err := p.text(o)
	return v.text, err
}
