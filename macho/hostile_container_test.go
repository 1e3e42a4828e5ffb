package macho

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// allocated returns how many bytes f allocates. The counter is that of the whole
// process, so tests that call it are not parallel.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// longIndex is a program whose SuperBlob is all index. Its bytes are made while
// they are read.
type longIndex struct {
	head  []byte // everything up to the first entry
	size  int64
	entry func(i uint32) (typ, off uint32)
}

func (l longIndex) ReadAt(p []byte, off int64) (int, error) {
	if off >= l.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), l.size-off))
	for i := range p[:n] {
		if at := off + int64(i); at < int64(len(l.head)) {
			p[i] = l.head[at]
		} else {
			at -= int64(len(l.head))
			var e [8]byte
			typ, where := l.entry(uint32(at / 8))
			binary.BigEndian.PutUint32(e[:], typ)
			binary.BigEndian.PutUint32(e[4:], where)
			p[i] = e[at%8]
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func TestIndexOfMillionsTakesNoMemory(t *testing.T) {
	const room = 16 << 20
	const count = (room-12)/8 - 1 // what follows the last entry is the only blob
	for name, entry := range map[string]func(i uint32) (typ, off uint32){
		"entries without a blob": func(uint32) (uint32, uint32) { return 0, 0 },
		"entries that share one blob": func(i uint32) (uint32, uint32) {
			if i == count {
				return fixtures.MagicWrapper, 8
			}
			return 0x20000 + i, 12 + 8*count
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := (&fixtures.MachO{Arch: fixtures.X8664, SignatureSize: 12}).Layout()
			l.Put(l.Commands[fixtures.LCCodeSignature]+12, room)
			l.Put(l.LinkEditSize(), l.Signature-l.TextSize+room)
			for i, v := range []uint32{fixtures.MagicEmbedded, room, count} {
				binary.BigEndian.PutUint32(l.Bytes[int(l.Signature)+4*i:], v)
			}
			r := longIndex{head: l.Bytes, size: int64(l.Signature) + room, entry: entry}
			var s *code.Subject
			assert.Less(t, allocated(func() { s = VerifyReader(context.Background(), r, r.size, Options{}) }), uint64(1<<20))
			assert.Equal(t, code.StatusSignatureInvalid, s.Validity.Status, describe(s))
			assert.Equal(t, "unknown", appleSays(s), "the limit is ours")
		})
	}
}

func TestIndexHasRoomForEverySlotThatMeansSomething(t *testing.T) {
	t.Parallel()
	for count, want := range map[int]code.Status{64: code.StatusSuccess, 65: code.StatusSignatureInvalid} {
		o := fixtures.Good()
		o.SuperBlob = func(s *fixtures.SuperBlob) {
			for i := uint32(0); len(s.Entries) < count; i++ {
				s.Add(0x20000+i, fixtures.Blob(fixtures.MagicWrapper, nil))
			}
		}
		s := verifyBytes(t, fixtures.Sign(o))
		assert.Equal(t, want, s.Validity.Status, "%d blobs: %s", count, describe(s))
	}
}

// TestCodeDirectoriesMayNotOverlap lets several slots name one directory, which
// would be read, hashed and shown once for each.
func TestCodeDirectoriesMayNotOverlap(t *testing.T) {
	t.Parallel()
	for _, alternates := range []uint32{1, 5} {
		o := fixtures.Good()
		o.SuperBlob = func(s *fixtures.SuperBlob) { shareDirectory(s, alternates) }
		s := verifyBytes(t, fixtures.Sign(o))
		assert.Equal(t, code.StatusSignatureInvalid, s.Validity.Status, describe(s))
		assert.Equal(t, code.Failed, s.Validity.Find("F2").Outcome)
		assert.Equal(t, code.NotRun, s.Validity.Find("C2").Outcome, "no directory is read")
		assert.Equal(t, "unknown", appleSays(s))
	}
}

func shareDirectory(s *fixtures.SuperBlob, alternates uint32) {
	first := len(s.Entries)
	for i := range alternates {
		s.Entries = append(s.Entries, fixtures.Entry{Type: fixtures.SlotAlternate + i})
	}
	for i := range s.Entries[first:] {
		s.Entries[first+i].At = s.Offset(fixtures.SlotCodeDirectory)
	}
}

func TestHugeIdentifierIsNotCopied(t *testing.T) {
	const size = 8 << 20
	for name, alternates := range map[string]uint32{"in one directory": 0, "in a directory that six slots name": 5} {
		t.Run(name, func(t *testing.T) {
			b := fixtures.Sign(fixtures.Options{
				Identifier: strings.Repeat("\x01", size), AdHoc: true, Room: size + 1<<20,
				SuperBlob: func(s *fixtures.SuperBlob) { shareDirectory(s, alternates) },
			})
			var s *code.Subject
			used := allocated(func() { s = verifyBytes(t, b) })
			assert.Less(t, used, uint64(size+size/2), "the signature is read once, and nothing of it is copied")
			assert.NotEqual(t, code.StatusSuccess, s.Validity.Status)
			assert.False(t, s.Identifier.IsKnown())
		})
	}
}

func TestNamesAreShortPlainText(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text  string
		want  code.Status
		apple string
	}{
		"letters of any language are plain":        {"com.example.größe.日本", code.StatusSuccess, "errSecSuccess"},
		"1024 bytes are enough":                    {strings.Repeat("a", 1024), code.StatusSuccess, "errSecSuccess"},
		"1025 bytes are too many, by our rule":     {strings.Repeat("a", 1025), code.StatusSignatureFailed, "unknown"},
		"a control sequence in C1 is not plain":    {"com.example.\u009b31mclient", code.StatusSignatureFailed, "errSecSuccess"},
		"a control character in C0 is not plain":   {"com.example\n.client", code.StatusSignatureFailed, "errSecSuccess"},
		"a right-to-left override is not plain":    {"com.example.\u202etneilc", code.StatusSignatureFailed, "errSecSuccess"},
		"a space without width is not plain":       {"com.exa\u200bmple.client", code.StatusSignatureFailed, "errSecSuccess"},
		"a byte order mark is not plain":           {"\ufeffcom.example.client", code.StatusSignatureFailed, "errSecSuccess"},
		"bytes that are no UTF-8 are not plain":    {"com.example.\xff", code.StatusSignatureFailed, "errSecSuccess"},
		"a delete character at the end is noticed": {"com.example.client\x7f", code.StatusSignatureFailed, "errSecSuccess"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := fixtures.Good()
			o.Identifier = tt.text
			o.Requirements = fixtures.RequirementSet()
			o.Info, o.Version, o.Build = nil, "", "" // which would repeat the identifier
			s := verifyBytes(t, fixtures.Sign(o))
			assert.Equal(t, tt.want, s.Validity.Status, describe(s))
			assert.Equal(t, tt.apple, appleSays(s), "identifier")

			o.Identifier, o.Team = "com.example.client", tt.text
			s = verifyBytes(t, fixtures.Sign(o))
			assert.Equal(t, tt.want, s.Validity.Status, describe(s))
			assert.Equal(t, tt.apple, appleSays(s), "team identifier")
		})
	}
}

