package macho

import (
	"errors"
	"fmt"
	"io"
	"sort"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/bin"
)

// maxArchs is the number of entries that a universal header may have. Apple's
// limit is 100; nobody ships more than a handful, and a Java class, which has
// the same magic, reads as 43 or more.
const maxArchs = 64

// container is a file as a list of slices: one for a thin file.
type container struct {
	fat    bool
	images []*image
	// headerEnd is the end of the universal header's table; 0 for a thin file.
	headerEnd int64
	// align holds each slice's alignment, in the order of images.
	align []uint32
}

// errNotMachO says that a file is no Mach-O code at all, so that it cannot carry
// an embedded signature.
var errNotMachO = errors.New("not a Mach-O file")

// readContainer reads the headers and load commands of a file. The problem is
// nil when they are sound.
func readContainer(r io.ReaderAt, size int64) (*container, *problem) {
	var head [8]byte
	n, err := r.ReadAt(head[:min(8, max(0, size))], 0)
	if err != nil && err != io.EOF {
		p := ioProblem("file", 0, err)
		return nil, &p
	}
	if n < 4 {
		p := rejected(code.StatusUnsigned, "file", 0, "%w: it has %d bytes", errNotMachO, size)
		return nil, &p
	}
	switch magic := bigEndian32(head[:]); magic {
	case magicFat:
		return readFat(r, size)
	case magicFat64:
		p := unjudged(code.StatusBadObjectFormat, "universal header", 0, "64-bit universal files are not accepted: Apple's validation takes them for unsigned").appleSays(code.StatusUnsigned)
		return nil, &p
	case magicSwapped:
		p := unjudged(code.StatusBadObjectFormat, "universal header", 0, "the universal magic has its bytes swapped")
		return nil, &p
	}
	if !isThinMagic(head[:]) {
		p := rejected(code.StatusUnsigned, "file", 0, "%w: it begins with %x", errNotMachO, head[:4])
		return nil, &p
	}
	m, p := readImage(r, 0, size)
	if p != nil {
		return nil, p
	}
	return &container{images: []*image{m}, align: []uint32{0}}, nil
}

type fatArch struct {
	cpu, sub     uint32
	offset, size int64
	align        uint32
}

func readFat(r io.ReaderAt, size int64) (*container, *problem) {
	fail := func(off int64, format string, args ...any) (*container, *problem) {
		p := unjudged(code.StatusBadObjectFormat, "universal header", off, format, args...)
		return nil, &p
	}
	const headerSize, entrySize = 8, 20
	buf := make([]byte, headerSize+(maxArchs+1)*entrySize)
	n, err := r.ReadAt(buf[:min(int64(len(buf)), size)], 0)
	if err != nil && err != io.EOF {
		p := ioProblem("universal header", 0, err)
		return nil, &p
	}
	buf = buf[:n]
	rd := bin.NewReader(buf, 0)
	rd.Uint32("universal header.magic")
	count := rd.Uint32("universal header.nfat_arch")
	if err := rd.Err(); err != nil {
		return fail(0, "%w", err)
	}
	switch {
	case count == 0:
		return fail(4, "it lists no slice")
	case count >= 43 && count > maxArchs:
		return fail(4, "it lists %d slices, at most %d are accepted (a Java class file has the same magic)", count, maxArchs)
	case count > maxArchs:
		return fail(4, "it lists %d slices, at most %d are accepted", count, maxArchs)
	}
	c := &container{fat: true, headerEnd: headerSize + int64(count)*entrySize}
	archs := make([]fatArch, count)
	for i := range archs {
		archs[i] = fatArch{
			cpu: rd.Uint32("fat_arch.cputype"), sub: rd.Uint32("fat_arch.cpusubtype"),
			offset: int64(rd.Uint32("fat_arch.offset")), size: int64(rd.Uint32("fat_arch.size")),
			align: rd.Uint32("fat_arch.align"),
		}
	}
	if err := rd.Err(); err != nil {
		return fail(headerSize, "%w", err)
	}
	if err := checkArchs(archs, c.headerEnd, size); err != nil {
		return fail(headerSize, "%w", err)
	}
	if hidden(r, rd, size) {
		return fail(c.headerEnd, "a hidden arm64 entry follows the %d that the header lists; Apple's code counts it, the kernel does not", count)
	}
	for i, a := range archs {
		m, p := readImage(r, a.offset, a.size)
		if p != nil {
			if i == 0 && allArchives(r, archs) {
				p.err.Err = fmt.Errorf("%w: it holds static libraries", errNotMachO)
				return nil, p // a file like any other, as for Apple
			}
			p.err.Arch = archName(a.cpu, a.sub)
			if p.err.Status == code.StatusUnsigned { // no Mach-O inside a universal file
				p.err.Status = code.StatusBadObjectFormat
				p.apple = code.Unknown[code.Status](nil)
			}
			return nil, p
		}
		if m.cpu != a.cpu || m.sub != a.sub {
			return fail(headerSize+int64(i)*entrySize, "entry %d says cpu 0x%x subtype 0x%x, its slice says cpu 0x%x subtype 0x%x", i, a.cpu, a.sub, m.cpu, m.sub)
		}
		if i > 0 && m.fileType != c.images[0].fileType {
			return fail(a.offset, "slices have different file types: %s and %s", fileTypeName(c.images[0].fileType), fileTypeName(m.fileType))
		}
		c.images = append(c.images, m)
		c.align = append(c.align, a.align)
	}
	return c, nil
}

