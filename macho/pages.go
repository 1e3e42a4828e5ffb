package macho

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/xpcpolicy/xpcpolicy/code"
)

const (
	// chunkSize is how much one worker reads at a time: a multiple of the page
	// sizes in use, and small enough that the digest finds the bytes in cache.
	chunkSize = 256 << 10
	// maxWorkers bounds the goroutines, and so the buffers, of one verification.
	maxWorkers = 4
)

// hashPages compares every page of the slice with the directories. Files are
// read, never mapped: a mapped file that shrinks ends the process.
func (m *image) hashPages(ctx context.Context, dirs []*directory) []problem {
	var ps []problem
	for len(dirs) > 0 { // one pass over the bytes for all directories of one shape
		first := dirs[0]
		var same, rest []*directory
		for _, d := range dirs {
			if d.pageShift == first.pageShift && d.limit() == first.limit() {
				same = append(same, d)
			} else {
				rest = append(rest, d)
			}
		}
		var p *problem
		if first.PageSize != 0 && first.PageSize <= chunkSize {
			p = m.hashInParallel(ctx, same)
		} else {
			p = m.hashInOrder(ctx, same)
		}
		if p != nil {
			ps = append(ps, *p)
		}
		dirs = rest
	}
	return ps
}

func (m *image) hashInParallel(ctx context.Context, dirs []*directory) *problem {
	limit, page := dirs[0].limit(), int64(dirs[0].PageSize)
	chunks := (limit + chunkSize - 1) / chunkSize
	var (
		next  atomic.Int64
		sound atomic.Int64 // chunks that were read and compared
		mu    sync.Mutex
		worst *problem
		at    = chunks // the first chunk with a problem
		wg    sync.WaitGroup
	)
	worker := func() {
		defer wg.Done()
		buf := make([]byte, min(chunkSize, limit))
		var digest [64]byte
		for {
			c := next.Add(1) - 1
			mu.Lock()
			stop := c >= at
			mu.Unlock()
			if stop {
				return
			}
			b := buf[:min(chunkSize, limit-c*chunkSize)]
			p := m.compareChunk(ctx, dirs, b, c*chunkSize, page, &digest)
			if p == nil {
				sound.Add(1)
				continue
			}
			mu.Lock()
			if c < at {
				at, worst = c, p
			}
			mu.Unlock()
			return
		}
	}
	n := min(int64(min(runtime.GOMAXPROCS(0), maxWorkers)), chunks)
	for range n {
		wg.Add(1)
		go worker()
	}
	wg.Wait()
	if n := sound.Load(); worst == nil && n != chunks { // a worker that ended early
		p := internalError(fmt.Sprintf("%d of %d chunks were compared", n, chunks))
		worst = &p
	}
	return worst
}

// compareChunk is readAndCompare, except that a panic, of the reader or from a
// defect of ours, is a problem: in a goroutine it would end the process.
func (m *image) compareChunk(ctx context.Context, dirs []*directory, b []byte, off, page int64, digest *[64]byte) (p *problem) {
	defer func() {
		if v := recover(); v != nil {
			e := internalError(v)
			p = &e
		}
	}()
	return m.readAndCompare(ctx, dirs, b, off, page, digest)
}

// internalError is the verdict after a panic: nothing was shown to be sound.
func internalError(v any) problem {
	return unjudged(code.StatusInternalError, "verification", -1, "an internal error, please report it: %v", v)
}

// readAndCompare reads the bytes at off and compares their pages. digest is room
// for one hash.
func (m *image) readAndCompare(ctx context.Context, dirs []*directory, b []byte, off, page int64, digest *[64]byte) *problem {
	if err := ctx.Err(); err != nil {
		return cancelled(err)
	}
	if n, err := m.r.ReadAt(b, off); n < len(b) {
		return shortRead(m, off+int64(n), err)
	}
	for _, d := range dirs {
		size := int64(d.HashSize)
		for i := off / page; len(b) > 0 && i*page < off+int64(len(b)); i++ {
			from := i*page - off
			got := sum(d.HashType, b[from:min(from+page, int64(len(b)))], digest)
			at := int64(d.hashOffset) + i*size
			if want := d.raw[at : at+size]; !bytes.Equal(got, want) {
				return m.badPage(d, i, got, want)
			}
		}
	}
	return nil
}

// hashInOrder handles pages larger than a chunk, and directories that hash
// everything at once.
func (m *image) hashInOrder(ctx context.Context, dirs []*directory) *problem {
	d0 := dirs[0]
	limit, page := d0.limit(), int64(d0.PageSize)
	if page == 0 {
		page = limit
	}
	buf := make([]byte, min(chunkSize, max(1, limit)))
	for i := int64(0); i < int64(d0.CodeSlots); i++ {
		hs := make([]hash.Hash, len(dirs))
		for k, d := range dirs {
			hs[k] = newHash(d.HashType)
		}
		for off, end := i*page, min((i+1)*page, limit); off < end; {
			if err := ctx.Err(); err != nil {
				return cancelled(err)
			}
			b := buf[:min(int64(len(buf)), end-off)]
			if n, err := m.r.ReadAt(b, off); n < len(b) {
				return shortRead(m, off+int64(n), err)
			}
			for _, h := range hs {
				h.Write(b)
			}
			off += int64(len(b))
		}
		for k, d := range dirs {
			got := hs[k].Sum(nil)[:d.HashSize]
			at := int64(d.hashOffset) + i*int64(d.HashSize)
			if want := d.raw[at : at+int64(d.HashSize)]; !bytes.Equal(got, want) {
				return m.badPage(d, i, got, want)
			}
		}
	}
	return nil
}

func newHash(t code.HashType) hash.Hash {
	switch t {
	case code.HashSHA1:
		return sha1.New()
	case code.HashSHA384:
		return sha512.New384()
	}
	return sha256.New()
}

func (m *image) badPage(d *directory, i int64, got, want []byte) *problem {
	p := rejected(code.StatusSignatureFailed, fmt.Sprintf("page %d", i), m.offset+i*int64(d.PageSize),
		"%s is %.8x…, the %s has %.8x…", d.HashType, got, d.part(), want)
	return &p
}

func shortRead(m *image, at int64, err error) *problem {
	if err == nil || err == io.EOF || err == io.ErrUnexpectedEOF {
		p := rejected(code.StatusSignatureFailed, "pages", m.offset+at, "the file ends before the signing limit")
		return &p
	}
	p := ioProblem("pages", m.offset+at, err)
	return &p
}

func cancelled(err error) *problem {
	p := rejected(code.StatusCancelled, "verification", -1, "%w", err)
	return &p
}
