package macho

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/internal/bin"
)

// maxLibraries bounds the names of libraries, and the search paths, that are kept;
// large programs load some hundred.
const maxLibraries = 4096

// addName appends the text that a load command points at, from its own start. A
// command that points nowhere is left out: no loader would accept it.
func addName(list []string, body *bin.Reader, order bin.Order) []string {
	raw := body.Bytes(uint32(body.Len()), "load command")
	at := bin.NewReaderOrder(raw, 0, order)
	const head = 8 // the command's number and size, which are read already
	off := at.Uint32("lc_str.offset")
	if len(list) == maxLibraries || at.Err() != nil || off < head || int64(off)-head >= int64(len(raw)) {
		return list
	}
	return append(list, fixedString(raw[off-head:]))
}

// warnLibraries names the libraries that a bundle's program loads from outside of
// the bundle. That is no violation: the signature covers what is inside, and library
// validation, where it is on, judges what is loaded. But whoever can write there
// decides what runs.
func (s *slice) warnLibraries() {
	b := s.v.bundle
	if b == nil || s.v.outer != nil { // what lies outside of nested code may lie in the bundle around it
		return
	}
	var first []string
	seen, outside := map[string]bool{}, s.m.loadsOutside(path.Dir(b.executable))
	for _, name := range s.m.libraries {
		if !outside(name) || seen[name] {
			continue
		}
		if seen[name] = true; len(first) < 5 {
			first = append(first, fmt.Sprintf("%q", name))
		}
	}
	if n := len(seen) - len(first); n > 0 {
		first = append(first, fmt.Sprintf("%d more", n))
	}
	if len(seen) > 0 {
		s.warn("loadsOutsideBundle", "the program loads %s from outside of the bundle, where no seal covers it", strings.Join(first, ", "))
	}
}

// loadsOutside returns a test whether a library's name can lead out of the bundle.
// dir is the directory of the program, from the bundle's root. A name that climbs
// up from a search path counts as one that does.
func (m *image) loadsOutside(dir string) func(name string) bool {
	elsewhere := slices.ContainsFunc(m.searchPaths, func(p string) bool { return m.leaves(dir, p) })
	return func(name string) bool {
		if rest, ok := strings.CutPrefix(name, "@rpath/"); ok {
			return elsewhere || len(m.searchPaths) > 0 && slices.Contains(strings.Split(rest, "/"), "..")
		}
		return m.leaves(dir, name)
	}
}

// leaves reports whether a name without a search path leads out of the bundle. The
// system's own places are no others: nobody can write there.
func (m *image) leaves(dir, name string) bool {
	rest, relative := strings.CutPrefix(name, "@loader_path")
	if !relative && codeFileTypes[m.fileType] == "execute" {
		rest, relative = strings.CutPrefix(name, "@executable_path")
	}
	switch {
	case relative:
		inside := path.Join(dir, rest)
		return inside == ".." || strings.HasPrefix(inside, "../")
	case strings.HasPrefix(name, "@"): // the program that will load this library decides
		return false
	case strings.HasPrefix(name, "/"):
		clean := path.Clean(name)
		return !strings.HasPrefix(clean, "/System/") && !strings.HasPrefix(clean, "/usr/lib/") && clean != "/usr/lib"
	}
	return true // found from the working directory, which the caller chooses
}
