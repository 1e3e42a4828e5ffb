package macho

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// faultyReader misbehaves when a read satisfies a condition.
type faultyReader struct {
	io.ReaderAt
	when  func(off int64, n int) bool
	fault func()
}

func (f faultyReader) ReadAt(b []byte, off int64) (int, error) {
	if f.when(off, len(b)) {
		f.fault()
	}
	return f.ReaderAt.ReadAt(b, off)
}

var faults = map[string]func(){
	"a panic of the reader":    func() { panic("no such sector") },
	"a panic with an odd word": func() { panic([]int{1}) },
	"the end of the goroutine": runtime.Goexit,
}

// TestFaultWhileHashingIsADenial puts a fault into a goroutine that hashes pages.
func TestFaultWhileHashingIsADenial(t *testing.T) {
	t.Parallel()
	program := fixtures.F1()
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pages := func(off int64, n int) bool { return off == 0 && n > 4096 }
			r := faultyReader{bytes.NewReader(program), pages, fault}
			s := VerifyReader(context.Background(), r, int64(len(program)), Options{Now: fixtures.Clock})
			require.Equal(t, code.StatusInternalError, s.Validity.Status, describe(s))
			assert.Equal(t, code.Failed, s.Validity.Find("C20").Outcome)
			assert.Error(t, s.Verified())
		})
	}
}

// TestFaultInAnyChunkIsADenial lets one of many chunks fail, whichever worker gets it.
func TestFaultInAnyChunkIsADenial(t *testing.T) {
	t.Parallel()
	data := make([]byte, 9*chunkSize+1)
	d := directoryOf(data)
	for name, fault := range faults {
		for chunk := range int64(10) {
			r := faultyReader{bytes.NewReader(data), func(off int64, _ int) bool { return off == chunk*chunkSize }, fault}
			m := &image{r: io.NewSectionReader(r, 0, int64(len(data))), size: int64(len(data))}
			ps := m.hashPages(context.Background(), []*directory{d})
			require.Len(t, ps, 1, "%s in chunk %d", name, chunk)
			assert.Equal(t, code.StatusInternalError, ps[0].err.Status)
		}
	}
}

// TestFaultInAHeaderIsADenial lets every other read fail.
func TestFaultInAHeaderIsADenial(t *testing.T) {
	t.Parallel()
	program := fixtures.F1()
	reads := 0
	count := faultyReader{bytes.NewReader(program), func(int64, int) bool { reads++; return false }, nil}
	require.NoError(t, VerifyReader(context.Background(), count, int64(len(program)), Options{Now: fixtures.Clock}).Verified())
	require.Greater(t, reads, 4)
	for n := 1; n <= reads; n++ {
		left := n
		r := faultyReader{bytes.NewReader(program), func(int64, int) bool { left--; return left == 0 }, func() { panic("no such sector") }}
		s := VerifyReader(context.Background(), r, int64(len(program)), Options{Now: fixtures.Clock})
		assert.Equal(t, code.StatusInternalError, s.Validity.Status, "read %d: %s", n, describe(s))
		assert.Error(t, s.Verified())
	}
}

// directoryOf is a directory of the SHA-256 hashes of data, in pages of 4 KiB.
func directoryOf(data []byte) *directory {
	d := &directory{}
	d.HashType, d.HashSize, d.pageShift, d.PageSize = code.HashSHA256, 32, 12, 4096
	d.CodeLimit, d.CodeSlots = uint64(len(data)), uint32((len(data)+4095)/4096)
	var buf [64]byte
	for i := 0; i < len(data); i += 4096 {
		d.raw = append(d.raw, sum(code.HashSHA256, data[i:min(i+4096, len(data))], &buf)...)
	}
	return d
}
