package macho

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
)

const (
	// maxNesting bounds bundles inside bundles; each level keeps its seal in memory.
	maxNesting = 16
	// maxUnits bounds the nested code of one verification.
	maxUnits = 20_000
	// maxNestedFacts bounds the nested code that the facts list.
	maxNestedFacts = 256
)

// where is the path of a part of the bundle for people: seen from the bundle that
// was asked about.
func (v *verification) where(parts ...string) string {
	return path.Join(v.base, path.Join(parts...))
}

// inside prepares the verification of code inside this bundle.
func (v *verification) inside(s *scan, at string) *verification {
	o := v.opts
	o.Arch = "" // Apple: nested code is verified whole
	return &verification{
		ctx: v.ctx, opts: o, known: v.known, shared: v.shared, outer: s, base: at, depth: v.depth + 1,
		pages: !o.Shallow, resources: !o.Shallow,
	}
}

// unit verifies one piece of nested code: a bundle, or a single file.
func (s *scan) unit(d *handle, name, rel string, st fs.FileInfo, entry *sealed) {
	at := s.v.where(s.b.support, rel)
	switch {
	case entry == nil:
		s.fault(rel, bad("it is not in the seal: somebody added it"))
		return
	case !entry.isCode:
		entry.seen = true
		s.fault(rel, bad("it is a directory of nested code, the seal has %s", entry.kind()))
		return
	}
	entry.seen = true
	s.units++
	if s.v.shared.units.Add(1) > maxUnits || s.v.depth >= maxNesting {
		p := unjudged(code.StatusTooBig, "nested code", -1, "more than %d pieces of nested code, or more than %d inside each other", maxUnits, maxNesting)
		s.stop = &p
		return
	}
	v := s.v.inside(s, at)
	v.sealed = entry
	var subject *code.Subject
	var err error
	if st.IsDir() {
		var sub *handle
		if sub, err = d.sub(name, st); err == nil {
			subject, err = v.openBundleAt(sub.fsys, name, "")
			sub.release()
		}
	} else {
		subject, err = v.openNestedFile(d.fsys, name, st)
	}
	if err != nil {
		s.nestedError(at, err)
		return
	}
	s.judge(at, subject, entry)
	if p := firstCancelled(subject); p != nil {
		s.stop = p
	}
}

// openNestedFile verifies a single file that must be the one that st says.
func (v *verification) openNestedFile(fsys fs.FS, name string, st fs.FileInfo) (*code.Subject, error) {
	v.stillThere = func() error {
		if now, err := fs.Lstat(fsys, name); err != nil || !sameFile(st, now) {
			return errReplaced
		}
		return nil
	}
	return v.openFile(fsys, name)
}

// nestedError is nested code that could not be judged at all.
func (s *scan) nestedError(at string, err error) {
	if errors.Is(err, errReplaced) || code.StatusOf(err) == code.StatusStaticCodeNotFound {
		s.nested.add(at, unjudged(code.StatusStaticCodeChanged, "nested code", -1, "%w", errReplaced))
		return
	}
	s.nested.add(at, ioProblem("nested code", -1, err))
}

// judge takes the verdict on a piece of nested code, and asks whether it satisfies
// the requirement that the seal has for it.
func (s *scan) judge(at string, subject *code.Subject, entry *sealed) {
	facts := code.NestedCode{
		Path: at, Format: subject.Format, Status: subject.Validity.Status,
		Identifier: subject.Identifier.Or(""), ClaimedTeamID: subject.ClaimedTeamID.Or(""),
		Requirement: entry.requirement,
	}
	if h, ok, _ := subject.CDHash().Get(); ok {
		facts.CDHash = h.String()
	}
	if entry.cdhash != nil {
		facts.SealedCDHash = code.Hex(entry.cdhash).String()
		facts.CDHashDiffers = !hasCDHash(subject, facts.SealedCDHash)
	}
	for _, w := range subject.Validity.Warnings {
		if sh := s.v.shared; sh.warnings < maxNestedFacts {
			sh.warnings++
			w.Message, w.Arch = at+": "+archPrefix(w.Arch)+w.Message, ""
			s.v.report.warnings = append(s.v.report.warnings, w)
		}
	}
	p := s.verdictOn(subject, entry)
	if p != nil {
		facts.Status = p.err.Status
		path := at
		if p.err.Path != "" {
			path = p.err.Path
		}
		s.nested.add(path, *p)
	}
	sh := s.v.shared
	sh.nestedTotal++
	if len(sh.nested) < maxNestedFacts {
		sh.nested = append(sh.nested, facts)
	}
}

func archPrefix(arch string) string {
	if arch == "" {
		return ""
	}
	return arch + ": "
}

// hasCDHash reports whether one of the slices is the build with this hash.
func hasCDHash(s *code.Subject, want string) bool {
	for _, v := range s.PerSlice() {
		if slices.ContainsFunc(v.CDHashes.Or(nil), func(h code.CDHash) bool { return h.String() == want }) {
			return true
		}
	}
	return false
}

