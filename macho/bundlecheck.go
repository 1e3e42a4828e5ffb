package macho

import (
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// bundleStep is one check of a bundle as a whole.
type bundleStep struct {
	id, name string
	run      func(*sealing) check
}

// sealSteps follow the steps of the slices: the resource seal in Apple's order.
// One that fails in its own way ends the row, except among the files (R8 to R10),
// whose violations are collected.
func sealSteps() []bundleStep {
	return []bundleStep{
		{"R2", "seal is a property list", (*sealing).checkList},
		{"R3", "seal has rules and files", (*sealing).checkForm},
		{"R4", "entries of the seal", (*sealing).checkEntries},
		{"R5", "strength of the rules", (*sealing).checkStrength},
		{"R6", "place of the resources", (*sealing).checkPlace},
		{"R7", "rules of the seal", (*sealing).checkRules},
		{"R8", "files", (*sealing).checkFiles},
		{"R9", "nested code", (*sealing).checkNested},
		{"R10", "missing files", (*sealing).checkMissing},
	}
}

// strictSteps are the checks that Apple makes with StrictValidate, after all others.
func strictSteps() []bundleStep {
	return []bundleStep{
		{"T1", "kinds of signature files", (*sealing).checkSignatureKinds},
		{"T2", "signature files", (*sealing).checkSignatureFiles},
		{"T3", "resource forks", (*sealing).checkForks},
		{"T4", "bundle shape", (*sealing).checkShape},
		{"T5", "application", (*sealing).checkAppLike},
	}
}

// sealing is the comparison of a bundle with its seal.
type sealing struct {
	v      *verification
	b      *bundle
	slices []*slice
	seal   seal
	scan   *scan
}

// bundleSteps runs the checks of the bundle as a whole, or says for a single file
// that they do not apply.
func (v *verification) bundleSteps(slices []*slice) {
	add := func(st bundleStep, c check) {
		c.id, c.name = st.id, st.name
		v.report.checks = append(v.report.checks, c)
	}
	if v.bundle == nil {
		for _, st := range sealSteps() {
			add(st, notApplicable("a single file has no resources"))
		}
		for _, st := range strictSteps() {
			add(st, notApplicable("a single file is no bundle"))
		}
		return
	}
	x := &sealing{v: v, b: v.bundle, slices: slices}
	stopped := x.whyNot()
	for _, st := range sealSteps() {
		c := notRun(stopped)
		if stopped == "" {
			c = guarded(st.run, x)
			if c.fatal() && st.id != "R8" && st.id != "R9" {
				stopped = "check " + st.id + " failed"
			}
			if x.scan != nil && x.scan.stop != nil {
				stopped = "the walk over the files was not finished"
			}
		}
		add(st, c)
	}
	for _, st := range strictSteps() {
		add(st, guarded(st.run, x))
	}
}

// whyNot says why the seal is not looked at; "" when it is.
func (x *sealing) whyNot() string {
	switch {
	case x.v.opts.NoResources:
		return resourcesLeftOut
	case !x.v.resources:
		return "only the identity was asked for"
	}
	for _, c := range x.v.report.checks {
		if c.id != "T6" && c.id != "T8" && c.fatal() {
			return "the main executable did not verify: check " + c.id + " failed"
		}
	}
	return ""
}

func orPassed(p *problem) check {
	if p != nil {
		return failed(*p)
	}
	return passed()
}

func (x *sealing) checkList() check {
	types, _ := sealTypes(x.slices)
	x.seal.hashTypes = types
	return orPassed(x.seal.parse(x.b.resources))
}

func (x *sealing) checkForm() check    { return orPassed(x.seal.form()) }
func (x *sealing) checkEntries() check { return orPassed(x.seal.envelope()) }
func (x *sealing) checkRules() check   { return orPassed(x.seal.compile()) }

func (x *sealing) checkStrength() check {
	return orPassed(x.seal.strict(exists(x.b.fsys, path.Join(x.b.support, "Resources"))))
}

func (x *sealing) checkPlace() check {
	d, err := x.b.dir(x.b.support)
	if err != nil {
		return failed(unjudged(code.StatusBadBundleFormat, x.b.support, -1, "%w", pathless(err)))
	}
	d.release()
	return passed()
}

func (x *sealing) checkFiles() check {
	_, same := sealTypes(x.slices)
	x.v.shared.expect(&x.seal)
	x.scan = &scan{v: x.v, b: x.b, seal: &x.seal, sameTypes: same, exe: x.b.exeRel()}
	x.v.within = x.scan
	x.scan.run()
	if x.scan.stop == nil {
		x.scan.otherVersions()
	}
	if p := x.scan.stop; p != nil {
		c := x.scan.found.check(&x.scan.nested)
		c.outcome, c.problems = code.Failed, append([]problem{*p}, c.problems...)
		return c
	}
	c := x.scan.found.check(&x.scan.nested)
	if c.unsure == "" {
		c.unsure = x.scan.tie
	}
	return c
}

func (x *sealing) checkNested() check {
	s := x.scan
	switch c := s.nested.check(&s.found); {
	case c.outcome != code.Passed:
		return c
	case s.unrun != "":
		return notRun(s.unrun)
	case s.units == 0:
		return notApplicable("the bundle has no nested code")
	}
	return passed()
}

func (x *sealing) checkMissing() check { return x.scan.missing().check() }

func (x *sealing) checkAppLike() check { return notApplicable("nobody asked for an application") }

// checkForks looks at the attributes of the bundle's directory itself; those of its
// files are looked at as they are hashed.
func (x *sealing) checkForks() check {
	f, err := x.b.fsys.Open(".")
	if err != nil {
		return failed(ioProblem("bundle", -1, err))
	}
	defer f.Close()
	if file, ok := f.(*os.File); !ok || fileAttributes(file) == nil {
		return notApplicable("these files have no resource forks")
	}
	return orPassed(sideband(f))
}

// sideband finds content that travels beside a file's own: a resource fork, or what
// the Finder keeps about it.
func sideband(f fs.File) *problem {
	file, ok := f.(*os.File)
	if !ok {
		return nil
	}
	read := fileAttributes(file)
	if read == nil || noAttributes(file) {
		return nil
	}
	for _, name := range []string{"com.apple.ResourceFork", "com.apple.FinderInfo"} {
		if _, has, err := read(name); has || err != nil {
			p := rejected(code.StatusInvalidAssociatedFileData, "file", -1, "it has the extended attribute %s, which nothing seals: remove it (xattr -c)", name)
			return &p
		}
	}
	return nil
}

func (x *sealing) checkShape() check {
	found := x.b.shape(func(name string) { x.v.shared.unsealed.add(x.v.where(name)) })
	return verdictOf(append(x.b.problems[:len(x.b.problems):len(x.b.problems)], found...))
}

// signatureFolder lists _CodeSignature; nil when it is no directory.
func (x *sealing) signatureFolder() (map[string]fs.FileInfo, *problem) {
	d, err := x.b.dir(path.Join(x.b.support, "_CodeSignature"))
	if err != nil {
		return nil, nil // check R1 says what is wrong
	}
	defer d.release()
	all := map[string]fs.FileInfo{}
	var odd *problem
	err = eachName(d.fsys, func(name string) bool {
		st, err := fs.Lstat(d.fsys, name)
		if err != nil {
			p := ioProblem("_CodeSignature", -1, err)
			odd = &p
			return false
		}
		all[name] = st
		if len(all) > 1000 {
			p := rejected(code.StatusUnsealedAppRoot, "_CodeSignature", -1, "it has more than 1000 files")
			odd = &p
			return false
		}
		return true
	})
	if err != nil && odd == nil {
		p := ioProblem("_CodeSignature", -1, err)
		odd = &p
	}
	return all, odd
}

func (x *sealing) checkSignatureKinds() check {
	all, p := x.signatureFolder()
	if p != nil {
		return failed(*p)
	}
	var f itemFaults
	for name, st := range all {
		if !st.Mode().IsRegular() {
			f.add(x.v.where(x.b.support, "_CodeSignature", name), rejected(code.StatusUnsealedAppRoot, "file", -1, "_CodeSignature holds something that is no plain file"))
		}
	}
	return f.check()
}

// checkSignatureFiles wants only the files that this signature is made of.
func (x *sealing) checkSignatureFiles() check {
	all, p := x.signatureFolder()
	if p != nil {
		return notRun("_CodeSignature cannot be listed")
	}
	needed := map[string]bool{"CodeResources": true}
	for _, s := range x.slices {
		if s.m.form == nil || s.m.form.source != partFiles {
			continue
		}
		for slot := range s.m.form.parts {
			needed[partNames[slot]] = true
		}
	}
	var f itemFaults
	for name, st := range all {
		if needed[name] || name == "CodeSignature" && st.Size() == 0 || !st.Mode().IsRegular() {
			continue
		}
		f.add(x.v.where(x.b.support, "_CodeSignature", name), rejected(code.StatusUnsealedAppRoot, "file", -1, "no hash covers it, and the signature does not need it"))
	}
	return f.check()
}

// mixture refuses a Mach-O program whose bundle has components of a signature
// in files that the program itself lacks.
func (b *bundle) mixture(s *slice) *problem {
	for slot, name := range partNames {
		if s.blob.has(slot) {
			continue
		}
		st, err := fs.Lstat(b.fsys, path.Join(b.support, "_CodeSignature", name))
		if err != nil || st.Size() == 0 && st.Mode().IsRegular() {
			continue
		}
		p := unjudged(code.StatusSignatureFailed, "_CodeSignature/"+name, -1, "the main executable carries a signature, but not this component of it: only one place may have them")
		return &p
	}
	return nil
}

// exeRel is the main executable's path below the support directory.
func (b *bundle) exeRel() string { return b.below(b.executable) }

// infoRel is the path of Info.plist below the support directory.
func (b *bundle) infoRel() string { return b.below(b.infoPath) }

func (b *bundle) below(name string) string {
	if b.support == "." {
		return name
	}
	return strings.TrimPrefix(name, b.support+"/")
}

const (
	// partFiles is the source of signatures in files of their own.
	partFiles = "files of _CodeSignature"

	resourcesLeftOut = "the resources were left out, as asked for"
)
