package macho

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/xpcpolicy/xpcpolicy/code"
)

const (
	// maxItems bounds what one verification looks at, nested bundles included: the
	// largest applications have some 500,000 files.
	maxItems = 4_000_000
	// maxDirDepth bounds the directories inside each other, each of which is an
	// open handle while it is walked.
	maxDirDepth = 100
	// maxBytes bounds the bytes of all sealed files: a file with holes claims any
	// length and takes no room on the disk.
	maxBytes = 1 << 40
	// maxEffort bounds the work of matching paths with rules, in bytes of a path times
	// states of the rules, and that of following links: some minutes. A bundle of
	// 500,000 files with codesign's rules takes an eighth of it.
	maxEffort = 100_000_000_000
	// lookupEffort is about what one name on the way of a link costs as much as.
	lookupEffort = 4000
	// dirBatch is the number of names that are read from a directory at a time.
	dirBatch = 1024
)

// scan compares the files below a bundle's support directory with its seal.
type scan struct {
	v         *verification
	b         *bundle
	seal      *seal
	exe       string // the main executable, below the support directory
	sameTypes bool   // all slices use the same hash types

	pending sync.WaitGroup // files that workers still hash
	found   itemFaults     // R8
	nested  itemFaults     // R9
	units   int            // nested code met
	warned  int            // about unsealed programs
	unrun   string         // why R9 counts as not run; empty: it ran
	tie     string         // why Apple's answer is unsure
	stop    *problem       // why the walk ended early
}

// run walks the support directory and waits for its files to be hashed.
func (s *scan) run() {
	d, err := s.b.dir(s.b.support)
	if err != nil {
		s.stop = &problem{}
		*s.stop = ioProblem(s.v.where(s.b.support), -1, err)
		return
	}
	s.walk(d, "", 0)
	s.pending.Wait()
	if s.stop == nil {
		if err := s.v.ctx.Err(); err != nil {
			s.stop = cancelled(err)
		}
	}
}

// fault records that an item is not what the seal says.
func (s *scan) fault(rel string, p problem) { s.found.add(s.v.where(s.b.support, rel), p) }

func bad(format string, args ...any) problem {
	return rejected(code.StatusBadResource, "file", -1, format, args...)
}

// walk looks at all items of a directory. It takes the handle over.
func (s *scan) walk(d *handle, rel string, depth int) {
	defer d.release()
	if depth > maxDirDepth {
		p := unjudged(code.StatusTooBig, "directory", -1, "more than %d directories inside each other", maxDirDepth)
		s.stop = &p
		return
	}
	before, err := fs.Stat(d.fsys, ".")
	if err != nil {
		s.unreadable(rel, err)
		return
	}
	f, err := d.fsys.Open(".")
	if err != nil {
		s.unreadable(rel, err)
		return
	}
	defer f.Close()
	twins := newTwins()
	for s.stop == nil {
		names, err := nextNames(f)
		for _, name := range names {
			if !s.goOn() {
				return
			}
			at := path.Join(rel, name)
			if twins.twin(name) {
				s.fault(at, bad("another name in its directory differs from it only in case or composition: on a Mac they are one file").appleSays(code.StatusSuccess))
			}
			s.item(d, name, at, depth)
		}
		if err == io.EOF || err == nil && len(names) == 0 {
			break
		}
		if err != nil {
			s.unreadable(rel, err)
			return
		}
	}
	if after, err := fs.Stat(d.fsys, "."); err != nil || !unaltered(before, after) {
		s.changed(rel, "the directory changed while it was read")
	}
}

// goOn counts an item, and reports whether the walk goes on. What stopped it once
// stays.
func (s *scan) goOn() bool {
	if s.stop == nil {
		s.stop = s.v.shared.step(s.v.ctx)
	}
	return s.stop == nil
}

// spend counts work, and reports whether the walk goes on.
func (s *scan) spend(effort int64) bool {
	sh := s.v.shared
	if sh.effort += effort; sh.effort > maxEffort && s.stop == nil {
		p := unjudged(code.StatusTooBig, "bundle", -1, "its rules and links take more work than those of any honest bundle")
		s.stop = &p
	}
	return s.stop == nil
}

func (s *scan) unreadable(rel string, err error) {
	p := ioProblem("file", -1, err)
	if errors.Is(err, fs.ErrPermission) {
		p = rejected(code.StatusSignatureNotVerifiable, "file", -1, "it cannot be read: %w", pathless(err))
	}
	s.fault(rel, p)
}

func (s *scan) changed(rel, why string) {
	s.fault(rel, unjudged(code.StatusStaticCodeChanged, "file", -1, "%s", why))
}

// excluded reports whether nothing below the support directory's name is ever
// sealed: other checks look at what is there.
func (s *scan) excluded(rel string) bool {
	return rel == "_CodeSignature" || rel == "CodeResources" || rel == "_MASReceipt" || rel == s.exe
}

