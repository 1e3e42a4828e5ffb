package macho

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// step is one check of a slice. IDs that begin with C are the steps of Apple's
// core validation; F, X, R and T are the file's container, our own
// consistency rules, the resource seal, and the strict checks.
type step struct {
	id, name string
	run      func(*slice) check
}

// sliceSteps is the order of validation for one slice, and with it the order of
// precedence of errors. fileSteps follow for the file as a whole.
var sliceSteps = []step{
	{"F2", "SuperBlob", (*slice).checkSuperBlob},
	{"C1", "primary CodeDirectory", (*slice).checkSigned},
	{"C2", "CodeDirectory headers", (*slice).checkHeaders},
	{"C3", "CodeDirectory integrity", (*slice).checkIntegrity},
	{"C4", "hash types differ", (*slice).checkHashTypes},
	{"C5", "viable hash type", (*slice).checkViable},
	{"X1", "directories agree", (*slice).checkAgreement},
	{"C6", "ad hoc or signed", (*slice).checkAdHoc},
	{"C7", "CMS signature present", (*slice).checkCMSPresent},
	{"C8", "CMS decodes", (*slice).checkCMSDecodes},
	{"C9", "CMS signature", (*slice).checkCMSSignature},
	{"C10", "hash agility", (*slice).checkAgility},
	{"C11", "signing time", (*slice).checkSigningTime},
	{"C12", "secure timestamp", (*slice).checkSecureTimestamp},
	{"C13", "certificate chain", (*slice).checkChain},
	{"C14", "team identifier", (*slice).checkTeam},
	{"C15", "timestamp authority", (*slice).checkTimestampRoot},
	{"C16", "components used early", (*slice).checkEarlyUse},
	{"C17", "expiration", (*slice).checkExpiration},
	{"C18", "special slots", (*slice).checkSpecialSlots},
	{"X2", "entitlements", (*slice).checkEntitlements},
	{"X3", "Info.plist", (*slice).checkInfo},
	{"C19", "top directory", (*slice).checkTopDirectory},
	{"C20", "pages", (*slice).checkPages},
	{"R1", "resource directory", (*slice).checkResourceDirectory},
	{"T6", "structure", (*slice).checkStructure},
}

// slice is one slice while it is verified.
type slice struct {
	v     *verification
	m     *image
	label string // architecture; empty for thin files
	// preferred marks the slice that a current Mac would run.
	preferred bool
	facts     code.Slice

	blob       *superBlob
	dirs       []*directory // slot 0 first, then alternates
	best       *directory
	adHoc      bool
	cms        *signedData
	bag        []*x509.Certificate
	signer     *x509.Certificate
	path       []*x509.Certificate
	claimed    time.Time // signing time; zero when there is none
	stamp      *timestamp
	stampErr   error
	expired    error // the chain was not valid at the time that counts, tolerated
	info       []byte
	hasInfo    bool
	infoSealed bool
}

// run executes the steps. A step that fails in a way that stops Apple's
// validation too leaves the rest not run; a violation of one of our own rules is
// recorded and verification goes on.
func (s *slice) run(ctx context.Context, r *report) {
	s.m.facts(&s.facts)
	if s.label != "" {
		s.facts.Arch = s.label
	}
	stopped := ""
	for _, st := range sliceSteps {
		c := notRun(stopped)
		if err := ctx.Err(); err != nil && stopped == "" {
			c, stopped = failed(*cancelled(err)), "the verification was cancelled"
		} else if stopped == "" {
			c = guarded(st.run, s)
			if c.fatal() {
				stopped = "check " + st.id + " failed"
			}
		}
		c.id, c.name, c.arch = st.id, st.name, s.label
		r.checks = append(r.checks, c)
	}
}

