package macho

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"sort"
	"unicode"
	"unicode/utf8"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/bin"
)

// CodeDirectory versions at which fields were added (cs_blobs.h).
const (
	versionEarliest   = 0x20001
	versionScatter    = 0x20100
	versionTeam       = 0x20200
	versionLimit64    = 0x20300
	versionExecSeg    = 0x20400
	versionRuntime    = 0x20500
	versionLinkage    = 0x20600
	versionCompatible = 0x2f000 // the last that Apple's code accepts
)

// headerSize is the length of the fixed fields of a version.
func headerSize(version uint32) int64 {
	switch {
	case version >= versionLinkage:
		return 108
	case version >= versionRuntime:
		return 96
	case version >= versionExecSeg:
		return 88
	case version >= versionLimit64:
		return 64
	case version >= versionTeam:
		return 52
	case version >= versionScatter:
		return 48
	}
	return 44
}

// maxIdentifier bounds identifiers and team identifiers, which are shown.
const maxIdentifier = 1024

// directory is one CodeDirectory: its fields, and the blob that they lie in.
type directory struct {
	code.CodeDirectory
	raw        []byte
	off        int64 // in the file
	hashOffset uint32
	identOff   uint32
	teamOff    uint32
	pageShift  uint8
	linkOff    uint32
	linkSize   uint32
	short      error // fields of its version lie beyond its end
	anyPages   bool  // not of a Mach-O file: pages of any size, or none
}

// limit is the number of bytes that the page hashes cover, as Apple's user-space
// code reads it.
func (d *directory) limit() int64 {
	if d.CodeLimit64 != 0 {
		return int64(min(d.CodeLimit64, 1<<62))
	}
	return int64(d.CodeLimit)
}

// part names the directory in errors.
func (d *directory) part() string { return SlotName(d.Slot) }

// parseDirectory reads the fixed fields of a CodeDirectory blob.
func parseDirectory(raw []byte, slot uint32, off int64) (*directory, []problem) {
	d := &directory{raw: raw, off: off}
	d.Slot, d.Length = slot, int64(len(raw))
	part := SlotName(slot)
	rd := bin.NewReader(raw, off)
	magic, length := rd.Uint32("magic"), rd.Uint32("length")
	d.Version, d.Flags = rd.Uint32("version"), code.CodeFlags(rd.Uint32("flags"))
	d.hashOffset, d.identOff = rd.Uint32("hashOffset"), rd.Uint32("identOffset")
	d.SpecialSlots, d.CodeSlots = rd.Uint32("nSpecialSlots"), rd.Uint32("nCodeSlots")
	d.CodeLimit = uint64(rd.Uint32("codeLimit"))
	d.HashSize, d.HashType = rd.Uint8("hashSize"), code.HashType(rd.Uint8("hashType"))
	d.PlatformByte, d.pageShift = rd.Uint8("platform"), rd.Uint8("pageSize")
	rd.Uint32("spare2")
	if err := rd.Err(); err != nil {
		return nil, []problem{rejected(code.StatusSignatureFailed, part, off, "%w", err)}
	}
	if magic != magicCodeDirectory || int64(length) != int64(len(raw)) {
		return nil, []problem{rejected(code.StatusSignatureFailed, part, off, "magic %08x and length %d, want %08x and %d", magic, length, uint32(magicCodeDirectory), len(raw))}
	}
	if d.Version < versionEarliest || d.Version > versionCompatible {
		return d, nil // checkIntegrity refuses it
	}
	if d.Version >= versionScatter {
		d.ScatterOffset = rd.Uint32("scatterOffset")
	}
	if d.Version >= versionTeam {
		d.teamOff = rd.Uint32("teamOffset")
	}
	if d.Version >= versionLimit64 {
		rd.Uint32("spare3")
		d.CodeLimit64 = rd.Uint64("codeLimit64")
	}
	if d.Version >= versionExecSeg {
		d.ExecSegBase, d.ExecSegLimit = rd.Uint64("execSegBase"), rd.Uint64("execSegLimit")
		d.ExecSegFlags = code.ExecSegFlags(rd.Uint64("execSegFlags"))
	}
	if d.Version >= versionRuntime {
		d.Runtime, d.PreEncrypt = rd.Uint32("runtime"), rd.Uint32("preEncryptOffset")
	}
	if d.Version >= versionLinkage {
		rd.Uint32("linkage types")
		d.linkOff, d.linkSize = rd.Uint32("linkageOffset"), rd.Uint32("linkageSize")
	}
	d.short = rd.Err()
	if d.pageShift > 0 && d.pageShift < 32 {
		d.PageSize = 1 << d.pageShift
	}
	return d, nil
}

