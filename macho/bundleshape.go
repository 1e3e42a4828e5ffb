package macho

import (
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// loose are the files that the Finder and installers leave at the root of a bundle.
// They must not be programs.
var loose = []string{".DS_Store", ".LSOverride", "Icon\r", ".SoftwareDepot.tracking"}

// shape finds what lies where nothing of the bundle is sealed. It calls unsealed with
// the files that may lie there.
func (b *bundle) shape(unsealed func(name string)) []problem {
	var f itemFaults
	switch {
	case b.support == "Contents":
		b.checkRoot(&f, unsealed)
	case b.version != "" && !b.other: // the version in use has looked there
		b.checkFrameworkRoot(&f, unsealed)
	}
	b.checkTicketPlace(&f, unsealed)
	b.checkReceipt(&f)
	return f.kept
}

// each calls do for what lies in a directory of the bundle; a missing one is empty.
func (b *bundle) each(dir string, f *itemFaults, do func(name string, st fs.FileInfo)) {
	d, err := b.dir(dir)
	if err != nil {
		return
	}
	defer d.release()
	n := 0
	err = eachName(d.fsys, func(name string) bool {
		st, err := fs.Lstat(d.fsys, name)
		if err != nil {
			f.add(path.Join(dir, name), ioProblem("file", -1, err))
			return true
		}
		do(name, st)
		n++
		return n < maxItems
	})
	if err != nil {
		f.add(dir, ioProblem("directory", -1, err))
	}
}

func (b *bundle) checkRoot(f *itemFaults, unsealed func(string)) {
	b.each(".", f, func(name string, st fs.FileInfo) {
		switch {
		case name == "Contents":
		case slices.Contains(loose, name) && st.Mode().IsRegular() && st.Mode()&0o111 == 0:
			unsealed(name)
		default:
			f.add(name, rejected(code.StatusUnsealedAppRoot, "file", -1, "nothing seals what lies beside Contents"))
		}
	})
}

// checkFrameworkRoot wants the root of a framework to hold links into its versions
// and nothing else.
func (b *bundle) checkFrameworkRoot(f *itemFaults, unsealed func(string)) {
	bad := func(name, format string, args ...any) problem {
		p := rejected(code.StatusUnsealedFrameworkRoot, "file", -1, format, args...)
		f.add(name, p)
		return p
	}
	b.each(".", f, func(name string, st fs.FileInfo) {
		switch {
		case name == "Versions":
			return
		case name == ".DS_Store" || name == "module.map":
			if !st.Mode().IsRegular() {
				bad(name, "it is no plain file")
				return
			}
			unsealed(name)
			return
		case st.Mode()&fs.ModeSymlink == 0:
			bad(name, "only links into Versions belong into the root of a framework")
			return
		}
		text, err := fs.ReadLink(b.fsys, name)
		if err != nil {
			f.add(name, ioProblem("file", -1, err))
			return
		}
		version, last := path.Split(text)
		dir, v := path.Split(path.Clean(version))
		if last != name || dir != "Versions/" || !plainName(v) || text != path.Clean(text) {
			bad(name, "the link leads to %.200q, want Versions/Current/%s", text, name)
		}
	})
	if !isDir(b.fsys, "Versions") {
		bad("Versions", "it is no directory")
		return
	}
	b.each("Versions", f, func(name string, st fs.FileInfo) {
		at := path.Join("Versions", name)
		switch {
		case st.IsDir():
			return
		case name == ".DS_Store" && st.Mode().IsRegular():
			unsealed(at)
			return
		case st.Mode()&fs.ModeSymlink == 0:
			// Apple: looks at the directories only.
			f.add(at, stricter(code.StatusUnsealedFrameworkRoot, "file", -1, "only versions and links to them belong into Versions"))
			return
		}
		text, err := fs.ReadLink(b.fsys, at)
		if err != nil {
			f.add(at, ioProblem("file", -1, err))
			return
		}
		if !plainName(text) || !isDir(b.fsys, path.Join("Versions", text)) {
			p := stricter(code.StatusUnsealedFrameworkRoot, "file", -1, "the link leads to %.200q, want the name of a directory beside it", text)
			if name == "Current" {
				p = rejected(code.StatusUnsealedFrameworkRoot, "file", -1, "it leads to %.200q, want the name of a directory beside it", text)
			}
			f.add(at, p)
		}
	})
}

// checkTicketPlace: Contents/CodeResources is a stapled ticket, or the link that
// very old bundles have there.
//
// Apple: skips whatever it is, a directory with all that is in it.
func (b *bundle) checkTicketPlace(f *itemFaults, unsealed func(string)) {
	at := path.Join(b.support, "CodeResources")
	st, err := fs.Lstat(b.fsys, at)
	if err != nil {
		return
	}
	if st.Mode().IsRegular() {
		unsealed(at)
		return
	}
	what := fmt.Sprintf("want a plain file there, found %s", st.Mode().Type())
	if st.Mode()&fs.ModeSymlink != 0 {
		text, err := fs.ReadLink(b.fsys, at)
		if err == nil && text == "_CodeSignature/CodeResources" {
			return
		}
		what = fmt.Sprintf("the link leads to %.200q, want _CodeSignature/CodeResources", text)
	}
	f.add(at, stricter(code.StatusUnsealedAppRoot, "file", -1, "nothing seals it: %s", what))
}

// checkReceipt: nothing seals what lies beside a receipt of the store.
//
// Apple: skips the folder.
func (b *bundle) checkReceipt(f *itemFaults) {
	at := path.Join(b.support, "_MASReceipt")
	st, err := fs.Lstat(b.fsys, at)
	if err != nil {
		return
	}
	if !st.IsDir() {
		f.add(at, stricter(code.StatusUnsealedAppRoot, "file", -1, "it is no directory"))
		return
	}
	b.each(at, f, func(name string, st fs.FileInfo) {
		if name != "receipt" || !st.Mode().IsRegular() {
			f.add(path.Join(at, name), stricter(code.StatusUnsealedAppRoot, "file", -1, "nothing seals what lies in _MASReceipt, and only a receipt belongs there"))
		}
	})
}
