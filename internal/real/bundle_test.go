//go:build real

package real

import (
	"context"
	"os"
	"path/filepath"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
	"github.com/xpcpolicy/xpcpolicy/macho"
)

// mainPlaces are where a bundle keeps its main executable.
var mainPlaces = []string{"", "Contents/MacOS", "Versions/A"}

// compareBundle compares what a bundle's path leads to: its main executable, its
// Info.plist and a stapled ticket. What it seals is not compared yet.
func compareBundle(p probe, dir string, r row, files map[string][]row, archives map[string]bool) {
	s, err := macho.Verify(context.Background(), dir, macho.Options{Now: now})
	if err != nil {
		p.differ("Verify", "a subject", err)
		return
	}
	p.skip("bundle.resources")
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
	// A static archive: nothing that a signature could lie in.
	p.eq("an archive is not valid code", true, s.Validity.Status != code.StatusSuccess)
	p.skip("bundle.main (an archive)")
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
	p.eq("Info.plist is sealed", s.Signed && s.Validity.Status == code.StatusSuccess, known)
}
