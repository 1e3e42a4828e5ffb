package macho

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"sort"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/bin"
)

// The trailer of a UDIF disk image: its last 512 bytes, all numbers big-endian.
const (
	kolySize    = 512
	kolyVersion = 4
	kolySigSize = 304 // offset of codeSignatureSize; codeSignatureOffset stands before it
	// kolySearch is how far from the end a trailer is looked for that does not end
	// the file. Apple looks at the end alone.
	kolySearch = 64 << 10
)

// kolyMagic is how every trailer begins: magic, version, and its own size.
var kolyMagic = []byte("koly\x00\x00\x00\x04\x00\x00\x02\x00")

// findKoly returns the trailer of a disk image; nil without a problem when the file
// is none. Data behind a trailer would hide the image from everything that looks
// at the end, so that is a problem and not another kind of file.
func findKoly(r io.ReaderAt, size int64) ([]byte, *problem) {
	if size < kolySize {
		return nil, nil
	}
	buf := make([]byte, min(size, kolySearch))
	from := size - int64(len(buf))
	if n, err := r.ReadAt(buf, from); n < len(buf) {
		p := ioProblem("disk image trailer", from+int64(n), err)
		return nil, &p
	}
	if last := buf[len(buf)-kolySize:]; string(last[:4]) == "koly" {
		return last, nil
	}
	if at := bytes.LastIndex(buf, kolyMagic); at >= 0 && len(buf)-at > kolySize {
		p := unjudged(code.StatusBadDiskImageFormat, "disk image trailer", from+int64(at), "%d bytes follow the trailer, which must end the file", len(buf)-at-kolySize)
		return nil, &p
	}
	return nil, nil
}

// readKoly reads where the signature lies.
func (m *image) readKoly(koly []byte) *problem {
	at := m.size - kolySize
	rd := bin.NewReader(koly, at)
	rd.Skip(4, "koly magic")
	version, header := rd.Uint32("koly version"), rd.Uint32("koly header size")
	rd.Skip(kolySigSize-8-12, "koly")
	off, length := rd.Uint64("codeSignatureOffset"), rd.Uint64("codeSignatureSize")
	if err := rd.Err(); err != nil {
		p := rejected(code.StatusBadDiskImageFormat, "disk image trailer", at, "%w", err)
		return &p
	}
	m.form.trailer = append([]byte(nil), koly...)
	m.form.unsigned = "the disk image has no signature"
	if version != kolyVersion || header != kolySize {
		p := unjudged(code.StatusBadDiskImageFormat, "disk image trailer", at+4, "version %d with a header of %d bytes, want %d and %d", version, header, kolyVersion, kolySize)
		return &p
	}
	if length == 0 {
		return nil // unsigned, wherever the offset points
	}
	if off > uint64(at) || length != uint64(at)-off {
		p := rejected(code.StatusBadDiskImageFormat, "disk image trailer", at+kolySigSize-8, "the signature is %d bytes at 0x%x, but must end exactly where the trailer begins, at 0x%x", length, off, at)
		return &p
	}
	// The trailer was sealed before the size of the signature was known.
	binary.BigEndian.PutUint64(m.form.trailer[kolySigSize:], 0)
	m.sigOff, m.sigSize, m.hasSignature = int64(off), int64(length), true
	return nil
}

// checkImageSuperBlob reads the signature of a disk image, which must fill its room
// to the byte.
func (s *slice) checkImageSuperBlob() check {
	b, ps := s.m.readSuperBlob()
	for i, p := range ps {
		if p.apple == code.Known(code.StatusSignatureInvalid) {
			ps[i].err.Status, ps[i].apple = code.StatusBadDiskImageFormat, code.Known(code.StatusBadDiskImageFormat)
		}
	}
	if b == nil {
		return failed(ps...)
	}
	s.blob = b
	s.signatureFacts()
	if msg := b.packing(s.m.sigSize); msg != "" {
		ps = append(ps, rejected(code.StatusBadDiskImageFormat, "SuperBlob", b.off, "%s", msg))
	}
	if b.has(slotRep) {
		ps = append(ps, stricter(code.StatusSignatureInvalid, "SuperBlob", b.blobOffset(slotRep), "it carries a component of slot 6, which in a disk image is the trailer"))
	}
	return verdictOf(ps)
}

// packing says how a SuperBlob is not strictly packed in a room of so many bytes:
// the blobs must follow the index and each other without a gap, to the end.
func (b *superBlob) packing(room int64) string {
	if int64(len(b.raw)) != room {
		return fmt.Sprintf("it has %d bytes in a room of %d", len(b.raw), room)
	}
	byOff := append([]blobEntry(nil), b.entries...)
	sort.Slice(byOff, func(i, j int) bool { return byOff[i].off < byOff[j].off })
	end := int64(12 + 8*len(byOff))
	for _, e := range byOff {
		if e.off != end {
			return fmt.Sprintf("the %s begins at offset %d, what stands before it ends at %d", SlotName(e.typ), e.off, end)
		}
		end += e.size
	}
	if end != room {
		return fmt.Sprintf("its last blob ends at %d of %d bytes", end, room)
	}
	return ""
}

// checkDiskImage makes sure that the hashes cover everything: the data up to the
// signature, and the trailer.
func (s *slice) checkDiskImage() check {
	var ps []problem
	for _, d := range s.dirs {
		if d.limit() != s.m.sigOff {
			ps = append(ps, rejected(code.StatusSignatureInvalid, d.part(), d.off+32, "it covers %d bytes, the data of the disk image has %d", d.limit(), s.m.sigOff))
		}
		if _, sealed := d.slot(slotRep); !sealed && !s.m.detached {
			ps = append(ps, stricter(code.StatusSignatureFailed, d.part(), d.off, "it does not seal the trailer of the disk image, which says what the data means"))
		}
	}
	return verdictOf(ps)
}
