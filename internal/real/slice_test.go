//go:build real

package real

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/macho"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// slice compares one row with one slice of a subject.
type slice struct {
	probe
	row      row
	path     string // the file
	label    string // the architecture in the list of checks; "" for a thin file
	got      *code.Slice
	validity *code.Validity
}

// fileTypes maps the row's names to ours.
var fileTypes = map[string]string{
	"exec": "execute", "dylib": "dylib", "bundle": "bundle", "dsym": "dsym",
}

func (s slice) compare() {
	r, g := &s.row, s.got
	s.eq("arch", r.Arch, g.Arch)
	s.eq("subtype", r.Subtype, fmt.Sprintf("0x%x", g.CPUSubtype))
	s.eq("offset", r.SliceOff, g.Offset)
	s.eq("size", r.SliceSize, g.Size)
	s.eq("file type", fileTypes[r.FileType], g.FileType)
	s.eq("uuid", or(r.UUID, ""), g.UUID)
	s.eq("minimum system", or(r.MinOS, ""), twoParts(g.MinOS))
	s.eq("SDK", or(r.SDK, ""), twoParts(g.SDK))
	if r.Platform != nil {
		s.eq("platform", *r.Platform, g.Platform)
	}
	s.eq("signed", r.Signed, g.Signed)
	if !r.Signed {
		s.check("F2", false)
		s.eq("signature", true, g.Signature == nil)
		s.eq("identifier", true, g.Identifier.IsAbsent())
		return
	}
	if g.Signature == nil {
		s.differ("signature", "a signature", s.reason("F2"))
		return
	}
	s.compareSignature()
	s.compareDirectories()
	s.compareSealed()
	s.compareCMS()
}

func or[T any](p *T, def T) T {
	if p == nil {
		return def
	}
	return *p
}

// twoParts cuts a version to what the rows keep of it: 11.6.1 is 11.6 there.
func twoParts(version string) string {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	return major + "." + minor
}

// sorted is an empty list, and not nil, for no values.
func sorted(list []string) []string {
	out := append([]string{}, list...)
	slices.Sort(out)
	return out
}

// find returns the record of a check for this slice.
func (s slice) find(id string) code.Check {
	for _, c := range s.validity.Checks {
		if c.ID == id && c.Arch == s.label {
			return c
		}
	}
	return code.Check{ID: id, Reason: "it is not in the list of checks"}
}

func (s slice) reason(id string) string { return s.find(id).Reason }

// check compares the outcome of a check with what the row says of its subject.
func (s slice) check(id string, ok bool) {
	want := code.Failed
	if ok {
		want = code.Passed
	}
	s.t.facts++
	if c := s.find(id); c.Outcome != want {
		s.differ("check "+id, want, fmt.Sprintf("%q %s", c.Outcome, c.Reason))
	}
}

// refused demands that a check failed with exactly this status.
func (s slice) refused(id string, status code.Status) {
	s.t.facts++
	if c := s.find(id); c.Outcome != code.Failed || c.Status != status {
		s.differ("check "+id, status, fmt.Sprintf("%q %s %s", c.Outcome, c.Status, c.Reason))
	}
}

// slotNumbers maps the row's names of slots to numbers.
var slotNumbers = map[string]uint32{
	"CodeDirectory": 0, "Info": 1, "Requirements": 2, "ResourceDir": 3, "Application": 4, "Entitlements": 5,
	"RepSpecific": 6, "EntitlementsDER": 7, "AltCD0": 0x1000, "AltCD1": 0x1001, "CMS": 0x10000,
}

func (s slice) compareSignature() {
	r, g := &s.row, s.got.Signature
	s.check("F2", true)
	s.eq("signature offset", r.SigOff, g.Offset)
	s.eq("signature size", r.SigSize, g.Size)
	s.eq("signature ends the slice", r.SigAtEnd, g.Offset+g.Size == s.got.Size)
	s.eq("SuperBlob length", r.BlobLength, g.Length)
	var slots [][]any
	for _, e := range g.Slots {
		name := fmt.Sprintf("slot 0x%x", e.Type)
		for n, number := range slotNumbers {
			if number == e.Type {
				name = n
			}
		}
		slots = append(slots, []any{name, fmt.Sprintf("0x%08x", e.Magic), float64(e.Length)})
		s.eq("slot name", false, macho.SlotName(e.Type) == "")
	}
	s.eq("slots", r.Slots, slots)
	s.eq("CMS length", or(r.CMSLength, 0), g.CMSSize)
}

// compareSealed compares what the special slots vouch for: requirements,
// entitlements and an Info.plist inside the program.
func (s slice) compareSealed() {
	r, g := &s.row, s.got
	s.compareRequirements()
	if r.Embedded != nil {
		info, _, err := g.Info.Get()
		s.eq("embedded Info.plist", error(nil), err)
		got := map[string]string{}
		for k := range r.Embedded {
			v, _ := info.Get(k)
			got[k], _ = v.Str()
		}
		s.eq("embedded Info.plist", r.Embedded, got)
	}
	if r.XMLLength == nil && r.DER == nil {
		s.eq("no entitlements", true, g.Entitlements.IsAbsent())
		return
	}
	s.check("X2", true)
	ents, known, err := g.Entitlements.Get()
	if !known {
		s.differ("entitlements", "known", err)
		return
	}
	for _, e := range g.Signature.Slots {
		if e.Type == slotNumbers["Entitlements"] {
			s.eq("XML entitlements length", or(r.XMLLength, 0), e.Length-8)
		}
	}
	if want, isDict := r.XML.(map[string]any); isDict {
		var got any
		b, err := json.Marshal(ents)
		s.eq("entitlements as JSON", error(nil), err)
		s.eq("entitlements as JSON", error(nil), json.Unmarshal(b, &got))
		s.eq("entitlements", want, got.(map[string]any))
	} else if r.XML != nil {
		s.skip("ent_xml (the other reader failed)")
	}
	if r.DER != nil {
		keys := []string{}
		for k := range ents.All() {
			keys = append(keys, k)
		}
		s.eq("DER keys", sorted(r.DER.Keys), sorted(keys))
		s.eq("bytes after the DER", 0, r.DER.Trailing) // check X2 refuses any
		s.skip("ent_der.outer", "ent_der.ver", "ent_der.dict")
	}
}

func (s slice) compareRequirements() {
	raw, known, err := s.got.Requirements.Get()
	s.eq("requirements are there", s.row.Reqs != nil, known)
	if !known {
		s.eq("requirements", error(nil), err)
		return
	}
	set, err := requirement.DecodeSet(raw)
	s.eq("requirements decode", error(nil), err)
	if err != nil {
		return
	}
	got, dump := map[string]string{}, ""
	for _, e := range set.Entries {
		got[e.Type.String()] = requirement.FormatStyle(e.Expr, requirement.StyleApple)
		dump += e.Type.String() + " => " + got[e.Type.String()] + "\n"
		again, err := requirement.Parse("exact", requirement.FormatStyle(e.Expr, requirement.StyleExact))
		s.eq("requirement parses again", error(nil), err)
		if err == nil {
			s.eq("requirement round trip", requirement.Encode(e.Expr), requirement.Encode(again))
		}
	}
	s.eq("requirements", s.row.Reqs, got)
	s.eq("requirement set encodes", []byte(raw), requirement.EncodeSet(set))
	text, err := requirement.Dump(raw)
	s.eq("requirement dump", error(nil), err)
	s.eq("requirement dump", dump, text)
}
