package macho

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// verification is one run over one file.
type verification struct {
	ctx    context.Context
	opts   Options
	pages  bool
	bundle *bundle // nil for a single file
	report report
	plists int // bytes of property lists read so far
	known  *authorities
	// running is the program in whose file one slice is verified; nil: it is a file.
	running *Running
	// attributes reads the extended attributes of the file; nil when it can have none.
	attributes attributeReader
	stapled    int64 // size of a ticket that is stapled to a package

	// What follows is of bundles.
	shared    *shared
	resources bool    // compare the files with their seal
	base      string  // path of the file or bundle below the one that was asked about
	version   string  // of a framework, when it is not the one in use
	depth     int     // in nested code
	outer     *scan   // that of the bundle around this one; nil
	sealed    *sealed // what the bundle around this one says of it; nil
	within    *scan   // that of this bundle; nil until it begins
	// stillThere says why the bundle's directory is not what it was; nil: nobody
	// but us can change it, or a bundle around this one looks.
	stillThere func() error
}

// Verify verifies all of the code at path: a Mach-O or universal file, or a
// bundle, whose main executable is found. A file that is not signed, or whose
// signature does not hold, is a Subject that says so; the error is not nil only
// when nothing could be judged, and then it is a [*code.Error] with
// errSecCSStaticCodeNotFound or errSecCSSignatureNotVerifiable.
func Verify(ctx context.Context, path string, o Options) (*code.Subject, error) {
	return new(Verifier).Verify(ctx, path, o)
}

// Inspect is [Verify] without reading the program's pages and gaps: it reads the
// headers and the signature alone, and check C20 says that it did not run. The
// result tells who the code CLAIMS to be, and never counts as verified.
func Inspect(ctx context.Context, path string, o Options) (*code.Subject, error) {
	return new(Verifier).Inspect(ctx, path, o)
}

// VerifyReader is [Verify] for the bytes of a single file.
func VerifyReader(ctx context.Context, r io.ReaderAt, size int64, o Options) *code.Subject {
	return new(Verifier).VerifyReader(ctx, r, size, o)
}

// reader verifies the bytes of a single file, which cannot change.
func (v *verification) reader(r io.ReaderAt, size int64) *code.Subject {
	v.attributes = v.opts.Attributes
	return v.run(r, size, nil)
}

var errNotarized = errors.New("only macOS can ask whether Apple's ticket for this code is valid")

// run verifies the file. unchanged is asked at the end whether the file is still
// what it was; nil when it cannot change.
func (v *verification) run(r io.ReaderAt, size int64, unchanged func() error) *code.Subject {
	subject := &code.Subject{Origin: code.OriginDisk, Notarized: code.Unknown[bool](errNotarized)}
	c, p := readContainer(r, size)
	if p != nil && p.err.Status == code.StatusUnsigned {
		c, p = v.readForeign(r, size)
	}
	first := check{id: "F1", name: "container", outcome: code.Passed}
	if p != nil {
		first.outcome, first.problems, first.arch = code.Failed, []problem{*p}, p.err.Arch
		v.report.checks = append(v.report.checks, first)
		subject.Validity = v.report.validity()
		if c != nil { // a file of a known kind, which is not judged
			subject.Format = c.format()
		}
		return subject
	}
	subject.Format = c.format()
	slices, best := v.selected(c)
	if len(slices) < len(c.images) {
		first.unsure = "slices were left out"
	}
	v.report.checks = append(v.report.checks, first)
	if len(slices) == 0 {
		v.report.checks = append(v.report.checks, check{id: "F1", name: "container", outcome: code.Failed, problems: []problem{
			unjudged(code.StatusBadObjectFormat, "universal header", 0, "it has no slice for %q, but %s", v.opts.Arch, c.archs())}})
		subject.Validity = v.report.validity()
		return subject
	}
	for _, s := range slices {
		before := len(v.report.checks)
		s.run(v.ctx, &v.report)
		s.withhold(v.report.checks[before:])
	}
	v.bundleSteps(slices)
	v.fileSteps(c, slices, r, size, unchanged)
	v.judgeEntitlements(subject, slices)
	v.report.byPrecedence()
	subject.Validity = v.report.validity()
	if v.bundle != nil {
		subject.Format = v.bundle.kind + " with " + subject.Format
	}
	subject.Slice = slices[best].facts
	if c.fat {
		for _, s := range slices {
			subject.Slices = append(subject.Slices, s.facts)
		}
	}
	subject.StapledTicket = v.ticket(slices[best])
	subject.Bundle = v.bundleFacts()
	return subject
}