// item decides what one name in a directory is.
func (s *scan) item(d *handle, name, rel string, depth int) {
	if s.excluded(rel) {
		if rel == "_MASReceipt" {
			s.listUnsealed(d, name, rel)
		}
		return
	}
	st, err := fs.Lstat(d.fsys, name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			s.changed(rel, "it was there, and is gone")
			return
		}
		s.unreadable(rel, err)
		return
	}
	mode := st.Mode()
	if mode&fs.ModeSymlink != 0 && strings.EqualFold(name, ".DS_Store") {
		s.fault(rel, rejected(code.StatusDSStoreSymlink, "file", -1, "a .DS_Store that is a link could stand for anything"))
		return
	}
	if !mode.IsDir() && !mode.IsRegular() && mode&fs.ModeSymlink == 0 {
		s.fault(rel, rejected(code.StatusResourceNotSupported, "file", -1, "it is neither file, directory nor link but %s", mode.Type()))
		return
	}
	if !s.spend(int64(len(rel)) * s.seal.rules.states()) {
		return
	}
	r, tie := s.seal.rules.find(rel)
	if tie && s.tie == "" {
		s.tie = fmt.Sprintf("two rules of equal weight say different things of %q", rel)
	}
	entry := s.seal.entries[rel]
	if mode.IsDir() {
		switch {
		case r != nil && r.nested && strings.Contains(name, "."):
			s.unit(d, name, rel, st, entry)
		case entry != nil:
			entry.seen = true
			s.fault(rel, bad("it is a directory, the seal has %s", entry.kind()))
		default:
			s.descend(d, name, rel, st, depth)
		}
		return
	}
	if r == nil || r.omit {
		if rel != s.b.infoRel() {
			s.leftOut(rel, mode)
		}
		return
	}
	switch {
	case entry == nil:
		s.fault(rel, bad("it is not in the seal: somebody added it"))
	case mode&fs.ModeSymlink != 0:
		entry.seen = true
		s.link(d, name, rel, entry)
	case entry.isLink:
		entry.seen = true
		s.fault(rel, bad("it is a file, the seal has a link"))
	case entry.isCode:
		s.unit(d, name, rel, st, entry)
	default:
		entry.seen = true
		s.hash(d, name, rel, st, entry)
	}
}

// leftOut records a file that the rules seal nowhere.
func (s *scan) leftOut(rel string, mode fs.FileMode) {
	at := s.v.where(s.b.support, rel)
	s.v.shared.unsealed.add(at)
	if mode.IsRegular() && mode&0o111 != 0 && s.warned < maxItemFaults {
		s.warned++
		s.v.report.warn("unsealedExecutable", "", "%.400q may be executed, and no signature covers it", at)
	}
}

func (e *sealed) kind() string {
	switch {
	case e.isLink:
		return "a link"
	case e.isCode:
		return "nested code"
	}
	return "a file"
}

func (s *scan) descend(d *handle, name, rel string, st fs.FileInfo, depth int) {
	sub, err := d.sub(name, st)
	if err != nil {
		s.cannotOpen(rel, err)
		return
	}
	s.walk(sub, rel, depth+1)
}

func (s *scan) cannotOpen(rel string, err error) {
	if errors.Is(err, errReplaced) || errors.Is(err, fs.ErrNotExist) {
		s.changed(rel, errReplaced.Error())
		return
	}
	s.unreadable(rel, err)
}

// link compares the text of a symbolic link, and looks where it leads.
func (s *scan) link(d *handle, name, rel string, entry *sealed) {
	if !entry.isLink {
		s.fault(rel, bad("it is a link, the seal has %s", entry.kind()))
		return
	}
	text, err := fs.ReadLink(d.fsys, name)
	if err != nil {
		s.cannotOpen(rel, err)
		return
	}
	s.v.shared.links.Add(1)
	if text != entry.link {
		s.fault(rel, bad("the link says %.200q, the seal has %.200q", text, entry.link))
		return
	}
	switch err := s.leads(rel, text); {
	case errors.Is(err, errManyNames):
		s.fault(rel, unjudged(code.StatusInvalidSymlink, "file", -1, "the link to %.200q %w", text, err))
	case err != nil:
		s.fault(rel, rejected(code.StatusInvalidSymlink, "file", -1, "the link to %.200q %w", text, err))
	}
}

// listUnsealed adds the files of an excluded directory to the unsealed ones.
func (s *scan) listUnsealed(d *handle, name, rel string) {
	st, err := fs.Lstat(d.fsys, name)
	if err != nil || !st.IsDir() {
		return // the strict checks say so
	}
	sub, err := d.sub(name, st)
	if err != nil {
		s.cannotOpen(rel, err)
		return
	}
	defer sub.release()
	err = eachName(sub.fsys, func(n string) bool {
		s.v.shared.unsealed.add(s.v.where(s.b.support, rel, n))
		return s.goOn()
	})
	if err != nil {
		s.unreadable(rel, err)
	}
}

// missing returns what the seal lists and nobody saw.
func (s *scan) missing() *itemFaults {
	out := new(itemFaults)
	for name, e := range s.seal.entries {
		if !e.seen && !e.optional {
			out.add(s.v.where(s.b.support, name), bad("the seal has %s, but it is missing", e.kind()))
		}
	}
	return out
}
