package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/internal/spell"
	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
)

// Options say how a policy is loaded. The zero value is the strictest.
type Options struct {
	// Profile names the profile of the document that is in force; "" is none. A
	// profile lets more callers in: every decision under it carries a warning.
	Profile string
	// Text is the first file when it is not read from the file system, as from
	// standard input; nil reads it.
	Text []byte
	// Name is shown before positions in the first file; "" is its path. The names
	// of included files are shown as if they stood in the same folder.
	Name string
}

// Limits of a policy that consists of several files.
const (
	maxFiles   = 100
	maxInclude = 10      // files between the first one and the deepest
	maxTotal   = 4 << 20 // bytes of all files
)

// Parse reads and compiles a policy of one document; it has nowhere to read other
// files from, so that include is an error. The name is shown before positions. The
// error is a [diag.List]: everything that is wrong, with positions. No part of a
// document that has an error is ever in force.
func Parse(name string, text []byte) (*Policy, error) {
	if text == nil {
		text = []byte{}
	}
	return Load(nil, name, Options{Text: text})
}

// Load is [Parse] for a policy that may consist of several files: name is the
// first one, by its path in fsys, and include names the others. All of them
// together are one policy with one revision. Paths cannot leave fsys; make it with
// [os.Root.FS], so that symbolic links cannot either. A nil fsys has no files.
func Load(fsys fs.FS, name string, o Options) (*Policy, error) {
	l := &loader{report: &report{}, fsys: fsys, read: map[string]bool{}, shown: o.Name}
	if l.shown == "" {
		l.shown = name
	}
	text := o.Text
	if text == nil {
		var err error
		if text, err = readFile(fsys, name, maxTotal); err != nil {
			r := &reader{src: diag.NewSource(l.shown, ""), report: l.report}
			r.span(0, 0, "the policy cannot be read: "+err.Error(), "")
			return nil, r.errors
		}
	}
	l.first = name
	l.file(name, text)
	return l.finish(o)
}

// loader reads files, those that a file includes before the file itself.
type loader struct {
	*report
	fsys  fs.FS           // nil: there are no other files
	first string          // the path of the first file
	shown string          // how the first file is called
	read  map[string]bool // by path: true when it was read, false while it is
	chain []string        // paths that are being read
	paths []string        // of files
	files []*diag.Source
	docs  []*document // in the order of what they say; the first file is the last one
	total int
	// incomplete is set when a file could not be read or is no document.
	incomplete bool
}

// file reads one file and what it includes.
func (l *loader) file(name string, text []byte) {
	r := &reader{src: diag.NewSource(l.display(name), string(text)), report: l.report}
	l.files, l.paths = append(l.files, r.src), append(l.paths, name)
	l.total += len(text)
	root, failure := yamlpos.Parse(text)
	if failure != nil {
		r.span(failure.Start, failure.End, failure.Summary, failure.Why)
		l.incomplete = true
		return
	}
	d := r.document(root, len(l.chain) > 0)
	l.chain = append(l.chain, name)
	l.read[name] = false
	for _, n := range d.includes {
		l.include(r, n, name)
	}
	l.read[name] = true
	l.chain = l.chain[:len(l.chain)-1]
	l.docs = append(l.docs, d)
}

// display is the name of a file in diagnostics: beside the first one.
func (l *loader) display(name string) string {
	if name == l.first {
		return l.shown
	}
	return l.shown[:strings.LastIndex(l.shown, "/")+1] + strings.TrimPrefix(name, path.Dir(l.first)+"/")
}

// include reads the file that a node names, unless it was read before: several
// files may name one that they share.
func (l *loader) include(r *reader, n *yamlpos.Node, from string) {
	name := path.Join(path.Dir(from), n.Value)
	text, summary, detail := l.other(name, n.Value)
	switch {
	case summary != "":
		r.at(n, summary, detail)
		l.incomplete = true
	case text != nil:
		l.file(name, text)
	}
}

