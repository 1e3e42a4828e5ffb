package main

import (
	"bytes"
	"os"
)

// looks is what the first and last bytes of a file say that it may be.
type looks int

const (
	looksOther  looks = iota
	looksMachO        // a Mach-O or universal header
	looksImage        // a disk image, by its trailer or the magic of an encrypted one
	looksScript       // begins with #!, and may have a signature in its attributes
)

const (
	headSize = 4096 // one page, and the whole of most small files
	tailSize = 512  // the trailer of a disk image
)

// sniff opens a file once and classifies it.
func sniff(path string) (looks, error) {
	var head [headSize]byte
	var tail [tailSize]byte
	n, m, _, err := readEnds(path, head[:], tail[:])
	if err != nil {
		return looksOther, err
	}
	end := tail[:m]
	if n < headSize { // all of it is there
		end = head[max(0, n-tailSize):n]
	}
	is := classify(head[:n], end)
	if is == looksMachO && be32(head[:]) == 0xcafebabe && staticLibrary(path, head[:n]) {
		is = looksOther
	}
	return is, nil
}

// staticLibrary reports whether every slice of a universal file is an archive for
// a linker, which is no code to a signature. A file that mixes both is not one.
func staticLibrary(path string, head []byte) bool {
	const headerSize, entrySize = 8, 20
	count := int(be32(head[4:]))
	if count == 0 || count > 42 || len(head) < headerSize+count*entrySize {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	for i := range count {
		var magic [8]byte
		off := be32(head[headerSize+i*entrySize+8:])
		if _, err := f.ReadAt(magic[:], int64(off)); err != nil || string(magic[:]) != "!<arch>\n" {
			return false
		}
	}
	return true
}

// cpuTypes are those that Mach-O files are made for.
var cpuTypes = [...]uint32{7, 0x01000007, 12, 0x0100000c, 0x0200000c, 18, 0x01000012}

// classify errs on the side of a closer look.
func classify(head, end []byte) looks {
	if len(head) < 4 {
		return looksOther
	}
	switch be32(head) {
	case 0xfeedface, 0xcefaedfe, 0xfeedfacf, 0xcffaedfe, 0xcafebabf, 0xbebafeca, 0xbfbafeca:
		return looksMachO
	case 0xcafebabe: // universal, or a Java class: its version stands where the count does
		if len(head) < 28 || be32(head[4:]) < 43 { // too short for one slice: let verification say so
			return looksMachO
		}
		for _, cpu := range cpuTypes {
			if be32(head[8:]) == cpu {
				return looksMachO
			}
		}
		return looksOther
	}
	switch {
	case len(end) == tailSize && bytes.HasPrefix(end, []byte("koly")),
		bytes.HasPrefix(head, []byte("encrcdsa")), bytes.HasSuffix(end, []byte("cdsaencr")):
		return looksImage
	case head[0] == '#' && head[1] == '!':
		return looksScript
	}
	return looksOther
}

func be32(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}