// guarded runs a step. A defect of ours must deny, and must not take down a server
// that asked about somebody else's bytes.
func guarded[T any](run func(T) check, s T) (c check) {
	defer func() {
		if v := recover(); v != nil {
			c = failed(unjudged(code.StatusInternalError, "verification", -1, "an internal error, please report it: %v", v))
		}
	}()
	return run(s)
}

func (s *slice) warn(id, format string, args ...any) {
	s.v.report.warn(id, s.label, format, args...)
}

func (s *slice) checkSuperBlob() check {
	if s.m.form != nil || s.v.opts.Detached != nil {
		return s.checkForeignSuperBlob()
	}
	if codeFileTypes[s.m.fileType] == "" {
		s.unsignedFacts()
		return failed(rejected(code.StatusUnsigned, "Mach-O header", s.m.offset+12, "%s is no code: Apple takes it for a file without a signature", fileTypeName(s.m.fileType)))
	}
	if !s.m.hasSignature {
		s.unsignedFacts()
		return failed(rejected(code.StatusUnsigned, "Mach-O", s.m.offset, "there is no LC_CODE_SIGNATURE"))
	}
	b, ps := s.m.readSuperBlob()
	if b == nil {
		return failed(ps...)
	}
	s.blob = b
	s.signatureFacts()
	if b.padding >= 0 {
		s.warn("nonzeroPadding", "data behind the signature at 0x%x, which no hash covers", b.padding)
	}
	return verdictOf(ps)
}

func (s *slice) checkSigned() check {
	if !s.blob.has(slotCodeDirectory) {
		return failed(rejected(code.StatusUnsigned, "SuperBlob", s.blob.off, "there is no CodeDirectory"))
	}
	return passed()
}

func (s *slice) checkHeaders() check {
	slots := []uint32{slotCodeDirectory}
	for t := uint32(slotAlternate); t <= slotAlternateLast && s.blob.has(t); t++ {
		slots = append(slots, t)
	}
	var all []problem
	for _, t := range slots {
		d, ps := parseDirectory(s.blob.blob(t), t, s.blob.blobOffset(t))
		if d != nil {
			d.anyPages = s.m.form != nil
			s.dirs = append(s.dirs, d)
		}
		all = append(all, ps...)
	}
	return verdictOf(all)
}

func (s *slice) checkIntegrity() check {
	var all []problem
	for _, d := range s.dirs {
		all = append(all, d.checkIntegrity()...)
		if len(all) > 0 && !all[len(all)-1].goesOn() {
			break
		}
		if d.limit() != s.m.sigOff && !s.m.isDiskImage() { // step T8 judges those
			all = append(all, stricter(code.StatusSignatureFailed, d.part(), d.off+32, "it covers %d bytes, the signature begins at %d: bytes between are in no hash", d.limit(), s.m.sigOff))
		}
		if d.Version > versionLinkage {
			s.warn("newerDirectory", "%s has version 0x%x; fields after 0x20600 are not known", d.part(), d.Version)
		}
	}
	return verdictOf(all)
}

func (s *slice) checkHashTypes() check {
	seen := map[code.HashType]bool{}
	for _, d := range s.dirs {
		if seen[d.HashType] {
			return failed(rejected(code.StatusSignatureInvalid, d.part(), d.off+37, "a second directory with %s", d.HashType))
		}
		seen[d.HashType] = true
	}
	return passed()
}

func (s *slice) checkViable() check {
	var unknown *directory
	for _, d := range s.dirs {
		if d.HashType.Rank() == 0 {
			unknown = d
			continue
		}
		if s.best == nil || d.HashType.Rank() > s.best.HashType.Rank() {
			s.best = d
		}
	}
	if s.best == nil {
		p := rejected(code.StatusUnsupportedDigestAlgorithm, unknown.part(), unknown.off+37, "no directory has a hash type that can be verified, found %s", unknown.HashType)
		if err := s.primaryModified(); err != nil {
			// Apple: stops here. That the directory was changed after signing says more.
			p.err.Status, p.err.Err = code.StatusSignatureFailed, fmt.Errorf("hash type %s, and it was changed after signing: %w", unknown.HashType, err)
		}
		return failed(p)
	}
	if unknown != nil {
		viable := s.dirs[:0:0]
		for _, d := range s.dirs {
			if d.HashType.Rank() > 0 {
				viable = append(viable, d)
			}
		}
		s.dirs = viable
		s.directoryFacts()
		return failed(stricter(code.StatusSignatureUnsupported, unknown.part(), unknown.off+37, "hash type %s: nothing would verify this directory's pages", unknown.HashType))
	}
	s.directoryFacts()
	return passed()
}

