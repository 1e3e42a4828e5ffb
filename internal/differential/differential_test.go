package differential

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/blacktop/go-macho/pkg/codesign"
	"github.com/fullsailor/pkcs7"
	"github.com/sassoftware/relic/v8/lib/fruit/machos"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/macho"
)

// now is a fixed time at which the pinned packages were current.
var now = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func TestReadersAgree(t *testing.T) {
	dir, files := realFiles(t)
	relic, gomacho, fullsailor := newTally("relic"), newTally("go-macho"), newTally("fullsailor")
	v := macho.NewVerifier()
	for _, name := range files {
		subject, err := v.Verify(context.Background(), name, macho.Options{Now: now, NoResources: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		slices, err := slicesOf(name)
		if errors.Is(err, errArchive) {
			gomacho.exceptions["a universal file of static archives, which no reader here takes for code"]++
			eq(gomacho.at(dir, name, slice{}), "it is code", false, subject.Validity.Status == code.StatusSuccess)
			continue
		}
		if err != nil {
			t.Errorf("%s: the standard library: %v", name, err)
		}
		views := subject.PerSlice()
		for _, s := range slices {
			ours := viewAt(views, s.offset)
			if ours == nil {
				t.Errorf("%s: no slice at 0x%x", name, s.offset)
				continue
			}
			if s.signature == nil || ours.Signature == nil {
				eq(gomacho.at(dir, name, s), "signed", s.signature != nil, ours.Signed)
				continue
			}
			label := ""
			if len(views) > 1 {
				label = ours.Arch
			}
			checks := checksOf(subject, label)
			compareRelic(relic.at(dir, name, s), s, ours, checks)
			compareDirectories(gomacho.at(dir, name, s), s, ours)
			compareCMS(fullsailor.at(dir, name, s), s, checks)
		}
	}
	for _, y := range []*tally{relic, gomacho, fullsailor} {
		y.report(t)
	}
}

func viewAt(views []*code.Subject, off int64) *code.Subject {
	for _, v := range views {
		if v.Offset == off {
			return v
		}
	}
	return nil
}

// checksOf returns how the checks of a slice ended.
func checksOf(s *code.Subject, label string) map[string]code.Check {
	out := map[string]code.Check{}
	for _, c := range s.Validity.Checks {
		if c.Arch == label || c.Arch == "" {
			out[c.ID] = c
		}
	}
	return out
}

func held(c code.Check) bool { return c.Outcome == code.Passed || c.Outcome == code.NotApplicable }

// compareRelic compares the verdict on directory hashes, CMS, timestamp and pages.
func compareRelic(p probe, s slice, ours *code.Subject, checks map[string]code.Check) {
	if len(s.part(0x10000)) == 0 {
		p.y.exceptions["ad hoc code: relic refuses what has no CMS signature before it looks at a page"]++
		return
	}
	signature, err := machos.Verify(s.r, nil, nil, true)
	sound := held(checks["C9"]) && held(checks["C10"]) && checks["C9"].Outcome == code.Passed
	if err != nil || !sound {
		eq(p, fmt.Sprintf("CMS signature (%v)", err), err == nil, sound)
		return
	}
	eq(p, "CMS signature", true, sound)
	certs, _, _ := ours.Certs.Get()
	if len(certs) > 0 {
		eq(p, "signer", string(signature.Signature.Certificate.Raw), string(certs[0].DER))
	}
	stamp, stamped, _ := ours.SignedAt.Get()
	eq(p, "has a timestamp", signature.Signature.CounterSignature != nil, stamped)
	if c := signature.Signature.CounterSignature; c != nil && stamped {
		eq(p, "timestamp", c.SigningTime.UTC(), stamp)
	}
	// relic hashes the pages of the strongest directory.
	_, err = machos.Verify(s.r, nil, nil, false)
	if checks["C20"].Outcome == code.NotRun {
		p.y.exceptions["pages not hashed by us: a check before failed ("+ours.Validity.Status.Name()+")"]++
		return
	}
	eq(p, fmt.Sprintf("pages (%v)", err), err == nil, checks["C20"].Outcome == code.Passed)
}

// compareDirectories compares every field of every CodeDirectory.
func compareDirectories(p probe, s slice, ours *code.Subject) {
	theirs, err := codesign.ParseCodeSignature(s.signature)
	if err != nil {
		p.y.disagree = append(p.y.disagree, fmt.Sprintf("%s: go-macho: %v", p.where, err))
		return
	}
	eq(p, "signed", true, ours.Signed)
	eq(p, "CMS length", int64(len(theirs.CMSSignature)), ours.Signature.CMSSize)
	ds := ours.Signature.Directories
	eq(p, "directories", len(theirs.CodeDirectories), len(ds))
	for i := range min(len(ds), len(theirs.CodeDirectories)) {
		a, b := theirs.CodeDirectories[i], ds[i]
		h := a.Header
		eq(p, "length", int64(a.Length), b.Length)
		eq(p, "version", uint32(h.Version), b.Version)
		eq(p, "flags", uint32(h.Flags), uint32(b.Flags))
		eq(p, "identifier", a.ID, b.Identifier)
		eq(p, "team", a.TeamID, b.TeamID)
		eq(p, "hash type", uint8(h.HashType), uint8(b.HashType))
		eq(p, "hash size", h.HashSize, b.HashSize)
		eq(p, "page size", uint32(1)<<h.PageSize, b.PageSize)
		eq(p, "special slots", h.NSpecialSlots, b.SpecialSlots)
		eq(p, "code slots", h.NCodeSlots, b.CodeSlots)
		eq(p, "code slots that were read", len(a.CodeSlots), int(b.CodeSlots))
		eq(p, "code limit", uint64(h.CodeLimit), b.CodeLimit)
		eq(p, "64-bit code limit", h.CodeLimit64, b.CodeLimit64)
		eq(p, "platform", uint8(h.Platform), b.PlatformByte)
		eq(p, "scatter", h.ScatterOffset, b.ScatterOffset)
		eq(p, "executable segment", h.ExecSegBase, b.ExecSegBase)
		eq(p, "executable segment's limit", h.ExecSegLimit, b.ExecSegLimit)
		eq(p, "executable segment's flags", uint64(h.ExecSegFlags), uint64(b.ExecSegFlags))
		eq(p, "runtime", uint32(h.Runtime), b.Runtime)
		eq(p, "pre-encrypt hashes", h.PreEncryptOffset, b.PreEncrypt)
		eq(p, "cdhash", a.CDHash, hex.EncodeToString(b.CDHash.Full))
		for k, slot := range a.SpecialSlots {
			at := int(h.HashOffset) - int(slot.Index)*int(h.HashSize)
			eq(p, fmt.Sprintf("special slot %d", h.NSpecialSlots-uint32(k)), hex.EncodeToString(slot.Hash), hex.EncodeToString(s.part(b.Slot)[at:][:h.HashSize]))
		}
		pages := 0
		for k, slot := range a.CodeSlots {
			at := int(h.HashOffset) + k*int(h.HashSize)
			if bytes.Equal(slot.Hash, s.part(b.Slot)[at:][:h.HashSize]) {
				pages++
			}
		}
		eq(p, "page hashes", pages, int(b.CodeSlots))
	}
}

// compareCMS lets fullsailor/pkcs7 verify the message over the primary directory.
func compareCMS(p probe, s slice, checks map[string]code.Check) {
	cms := s.part(0x10000)
	if len(cms) == 0 {
		return
	}
	m, err := pkcs7.Parse(cms)
	if err != nil {
		p.y.exceptions["fullsailor does not parse it: "+err.Error()]++
		return
	}
	m.Content = s.part(0)
	eq(p, "CMS signature", m.Verify() == nil, checks["C9"].Outcome == code.Passed)
	eq(p, "signers", 1, len(m.Signers))
}
