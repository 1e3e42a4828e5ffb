package main

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// maxBatch is how many names of one directory are sorted, and so held, at once.
	// A directory with more is read in several batches.
	maxBatch = 4096
	minBatch = 64
	// maxHeld is how many names all open directories hold together, beside minBatch
	// of each.
	maxHeld = 1 << 17
)

// walker walks trees and yields what may be code: regular files, directories that
// may be bundles, and what could not be read. Symbolic links are not followed, and
// pipes, sockets and devices not opened. It reads directories as it goes: its
// memory depends on maxHeld and the depth, not on the number of files.
type walker struct {
	openDir func(path string, follow bool) (dirReader, error) // openDirectory, but in tests
	yield   func(*piece) bool
	count   *walked
	held    int
}

// walked counts what a walk met.
type walked struct {
	files, dirs, links, special int64
}

// dirReader is an open directory, of which at most n names are read at a time.
type dirReader interface {
	ReadDir(n int) ([]fs.DirEntry, error)
	io.Closer
}

var errSpecialRoot = errors.New("it is no file and no directory")

// roots walks each root; what is not there is yielded as a failure. A root may be
// a link, because the user named it.
func (w *walker) roots(paths []string) {
	for _, path := range paths {
		st, err := os.Stat(path)
		var more bool
		switch {
		case err != nil:
			more = w.yield(&piece{path: path, what: pieceFailed, err: err})
		case st.IsDir():
			more = w.dir(path, nil, true)
		case st.Mode().IsRegular():
			w.count.files++
			more = w.yield(&piece{path: path, what: pieceFile})
		default: // named by the user, so it is not passed over
			w.count.special++
			more = w.yield(&piece{path: path, what: pieceFailed, err: errSpecialRoot})
		}
		if !more {
			return
		}
	}
}

// dir walks one directory, in the order of the names within one batch. around is
// the innermost directory around it that may be a bundle. It reports whether
// somebody still wants to know.
func (w *walker) dir(path string, around *piece, follow bool) bool {
	w.count.dirs++
	d, err := w.openDir(path, follow)
	if err != nil {
		return w.yield(&piece{path: path, what: pieceFailed, dir: true, err: err, around: around})
	}
	defer func() {
		if d != nil {
			d.Close()
		}
	}()
	for first := true; ; first = false {
		size := min(maxBatch, max(minBatch, maxHeld-w.held))
		batch, err := d.ReadDir(size)
		end := err != nil || len(batch) < size
		if errors.Is(err, io.EOF) {
			err = nil
		}
		if end { // the handle is not kept while deeper directories are walked
			d.Close()
			d = nil
		}
		if first && mayBeBundle(path, batch, end) {
			p := &piece{path: path, what: pieceBundle, dir: true, around: around, probed: make(chan struct{})}
			if !w.yield(p) {
				return false
			}
			around = p
		}
		w.held += len(batch)
		slices.SortFunc(batch, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
		for _, e := range batch {
			if !w.entry(path, e, around) {
				return false
			}
		}
		w.held -= len(batch)
		if err != nil && !w.yield(&piece{path: path, what: pieceFailed, dir: true, err: err, around: around}) {
			return false
		}
		if end {
			return true
		}
	}
}

func (w *walker) entry(dir string, e fs.DirEntry, around *piece) bool {
	path := join(dir, e.Name())
	switch mode := e.Type(); {
	case mode.IsDir():
		return w.dir(path, around, false)
	case mode.IsRegular():
		w.count.files++
		return w.yield(&piece{path: path, what: pieceFile, around: around})
	case mode&fs.ModeSymlink != 0:
		w.count.links++
	default:
		w.count.special++
	}
	return true
}

// join keeps the path as it was given: "." and "../" in a root are not cleaned
// away, so that a line names what its reader can find.
func join(dir, name string) string {
	if strings.HasSuffix(dir, string(filepath.Separator)) {
		return dir + name
	}
	return dir + string(filepath.Separator) + name
}

// bundleParts are the names at the top of a bundle, one of which it has.
var bundleParts = []string{"Contents", "Info.plist", "Resources", "Versions", "_CodeSignature"}

// mayBeBundle decides from names whether a directory is worth a closer look. all
// says that entries are all there are.
func mayBeBundle(path string, entries []fs.DirEntry, all bool) bool {
	if filepath.Base(path) == "Contents" {
		return false // of a bundle, which is its parent
	}
	if !all {
		for _, part := range bundleParts {
			if _, err := os.Lstat(join(path, part)); err == nil {
				return true
			}
		}
		return false
	}
	for _, e := range entries {
		if slices.Contains(bundleParts, e.Name()) {
			return true
		}
	}
	return false
}