func TestLongTopDirectoryIsShownShort(t *testing.T) {
	t.Parallel()
	top := bytes.Repeat([]byte{1}, 1<<20)
	s := verifyBytes(t, fixtures.Sign(fixtures.Options{
		AdHoc: true, Room: 2 << 20,
		Directory: func(_ int, d *fixtures.CodeDirectory) { d.Components[fixtures.SlotTopDirectory] = top },
		SuperBlob: func(s *fixtures.SuperBlob) {
			s.Add(fixtures.SlotTopDirectory, fixtures.Blob(fixtures.MagicWrapper, top))
		},
	}))
	c := s.Validity.Find("C19")
	require.Equal(t, code.Failed, c.Outcome, describe(s))
	assert.Less(t, len(c.Reason), 1024)
	assert.Less(t, len(s.Verified().Error()), 1024)
}

// addSegment appends a 64-bit segment command.
func addSegment(l *fixtures.Layout, name string, off, size uint64, prot uint32) {
	at := 32 + int(l.Word(20))
	l.AddCommand(fixtures.LCSegment64, 72, 0, 0, 0, 0, 0, 2, 0x1000, 0,
		uint32(off), uint32(off>>32), uint32(size), uint32(size>>32), prot, prot, 0, 0)
	copy(l.Bytes[at+8:at+24], name)
}

// TestEveryByteIsBelowTheLimitOrTheSignature has programs that Apple accepts with
// bytes that no hash covers.
func TestEveryByteIsBelowTheLimitOrTheSignature(t *testing.T) {
	t.Parallel()
	const room = 4096
	payload := func(l *fixtures.Layout) uint32 {
		l.Bytes = append(l.Bytes, make([]byte, room)...)
		return uint32(len(l.Bytes))
	}
	for name, edit := range map[string]func(l *fixtures.Layout){
		"behind an empty __LINKEDIT at the end": func(l *fixtures.Layout) {
			l.Put(l.LinkEditOffset(), payload(l))
			l.Put(l.LinkEditSize(), 0)
		},
		"behind the signature, without __LINKEDIT": func(l *fixtures.Layout) {
			end := payload(l)
			copy(l.Bytes[l.LinkEdit+8:l.LinkEdit+24], "__ELSEWHERE")
			l.Put(l.LinkEditSize(), l.Signature-l.TextSize)
			table := l.Commands[fixtures.LCSymtab]
			l.Put(table+16, end-room)
			l.Put(table+20, room)
		},
		"in the signature, without __LINKEDIT": func(l *fixtures.Layout) {
			copy(l.Bytes[l.LinkEdit+8:l.LinkEdit+24], "__ELSEWHERE")
			l.Put(l.LinkEditSize(), l.Signature-l.TextSize)
			table := l.Commands[fixtures.LCSymtab]
			l.Put(table+20, uint32(len(l.Bytes))-l.Word(table+16))
		},
		"in a second __LINKEDIT": func(l *fixtures.Layout) {
			end := payload(l)
			l.Put(l.LinkEditOffset(), end)
			l.Put(l.LinkEditSize(), 0)
			addSegment(l, "__LINKEDIT", uint64(end-room), room, 1)
		},
		"in a segment from 2^62, 2^62 long":      func(l *fixtures.Layout) { addSegment(l, "__EVIL", 1<<62, 1<<62, 5) },
		"in a segment from 2^63, 2^63 long":      func(l *fixtures.Layout) { addSegment(l, "__EVIL", 1<<63, 1<<63, 5) },
		"in a segment that wraps round 64 bits":  func(l *fixtures.Layout) { addSegment(l, "__EVIL", 0x1000, 1<<64-0x800, 5) },
		"in a segment that ends at 2^63 exactly": func(l *fixtures.Layout) { addSegment(l, "__EVIL", 1<<63-1, 1, 5) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := fixtures.Good()
			o.Header = edit
			b := fixtures.Sign(o)
			s := verifyBytes(t, b)
			assert.Equal(t, code.StatusBadMainExecutable, s.Validity.Status, describe(s))
			assert.Equal(t, code.Failed, s.Validity.Find("T6").Outcome)
			assert.Equal(t, "errSecSuccess", appleSays(s), "Apple looks at the first __LINKEDIT alone")
			b[len(b)-1] ^= 1
			assert.Error(t, verifyBytes(t, b).Verified(), "the last byte was changed")
		})
	}
}