// allArchives reports whether all that a universal file holds are static libraries,
// which no system loads as code.
func allArchives(r io.ReaderAt, archs []fatArch) bool {
	const magic = "!<arch>\n"
	for _, a := range archs {
		var head [len(magic)]byte
		if _, err := r.ReadAt(head[:min(int64(len(head)), a.size)], a.offset); err != nil || string(head[:]) != magic {
			return false
		}
	}
	return true
}

// checkArchs checks the table of a universal header by itself.
func checkArchs(archs []fatArch, headerEnd, size int64) error {
	byOffset := append([]fatArch(nil), archs...)
	sort.Slice(byOffset, func(i, j int) bool { return byOffset[i].offset < byOffset[j].offset })
	end := headerEnd
	for _, a := range byOffset {
		switch {
		case a.offset < headerEnd:
			return fmt.Errorf("a slice begins at 0x%x, inside the header that ends at 0x%x", a.offset, headerEnd)
		case a.offset+a.size > size:
			return fmt.Errorf("a slice of %d bytes at 0x%x reaches beyond the file of %d bytes", a.size, a.offset, size)
		case a.offset < end:
			return fmt.Errorf("slices overlap at 0x%x", a.offset)
		case a.align > 30:
			return fmt.Errorf("a slice is aligned to 2^%d, at most 2^30 is accepted", a.align)
		case a.offset&(1<<a.align-1) != 0:
			return fmt.Errorf("the slice at 0x%x is not aligned to 2^%d", a.offset, a.align)
		}
		end = a.offset + a.size
	}
	for i, a := range archs {
		for _, b := range archs[:i] {
			if a.cpu == b.cpu && a.sub&^subtypeCapabilities == b.sub&^subtypeCapabilities {
				return fmt.Errorf("two slices are for %s", archName(a.cpu, a.sub))
			}
		}
	}
	return nil
}

// hidden reports an arm64 entry behind the table that describes a Mach-O in the
// file. rd stands behind the last listed entry.
func hidden(r io.ReaderAt, rd bin.Reader, size int64) bool {
	cpu := rd.Uint32("fat_arch.cputype")
	rd.Uint32("fat_arch.cpusubtype")
	off, n := int64(rd.Uint32("fat_arch.offset")), int64(rd.Uint32("fat_arch.size"))
	if rd.Err() != nil || cpu != cpuARM64 || off+n > size || n < 4 {
		return false
	}
	var head [4]byte
	_, err := r.ReadAt(head[:], off)
	return err == nil && isThinMagic(head[:])
}

func isThinMagic(b []byte) bool {
	m := bigEndian32(b)
	return m == magicThin32 || m == magicThin64 || m == swap32(magicThin32) || m == swap32(magicThin64)
}

func bigEndian32(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

func swap32(v uint32) uint32 { return v<<24 | v>>24 | v<<8&0xff0000 | v>>8&0xff00 }

// ioProblem is a read error: the file could not be judged.
func ioProblem(part string, off int64, err error) problem {
	return unjudged(code.StatusSignatureNotVerifiable, part, off, "%w", err)
}

// best returns the index of the slice that a current Mac would prefer: arm64,
// then x86_64, else the first.
func (c *container) best() int {
	for _, cpu := range []uint32{cpuARM64, cpuX8664} {
		for i, m := range c.images {
			if m.cpu == cpu {
				return i
			}
		}
	}
	return 0
}