// primaryModified returns why the CMS signature does not hold for the primary
// directory; nil when it does, or when there is nothing to ask.
func (s *slice) primaryModified() error {
	b := payload(s.blob.blob(slotCMS))
	if s.dirs[0].Flags&code.FlagAdHoc != 0 || len(b) == 0 {
		return nil
	}
	cms, err := parseSignedData(b)
	if err != nil {
		return nil
	}
	bag, err := s.v.known.parse(cms.certs)
	if err != nil {
		return nil
	}
	cert, err := cms.signer(bag)
	if err != nil {
		return nil
	}
	return cms.verify(cert, newContent(s.dirs[0].raw), oidData)
}

// checkAgreement makes sure that all directories tell the same story: Apple
// takes the flags from the best one, the CMS signs the primary one, and a reader
// may show either.
func (s *slice) checkAgreement() check {
	if len(s.dirs) < 2 {
		return notApplicable("there is one CodeDirectory")
	}
	a := s.dirs[0]
	for _, b := range s.dirs[1:] {
		for _, f := range []struct {
			name string
			same bool
		}{
			{"flags", a.Flags == b.Flags},
			{"identifier", a.Identifier == b.Identifier},
			{"team identifier", a.TeamID == b.TeamID},
			{"platform", a.PlatformByte == b.PlatformByte},
			{"page size", a.pageShift == b.pageShift},
			{"number of pages", a.CodeSlots == b.CodeSlots},
			{"signing limit", a.limit() == b.limit()},
			{"executable segment", a.ExecSegBase == b.ExecSegBase && a.ExecSegLimit == b.ExecSegLimit && a.ExecSegFlags == b.ExecSegFlags},
			{"set of special slots", a.presentSlots() == b.presentSlots()},
		} {
			if !f.same {
				return failed(stricter(code.StatusSignatureInvalid, b.part(), b.off, "its %s differs from that of the primary directory", f.name))
			}
		}
	}
	return passed()
}

// presentSlots is the set of special slots up to 11 that are present, as bits.
func (d *directory) presentSlots() (bits uint32) {
	for n := uint32(1); n <= slotMaxSpecial; n++ {
		if _, ok := d.slot(n); ok {
			bits |= 1 << n
		}
	}
	return bits
}

func (s *slice) checkAdHoc() check {
	s.adHoc = s.best.Flags&code.FlagAdHoc != 0
	if s.adHoc && len(payload(s.blob.blob(slotCMS))) > 0 {
		return failed(stricter(code.StatusSignatureInvalid, "CMS signature", s.blob.blobOffset(slotCMS), "the code says that it is ad hoc, yet carries a CMS signature, which nobody verifies"))
	}
	return passed()
}

func (s *slice) checkEarlyUse() check {
	return notApplicable("no component is used before its slot was compared")
}

func (s *slice) checkPages() check {
	if s.v.running != nil {
		return notApplicable(kernelHashes)
	}
	if !s.v.pages {
		return notRun("only the identity was asked for")
	}
	return verdictOf(s.m.hashPages(s.v.ctx, s.dirs))
}

func (s *slice) checkStructure() check {
	if s.m.form != nil {
		return notApplicable("the file is no Mach-O file")
	}
	s.warnLibraries()
	return verdictOf(s.m.checkStructure(s.best.limit()))
}
