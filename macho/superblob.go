package macho

import (
	"errors"
	"fmt"
	"io"
	"sort"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/bin"
)

// Blob magics (cs_blobs.h).
const (
	magicRequirements   = 0xfade0c01
	magicCodeDirectory  = 0xfade0c02
	magicEmbedded       = 0xfade0cc0
	magicWrapper        = 0xfade0b01
	magicEntitlements   = 0xfade7171
	magicEntitlementDER = 0xfade7172
	magicConstraint     = 0xfade8181
)

// Slots of the SuperBlob; those up to slotMaxSpecial have a hash in the
// CodeDirectory too.
const (
	slotCodeDirectory   = 0
	slotInfo            = 1
	slotRequirements    = 2
	slotResources       = 3
	slotTop             = 4
	slotEntitlements    = 5
	slotRep             = 6
	slotEntitlementsDER = 7
	slotConstraintFirst = 8
	slotMaxSpecial      = 11
	slotAlternate       = 0x1000
	slotAlternateLast   = 0x1004
	slotCMS             = 0x10000
	slotIdentification  = 0x10001
	slotTicket          = 0x10002
)

var slotNames = map[uint32]string{
	slotCodeDirectory: "CodeDirectory", slotInfo: "Info.plist", slotRequirements: "requirements",
	slotResources: "resource directory", slotTop: "top directory",
	slotEntitlements: "entitlements", slotRep: "representation-specific",
	slotEntitlementsDER: "entitlements DER", 8: "launch constraint (self)",
	9: "launch constraint (parent)", 10: "launch constraint (responsible)",
	11: "library constraint", slotCMS: "CMS signature",
	slotIdentification: "identification", slotTicket: "notarisation ticket",
}

// SlotName returns what a slot holds, as in "CodeDirectory".
func SlotName(t uint32) string {
	if n := slotNames[t]; n != "" {
		return n
	}
	if t >= slotAlternate && t <= slotAlternateLast {
		return fmt.Sprintf("alternate CodeDirectory %d", t-slotAlternate+1)
	}
	return fmt.Sprintf("slot 0x%x", t)
}

// slotMagic returns the magic that a slot's blob must have; 0 for any.
func slotMagic(t uint32) uint32 {
	switch {
	case t == slotCodeDirectory, t >= slotAlternate && t <= slotAlternateLast:
		return magicCodeDirectory
	case t == slotRequirements:
		return magicRequirements
	case t == slotEntitlements:
		return magicEntitlements
	case t == slotEntitlementsDER:
		return magicEntitlementDER
	case t >= slotConstraintFirst && t <= slotMaxSpecial:
		return magicConstraint
	case t == slotCMS, t == slotIdentification, t == slotTicket, t == slotTop, t == slotRep:
		return magicWrapper
	}
	return 0
}

// maxSuperBlob bounds the signature that is read into memory. The largest real
// ones have about 1 % of their program's size; 4 GiB of code in 4 KiB pages
// with two directories needs 56 MiB.
const maxSuperBlob = 64 << 20

// maxEntries bounds the index: there are 20 slots with a meaning.
const maxEntries = 64

// superBlob is the signature of one slice.
type superBlob struct {
	raw     []byte // length bytes
	off     int64  // in the file
	entries []blobEntry
	// padding is the offset in the file of the first byte that is not zero
	// between the SuperBlob's end and the room that the load command gives; -1.
	padding int64
}

type blobEntry struct {
	typ, magic uint32
	off, size  int64 // in the SuperBlob
}

// blob returns the first blob of a slot, with its header; nil when there is none.
func (b *superBlob) blob(typ uint32) []byte {
	for _, e := range b.entries {
		if e.typ == typ {
			return b.raw[e.off : e.off+e.size : e.off+e.size]
		}
	}
	return nil
}

// blobOffset returns the file offset of a slot's blob, for errors.
func (b *superBlob) blobOffset(typ uint32) int64 {
	for _, e := range b.entries {
		if e.typ == typ {
			return b.off + e.off
		}
	}
	return b.off
}

// has reports whether the slot is listed.
func (b *superBlob) has(typ uint32) bool { return b.blob(typ) != nil }

// payload returns a blob without its 8-byte header.
func payload(blob []byte) []byte {
	if len(blob) < 8 {
		return nil
	}
	return blob[8:]
}