// selected returns the slices to verify and the index of the best one.
func (v *verification) selected(c *container) ([]*slice, int) {
	var out []*slice
	best := 0
	for i, m := range c.images {
		if v.opts.Arch != "" && c.label(i) != v.opts.Arch {
			continue
		}
		s := &slice{v: v, m: m}
		if c.fat {
			s.label = c.label(i)
		}
		if i == c.best() {
			best, s.preferred = len(out), true
		}
		out = append(out, s)
	}
	if v.opts.Arch != "" && len(out) > 0 && len(out) < len(c.images) {
		v.report.warn("slicesLeftOut", "", "only %s was verified: the verdict says nothing about the other slices", v.opts.Arch)
	}
	return out, best
}

// fileSteps are the checks of the file as a whole.
func (v *verification) fileSteps(c *container, slices []*slice, r io.ReaderAt, size int64, unchanged func() error) {
	add := func(id, name string, res check) {
		res.id, res.name = id, name
		v.report.checks = append(v.report.checks, res)
	}
	add("X4", "slices agree", slicesAgree(slices))
	switch {
	case !c.fat:
		add("T7", "universal file", notApplicable("the file has one slice"))
	case !v.pages:
		add("T7", "universal file", notRun("only the identity was asked for"))
	default:
		add("T7", "universal file", verdictOf(c.checkGaps(r, size)))
	}
	add("T8", "disk image", slices[0].checkWhole())
	if unchanged != nil {
		res := passed()
		if err := unchanged(); err != nil {
			res = failed(unjudged(code.StatusStaticCodeChanged, "file", -1, "%w", err))
		}
		add("F3", "file unchanged", res)
	}
}

// slicesAgree compares what must be the same in all slices of one program.
// Identifiers may differ: honest software does that.
func slicesAgree(slices []*slice) check {
	var first *slice
	for _, s := range slices {
		if s.best == nil {
			continue // its own checks failed
		}
		if first == nil {
			first = s
			continue
		}
		differ := func(what string, apple bool) check {
			p := rejected(code.StatusSignatureInvalid, "slices", s.m.offset, "%s and %s have different %s", first.label, s.label, what)
			if !apple {
				p.apple = code.Known(code.StatusSuccess)
			}
			return failed(p)
		}
		switch {
		case first.best.TeamID != s.best.TeamID:
			return differ("team identifiers", true)
		case first.adHoc != s.adHoc:
			return differ("kinds of signature: one is ad hoc", false)
		case first.best.PlatformByte != s.best.PlatformByte:
			return differ("platform bytes", false)
		case first.path != nil && s.path != nil && !sameSigner(first, s):
			return differ("signers", false)
		}
	}
	if len(slices) < 2 {
		return notApplicable("one slice was verified")
	}
	return passed()
}

// sameSigner reports whether two slices were signed with the same key, or by the
// same team below the same root.
func sameSigner(a, b *slice) bool {
	if bytes.Equal(a.signer.RawSubjectPublicKeyInfo, b.signer.RawSubjectPublicKeyInfo) {
		return true
	}
	team := a.best.TeamID
	for _, s := range []*slice{a, b} {
		ous := s.signer.Subject.OrganizationalUnit
		if team == "" || len(ous) == 0 || ous[0] != team {
			return false
		}
	}
	return bytes.Equal(a.path[len(a.path)-1].Raw, b.path[len(b.path)-1].Raw)
}

// ticket returns the size of a notarisation ticket in the signature.
func (v *verification) ticket(s *slice) code.Fact[int64] {
	if v.stapled > 0 {
		return code.Known(v.stapled)
	}
	if v.bundle != nil && v.bundle.ticket > 0 {
		return code.Known(v.bundle.ticket)
	}
	if s.blob != nil && s.blob.has(slotTicket) {
		return code.Known(int64(len(payload(s.blob.blob(slotTicket)))))
	}
	return code.Absent[int64]()
}

// label names a slice: by its architecture, with the subtype where two slices
// share the name.
func (c *container) label(i int) string {
	m := c.images[i]
	for k, other := range c.images {
		if k != i && other.arch() == m.arch() {
			return fmt.Sprintf("%s subtype %d", m.arch(), m.sub&^uint32(subtypeCapabilities))
		}
	}
	return m.arch()
}

func (c *container) archs() string {
	names := make([]string, len(c.images))
	for i := range c.images {
		names[i] = c.label(i)
	}
	return strings.Join(names, " ")
}

func (c *container) format() string {
	if f := c.images[0].form; f != nil {
		return f.name
	}
	if c.fat {
		return fmt.Sprintf("Mach-O universal (%s)", c.archs())
	}
	return fmt.Sprintf("Mach-O thin (%s)", c.archs())
}
