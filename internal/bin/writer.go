package bin

import "encoding/binary"

// Writer builds a structure by appending big-endian integers and bytes. The zero
// Writer is ready to use.
type Writer struct {
	buf []byte
}

// Len is the number of bytes written so far, hence the offset of the next one.
func (w *Writer) Len() int { return len(w.buf) }

// Data returns everything written so far. It aliases the Writer: take it last.
func (w *Writer) Data() []byte { return w.buf }

// Uint8 appends one byte.
func (w *Writer) Uint8(v uint8) { w.buf = append(w.buf, v) }

// Uint16 appends two bytes.
func (w *Writer) Uint16(v uint16) { w.buf = binary.BigEndian.AppendUint16(w.buf, v) }

// Uint32 appends four bytes.
func (w *Writer) Uint32(v uint32) { w.buf = binary.BigEndian.AppendUint32(w.buf, v) }

// Uint64 appends eight bytes.
func (w *Writer) Uint64(v uint64) { w.buf = binary.BigEndian.AppendUint64(w.buf, v) }

// Bytes appends a copy of b.
func (w *Writer) Bytes(b []byte) { w.buf = append(w.buf, b...) }

// Pad appends zero bytes until the length is a multiple of align. It panics when
// align is not positive, which is a mistake of the caller.
func (w *Writer) Pad(align int) {
	for len(w.buf)%align != 0 {
		w.buf = append(w.buf, 0)
	}
}

// PutUint32At replaces four bytes that were written before, as for a length that
// is known only at the end. It panics when they were not written.
func (w *Writer) PutUint32At(off int, v uint32) {
	binary.BigEndian.PutUint32(w.buf[off:off+4], v)
}
