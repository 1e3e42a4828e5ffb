//go:build real

package real

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// compareDirectories compares every CodeDirectory, and the verdicts about pages,
// limits and special slots.
func (s slice) compareDirectories() {
	rows, g := s.row.CDs, s.got
	dirs := g.Signature.Directories
	if len(rows) != len(dirs) {
		s.differ("number of CodeDirectories", len(rows), len(dirs))
		return
	}
	pages, limits, slots, resources, best := true, true, true, true, 0
	for i := range rows {
		s.compareDirectory(&rows[i], &dirs[i])
		s.compareSpecial(&rows[i], &dirs[i])
		pages = pages && rows[i].PageBad == 0
		limits = limits && rows[i].LimitAtSig
		for name := range rows[i].Slots {
			if bad := rows[i].badSlot(name); name == "ResourceDir" {
				resources = resources && !bad
			} else {
				slots = slots && !bad
			}
		}
		if dirs[i].HashType.Rank() > dirs[best].HashType.Rank() {
			best = i
		}
	}
	s.check("C3", limits)
	s.check("C20", pages)
	s.check("C18", slots)
	switch {
	case s.row.unsealed():
		s.refused("R1", code.StatusResourcesNotFound)
	case rows[best].Slots["ResourceDir"] == "ok" || !resources:
		s.check("R1", resources)
	}
	b := &rows[best]
	s.eq("best identifier", b.Identifier, g.Identifier.Or("unknown"))
	s.eq("best team", b.Team, g.ClaimedTeamID.Or(""))
	s.eq("best flags", b.Flags, fmt.Sprintf("0x%x", uint32(g.Flags.Or(^code.CodeFlags(0)))))
	s.eq("best platform byte", b.Platform, g.PlatformByte.Or(0xff))
	s.eq("best runtime version", or(b.Runtime, ""), g.RuntimeVersion.Or(""))
	s.eq("best cdhash", b.CDHash, g.CDHash().Or(code.CDHash{}).String())
}

func (s slice) compareDirectory(r *directoryRow, d *code.CodeDirectory) {
	f := func(name string) string { return r.Slot + " " + name }
	hex := func(v uint64) string { return fmt.Sprintf("0x%x", v) }
	number, known := slotNumbers[r.Slot]
	s.eq(f("slot is known"), true, known)
	s.eq(f("slot"), number, d.Slot)
	s.eq(f("version"), r.Version, hex(uint64(d.Version)))
	s.eq(f("flags"), r.Flags, hex(uint64(d.Flags)))
	s.eq(f("flag names"), sorted(r.FlagNames), sorted(d.Flags.Names()))
	s.eq(f("hash type"), r.Hash, d.HashType.String())
	s.eq(f("hash size"), r.HashSize, d.HashSize)
	s.eq(f("page size"), r.PageSize, d.PageSize)
	s.eq(f("special slots"), r.Special, d.SpecialSlots)
	s.eq(f("code slots"), r.Code, d.CodeSlots)
	s.eq(f("code limit"), r.Limit, d.CodeLimit)
	s.eq(f("limit is the signature's offset"), r.LimitAtSig, int64(d.CodeLimit) == s.got.Signature.Offset)
	s.eq(f("platform byte"), r.Platform, d.PlatformByte)
	s.eq(f("identifier"), r.Identifier, d.Identifier)
	s.eq(f("team"), r.Team, d.TeamID)
	s.eq(f("scatter offset"), r.Scatter, d.ScatterOffset)
	s.eq(f("codeLimit64"), or(r.Limit64, 0), d.CodeLimit64)
	if r.ExecSeg != nil {
		s.eq(f("executable segment"), r.ExecSeg, []any{float64(d.ExecSegBase), float64(d.ExecSegLimit), hex(uint64(d.ExecSegFlags))})
	}
	if r.Runtime != nil {
		s.eq(f("runtime"), *r.Runtime, fmt.Sprintf("%d.%d.%d", d.Runtime>>16, d.Runtime>>8&0xff, d.Runtime&0xff))
	}
	s.eq(f("pre-encrypt offset"), or(r.PreEncrypt, 0), d.PreEncrypt)
	s.eq(f("full cdhash"), r.Full, d.CDHash.Full.String())
	s.eq(f("cdhash"), r.CDHash, d.CDHash.String())
	s.eq(f("cdhash type"), d.HashType, d.CDHash.Type)
	// A fact of the row that is bound to another one.
	s.eq(f("first bad pages"), r.PageBad == 0, len(r.FirstBad) == 0)
}

// compareSpecial compares which special slots are filled. The subject does not
// list them, so they are read from the bytes that it points at; whether the
// filled ones are right is check C18.
func (s slice) compareSpecial(r *directoryRow, d *code.CodeDirectory) {
	blob, err := s.blob(d.Slot)
	if err != nil || len(blob) < 44 {
		s.differ(r.Slot+" bytes", "readable", err)
		return
	}
	hashes := int64(binary.BigEndian.Uint32(blob[16:]))
	s.eq(r.Slot+" number of states", int(r.Special), len(r.Slots))
	for name, state := range r.Slots {
		from := hashes - int64(slotNumbers[name])*int64(d.HashSize)
		if from < 44 || from+int64(d.HashSize) > int64(len(blob)) {
			s.differ(r.Slot+" special slot "+name, "inside", from)
			continue
		}
		empty := len(bytes.Trim(blob[from:from+int64(d.HashSize)], "\x00")) == 0
		s.eq(r.Slot+" special slot "+name+" is empty", state == "zero", empty)
	}
}

// blob reads the blob in a slot from the place that the subject gives.
func (s slice) blob(slot uint32) ([]byte, error) {
	sig := s.got.Signature
	for _, e := range sig.Slots {
		if e.Type != slot {
			continue
		}
		f, err := os.Open(s.path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		b := make([]byte, e.Length)
		_, err = f.ReadAt(b, s.got.Offset+sig.Offset+e.Offset)
		return b, err
	}
	return nil, fmt.Errorf("there is no slot 0x%x", slot)
}