// checkIntegrity applies Apple's integrity list in order, then our own rules.
func (d *directory) checkIntegrity() []problem {
	fail := func(at uint32, format string, args ...any) []problem {
		return []problem{rejected(code.StatusSignatureFailed, d.part(), d.off+int64(at), format, args...)}
	}
	if d.Version < versionEarliest || d.Version > versionCompatible {
		return []problem{rejected(code.StatusSignatureUnsupported, d.part(), d.off+8, "version 0x%x is not supported", d.Version)}
	}
	if d.short != nil {
		return []problem{unjudged(code.StatusSignatureFailed, d.part(), d.off, "its fields do not fit: %w", d.short)}
	}
	length := int64(len(d.raw))
	ident, ok := d.text(d.identOff)
	if ok && len(ident) > maxIdentifier {
		return []problem{unjudged(code.StatusSignatureFailed, d.part(), d.off+20, "the identifier has more than %d bytes", maxIdentifier)}
	}
	if !ok {
		return fail(20, "the identifier at offset %d does not end inside the blob", d.identOff)
	}
	d.Identifier = ident
	if d.teamOff != 0 {
		if d.TeamID, ok = d.text(d.teamOff); !ok {
			return fail(48, "the team identifier at offset %d does not end inside the blob", d.teamOff)
		}
		if len(d.TeamID) > maxIdentifier {
			return []problem{unjudged(code.StatusSignatureFailed, d.part(), d.off+48, "the team identifier has more than %d bytes", maxIdentifier)}
		}
	}
	size := int64(d.HashSize)
	if int64(d.hashOffset)-size*int64(d.SpecialSlots) < 8 {
		return fail(16, "%d special slots do not fit before hashOffset %d", d.SpecialSlots, d.hashOffset)
	}
	if int64(d.hashOffset)+size*int64(d.CodeSlots) > length {
		return fail(16, "%d code slots of %d bytes at %d do not fit the blob of %d bytes", d.CodeSlots, d.HashSize, d.hashOffset, length)
	}
	if d.PreEncrypt != 0 && int64(d.PreEncrypt)+size*int64(d.CodeSlots) > length {
		return fail(92, "the pre-encrypt hashes at %d do not fit the blob", d.PreEncrypt)
	}
	if ps := d.checkScatter(); ps != nil {
		return ps
	}
	if msg := d.checkCoverage(); msg != "" {
		return fail(24, "%s", msg)
	}
	return d.checkOwnRules()
}

// text returns the NUL-terminated string at an offset of the blob; of one that is
// too long only as much as shows that.
func (d *directory) text(off uint32) (string, bool) {
	if int64(off) >= int64(len(d.raw)) {
		return "", false
	}
	n := bytes.IndexByte(d.raw[off:], 0)
	if n < 0 {
		return "", false
	}
	return string(d.raw[off : int(off)+min(n, maxIdentifier+1)]), true
}

// checkScatter walks the scatter vector as Apple's integrity check does.
func (d *directory) checkScatter() []problem {
	if d.ScatterOffset == 0 {
		return nil
	}
	if int64(d.ScatterOffset) > int64(len(d.raw)) {
		return []problem{rejected(code.StatusSignatureFailed, d.part(), d.off+44, "the scatter vector at %d lies beyond the blob", d.ScatterOffset)}
	}
	rd := bin.NewReader(d.raw[d.ScatterOffset:], d.off+int64(d.ScatterOffset))
	var pages uint64
	for {
		count := rd.Uint32("scatter.count")
		rd.Skip(20, "scatter")
		if rd.Err() != nil {
			return []problem{rejected(code.StatusSignatureFailed, d.part(), d.off+int64(d.ScatterOffset), "the scatter vector does not end inside the blob")}
		}
		if count == 0 {
			return nil
		}
		if pages += uint64(count); pages > uint64(d.CodeSlots) {
			return []problem{rejected(code.StatusSignatureFailed, d.part(), d.off+int64(d.ScatterOffset), "the scatter vector refers to %d pages, there are %d slots", pages, d.CodeSlots)}
		}
	}
}

// checkCoverage compares the number of slots with the signing limit.
func (d *directory) checkCoverage() string {
	limit := d.limit()
	if d.pageShift == 0 {
		want := uint32(0)
		if limit > 0 {
			want = 1
		}
		if d.CodeSlots != want {
			return fmt.Sprintf("%d code slots without pages, want %d", d.CodeSlots, want)
		}
		return ""
	}
	if d.pageShift > 31 {
		return fmt.Sprintf("page size 2^%d is not accepted", d.pageShift)
	}
	pages := (limit + int64(d.PageSize) - 1) >> d.pageShift
	if limit == 0 || int64(d.CodeSlots) != pages {
		return fmt.Sprintf("%d code slots for %d bytes in pages of %d, want %d", d.CodeSlots, limit, d.PageSize, pages)
	}
	return ""
}

