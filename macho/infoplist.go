package macho

import (
	"errors"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// loadInfo finds the bytes that slot 1 seals: for a bundle the Info.plist file at
// its one place, for a bare program the __TEXT,__info_plist section. A section in
// a bundle's executable is ignored, as by Apple.
func (s *slice) loadInfo() *problem {
	if b := s.v.bundle; b != nil {
		if b.infoLink {
			p := b.oddInfo()
			return &p
		}
		s.info, s.hasInfo = b.info, b.info != nil
		return nil
	}
	if s.runningInfo() {
		return nil
	}
	sect := s.m.infoSect
	if sect == nil {
		return nil
	}
	seg, end := sect.segment, sect.off+sect.size
	if seg.name != "__TEXT" || sect.off < seg.off || end > seg.fileEnd || end > s.best.limit() {
		p := unjudged(code.StatusInfoPlistFailed, "__TEXT,__info_plist", s.m.offset+sect.off, "the section [0x%x, 0x%x) lies outside the hashed part of __TEXT [0x%x, 0x%x)", sect.off, end, seg.off, seg.fileEnd)
		return &p
	}
	if sect.size > maxPlist {
		p := unjudged(code.StatusInfoPlistFailed, "__TEXT,__info_plist", s.m.offset+sect.off, "it has %d bytes, at most %d are accepted", sect.size, maxPlist)
		return &p
	}
	b := make([]byte, sect.size)
	if n, err := s.m.r.ReadAt(b, sect.off); n < len(b) {
		p := ioProblem("__TEXT,__info_plist", s.m.offset+sect.off, err)
		return &p
	}
	s.info, s.hasInfo = b, true
	return nil
}

// checkInfo parses Info.plist once its hash was found right.
func (s *slice) checkInfo() check {
	switch {
	case !s.hasInfo:
		s.facts.Info = code.Absent[code.Value]()
		return notApplicable("there is no Info.plist")
	case !s.infoSealed:
		s.facts.Info = code.Absent[code.Value]()
		return notApplicable("Info.plist is not sealed, so nothing is taken from it")
	}
	var v code.Value
	var err error
	if b := s.v.bundle; b != nil {
		v, err = b.parsed, b.parseErr // once for all slices
	} else {
		v, err = s.v.readPlist(len(s.info), func() (code.Value, error) { return parseInfo(s.info) })
	}
	if err != nil {
		s.facts.Info = code.Unknown[code.Value](errors.New("the Info.plist is malformed"))
		return failed(unjudged(code.StatusBadDictionaryFormat, "Info.plist", -1, "%w", err))
	}
	s.facts.Info = code.Known(v)
	return passed()
}

// parseInfo reads an Info.plist, which people write by hand: what no two parsers
// read differently is let pass.
func parseInfo(b []byte) (code.Value, error) {
	return plist.Parse(b, plist.Options{AllowBOM: true, AllowLooseComments: true})
}

// checkResourceDirectory compares slot 3 with the CodeResources file. Only a
// bundle has one.
func (s *slice) checkResourceDirectory() check {
	switch {
	case s.v.running != nil:
		return notApplicable("nobody asks for the resources of a running program")
	case s.v.bundle != nil && s.v.opts.NoResources:
		return notRun(resourcesLeftOut)
	}
	c := s.compareResourceDirectory()
	if s.v.bundle != nil && s.label != "" {
		// Apple compares the seal of the slice that the machine would run, and no other.
		// A current Mac prefers the best one.
		for i := range c.problems {
			if !s.preferred {
				c.problems[i].apple = code.Known(code.StatusSuccess)
			}
		}
	}
	return c
}

func (s *slice) compareResourceDirectory() check {
	var data []byte
	if b := s.v.bundle; b != nil {
		if b.resourcesLink {
			return failed(rejected(code.StatusUnsealedAppRoot, "CodeResources", -1, "it is no plain file"))
		}
		data = b.resources
	} else if s.blob.has(slotResources) {
		return failed(rejected(code.StatusResourcesNotFound, "CodeResources", s.blob.blobOffset(slotResources), "a single file carries a resource directory"))
	}
	for _, d := range s.dirs {
		want, sealed := d.slot(slotResources)
		switch {
		case !sealed && s.v.bundle == nil:
			continue
		case !sealed: // a bundle always has resources, so something must seal them
			return failed(rejected(code.StatusResourcesNotFound, "CodeResources", -1, "the %s seals no resources, but the code is in a bundle", d.part()))
		case data == nil:
			return failed(s.slotProblem(d, slotResources, -1, "the %s seals it, but it is missing", d.part()))
		}
		var buf [64]byte
		if got := sum(d.HashType, data, &buf); string(got) != string(want) {
			return failed(s.slotProblem(d, slotResources, -1, "its %s is %.8x…, the %s has %.8x…", d.HashType, got, d.part(), want))
		}
	}
	if data == nil {
		return notApplicable("a single file has no resources")
	}
	return passed()
}