// other returns the text of an included file, nil when it was read before, or what
// is wrong with including it.
func (l *loader) other(name, asWritten string) (text []byte, summary, detail string) {
	done, seen := l.read[name]
	switch {
	case l.fsys == nil:
		return nil, "this document was given by itself, so that it can include nothing", "load it as a file"
	case path.IsAbs(asWritten) || strings.Contains(asWritten, `\`):
		return nil, "an included file is named relative to this one, with / between folders", ""
	case !fs.ValidPath(name) || name == ".":
		return nil, quoteShort(asWritten) + " lies outside the folder of the policy", "move it there, or load the policy from a folder above both"
	case seen && done:
		return nil, "", ""
	case seen:
		return nil, "the files include each other: " + strings.Join(append(l.chain, name), ", "), ""
	case len(l.chain) > maxInclude:
		return nil, "files include each other more than " + strconv.Itoa(maxInclude) + " deep", ""
	case len(l.files) >= maxFiles:
		return nil, "the policy has more than " + strconv.Itoa(maxFiles) + " files", ""
	}
	text, err := readFile(l.fsys, name, maxTotal-l.total)
	if err != nil {
		return nil, quoteShort(asWritten) + " cannot be included: " + err.Error(), ""
	}
	return text, "", ""
}

// readFile reads a regular file of at most so many bytes.
func readFile(fsys fs.FS, name string, most int) ([]byte, error) {
	if fsys == nil || !fs.ValidPath(name) {
		return nil, fs.ErrNotExist
	}
	info, err := fs.Stat(fsys, name) // before it is opened: opening a pipe waits
	if err != nil {
		return nil, reason(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err != nil {
		return nil, reason(err)
	}
	if text == nil {
		text = []byte{}
	}
	if len(text) > most {
		return nil, errors.New("the files of a policy have at most " + strconv.Itoa(maxTotal>>20) + " MiB together")
	}
	return text, nil
}

// reason leaves out the path, which the diagnostic names.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// finish compiles what was read.
func (l *loader) finish(o Options) (*Policy, error) {
	if l.incomplete { // what is missing would be reported as unknown names
		return nil, l.sorted(l.errors)
	}
	first := l.docs[len(l.docs)-1]
	base := l.combine(l.docs)
	if len(base.rules) == 0 && len(l.errors) == 0 {
		first.span(0, 0, "the policy has no rules", "a policy without rules denies everybody; say so with a rule")
	}
	p := l.compile(base, first)
	known := make([]string, 0, len(first.profiles))
	for i := range first.profiles {
		profile := &first.profiles[i]
		known = append(known, profile.name.Value)
		if len(l.errors) > 0 {
			break // they would be reported again
		}
		// Those that are not in force are compiled too: mistakes are found when
		// they are made, not on the day that somebody asks for the profile.
		with := l.compile(l.combine(append(l.docs[:len(l.docs):len(l.docs)], profile.doc)), first)
		if profile.name.Value == o.Profile && len(l.errors) == 0 {
			p = with.under(profile)
		}
	}
	if o.Profile != "" && !slices.Contains(known, o.Profile) && len(l.errors) == 0 {
		first.span(0, 0, "there is no profile "+quoteShort(o.Profile), spell.DidYouMean(o.Profile, known))
	}
	if len(l.errors) > 0 {
		return nil, l.sorted(l.errors)
	}
	p.revision = l.revision(o.Profile)
	p.findings = l.sorted(l.warnings)
	return p, nil
}

// sorted puts findings in the order of the files, without repetitions: profiles
// compile what they share with the policy once more.
func (l *loader) sorted(list diag.List) diag.List {
	slices.SortStableFunc(list, func(a, b diag.Diagnostic) int {
		return cmp.Or(slices.Index(l.files, a.Source)-slices.Index(l.files, b.Source), a.Span.Start-b.Span.Start)
	})
	return slices.Compact(list)
}

// revision is the SHA-256 of the document; of a list of all files and the profile
// when there is more than the document.
func (l *loader) revision(profile string) string {
	h := sha256.New()
	if len(l.files) == 1 && profile == "" {
		_, _ = io.WriteString(h, l.files[0].Text())
		return hex.EncodeToString(h.Sum(nil))
	}
	part := func(s string) {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
		_, _ = io.WriteString(h, s)
	}
	part("xpcpolicy revision 1")
	part(profile)
	for i, f := range l.files {
		part(l.paths[i])
		part(f.Text())
	}
	return hex.EncodeToString(h.Sum(nil))
}
