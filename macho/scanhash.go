package macho

import (
	"bytes"
	"context"
	"hash"
	"io"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// shared is what the verification of a bundle and of all code inside it have in
// common: one pool of workers, one set of limits, one record of facts.
type shared struct {
	opts  Options
	items atomic.Int64
	units atomic.Int64

	start sync.Once
	jobs  chan job
	done  sync.WaitGroup

	links       atomic.Int64
	unsealed    nameList
	codeAsData  nameList
	nested      []code.NestedCode // the walk's goroutine only
	nestedTotal int
	lists       []*crl // the caller's revocation lists, once they were read
	listsErr    error  // why one of them says nothing
	warnings    int    // of nested code
	effort      int64  // of rules and links
	bytes       int64  // of the files that were handed to the workers

	mu       sync.Mutex // guards what follows
	progress Progress
	told     Progress
}

// job is one file to hash.
type job struct {
	s     *scan
	dir   *handle
	name  string
	rel   string
	st    fs.FileInfo
	entry *sealed
}

// step counts an item, and says why to stop.
func (sh *shared) step(ctx context.Context) *problem {
	if err := ctx.Err(); err != nil {
		return cancelled(err)
	}
	if sh.items.Add(1) > maxItems {
		p := unjudged(code.StatusTooBig, "bundle", -1, "it has more than %d files", maxItems)
		return &p
	}
	return nil
}

// hash hands a file to the workers.
func (s *scan) hash(d *handle, name, rel string, st fs.FileInfo, entry *sealed) {
	sh := s.v.shared
	if st.Size() > maxBytes-sh.bytes {
		p := unjudged(code.StatusTooBig, "bundle", -1, "its files have more than %d bytes", int64(maxBytes))
		s.stop = &p
		return
	}
	sh.bytes += st.Size()
	sh.start.Do(func() {
		n := min(runtime.GOMAXPROCS(0), maxWorkers)
		sh.jobs = make(chan job, 8*n)
		for range n {
			sh.done.Add(1)
			go sh.work()
		}
	})
	s.pending.Add(1)
	d.retain()
	sh.jobs <- job{s, d, name, rel, st, entry}
}

// close ends the workers.
func (sh *shared) close() {
	if sh.jobs != nil {
		close(sh.jobs)
		sh.done.Wait()
		sh.jobs = nil
	}
}

func (sh *shared) work() {
	defer sh.done.Done()
	w := worker{buf: make([]byte, chunkSize), hashes: map[code.HashType]hash.Hash{}}
	for j := range sh.jobs {
		w.do(j)
		j.dir.release()
		j.s.pending.Done()
	}
}

// worker hashes files with buffers of its own.
type worker struct {
	buf    []byte
	hashes map[code.HashType]hash.Hash
	digest [64]byte
}

func (w *worker) do(j job) {
	defer func() { // a defect of ours denies, and ends no server
		if v := recover(); v != nil {
			j.s.fault(j.rel, unjudged(code.StatusInternalError, "file", -1, "an internal error, please report it: %v", v))
		}
	}()
	f, err := openSame(j.dir.fsys, j.name, j.st)
	if err != nil {
		j.s.cannotOpen(j.rel, err)
		return
	}
	defer f.Close()
	if p := sideband(f); p != nil {
		j.s.fault(j.rel, *p)
		return
	}
	for _, h := range j.entry.hashes {
		if w.hashes[h.typ] == nil {
			w.hashes[h.typ] = newHash(h.typ)
		}
		w.hashes[h.typ].Reset()
	}
	var size int64
	for {
		if err := j.s.v.ctx.Err(); err != nil {
			j.s.fault(j.rel, *cancelled(err))
			return
		}
		n, err := f.Read(w.buf)
		if size == 0 && isProgram(w.buf[:n]) {
			j.s.v.shared.codeAsData.add(j.s.v.where(j.s.b.support, j.rel))
		}
		if size += int64(n); size > j.st.Size() {
			j.s.changed(j.rel, "it grows while it is read")
			return
		}
		for _, h := range j.entry.hashes {
			w.hashes[h.typ].Write(w.buf[:n])
		}
		if err == io.EOF || err == nil && size == j.st.Size() {
			break
		}
		if err != nil {
			j.s.unreadable(j.rel, err)
			return
		}
	}
	if after, err := f.Stat(); err != nil || size != j.st.Size() || !unaltered(j.st, after) {
		j.s.changed(j.rel, "it changed while it was read")
		return
	}
	for _, h := range j.entry.hashes {
		got := w.hashes[h.typ].Sum(w.digest[:0])[:h.typ.Size()]
		if !bytes.Equal(got, h.digest) {
			p := bad("its %s is %.8x…, the seal has %.8x…", h.typ, got, h.digest)
			if !j.s.sameTypes { // Apple: asks for the hash types of the slice that the machine would run
				p.apple = code.Unknown[code.Status](nil)
			}
			j.s.fault(j.rel, p)
			break
		}
	}
	j.s.v.shared.hashed(size)
}

// isProgram reports whether a file begins as a Mach-O or universal file does. A
// Java class has the universal magic too, and a large number behind it.
func isProgram(head []byte) bool {
	if len(head) < 8 {
		return false
	}
	if bigEndian32(head) == magicFat {
		return bigEndian32(head[4:]) <= maxArchs-21
	}
	return isThinMagic(head)
}

// Progress is told after this much.
const (
	progressFiles = 64
	progressBytes = 8 << 20
)

func (sh *shared) hashed(size int64) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.progress.Files++
	sh.progress.Bytes += size
	if sh.opts.Progress == nil {
		return
	}
	if p, t := sh.progress, sh.told; p.Files-t.Files >= progressFiles || p.Bytes-t.Bytes >= progressBytes {
		sh.told = p
		sh.opts.Progress(p)
	}
}

// expect adds the files of a seal to the number that progress is measured by.
func (sh *shared) expect(s *seal) {
	var n int64
	for _, e := range s.entries {
		if len(e.hashes) > 0 {
			n++
		}
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.progress.Sealed += n
}