// readSuperBlob reads the signature of a slice.
func (m *image) readSuperBlob() (*superBlob, []problem) {
	at := m.offset + m.sigOff
	b := &superBlob{off: at, padding: -1}
	fail := func(format string, args ...any) (*superBlob, []problem) {
		return nil, []problem{rejected(code.StatusSignatureInvalid, "SuperBlob", at, format, args...)}
	}
	var head [12]byte
	if m.sigSize < int64(len(head)) {
		return fail("the load command gives it %d bytes, at least 12 are needed", m.sigSize)
	}
	if _, err := m.r.ReadAt(head[:], m.sigOff); err != nil {
		return nil, []problem{ioProblem("SuperBlob", at, err)}
	}
	rd := bin.NewReader(head[:], at)
	magic, length, count := rd.Uint32("magic"), int64(rd.Uint32("length")), int64(rd.Uint32("count"))
	switch {
	case magic != magicEmbedded:
		return fail("its magic is %08x, want %08x", magic, uint32(magicEmbedded))
	case length > m.sigSize:
		return fail("it claims %d bytes, the load command gives %d", length, m.sigSize)
	case length < 12+8*count:
		return fail("%d entries do not fit its %d bytes", count, length)
	case count > maxEntries:
		return nil, []problem{unjudged(code.StatusSignatureInvalid, "SuperBlob", at+8, "it lists %d blobs, at most %d are accepted", count, maxEntries)}
	case length > maxSuperBlob:
		return fail("it has %d bytes, at most %d are accepted", length, maxSuperBlob)
	}
	b.raw = make([]byte, length)
	if _, err := m.r.ReadAt(b.raw, m.sigOff); err != nil && !(errors.Is(err, io.EOF) && m.sigOff+length == m.size) {
		return nil, []problem{ioProblem("SuperBlob", at, err)}
	}
	ps := b.readIndex(count)
	for _, p := range ps {
		if !p.goesOn() {
			return nil, ps
		}
	}
	pad, err := firstNonZero(m.r, m.sigOff+length, m.sigOff+m.sigSize)
	if err != nil {
		return nil, []problem{ioProblem("signature padding", at+length, err)}
	}
	if pad >= 0 {
		b.padding = m.offset + pad
	}
	return b, ps
}

func (b *superBlob) readIndex(count int64) []problem {
	var ps []problem
	length := int64(len(b.raw))
	indexEnd := 12 + 8*count
	seen := make(map[uint32]bool, count)
	rd := bin.NewReader(b.raw[12:indexEnd], b.off+12)
	for range count {
		typ, off := rd.Uint32("BlobIndex.type"), int64(rd.Uint32("BlobIndex.offset"))
		at, part := b.off+off, "SuperBlob entry "+SlotName(typ)
		switch {
		case off == 0:
			ps = append(ps, stricter(code.StatusSignatureInvalid, part, b.off, "its offset is 0"))
			continue
		case off < indexEnd:
			return append(ps, rejected(code.StatusSignatureInvalid, part, at, "it lies inside the index"))
		case off+8 > length:
			return append(ps, rejected(code.StatusSignatureInvalid, part, at, "it lies beyond the SuperBlob's %d bytes", length))
		case seen[typ]:
			ps = append(ps, unjudged(code.StatusSignatureInvalid, part, at, "a second entry for the same slot; readers disagree which one counts"))
			continue
		}
		seen[typ] = true
		head := bin.NewReader(b.raw[off:], at)
		e := blobEntry{typ: typ, off: off, magic: head.Uint32("magic"), size: int64(head.Uint32("length"))}
		if off+e.size > length || e.size < 8 {
			return append(ps, rejected(code.StatusSignatureInvalid, part, at, "it claims %d bytes, %d are left", e.size, length-off))
		}
		if want := slotMagic(typ); want != 0 && e.magic != want {
			ps = append(ps, unjudged(code.StatusSignatureInvalid, part, at, "its magic is %08x, want %08x", e.magic, want))
		}
		b.entries = append(b.entries, e)
	}
	for t := uint32(slotAlternate + 1); t <= slotAlternateLast; t++ {
		if seen[t] && !seen[t-1] {
			ps = append(ps, unjudged(code.StatusSignatureInvalid, "SuperBlob", b.off, "alternate CodeDirectory 0x%x without 0x%x: Apple's code and the kernel would choose different directories", t, t-1))
			break
		}
	}
	return append(ps, b.overlaps()...)
}

func (b *superBlob) overlaps() []problem {
	byOff := append([]blobEntry(nil), b.entries...)
	sort.Slice(byOff, func(i, j int) bool { return byOff[i].off < byOff[j].off })
	for i := 1; i < len(byOff); i++ {
		if byOff[i].off < byOff[i-1].off+byOff[i-1].size {
			if slotMagic(byOff[i].typ) == magicCodeDirectory && slotMagic(byOff[i-1].typ) == magicCodeDirectory {
				// Each directory is read and hashed by itself: they must not multiply one range.
				return []problem{unjudged(code.StatusSignatureInvalid, "SuperBlob", b.off+byOff[i].off, "two CodeDirectories overlap")}
			}
			return []problem{stricter(code.StatusSignatureInvalid, "SuperBlob", b.off+byOff[i].off, "%s overlaps %s", SlotName(byOff[i].typ), SlotName(byOff[i-1].typ))}
		}
	}
	return nil
}