// verdictOn is nil when nested code is what the seal wants.
func (s *scan) verdictOn(subject *code.Subject, entry *sealed) *problem {
	var broken *code.Check
	for i := range subject.Validity.Checks {
		if c := &subject.Validity.Checks[i]; c.Outcome == code.Failed {
			broken = c
			break
		}
	}
	if broken == nil || broken.ID[0] == 'R' || broken.ID[0] == 'T' { // the requirement counts before those
		if p := s.satisfied(subject, entry); p != nil {
			return p
		}
	}
	if broken == nil {
		if subject.Validity.Status != code.StatusSuccess {
			p := unjudged(subject.Validity.Status, "nested code", -1, "it did not verify")
			return &p
		}
		if why := unfinished(subject); why != "" && s.unrun == "" {
			s.unrun = why
		}
		return nil
	}
	p := problem{
		err:   code.Error{Status: broken.Status, Part: "nested code", Off: -1, Err: fmt.Errorf("check %s (%s): %s", broken.ID, broken.Name, broken.Reason)},
		apple: subject.Validity.Apple,
	}
	if len(broken.Paths) > 0 {
		p.err.Path = broken.Paths[0]
	}
	if broken.Stricter { // Apple goes on to the requirement
		p.apple = s.appleSaysOfRequirement(subject, entry)
	}
	return &p
}

// appleSaysOfRequirement is Apple's answer on nested code that breaks one of our own
// rules: the requirement counts before what Apple finds in its resources.
func (s *scan) appleSaysOfRequirement(subject *code.Subject, entry *sealed) code.Fact[code.Status] {
	apple := subject.Validity.Apple
	if p := s.satisfied(subject, entry); p != nil {
		if apple == code.Known(code.StatusSuccess) {
			return p.apple
		}
		return code.Unknown[code.Status](errEither)
	}
	return apple
}

// unfinished says which check of nested code did not run.
func unfinished(subject *code.Subject) string {
	for _, c := range subject.Validity.Checks {
		if c.Outcome == code.NotRun {
			return "nested code was not verified to the end: check " + c.ID + ": " + c.Reason
		}
	}
	return ""
}

// satisfied evaluates the sealed requirement for every slice of the nested code.
func (s *scan) satisfied(subject *code.Subject, entry *sealed) *problem {
	ask := s.v.opts.Requirement
	if ask == nil {
		if s.unrun == "" {
			s.unrun = "nobody judges the requirements that the seal has for nested code"
		}
		return nil
	}
	for _, view := range subject.PerSlice() {
		switch status := ask(entry.requirement, view); status {
		case code.StatusSuccess:
		case code.StatusReqFailed:
			p := rejected(code.StatusBadNestedCode, "nested code", -1, "it does not satisfy the requirement of the seal: %.400s", entry.requirement)
			p.err.Arch = view.Arch
			return &p
		case code.StatusReqInvalid:
			p := rejected(code.StatusResourcesInvalid, "CodeResources", -1, "the requirement for this nested code does not compile: %.400q", entry.requirement)
			return &p
		default:
			p := unjudged(status, "nested code", -1, "nobody can tell whether it satisfies the requirement of the seal: %.400s", entry.requirement)
			return &p
		}
	}
	return nil
}

// firstCancelled returns the problem of a verification that was cancelled.
func firstCancelled(s *code.Subject) *problem {
	if s.Validity.Status != code.StatusCancelled {
		return nil
	}
	return cancelled(errors.New("it was cancelled inside nested code"))
}

// otherVersions verifies the versions of a framework that are not the one in use:
// whoever can change the link Versions/Current can put them in its place.
func (s *scan) otherVersions() {
	if s.b.version == "" || s.v.version != "" {
		return
	}
	d, err := s.b.dir("Versions")
	if err != nil {
		s.nested.add(s.v.where("Versions"), ioProblem("framework", -1, err))
		return
	}
	defer d.release()
	var others []string
	err = eachName(d.fsys, func(name string) bool {
		if st, err := fs.Lstat(d.fsys, name); err == nil && st.IsDir() && name != s.b.version {
			others = append(others, name)
		}
		return s.goOn() && len(others) <= maxUnits
	})
	if err != nil {
		s.nested.add(s.v.where("Versions"), ioProblem("framework", -1, err))
	}
	slices.Sort(others)
	for _, name := range others {
		at := s.v.where("Versions", name)
		if s.stop != nil || s.v.shared.units.Add(1) > maxUnits || s.v.depth >= maxNesting {
			s.nested.add(at, unjudged(code.StatusTooBig, "framework", -1, "more than %d pieces of nested code", maxUnits))
			return
		}
		s.units++
		v := s.v.inside(s.v.outer, s.v.base)
		v.version, v.sealed = name, s.v.sealed
		subject, err := v.openBundleAt(s.b.fsys, s.b.name, "")
		if err != nil {
			s.nestedError(at, err)
			continue
		}
		if err := subject.Verified(); err != nil && subject.Validity.Status != code.StatusSuccess {
			p := rejected(code.StatusBadFrameworkVersion, "framework", -1, "version %.80q does not verify: %s", name, strings.TrimSuffix(err.Error(), "\n"))
			if a, ok, _ := subject.Validity.Apple.Get(); !ok {
				p.apple = code.Unknown[code.Status](nil)
			} else if a == code.StatusSuccess && (s.v.sealed == nil || s.satisfied(subject, s.v.sealed) == nil) {
				p.apple = code.Known(a)
			}
			s.nested.add(at, p)
		} else if why := unfinished(subject); why != "" && s.unrun == "" {
			s.unrun = why
		} else if s.v.sealed != nil {
			// The seal of the bundle around the framework asks the same of each version.
			if p := s.satisfied(subject, s.v.sealed); p != nil {
				if p.err.Status == code.StatusBadNestedCode {
					p.err.Status, p.apple = code.StatusBadFrameworkVersion, code.Known(code.StatusBadFrameworkVersion)
				}
				s.nested.add(at, *p)
			}
		}
		if p := firstCancelled(subject); p != nil {
			s.stop = p
			return
		}
	}
}
