package macho

import (
	"context"
	"errors"
	"io"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Running is what is known about the file of a running program besides its bytes.
type Running struct {
	// Offset is where in the file the running slice begins, as the kernel says.
	Offset int64
	// InfoPlist is the Info.plist that lies beside the program; nil when there is
	// none. It counts when the signature seals it.
	InfoPlist []byte
	// Unchanged is asked at the end whether the file is still what it was; nil
	// when it cannot change.
	Unchanged func() error
}

const (
	kernelHashes = "the kernel hashes a page when it is used"
	kernelOnly   = "of a running program only the slice that runs is judged"
)

// VerifyRunning verifies the slice that a process runs, without its pages, its
// resources and the other slices: the kernel compares pages with the
// CodeDirectory as they are used. The Subject's origin is the kernel, yet nothing
// here asked one: the caller must compare the best cdhash with the kernel's.
func (v *Verifier) VerifyRunning(ctx context.Context, r io.ReaderAt, size int64, p Running, o Options) *code.Subject {
	run := v.start(ctx, o, false)
	run.running = &p
	return run.program(r, size)
}

// program verifies the running slice.
func (v *verification) program(r io.ReaderAt, size int64) *code.Subject {
	subject := &code.Subject{Origin: code.OriginKernel, Notarized: code.Unknown[bool](errNotarized)}
	add := func(id, name string, c check) {
		c.id, c.name = id, name
		v.report.checks = append(v.report.checks, c)
	}
	c, p := readContainer(r, size)
	var s *slice
	if p == nil {
		subject.Format = c.format()
		for i, m := range c.images {
			if m.offset == v.running.Offset {
				s = &slice{v: v, m: m}
				if c.fat {
					s.facts.Arch = c.label(i)
				}
			}
		}
		if s == nil {
			q := unjudged(code.StatusStaticCodeChanged, "file", v.running.Offset, "the kernel runs a slice that begins here, and the file has none")
			p = &q
		}
	}
	if p != nil {
		add("F1", "container", failed(*p))
		subject.Validity = v.report.validity()
		return subject
	}
	add("F1", "container", passed())
	before := len(v.report.checks)
	s.run(v.ctx, &v.report)
	s.withhold(v.report.checks[before:])
	add("X4", "slices agree", notApplicable(kernelOnly))
	if unchanged := v.running.Unchanged; unchanged != nil {
		res := passed()
		if err := unchanged(); err != nil {
			res = failed(unjudged(code.StatusStaticCodeChanged, "file", -1, "%w", err))
		}
		add("F3", "file unchanged", res)
	}
	v.report.byPrecedence()
	subject.Validity = v.report.validity()
	subject.Validity.Apple = code.Unknown[code.Status](errors.New("what Apple says of a process rests on its kernel"))
	subject.Slice = s.facts
	subject.StapledTicket = v.ticket(s)
	return subject
}

// runningInfo chooses the Info.plist of a running program: the file beside it, if
// the signature seals that, else the section of the program.
func (s *slice) runningInfo() bool {
	p := s.v.running
	if p == nil || p.InfoPlist == nil {
		return false
	}
	want, sealed := s.best.slot(slotInfo)
	var buf [64]byte
	if s.m.infoSect != nil && (!sealed || string(sum(s.best.HashType, p.InfoPlist, &buf)) != string(want)) {
		return false
	}
	s.info, s.hasInfo = p.InfoPlist, true
	return true
}
