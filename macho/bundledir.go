package macho

import (
	"errors"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// handle is an open directory. It is closed when nobody uses it any more: files in
// it are opened by workers, after the walk has gone on.
type handle struct {
	fsys fs.FS
	refs atomic.Int32
}

func newHandle(fsys fs.FS) *handle {
	h := &handle{fsys: fsys}
	h.refs.Store(1)
	return h
}

func (h *handle) retain() { h.refs.Add(1) }

func (h *handle) release() {
	if h.refs.Add(-1) == 0 {
		closeFS(h.fsys)
	}
}

func closeFS(fsys fs.FS) {
	if c, ok := fsys.(io.Closer); ok {
		c.Close()
	}
}

var errReplaced = errors.New("it was replaced by something else while it was looked at")

// sub opens a directory in this one, which must still be the one that st says.
func (h *handle) sub(name string, st fs.FileInfo) (*handle, error) {
	fsys, err := fs.Sub(h.fsys, name)
	if err != nil {
		return nil, err
	}
	now, err := fs.Stat(fsys, ".")
	if err == nil && (!now.IsDir() || !sameFile(st, now)) {
		err = errReplaced
	}
	if err != nil {
		closeFS(fsys)
		return nil, err
	}
	return newHandle(fsys), nil
}

// dir opens a directory of the bundle by its path, of which no part may be a link.
func (b *bundle) dir(name string) (*handle, error) {
	at := newHandle(unclosed{b.fsys})
	if name == "." {
		return at, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		st, err := fs.Lstat(at.fsys, part)
		if err == nil && !st.IsDir() {
			err = errReplaced
		}
		var next *handle
		if err == nil {
			next, err = at.sub(part, st)
		}
		at.release()
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// unclosed is a file system that somebody else closes.
type unclosed struct{ fs.FS }

func (u unclosed) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(u.FS, name) }
func (u unclosed) Stat(name string) (fs.FileInfo, error)  { return fs.Stat(u.FS, name) }
func (u unclosed) ReadLink(name string) (string, error)   { return fs.ReadLink(u.FS, name) }
func (u unclosed) Sub(name string) (fs.FS, error)         { return fs.Sub(u.FS, name) }

// openSame opens a regular file that must be the one that st says.
func openSame(fsys fs.FS, name string, st fs.FileInfo) (fs.File, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	now, err := f.Stat()
	if err == nil && (!now.Mode().IsRegular() || !sameFile(st, now)) {
		err = errReplaced
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// sameFile compares what a name meant with what was opened. Only real files have
// an identity; those in memory do not change.
func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) || a.Sys() == nil && b.Sys() == nil
}

// unaltered compares what is known of one file at two times. The time of the last
// change counts where the system has it, because nobody can set that one back.
func unaltered(a, b fs.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && changeTime(a).Equal(changeTime(b))
}

// nextNames reads the next batch of names in a directory.
func nextNames(f fs.File) (names []string, err error) {
	switch f := f.(type) {
	case *os.File: // for ReadDir it would look up each entry
		return f.Readdirnames(dirBatch)
	case fs.ReadDirFile:
		entries, err := f.ReadDir(dirBatch)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names, err
	}
	return nil, errReplaced
}

// eachName calls do with each name in a directory, in batches, until it says stop.
func eachName(fsys fs.FS, do func(name string) bool) error {
	f, err := fsys.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		names, err := nextNames(f)
		for _, name := range names {
			if !do(name) {
				return nil
			}
		}
		if err == io.EOF || err == nil && len(names) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// nameList collects the beginning of a list of files from several goroutines: the
// first ones in the order of their bytes, whatever order they come in.
type nameList struct {
	mu   sync.Mutex
	list code.FileList
}

// maxNames bounds the lists of files in the facts.
const maxNames = 100

func (n *nameList) add(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list.Total++
	at, _ := slices.BinarySearch(n.list.First, name)
	if at >= maxNames {
		return
	}
	n.list.First = slices.Insert(n.list.First, at, strings.ToValidUTF8(name, "\uFFFD"))
	if len(n.list.First) > maxNames {
		n.list.First = n.list.First[:maxNames]
	}
}

func (n *nameList) result() code.FileList {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.list
}

// twins finds names in one directory that a file system of a Mac takes for one.
type twins struct {
	seed maphash.Seed
	seen map[uint64]struct{}
}

func newTwins() *twins { return &twins{maphash.MakeSeed(), map[uint64]struct{}{}} }

func (t *twins) twin(name string) bool {
	key := maphash.String(t.seed, foldName(name))
	_, found := t.seen[key]
	t.seen[key] = struct{}{}
	return found
}
