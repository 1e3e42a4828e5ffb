package macho

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sort"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// partNames are the names of components that lie beside their code: in an extended
// attribute of a file, or in a file of _CodeSignature when the main executable of
// a bundle is no Mach-O. Alternate directories have the name of the requirements
// with a number, which is how Apple's tools write them.
var partNames = map[uint32]string{
	slotCodeDirectory:       "CodeDirectory",
	slotRequirements:        "CodeRequirements",
	slotTop:                 "CodeTopDirectory",
	slotEntitlements:        "CodeEntitlements",
	slotEntitlementsDER:     "CodeEntitlementDER",
	slotConstraintFirst:     "LaunchConstraintSelf",
	slotConstraintFirst + 1: "LaunchConstraintParent",
	slotConstraintFirst + 2: "LaunchConstraintResponsible",
	slotMaxSpecial:          "LibraryConstraint",
	slotAlternate:           "CodeRequirements-1",
	slotAlternate + 1:       "CodeRequirements-2",
	slotAlternate + 2:       "CodeRequirements-3",
	slotAlternate + 3:       "CodeRequirements-4",
	slotAlternateLast:       "CodeRequirements-5",
	slotCMS:                 "CodeSignature",
}

const (
	// attributePrefix stands before the name of a part in an extended attribute.
	attributePrefix = "com.apple.cs."
	// maxPart bounds one part: the file systems of Macs keep small attributes only,
	// and a directory that hashes a file as a whole has one page.
	maxPart = 4 << 20
)

// attributeReader returns an extended attribute of one file; ok is false when it
// has none of that name, or cannot have any.
type attributeReader func(name string) (value []byte, ok bool, err error)

// readParts finds the components of a file that is no Mach-O: in _CodeSignature when
// it is the main executable of a bundle, in its extended attributes otherwise. Both
// at once is a mixture that Apple refuses.
func (v *verification) readParts(m *image) *problem {
	f := m.form
	attributes, err := collectParts(func(name string) ([]byte, bool, error) {
		if v.attributes == nil {
			return nil, false, nil
		}
		return v.attributes(attributePrefix + name)
	})
	if err != nil {
		p := ioProblem("extended attributes", -1, err)
		return &p
	}
	f.parts, f.source = attributes, "extended attributes"
	if v.bundle != nil {
		files, err := collectParts(v.bundle.part)
		if err != nil {
			p := ioProblem("_CodeSignature", -1, err)
			return &p
		}
		if len(files) > 0 && len(attributes) > 0 {
			p := rejected(code.StatusSignatureFailed, "_CodeSignature", -1, "components of the signature lie there and in extended attributes of the main executable: only one place may have them")
			return &p
		}
		if len(attributes) == 0 {
			f.parts, f.source = files, partFiles
			f.unsigned = "the main executable is no Mach-O file, and neither _CodeSignature nor an extended attribute holds a signature"
		}
	}
	if len(f.parts) > 0 {
		m.hasSignature, m.sigOff = true, m.size
	}
	return nil
}

// part reads a component from _CodeSignature.
func (b *bundle) part(name string) ([]byte, bool, error) {
	data, odd, err := b.regular(path.Join(b.support, "_CodeSignature", name), maxPart)
	if odd && err == nil {
		err = fmt.Errorf("_CodeSignature/%s is no plain file", name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	return data, data != nil, err
}

func collectParts(read attributeReader) (map[uint32][]byte, error) {
	parts := map[uint32][]byte{}
	for slot, name := range partNames {
		b, ok, err := read(name)
		if err != nil {
			return nil, err
		}
		if ok && len(b) > 0 { // codesign leaves an empty CodeSignature with ad-hoc code
			parts[slot] = b
		}
	}
	return parts, nil
}

// checkParts puts the components together as a SuperBlob and goes on with that.
func (s *slice) checkParts() check {
	raw, ps := assemble(s.m.form.parts, s.m.form.source)
	if len(ps) > 0 {
		return failed(ps...)
	}
	b, ps := parseSuperBlob(raw)
	if b == nil {
		return failed(ps...)
	}
	s.adopt(b, s.m.form.source)
	return verdictOf(ps)
}

// assemble writes a SuperBlob around components. The signature and the top directory
// lie there without a header; every other part is a blob of exactly its size.
func assemble(parts map[uint32][]byte, source string) ([]byte, []problem) {
	slots := make([]uint32, 0, len(parts))
	for t := range parts {
		slots = append(slots, t)
	}
	sort.Slice(slots, func(i, j int) bool { return slots[i] < slots[j] })
	be := binary.BigEndian
	head := be.AppendUint32(be.AppendUint32(nil, magicEmbedded), 0)
	head = be.AppendUint32(head, uint32(len(slots)))
	var body []byte
	for _, t := range slots {
		b := parts[t]
		head = be.AppendUint32(be.AppendUint32(head, t), uint32(12+8*len(slots)+len(body)))
		if slotMagic(t) == magicWrapper {
			body = be.AppendUint32(be.AppendUint32(body, magicWrapper), uint32(8+len(b)))
		} else if len(b) < 8 || int64(be.Uint32(b[4:])) != int64(len(b)) {
			return nil, []problem{unjudged(code.StatusSignatureFailed, partNames[t], -1, "the %s hold %d bytes, which is not the length that the blob gives", source, len(b))}
		}
		body = append(body, b...)
	}
	be.PutUint32(head[4:], uint32(len(head)+len(body)))
	return append(head, body...), nil
}

// parseSuperBlob reads an embedded signature that lies in memory.
func parseSuperBlob(raw []byte) (*superBlob, []problem) {
	bad := func(format string, args ...any) (*superBlob, []problem) {
		return nil, []problem{rejected(code.StatusSignatureInvalid, "SuperBlob", -1, format, args...)}
	}
	if len(raw) < 12 || len(raw) > maxSuperBlob {
		return bad("it has %d bytes, want 12 to %d", len(raw), maxSuperBlob)
	}
	be := binary.BigEndian
	magic, length, count := be.Uint32(raw), int64(be.Uint32(raw[4:])), int64(be.Uint32(raw[8:]))
	switch {
	case magic != magicEmbedded:
		return bad("its magic is %08x, want %08x", magic, uint32(magicEmbedded))
	case length != int64(len(raw)):
		return bad("it claims %d bytes and has %d", length, len(raw))
	case count > maxEntries || length < 12+8*count:
		return bad("it lists %d blobs in %d bytes, at most %d are accepted", count, length, maxEntries)
	}
	b := &superBlob{raw: raw, off: noOffset, padding: -1}
	ps := b.readIndex(count)
	for _, p := range ps {
		if !p.goesOn() {
			return nil, ps
		}
	}
	return b, ps
}
