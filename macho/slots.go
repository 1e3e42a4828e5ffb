package macho

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/coreder"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// maxPlist bounds the Info.plists and entitlements of one file, all slices
// together: in memory they can take 64 times their size. The largest real ones
// have some tens of kilobytes.
const maxPlist = 512 << 10

// readPlist parses a property list within the budget of the verification.
func (v *verification) readPlist(n int, parse func() (code.Value, error)) (code.Value, error) {
	if v.plists += n; v.plists > maxPlist {
		return code.Value{}, fmt.Errorf("the property lists of this file have more than %d bytes", maxPlist)
	}
	d, err := parse()
	if err == nil && d.Kind() != plist.KindDict {
		err = fmt.Errorf("the root is a %s, want a dictionary", d.Kind())
	}
	return d, err
}

// component returns the bytes that special slot n seals, and whether they exist.
// The seal of slots 1, 3, 4 and 6 covers the bare content, that of the others
// the blob with its header.
func (s *slice) component(n uint32) ([]byte, bool) {
	switch n {
	case slotInfo:
		return s.info, s.hasInfo
	case slotRep:
		if s.m.isDiskImage() {
			return s.m.form.trailer, true
		}
		b := s.blob.blob(n)
		return payload(b), b != nil
	case slotTop:
		b := s.blob.blob(n)
		return payload(b), b != nil
	}
	b := s.blob.blob(n)
	return b, b != nil
}

// slotStatus is the error for a special slot that does not match.
func slotStatus(n uint32) code.Status {
	switch n {
	case slotInfo:
		return code.StatusInfoPlistFailed
	case slotResources:
		return code.StatusResourceDirectoryFailed
	}
	return code.StatusSignatureFailed
}

// checkSpecialSlots compares every component with every directory. Slot 3 is
// the resource seal's own step.
func (s *slice) checkSpecialSlots() check {
	if p := s.loadInfo(); p != nil {
		return failed(*p)
	}
	if b := s.v.bundle; b != nil && s.m.form == nil {
		if p := b.mixture(s); p != nil {
			return failed(*p)
		}
	}
	var all []problem
	for n := uint32(slotMaxSpecial); n >= slotInfo; n-- {
		if n == slotResources {
			continue
		}
		for _, d := range s.dirs {
			if p := s.compareSlot(d, n); p != nil {
				all = append(all, *p)
			}
		}
	}
	for _, d := range s.dirs {
		for n := uint32(slotMaxSpecial + 1); n <= d.SpecialSlots; n++ {
			if _, ok := d.slot(n); ok {
				s.warn("unknownSpecialSlot", "%s seals something in slot %d, whose meaning is not known", d.part(), n)
				break
			}
		}
	}
	_, s.infoSealed = s.best.slot(slotInfo)
	if s.hasInfo && !s.infoSealed {
		s.warn("infoNotSealed", "there is an Info.plist, but the signature does not seal it: its values are not used")
	}
	// Report in the order of gravity: a bad Info.plist comes before the others.
	for i, p := range all {
		if p.err.Status == code.StatusInfoPlistFailed {
			all[0], all[i] = all[i], all[0]
		}
	}
	return verdictOf(all)
}

func (s *slice) compareSlot(d *directory, n uint32) *problem {
	want, sealed := d.slot(n)
	data, exists := s.component(n)
	part := SlotName(n)
	off := int64(-1)
	if s.blob.has(n) {
		off = s.blob.blobOffset(n)
	}
	switch {
	case !sealed && !exists, !sealed && n == slotInfo, !sealed && (n == slotTop || n == slotRep):
		return nil
	case !sealed:
		p := stricter(code.StatusSignatureFailed, part, off, "it is there, but the %s does not seal it", d.part())
		return &p
	case !exists:
		p := s.slotProblem(d, n, off, "the %s seals it, but it is missing", d.part())
		return &p
	}
	var buf [64]byte
	if got := sum(d.HashType, data, &buf); !bytes.Equal(got, want) {
		p := s.slotProblem(d, n, off, "its %s is %.8x…, the %s has %.8x…", d.HashType, got, d.part(), want)
		return &p
	}
	return nil
}

