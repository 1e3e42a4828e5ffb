package macho

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Trailers of flat packages: 16 bytes each, read from the end of the file. Apple
// writes their numbers as they lie in memory, which on every Mac of the last
// fifteen years is little-endian.
const (
	trailerSize       = 16
	trailerMagic      = "t8lr"
	trailerTerminator = 1
	trailerTicket     = 2
	// maxTrailers bounds the walk: real packages have two.
	maxTrailers = 16
	// maxTicket bounds what counts as a ticket: real ones have some kilobytes for
	// each hundred programs.
	maxTicket = 64 << 20
)

// packageTicket returns the size in bytes of the notarisation ticket that is
// stapled to a flat package; 0 when there is none. Nothing binds the ticket to the
// package, and its content is not read: Apple's format is not public.
func packageTicket(r io.ReaderAt, size int64) (int64, error) {
	ticket, found := int64(0), false
	for end, n := size, 0; ; n++ {
		if end < trailerSize {
			if n == 0 {
				return 0, nil
			}
			return 0, errors.New("the file begins before the last trailer")
		}
		var b [trailerSize]byte
		if _, err := io.ReadFull(io.NewSectionReader(r, end-trailerSize, trailerSize), b[:]); err != nil {
			return 0, err
		}
		if string(b[:4]) != trailerMagic {
			if n == 0 {
				return 0, nil
			}
			return 0, fmt.Errorf("no trailer at 0x%x, and no terminator before it", end-trailerSize)
		}
		if n >= maxTrailers {
			return 0, fmt.Errorf("more than %d trailers", maxTrailers)
		}
		typ, length := binary.LittleEndian.Uint16(b[6:]), int64(binary.LittleEndian.Uint32(b[8:]))
		if length > end-trailerSize || length > maxTicket {
			return 0, fmt.Errorf("the trailer at 0x%x describes %d bytes, %d stand before it", end-trailerSize, length, end-trailerSize)
		}
		switch typ {
		case trailerTerminator:
			return ticket, nil
		case trailerTicket:
			if found {
				return 0, errors.New("there are two tickets")
			}
			found, ticket = true, length
		}
		end -= trailerSize + length
	}
}
