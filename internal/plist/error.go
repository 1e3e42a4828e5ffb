package plist

import (
	"fmt"
	"unicode/utf8"
)

// SyntaxError says why bytes are not a property list.
type SyntaxError struct {
	Off int64  // the byte at fault, counted from the start of the input
	Msg string // what stands there and what was expected
	// Cycle is set when an object contains itself, which no reader accepts.
	Cycle bool
}

// Error gives the offset and the message.
func (e *SyntaxError) Error() string { return fmt.Sprintf("offset 0x%x: %s", e.Off, e.Msg) }

// bad makes a SyntaxError.
func bad[N int | int64 | uint64](off N, format string, args ...any) error {
	return &SyntaxError{Off: int64(off), Msg: fmt.Sprintf(format, args...)}
}

// budget bounds what one input may turn into.
type budget struct {
	values int   // values that may still be made
	bytes  int64 // memory that they may still take
}

// valueSize is what one value costs: a Value and its share of a slice.
const valueSize = 48

// value charges one value, which stands at offset off.
func (b *budget) value(off int) error {
	if b.values--; b.values < 0 {
		return bad(off, "too many values")
	}
	return b.take(off, valueSize)
}

// take charges n bytes for the text at offset off.
func (b *budget) take(off, n int) error {
	if b.bytes -= int64(n); b.bytes < 0 {
		return bad(off, "the values take more memory than the size of the input allows")
	}
	return nil
}

// got says in words what stands at b[i].
func got(b []byte, i int) string {
	if i >= len(b) {
		return "the end of the input"
	}
	r, n := utf8.DecodeRune(b[i:])
	if r == utf8.RuneError && n <= 1 {
		return fmt.Sprintf("byte 0x%02x", b[i])
	}
	return fmt.Sprintf("%q", r)
}
