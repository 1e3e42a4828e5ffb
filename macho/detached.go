package macho

import (
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/bin"
)

// magicDetached marks a SuperBlob whose entries are signatures, by CPU type; the
// entry 0 is for files without an architecture.
const magicDetached = 0xfade0cc1

// checkDetached verifies with the signature that the caller brought along. A
// signature inside the file is left alone then, as by Apple.
func (s *slice) checkDetached() check {
	if s.v.bundle != nil {
		s.unsignedFacts()
		return failed(unjudged(code.StatusNotSupported, "detached signature", -1, "detached signatures of bundles are not supported, only those of single files"))
	}
	key := s.m.cpu
	if s.m.form != nil {
		key = 0
	}
	raw, p := detachedEntry(s.v.opts.Detached, key)
	if p == nil && raw == nil {
		s.unsignedFacts()
		s.facts.Signed, s.m.hasSignature = false, false
		return failed(rejected(code.StatusUnsigned, "detached signature", -1, "it holds nothing for %s", s.m.arch()))
	}
	if p != nil {
		return failed(*p)
	}
	b, ps := parseSuperBlob(raw)
	if b == nil {
		return failed(ps...)
	}
	switch {
	case s.m.form != nil && s.m.form.trailer != nil && s.m.hasSignature:
		// An image has one signature: its trailer and the room before it belong to
		// the file, and a detached one would leave them in no hash.
		return failed(unjudged(code.StatusNotSupported, "detached signature", -1, "the disk image has a signature of its own"))
	case !s.m.hasSignature:
		s.m.sigOff, s.m.detached = s.m.size, true
	case s.m.form != nil:
		s.m.sigOff = s.m.size
	}
	s.adopt(b, "detached")
	return verdictOf(ps)
}

// detachedEntry returns the signature for a CPU type; nil when there is none.
func detachedEntry(b []byte, key uint32) ([]byte, *problem) {
	bad := func(format string, args ...any) ([]byte, *problem) {
		p := unjudged(code.StatusSignatureInvalid, "detached signature", -1, format, args...)
		return nil, &p
	}
	if len(b) > maxSuperBlob {
		return bad("it has %d bytes, at most %d are accepted", len(b), maxSuperBlob)
	}
	rd := bin.NewReader(b, 0)
	magic, length := rd.Uint32("magic"), rd.Uint32("length")
	count := rd.Count(8, "count")
	if err := rd.Err(); err != nil {
		return bad("%w", err)
	}
	if magic != magicDetached || int64(length) != int64(len(b)) || count > maxArchs {
		return bad("magic %08x, length %d and %d entries, want %08x, %d and at most %d", magic, length, count, uint32(magicDetached), len(b), maxArchs)
	}
	end := int64(12 + 8*count)
	seen := map[uint32]bool{}
	var found []byte
	for range count {
		typ, off := rd.Uint32("type"), int64(rd.Uint32("offset"))
		if seen[typ] {
			return bad("two entries for CPU type 0x%x", typ)
		}
		seen[typ] = true
		if off != end || off+8 > int64(len(b)) {
			return bad("the entry for CPU type 0x%x begins at %d, want %d", typ, off, end)
		}
		size := int64(bigEndian32(b[off+4:]))
		if size < 12 || size > int64(len(b))-off {
			return bad("the entry for CPU type 0x%x claims %d bytes, %d are left", typ, size, int64(len(b))-off)
		}
		end += size
		if typ == key {
			found = b[off:end:end]
		}
	}
	if end != int64(len(b)) {
		return bad("%d bytes follow the last entry", int64(len(b))-end)
	}
	return found, nil
}