// checkOwnRules are the rules by which we are stricter than Apple.
func (d *directory) checkOwnRules() []problem {
	var ps []problem
	add := func(s code.Status, at uint32, format string, args ...any) {
		ps = append(ps, stricter(s, d.part(), d.off+int64(at), format, args...))
	}
	if want := d.HashType.Size(); want != 0 && int(d.HashSize) != want {
		// Apple compares a whole digest at this stride: what it says depends on the bytes.
		ps = append(ps, unjudged(code.StatusSignatureFailed, d.part(), d.off+36, "hashSize is %d, %s has %d", d.HashSize, d.HashType, want))
	}
	if d.Identifier == "" || !plainText(d.Identifier) {
		add(code.StatusSignatureFailed, 20, "the identifier %q is empty or no plain text", d.Identifier)
	}
	if d.TeamID != "" && !plainText(d.TeamID) {
		add(code.StatusSignatureFailed, 48, "the team identifier %q is no plain text", d.TeamID)
	}
	if d.ScatterOffset != 0 {
		add(code.StatusSignatureUnsupported, 44, "it has a scatter vector: Apple's code hashes the file in order, the kernel does not")
	}
	if d.pageShift != 12 && d.pageShift != 14 && !d.anyPages {
		add(code.StatusSignatureUnsupported, 39, "page size 2^%d; only 4096 and 16384 are used for programs", d.pageShift)
	}
	if d.CodeLimit64 != 0 && d.CodeLimit64 != d.CodeLimit && (d.CodeLimit != 0xffffffff || d.CodeLimit64 <= 0xffffffff) {
		add(code.StatusSignatureFailed, 56, "codeLimit64 %d and codeLimit %d disagree; the kernel uses the other one", d.CodeLimit64, d.CodeLimit)
	}
	if msg := d.checkLayout(); msg != "" {
		add(code.StatusSignatureFailed, 0, "%s", msg)
	}
	return ps
}

// plainText reports valid UTF-8 without control and formatting characters, which
// could hide or reorder what a reader sees.
func plainText(s string) bool {
	for _, r := range s {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return false
		}
	}
	return utf8.ValidString(s)
}

type region struct {
	name     string
	from, to int64
}

// checkLayout makes sure that the variable parts lie behind the fields, do not
// overlap, and leave nothing but zeros between them.
func (d *directory) checkLayout() string {
	size, slots := int64(d.HashSize), int64(d.CodeSlots)
	rs := []region{
		{"fields", 0, headerSize(d.Version)},
		{"identifier", int64(d.identOff), int64(d.identOff) + int64(len(d.Identifier)) + 1},
		{"hashes", int64(d.hashOffset) - size*int64(d.SpecialSlots), int64(d.hashOffset) + size*slots},
	}
	if d.teamOff != 0 {
		rs = append(rs, region{"team identifier", int64(d.teamOff), int64(d.teamOff) + int64(len(d.TeamID)) + 1})
	}
	if d.PreEncrypt != 0 {
		rs = append(rs, region{"pre-encrypt hashes", int64(d.PreEncrypt), int64(d.PreEncrypt) + size*slots})
	}
	if d.linkOff != 0 || d.linkSize != 0 {
		rs = append(rs, region{"linkage", int64(d.linkOff), int64(d.linkOff) + int64(d.linkSize)})
	}
	if d.ScatterOffset != 0 {
		return "" // refused anyway
	}
	length := int64(len(d.raw))
	sort.SliceStable(rs, func(i, j int) bool { return rs[i].from < rs[j].from })
	rs = append(rs, region{"end", length, length})
	for i := 1; i < len(rs); i++ {
		a, b := rs[i-1], rs[i]
		if b.from < a.to || a.to > length || b.from > length || b.to > length {
			return fmt.Sprintf("its %s [%d, %d) and %s [%d, %d) overlap or leave the blob", a.name, a.from, a.to, b.name, b.from, b.to)
		}
		if i == 1 && d.Version > versionLinkage {
			continue // newer fields stand there, whose meaning we do not know
		}
		for at := a.to; at < b.from; at++ {
			if d.raw[at] != 0 {
				return fmt.Sprintf("data at offset %d, between %s and %s", at, a.name, b.name)
			}
		}
	}
	return ""
}

// slot returns the stored hash of special slot -n and whether it is present: it
// lies in the array and is not all zeros.
func (d *directory) slot(n uint32) ([]byte, bool) {
	if n == 0 || n > d.SpecialSlots {
		return nil, false
	}
	at := int64(d.hashOffset) - int64(n)*int64(d.HashSize)
	h := d.raw[at : at+int64(d.HashSize)]
	for _, b := range h {
		if b != 0 {
			return h, true
		}
	}
	return h, false
}

// sum hashes data with a directory's hash type into buf and returns the used
// part; nil for types that cannot be verified.
func sum(t code.HashType, data []byte, buf *[64]byte) []byte {
	switch t {
	case code.HashSHA1:
		h := sha1.Sum(data)
		return buf[:copy(buf[:], h[:])]
	case code.HashSHA256:
		h := sha256.Sum256(data)
		return buf[:copy(buf[:], h[:])]
	case code.HashSHA256Truncated:
		h := sha256.Sum256(data)
		return buf[:copy(buf[:], h[:20])]
	case code.HashSHA384:
		h := sha512.Sum384(data)
		return buf[:copy(buf[:], h[:])]
	}
	return nil
}

// computeCDHash hashes the whole blob with the directory's own type.
func (d *directory) computeCDHash() {
	var buf [64]byte
	full := sum(d.HashType, d.raw, &buf)
	d.CDHash = code.CDHash{Type: d.HashType, Full: append([]byte(nil), full...)}
	copy(d.CDHash.Hash[:], full)
}
