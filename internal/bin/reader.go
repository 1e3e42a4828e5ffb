// Package bin reads and writes the integers and byte runs that code signatures,
// Mach-O files and property lists are made of.
//
// A decoder reads every field and then asks once whether all of them were there:
//
//	r := bin.NewReader(blob, off)
//	magic, length := r.Uint32("SuperBlob.magic"), r.Uint32("SuperBlob.length")
//	if err := r.Err(); err != nil {
//		return nil, err
//	}
//
// The package does not check what the numbers mean: offsets, magics and lengths
// are untrusted after reading as they were before. It follows no Apple source;
// the byte orders are those of cs_blobs.h (big) and mach-o/loader.h (either).
package bin

import (
	"encoding/binary"
	"fmt"
)

// Order is the order of the bytes in an integer.
type Order uint8

// The byte orders. The zero Order is the one of code-signing blobs.
const (
	BigEndian Order = iota
	LittleEndian
)

// String names the order as in "big-endian".
func (o Order) String() string {
	if o == LittleEndian {
		return "little-endian"
	}
	return "big-endian"
}

// ShortError says that the input ended before a field did.
type ShortError struct {
	What   string // the field, as in "SuperBlob.count"
	Off    int64  // the offset at which the field should have been
	Wanted uint64 // the bytes it needs
	Have   uint64 // the bytes that were left
}

// Error says what was missing, where, and by how much.
func (e *ShortError) Error() string {
	return fmt.Sprintf("%s at 0x%x: want %d bytes, have %d", e.What, e.Off, e.Wanted, e.Have)
}

// Reader is a cursor over bytes that somebody else wrote. It never reads past its
// input and never allocates. It remembers the first read that came up short and
// is empty from then on, so that loops over its content end; every later read
// returns zero. The zero Reader is an empty input. Copying a Reader makes a
// second cursor at the same place.
type Reader struct {
	buf   []byte
	off   int64
	order Order
	bad   bool
	fail  ShortError // the first failure; set only when bad
}

// NewReader returns a big-endian Reader of buf, whose first byte stands at offset
// off of the file. The offset is only reported, never used for reading.
func NewReader(buf []byte, off int64) Reader {
	return Reader{buf: buf, off: off}
}

// NewReaderOrder is [NewReader] for a given byte order.
func NewReaderOrder(buf []byte, off int64, order Order) Reader {
	return Reader{buf: buf, off: off, order: order}
}

// Err returns nil, or the [*ShortError] of the first read that came up short.
func (r *Reader) Err() error {
	if !r.bad {
		return nil
	}
	e := r.fail
	return &e
}

// Len is the number of bytes that are left; zero once anything failed.
func (r *Reader) Len() int { return len(r.buf) }

// Off is the file offset of the next byte, or of the field that failed.
func (r *Reader) Off() int64 { return r.off }

// Uint8 reads one byte; zero once anything failed.
func (r *Reader) Uint8(what string) uint8 {
	b := r.take(1, what)
	if b == nil {
		return 0
	}
	return b[0]
}

// Uint16 reads two bytes in the Reader's order; zero once anything failed.
func (r *Reader) Uint16(what string) uint16 {
	b := r.take(2, what)
	switch {
	case b == nil:
		return 0
	case r.order == LittleEndian:
		return binary.LittleEndian.Uint16(b)
	}
	return binary.BigEndian.Uint16(b)
}

// Uint32 reads four bytes in the Reader's order; zero once anything failed.
func (r *Reader) Uint32(what string) uint32 {
	b := r.take(4, what)
	switch {
	case b == nil:
		return 0
	case r.order == LittleEndian:
		return binary.LittleEndian.Uint32(b)
	}
	return binary.BigEndian.Uint32(b)
}

// Uint64 reads eight bytes in the Reader's order; zero once anything failed.
func (r *Reader) Uint64(what string) uint64 {
	b := r.take(8, what)
	switch {
	case b == nil:
		return 0
	case r.order == LittleEndian:
		return binary.LittleEndian.Uint64(b)
	}
	return binary.BigEndian.Uint64(b)
}

// Bytes returns the next n bytes, aliasing the input; nil once anything failed.
func (r *Reader) Bytes(n uint32, what string) []byte {
	return r.take(uint64(n), what)
}

// Skip passes over n bytes.
func (r *Reader) Skip(n uint32, what string) {
	r.take(uint64(n), what)
}

// Count reads a 32-bit count and fails unless that many elements of size bytes
// can still follow, so make([]T, n) is bounded by the length of the file. A size
// of zero counts as one, for the same reason.
func (r *Reader) Count(size uint32, what string) uint32 {
	off := r.off
	n := r.Uint32(what)
	want := uint64(n) * uint64(max(size, 1)) // below 2^64
	if want > uint64(len(r.buf)) {
		r.short(off, want, what)
		return 0
	}
	return n
}

// take returns the next n bytes, capped so that append cannot write into the
// file; nil once anything failed. An empty result of a good read is not nil.
func (r *Reader) take(n uint64, what string) []byte {
	if r.bad || n > uint64(len(r.buf)) {
		r.short(r.off, n, what)
		return nil
	}
	b := r.buf[:n:n]
	r.buf, r.off = r.buf[n:], r.off+int64(n)
	if b == nil {
		return empty[:]
	}
	return b
}

// empty is what reading nothing from nothing returns: nil means failure.
var empty [0]byte

// short keeps the first failure and drops the rest of the input.
func (r *Reader) short(off int64, want uint64, what string) {
	if !r.bad {
		r.bad = true
		r.fail = ShortError{What: what, Off: off, Wanted: want, Have: uint64(len(r.buf))}
		r.off = off
	}
	r.buf = nil
}
