//go:build real

package real

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
)

// compareFiles compares all rows of one package: the slices file by file, then
// the bundles.
func compareFiles(t *tally, p pinned, dir string, rows []row) {
	byFile := map[string][]row{}
	archives := map[string]bool{}
	var order []string
	for _, r := range rows {
		archives[r.Path] = archives[r.Path] || r.Kind == "archive"
		if r.Kind != "slice" {
			continue
		}
		if byFile[r.Path] == nil {
			order = append(order, r.Path)
		}
		byFile[r.Path] = append(byFile[r.Path], r)
	}
	for _, r := range rows {
		if r.Kind != "bundle" {
			continue
		}
		for _, place := range mainPlaces {
			for i := range byFile[r.mainAt(place)] {
				m := &byFile[r.mainAt(place)][i]
				m.inBundle = true
				if r.Resources != nil {
					m.missing = r.Resources.Missing
				}
			}
		}
	}
	for _, path := range order {
		t.rows += len(byFile[path])
		compareFile(probe{t, p.key() + " " + path}, at(dir, path), byFile[path])
	}
	for _, r := range rows {
		switch r.Kind {
		case "slice":
		case "bundle":
			t.rows++
			compareBundle(probe{t, p.key() + " " + r.Path}, at(dir, r.Path), r, byFile, archives)
		case "archive":
			t.rows++
			compareArchive(probe{t, p.key() + " " + r.Path}, at(dir, r.Path))
		case "detached-bundle":
			t.rows++
			compareDetached(probe{t, p.key() + " " + r.Path}, at(dir, r.Path), r)
		default:
			count(&t.otherRows, r.Kind)
		}
	}
}

// compareFile verifies one file and compares each of its slices. A bundle's main
// executable is verified as part of the bundle, as by Apple's code.
func compareFile(p probe, path string, rows []row) {
	p.eq("agreed on by all readers", true, len(rows[0].AgreedBy) > 0)
	size, sum, err := digest(path)
	if err != nil {
		p.differ("file", "readable", err)
		return
	}
	s, err := xpcpolicy.Verify(context.Background(), path, xpcpolicy.Options{Now: now})
	if err != nil {
		p.differ("Verify", "a subject", err)
		return
	}
	p.eq("number of slices", len(rows), len(s.PerSlice()))
	p.eq("fat", rows[0].Fat, len(s.Slices) > 0)
	if len(rows) != len(s.PerSlice()) {
		return
	}
	p.t.countChecks(s.Validity.Checks)
	want := expected{sound: true, signed: true}
	for i, view := range s.PerSlice() {
		r := rows[i]
		v := slice{
			probe: probe{p.t, fmt.Sprintf("%s slice %d (%s)", p.where, r.Slice, r.Arch)},
			row:   r, path: path, got: &view.Slice, validity: &s.Validity,
		}
		if r.Fat {
			v.label = view.Arch
		}
		v.eq("file size", r.Size, size)
		v.eq("file sha256", r.SHA256, sum)
		v.compare()
		want.add(&v.row, v.label)
	}
	compareVerdict(p, s, want)
}

// expected is what the rows of one file say of the file as a whole.
type expected struct {
	sound, signed bool
	unsealed      []string // slices in a bundle that seal no resources, by architecture
	missing       []string // sealed files of the bundle that are not there
}

func (e *expected) add(r *row, label string) {
	e.sound, e.signed = e.sound && r.sound(), e.signed && r.Signed
	e.missing = r.missing
	if r.unsealed() {
		e.unsealed = append(e.unsealed, label)
	}
}

// allows reports whether the rows explain that a check failed.
func (e *expected) allows(c code.Check) bool {
	switch {
	case !e.sound:
		return true
	case c.ID == "R1" && c.Status == code.StatusResourcesNotFound:
		return slices.Contains(e.unsealed, c.Arch)
	case c.ID == "R10" && c.Status == code.StatusBadResource:
		return len(e.missing) > 0
	}
	return !e.signed && (c.Status == code.StatusUnsigned || c.ID == "T4")
}

// compareVerdict compares our verdict of a whole file with what its rows say:
// success if all is well, "unsigned" if one slice is not signed, and "no resources"
// if one slice of a bundle seals none, which is what a linker leaves behind.
func compareVerdict(p probe, s *code.Subject, want expected) {
	switch v := s.Validity; {
	case !want.signed:
		p.eq("verdict", code.StatusUnsigned, v.Status)
	case !want.sound:
		p.eq("verdict is a failure", true, v.Status != code.StatusSuccess)
	case len(want.unsealed) > 0:
		p.eq("verdict", code.StatusResourcesNotFound, v.Status)
	case len(want.missing) > 0:
		p.eq("verdict", code.StatusBadResource, v.Status)
		apple, _, _ := v.Apple.Get()
		p.eq("Apple's verdict", code.StatusBadResource, apple)
	default:
		p.eq("verdict", code.StatusSuccess, v.Status)
		p.eq("Verified", error(nil), s.Verified())
		apple, known, _ := v.Apple.Get()
		p.eq("Apple's verdict", code.StatusSuccess, apple)
		p.eq("Apple's verdict is known", true, known)
	}
	for _, c := range s.Validity.Checks {
		if c.Outcome == code.Failed && !want.allows(c) {
			p.differ("check "+c.ID+" "+c.Arch, "passed", c.Reason)
		}
	}
}

func digest(path string) (int64, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return n, hex.EncodeToString(h.Sum(nil)), err
}

// sound reports whether the row says that nothing is wrong with the slice.
func (r *row) sound() bool {
	for _, d := range r.CDs {
		if d.PageBad != 0 || !d.LimitAtSig || d.badSlot("") {
			return false
		}
	}
	if r.CMS == nil {
		return true
	}
	for _, s := range r.CMS.Signers {
		if !s.sound() || s.Timestamp != nil && !s.Timestamp.sound() {
			return false
		}
	}
	return true
}

// mainAt is the path of a bundle's main executable in one of mainPlaces.
func (r *row) mainAt(place string) string {
	return filepath.ToSlash(filepath.Join(r.Path, place, r.Main))
}

// unsealed reports whether the slice lies in a bundle and one of its directories
// seals no resources.
func (r *row) unsealed() bool {
	for _, d := range r.CDs {
		if state := d.Slots["ResourceDir"]; r.inBundle && (state == "" || state == "zero") {
			return true
		}
	}
	return false
}

// badSlot reports whether a special slot is neither right nor empty; with a name
// only that one is looked at.
func (d *directoryRow) badSlot(name string) bool {
	for n, state := range d.Slots {
		if state != "ok" && state != "zero" && (name == "" || n == name) {
			return true
		}
	}
	return false
}

func (s *signerRow) sound() bool {
	is := func(b *bool) bool { return b == nil || *b }
	return s.SignatureOK && s.DigestOK && is(s.Agility1OK) && is(s.Agility2OK)
}

func (t *timestampRow) sound() bool {
	for i := range t.Signers {
		if !t.Signers[i].sound() {
			return false
		}
	}
	return t.ImprintOK
}