func TestNewerDirectoryIsReadAsFarAsItIsKnown(t *testing.T) {
	t.Parallel()
	o := fixtures.Good()
	o.Directory = func(_ int, d *fixtures.CodeDirectory) {
		d.Version = 0x20700
		d.Patch = func(b []byte) []byte {
			// Eight bytes of fields that nobody knows, behind the last known one.
			out := append(bytes.Clone(b[:108]), 0, 0, 0, 7, 0, 0, 0, 1)
			out = append(out, b[108:]...)
			for _, at := range []int{fixtures.OffHashOffset, fixtures.OffIdentOffset, 48} {
				binary.BigEndian.PutUint32(out[at:], binary.BigEndian.Uint32(out[at:])+8)
			}
			binary.BigEndian.PutUint32(out[4:], uint32(len(out)))
			return out
		}
	}
	s := verifyBytes(t, fixtures.Sign(o))
	require.NoError(t, s.Verified())
	assert.True(t, hasWarning(s, "newerDirectory"))
	assert.Equal(t, "errSecSuccess", appleSays(s))
	assert.Equal(t, "com.example.client", s.Identifier.Or(""))
}

func TestSlicesOfOneNameAreToldApart(t *testing.T) {
	t.Parallel()
	a, b := fixtures.ARM64, fixtures.ARM64
	b.CPUSubtype = 1
	o := fixtures.Good()
	o.Arches = []fixtures.Arch{a, b, fixtures.X8664}
	program := fixtures.Sign(o)
	s := verifyBytes(t, program)
	require.NoError(t, s.Verified())
	require.Len(t, s.Slices, 3)
	assert.Equal(t, "arm64 subtype 0", s.Slices[0].Arch)
	assert.Equal(t, "arm64 subtype 1", s.Slices[1].Arch)
	assert.Equal(t, "x86_64", s.Slices[2].Arch)
	program[s.Slices[1].Offset+0x1000] ^= 1
	failed := 0
	for _, c := range verifyBytes(t, program).Validity.Checks {
		if c.Outcome == code.Failed {
			failed++
			assert.Equal(t, "arm64 subtype 1", c.Arch, "%s failed", c.ID)
		}
	}
	assert.Equal(t, 1, failed)
}

// cancelling is a file that cancels the verification when its pages are read.
type cancelling struct {
	*bytes.Reader
	cancel context.CancelFunc
}

func (c cancelling) ReadAt(p []byte, off int64) (int, error) {
	if off == 0 && len(p) > 0x1000 {
		c.cancel()
	}
	return c.Reader.ReadAt(p, off)
}

func TestCancelledWhileReadingPagesIsNoSuccess(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	b := fixtures.F1()
	s := VerifyReader(ctx, cancelling{bytes.NewReader(b), cancel}, int64(len(b)), Options{Now: fixtures.Clock})
	require.Error(t, ctx.Err(), "the pages were read")
	assert.Equal(t, code.StatusCancelled, s.Validity.Status, describe(s))
	assert.Equal(t, code.StatusCancelled, code.StatusOf(s.Verified()))
	assert.Equal(t, code.NotRun, s.Validity.Find("T6").Outcome)
}

func TestCancelledBeforeAllSlicesSaysSoForEach(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b := fixtures.F2()
	s := VerifyReader(ctx, bytes.NewReader(b), int64(len(b)), Options{Now: fixtures.Clock})
	assert.Equal(t, code.StatusCancelled, code.StatusOf(s.Verified()))
	for _, c := range s.Validity.Checks {
		if c.ID == "C20" {
			assert.Equal(t, code.NotRun, c.Outcome, c.Arch)
		}
	}
	assert.False(t, s.Identifier.IsKnown())
	assert.NotEqual(t, "errSecSuccess", appleSays(s))
}
