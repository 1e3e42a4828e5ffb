package macho

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

const (
	// maxLinkSteps is how many links may stand on the way to a link's target.
	maxLinkSteps = 32
	// maxLinkNames is how many names may be looked up on that way: with "..", texts of
	// links can go up and down the same directories thousands of times.
	maxLinkNames = 512
)

var (
	errLeavesBundle = errors.New("leads out of the bundle")
	errNoTarget     = errors.New("leads to nothing")
	errManyNames    = fmt.Errorf("goes through more than %d names", maxLinkNames)
	errUnsealedPart = errors.New("leads to a place that the seal leaves out")
)

// leads reports where a link at rel is allowed to lead: to a part of the system
// by an absolute path, or to something inside this bundle, or one around it that
// is being verified too, which that bundle's rules seal.
func (s *scan) leads(rel, text string) error {
	if path.IsAbs(text) {
		if clean := path.Clean(text); strings.HasPrefix(clean, "/System/") || strings.HasPrefix(clean, "/Library/") {
			return nil
		}
		return errors.New("is absolute, and not of the system")
	}
	top := s
	for top.v.outer != nil {
		top = top.v.outer
	}
	from := path.Join(s.v.base, s.b.support, rel)
	target, names, err := resolve(top.b.fsys, path.Dir(from), text)
	s.spend(int64(names) * lookupEffort)
	if err != nil {
		return err
	}
	for inner := s; inner != nil; inner = inner.v.outer {
		base := path.Join(inner.v.base, inner.b.support)
		below, ok := strings.CutPrefix(target, base+"/")
		if base == "." {
			below, ok = target, target != "."
		}
		if target == base {
			return nil // the support directory itself
		}
		if !ok {
			continue
		}
		if below == inner.exe {
			return nil
		}
		s.spend(int64(len(below)) * inner.seal.rules.states())
		if r, _ := inner.seal.rules.find(below); inner.excluded(below) || inner.excluded(firstName(below)) || r == nil || r.omit {
			return errUnsealedPart
		}
		return nil
	}
	return errLeavesBundle
}

func firstName(p string) string {
	name, _, _ := strings.Cut(p, "/")
	return name
}

// resolve follows a relative link text from a directory, both seen from fsys,
// which nothing may leave. It opens nothing. names is how many it looked up.
func resolve(fsys fs.FS, dir, text string) (target string, names int, err error) {
	steps := 0
	at := dir
	todo := strings.Split(text, "/")
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			if at == "." {
				return "", names, errLeavesBundle
			}
			at = path.Dir(at)
			continue
		}
		if names++; names > maxLinkNames {
			return "", names, errManyNames
		}
		next := path.Join(at, name)
		st, err := fs.Lstat(fsys, next)
		if err != nil {
			return "", names, errNoTarget
		}
		if st.Mode()&fs.ModeSymlink == 0 {
			if len(todo) > 0 && !st.IsDir() {
				return "", names, errNoTarget
			}
			at = next
			continue
		}
		if steps++; steps > maxLinkSteps {
			return "", names, errors.New("goes round in circles")
		}
		link, err := fs.ReadLink(fsys, next)
		if err != nil || path.IsAbs(link) {
			return "", names, errLeavesBundle
		}
		todo = append(strings.Split(link, "/"), todo...)
	}
	return at, names, nil
}
