//go:build real

package real

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// mainPlaces are where a bundle keeps its main executable.
var mainPlaces = []string{"", "Contents/MacOS", "Versions/A"}

// compareBundle compares what a bundle's path leads to: its main executable, its
// Info.plist, what it seals, and a stapled ticket.
func compareBundle(p probe, dir string, r row, files map[string][]row, archives map[string]bool) {
	s, err := xpcpolicy.Verify(context.Background(), dir, xpcpolicy.Options{Now: now})
	if err != nil {
		p.differ("Verify", "a subject", err)
		return
	}
	p.compareResources(s, r)
	p.compareMain(s, r, files, archives)
	p.compareInfo(s, dir, r)
	size, known, err := s.StapledTicket.Get()
	if err != nil {
		p.skip("bundle.stapled (no subject: " + s.Validity.Status.Name() + ")")
		return
	}
	p.eq("stapled ticket", r.Stapled, known && size > 0)
}

// compareMain looks whether the bundle's subject is its main executable.
func (p probe) compareMain(s *code.Subject, r row, files map[string][]row, archives map[string]bool) {
	for _, place := range mainPlaces {
		rows := files[r.mainAt(place)]
		if rows == nil {
			continue
		}
		views := s.PerSlice()
		p.eq("main executable's slices", len(rows), len(views))
		if len(rows) != len(views) {
			p.differ("main executable", r.Main, s.Verified())
			return
		}
		want := expected{sound: true, signed: true}
		for i := range rows {
			p.eq("main executable's uuid", or(rows[i].UUID, ""), views[i].UUID)
			p.eq("main executable's slice", rows[i].SliceOff, views[i].Offset)
			p.eq("main executable's slice size", rows[i].SliceSize, views[i].Size)
			label := ""
			if rows[i].Fat {
				label = views[i].Arch
			}
			want.add(&rows[i], label)
		}
		compareVerdict(p, s, want)
		return
	}
	if !archives[r.Path+"/"+r.Main] {
		p.differ("main executable", "among the rows", r.Main)
		return
	}
	// A static library: its signature lies in files of its own (compareDetached).
	p.eq("an archive is no Mach-O file", true, strings.HasSuffix(s.Format, "generic file"))
	p.eq("an archive in a signed bundle is valid", code.StatusSuccess, s.Validity.Status)
}

// compareArchive looks at one static library in a universal file. It is the main
// executable of a bundle that is signed with files of its own.
func compareArchive(p probe, path string) {
	s, err := xpcpolicy.Verify(context.Background(), path, xpcpolicy.Options{Now: now})
	if err != nil {
		p.differ("Verify", "a subject", err)
		return
	}
	p.eq("an archive has no slices", 0, len(s.Slices))
	p.eq("nor an architecture", "", s.Arch)
	p.eq("verdict", code.StatusSuccess, s.Validity.Status)
	p.eq("Verified", error(nil), s.Verified())
}

// compareResources compares what other readers found in the seal and on disk.
func (p probe) compareResources(s *code.Subject, r row) {
	want := r.Resources
	if want == nil {
		c := s.Validity.Find("R8")
		p.eq("files of unsigned code were not compared", true, c == nil || c.Outcome == code.NotRun)
		return
	}
	missing := s.Validity.Find("R10")
	if missing == nil {
		p.differ("check R10", "in the list", s.Validity.Status)
		return
	}
	p.eq("nothing was changed or added", len(want.Bad) > 0, s.Validity.Find("R8").Outcome == code.Failed)
	p.eq("files are missing", len(want.Missing) > 0, missing.Outcome == code.Failed)
	gone := 0
	if len(want.Missing) > 0 {
		p.eq("missing files", want.Missing, missing.Paths[:min(len(want.Missing), len(missing.Paths))])
		gone = max(missing.Total, len(missing.Paths))
	}
	b, ok, err := s.Bundle.Get()
	if err != nil || !ok {
		p.differ("bundle facts", "known", err)
		return
	}
	p.eq("sealed files", int64(want.Files2-gone)-want.Symlinks, b.Sealed)
	p.eq("links", want.Symlinks, b.Links)
	p.eq("nested code", len(want.Nested), b.NestedTotal)
	var unsealed []string
	for _, name := range want.List {
		if name != "Info.plist" && name != r.Main {
			unsealed = append(unsealed, name)
		}
	}
	slices.Sort(unsealed)
	p.eq("unsealed files", unsealed, b.Unsealed.First)
}

// compareDetached compares a bundle whose signature lies in files of _CodeSignature.
func compareDetached(p probe, dir string, r row) {
	s, err := xpcpolicy.Verify(context.Background(), dir, xpcpolicy.Options{Now: now})
	if err != nil {
		p.differ("Verify", "a subject", err)
		return
	}
	p.eq("verdict", code.StatusSuccess, s.Validity.Status)
	p.eq("Verified", error(nil), s.Verified())
	if s.Signature == nil {
		p.differ("signature", "of files", nil)
		return
	}
	// The rows have the primary directory only.
	for i, want := range r.CDs {
		got := s.Signature.Directories[i]
		p.eq("version", want.Version, fmt.Sprintf("0x%x", got.Version))
		p.eq("hash type", want.Hash, got.HashType.String())
		p.eq("identifier", want.Identifier, got.Identifier)
		p.eq("team", want.Team, got.TeamID)
		p.eq("code limit", want.Limit, got.CodeLimit)
		p.eq("page size", want.PageSize, got.PageSize)
		p.eq("special slots", want.Special, got.SpecialSlots)
		p.eq("cdhash", want.CDHash, got.CDHash.String())
		p.eq("full cdhash", want.Full, got.CDHash.Full.String())
	}
	if r.CMS != nil && len(r.CMS.Certs) > 0 {
		leaf, ok, err := s.Leaf().Get()
		p.eq("certificates are known", true, ok && err == nil)
		if ok {
			p.eq("leaf is in the bag", true, slices.ContainsFunc(r.CMS.Certs, func(c certRow) bool { return c.SHA256 == hex.EncodeToString(leaf.SHA256[:]) }))
		}
	}
}

// compareInfo compares the values of Info.plist. The subject has them only when
// they are sealed; else the property-list reader alone is compared.
func (p probe) compareInfo(s *code.Subject, dir string, r row) {
	info, known, _ := s.Info.Get()
	if !known {
		p.skip("bundle.info sealed (only read)")
		for _, name := range []string{"Info.plist", "Contents/Info.plist", "Resources/Info.plist", "Versions/A/Resources/Info.plist"} {
			b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
			if err != nil {
				continue
			}
			info, err = plist.Parse(b, plist.Options{AllowBOM: true})
			p.eq("Info.plist can be read", error(nil), err)
			break
		}
	}
	for key, want := range r.Info {
		v, _ := info.Get(key)
		got, ok := v.Str()
		if !ok {
			p.differ("Info.plist "+key, want, v.String())
		}
		p.eq("Info.plist "+key, want, got)
	}
	// Only unsigned code, and code with a broken signature, has no sealed values.
	missing := r.Resources != nil && len(r.Resources.Missing) > 0
	p.eq("Info.plist is sealed", s.Signed && (missing || s.Validity.Status == code.StatusSuccess), known)
}