// slotProblem is a slot that does not match. Apple looks at the best directory
// alone.
func (s *slice) slotProblem(d *directory, n uint32, off int64, format string, args ...any) problem {
	p := rejected(slotStatus(n), SlotName(n), off, format, args...)
	if d != s.best {
		p.apple = code.Known(code.StatusSuccess)
	}
	return p
}

// checkTopDirectory compares the list in slot 4, if there is one, with what the
// signature really has.
func (s *slice) checkTopDirectory() check {
	if _, sealed := s.best.slot(slotTop); !sealed {
		return notApplicable("the signature has no top directory")
	}
	list, _ := s.component(slotTop)
	var want []byte
	add := func(n uint32) { want = binary.BigEndian.AppendUint32(want, n) }
	add(slotCodeDirectory)
	for n := uint32(slotInfo); n <= slotMaxSpecial; n++ {
		_, sealed := s.best.slot(n)
		_, exists := s.component(n)
		if n == slotResources {
			exists = sealed
		}
		if exists && (n != slotEntitlementsDER || sealed) {
			add(n)
		}
	}
	for _, d := range s.dirs[1:] {
		add(d.Slot)
	}
	add(slotCMS)
	if !bytes.Equal(list, want) {
		return failed(rejected(code.StatusSignatureFailed, SlotName(slotTop), s.blob.blobOffset(slotTop), "it lists %.128x, the signature has %x", list, want))
	}
	return passed()
}

// checkEntitlements reads the entitlements in both forms. They must say the
// same: the kernel uses DER, older readers and people see XML.
func (s *slice) checkEntitlements() check {
	xml, der := payload(s.blob.blob(slotEntitlements)), payload(s.blob.blob(slotEntitlementsDER))
	hasXML, hasDER := s.blob.has(slotEntitlements), s.blob.has(slotEntitlementsDER)
	if !hasXML && !hasDER {
		s.facts.Entitlements = code.Absent[code.Value]()
		return notApplicable("the code has no entitlements")
	}
	bad := func(slot uint32, err error) check {
		s.facts.Entitlements = code.Unknown[code.Value](err)
		return failed(unjudged(code.StatusInvalidEntitlements, SlotName(slot), s.blob.blobOffset(slot), "%w", err))
	}
	var fromXML, fromDER code.Value
	var err error
	if hasXML {
		if fromXML, err = s.v.readPlist(len(xml), func() (code.Value, error) { return parseEntitlementXML(xml) }); err != nil {
			return bad(slotEntitlements, err)
		}
	}
	if hasDER {
		if fromDER, err = s.v.readPlist(len(der), func() (code.Value, error) { return parseEntitlementDER(der) }); err != nil {
			return bad(slotEntitlementsDER, err)
		}
	}
	switch {
	case hasXML && hasDER && !fromXML.Equal(fromDER):
		s.facts.Entitlements = code.Unknown[code.Value](errors.New("XML and DER say different things"))
		return failed(stricter(code.StatusInvalidEntitlements, "entitlements", s.blob.blobOffset(slotEntitlementsDER), "XML and DER say different things: %s", difference(fromXML, fromDER)))
	case hasDER:
		s.facts.Entitlements = code.Known(fromDER)
	default:
		s.facts.Entitlements = code.Known(fromXML)
		s.warn("xmlEntitlements", "the entitlements stand there as XML only, which current systems convert")
	}
	return passed()
}

func parseEntitlementXML(b []byte) (code.Value, error) { return plist.ParseXML(b, plist.Options{}) }

func parseEntitlementDER(b []byte) (code.Value, error) { return coreder.ParseEntitlements(b) }

// difference names the first key that two dictionaries treat differently.
func difference(xml, der code.Value) string {
	for k, v := range xml.All() {
		w, ok := der.Get(k)
		if !ok {
			return fmt.Sprintf("%q is only in the XML", k)
		}
		if !v.Equal(w) {
			return fmt.Sprintf("the values of %q differ", k)
		}
	}
	for k := range der.All() {
		if _, ok := xml.Get(k); !ok {
			return fmt.Sprintf("%q is only in the DER", k)
		}
	}
	return "their types differ"
}
