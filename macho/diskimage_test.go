package macho

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

func goodImage(change func(d *fixtures.DiskImage)) []byte {
	d := fixtures.DiskImage{Code: fixtures.Options{Identifier: "com.example.image", Timestamp: true}}
	if change != nil {
		change(&d)
	}
	return d.Bytes()
}

func TestASignedDiskImageVerifies(t *testing.T) {
	t.Parallel()
	s := verifyBytes(t, fixtures.F7())
	require.NoError(t, s.Verified(), describe(s))
	assert.Equal(t, "disk image", s.Format)
	assert.Equal(t, "com.example.image", s.Identifier.Or(""))
	assert.Equal(t, fixtures.Team, s.ClaimedTeamID.Or(""))
	assert.Equal(t, code.Known(code.StatusSuccess), s.Validity.Apple)
	assert.Empty(t, s.Arch)
	assert.True(t, s.StapledTicket.IsAbsent())
	for _, id := range []string{"C18", "C20", "T8"} {
		assert.Equal(t, code.Passed, s.Validity.Find(id).Outcome, id)
	}
}

func TestATicketOfAnImageIsReportedAndProvesNothing(t *testing.T) {
	t.Parallel()
	ticket := fixtures.Ticket("another image")
	s := verifyBytes(t, goodImage(func(d *fixtures.DiskImage) { d.Ticket = ticket }))
	require.NoError(t, s.Verified(), describe(s))
	assert.Equal(t, code.Known(int64(len(ticket))), s.StapledTicket)
	assert.True(t, s.Notarized.IsUnknown())
}

// TestHostileDiskImages is row E38: whatever an attacker adds or changes, before,
// inside or behind the parts of an image, must be found.
func TestHostileDiskImages(t *testing.T) {
	t.Parallel()
	put64 := func(off int, delta int64) func(b []byte) {
		return func(b []byte) {
			at := b[len(b)-fixtures.KolySize+off:]
			binary.BigEndian.PutUint64(at, binary.BigEndian.Uint64(at)+uint64(delta))
		}
	}
	after := func(change func(b []byte)) []byte {
		b := goodImage(nil)
		change(b)
		return b
	}
	directory := func(change func(c *fixtures.CodeDirectory)) []byte {
		return goodImage(func(d *fixtures.DiskImage) {
			d.Code.Directory = func(_ int, c *fixtures.CodeDirectory) { change(c) }
		})
	}
	const bad, failed, invalid = code.StatusBadDiskImageFormat, code.StatusSignatureFailed, code.StatusSignatureInvalid
	for name, tt := range map[string]struct {
		image []byte
		want  code.Status
		apple any // a status, or nil for unknown
	}{
		"a byte of the data changed":          {after(func(b []byte) { b[100] ^= 1 }), failed, failed},
		"a byte of the trailer changed":       {after(func(b []byte) { b[len(b)-20] ^= 1 }), failed, failed},
		"data behind the trailer":             {append(goodImage(nil), "payload"...), bad, nil},
		"data between signature and trailer":  {goodImage(func(d *fixtures.DiskImage) { d.Rear = []byte("payload") }), bad, bad},
		"zeros between signature and trailer": {goodImage(func(d *fixtures.DiskImage) { d.Rear = make([]byte, 16) }), bad, bad},
		"room grown over the gap": {goodImage(func(d *fixtures.DiskImage) {
			d.Rear, d.Finish = make([]byte, 16), put64(fixtures.KolySignatureSize, 16)
		}), bad, bad},
		"data between image and signature":     {goodImage(func(d *fixtures.DiskImage) { d.Gap = []byte("payload") }), invalid, invalid},
		"signature size one less":              {after(put64(fixtures.KolySignatureSize, -1)), bad, bad},
		"signature size beyond any file":       {after(put64(fixtures.KolySignatureSize, -1<<63)), bad, bad},
		"signature offset beyond the trailer":  {after(put64(fixtures.KolySignatureOffset, 1<<40)), bad, bad},
		"offset moved back and size grown":     {after(func(b []byte) { put64(fixtures.KolySignatureOffset, -8)(b); put64(fixtures.KolySignatureSize, 8)(b) }), bad, bad},
		"signature size zero":                  {after(func(b []byte) { clear(b[len(b)-fixtures.KolySize+304:][:8]) }), code.StatusUnsigned, code.StatusUnsigned},
		"another version of the trailer":       {after(func(b []byte) { b[len(b)-fixtures.KolySize+7] = 5 }), bad, nil},
		"signing limit short of the signature": {directory(func(c *fixtures.CodeDirectory) { c.CodeLimit -= 512 }), invalid, invalid},
		"trailer not sealed":                   {directory(func(c *fixtures.CodeDirectory) { delete(c.Components, fixtures.SlotRepSpecific) }), failed, code.StatusSuccess},
		"slot 6 inside the signature": {goodImage(func(d *fixtures.DiskImage) {
			d.Code.SuperBlob = func(b *fixtures.SuperBlob) {
				b.Add(fixtures.SlotRepSpecific, fixtures.Blob(fixtures.MagicWrapper, make([]byte, 512)))
			}
		}), invalid, code.StatusSuccess},
		"an image that never was signed": {goodImage(func(d *fixtures.DiskImage) { d.Unsigned = true }), code.StatusUnsigned, code.StatusUnsigned},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := verifyBytes(t, tt.image)
			assert.Equal(t, tt.want, s.Validity.Status, describe(s))
			assert.Error(t, s.Verified())
			assert.Equal(t, "disk image", s.Format)
			if apple, ok, _ := s.Validity.Apple.Get(); tt.apple == nil {
				assert.False(t, ok, "Apple's answer is not known, we say %v", apple)
			} else {
				assert.Equal(t, tt.apple, apple, describe(s))
			}
		})
	}
}

func TestFilesOfKnownKindsAreRefusedInTheirOwnWords(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file   []byte
		format string
		want   code.Status
		words  string
	}{
		"encrypted image":               {append([]byte("encrcdsa\x00\x00\x00\x02"), make([]byte, 600)...), "encrypted disk image", code.StatusNotSupported, "passphrase"},
		"encrypted image of version 1":  {append(make([]byte, 600), "cdsaencr"...), "encrypted disk image", code.StatusNotSupported, "passphrase"},
		"dyld cache":                    {append([]byte("dyld_v1  arm64e\x00"), make([]byte, 600)...), "dyld shared cache", code.StatusNotSupported, "operating system"},
		"flat package":                  {fixtures.FlatPackage{}.Bytes(), "flat package", code.StatusUnsigned, "pkgutil --check-signature"},
		"text":                          {[]byte("#!/bin/sh\n"), "generic file", code.StatusUnsigned, "no extended attribute"},
		"one byte":                      {[]byte("x"), "generic file", code.StatusUnsigned, "no extended attribute"},
		"nothing":                       {nil, "generic file", code.StatusUnsigned, "no extended attribute"},
		"the magic of a trailer, alone": {[]byte("koly"), "generic file", code.StatusUnsigned, "no extended attribute"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := verifyBytes(t, tt.file)
			assert.Equal(t, tt.want, s.Validity.Status, describe(s))
			assert.Equal(t, tt.format, s.Format)
			assert.Contains(t, describe(s), tt.words)
			assert.Error(t, s.Verified())
			if tt.want == code.StatusUnsigned {
				assert.True(t, s.Identifier.IsAbsent(), "somebody looked")
				assert.Equal(t, code.Known(code.StatusUnsigned), s.Validity.Apple)
			}
		})
	}
}

func TestPackageTrailers(t *testing.T) {
	t.Parallel()
	ticket := fixtures.Ticket("package")
	trailer := fixtures.Trailer
	rear := func(parts ...[]byte) []byte {
		return fixtures.FlatPackage{Trailers: func([]byte) []byte { return bytes.Join(parts, nil) }}.Bytes()
	}
	for name, tt := range map[string]struct {
		file []byte
		size int64 // of the ticket; 0: none
		warn bool
	}{
		"a stapled ticket":               {fixtures.FlatPackage{Ticket: ticket}.Bytes(), int64(len(ticket)), false},
		"no trailers":                    {fixtures.FlatPackage{}.Bytes(), 0, false},
		"a terminator alone":             {rear(trailer(1, 0)), 0, false},
		"a type that nobody knows":       {rear(trailer(1, 0), ticket, trailer(2, uint32(len(ticket))), []byte("x"), trailer(9, 1)), int64(len(ticket)), false},
		"no terminator":                  {rear(ticket, trailer(2, uint32(len(ticket)))), 0, true},
		"a length beyond the file":       {rear(trailer(1, 0), ticket, trailer(2, 1<<31)), 0, true},
		"a length into the last trailer": {rear(trailer(1, 0), trailer(2, 1<<32-1)), 0, true},
		"two tickets":                    {rear(trailer(1, 0), ticket, trailer(2, uint32(len(ticket))), ticket, trailer(2, uint32(len(ticket)))), 0, true},
		"trailers without an end":        {rear(bytes.Repeat(trailer(9, 0), 40)), 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := verifyBytes(t, tt.file)
			assert.Equal(t, code.StatusUnsigned, s.Validity.Status)
			assert.Equal(t, tt.size, s.StapledTicket.Or(0))
			assert.Equal(t, tt.warn, hasWarning(s, "packageTrailers"))
			assert.True(t, s.Notarized.IsUnknown(), "a ticket proves nothing")
		})
	}
}

// FuzzDiskImage: an image that verifies was hashed to the last byte.
func FuzzDiskImage(f *testing.F) {
	f.Add(fixtures.F7())
	f.Add(goodImage(func(d *fixtures.DiskImage) { d.Unsigned = true }))
	f.Add(goodImage(func(d *fixtures.DiskImage) { d.Ticket = fixtures.Ticket("x") }))
	f.Add(goodImage(func(d *fixtures.DiskImage) { d.Code.AdHoc, d.Code.Timestamp = true, false }))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := VerifyReader(t.Context(), bytes.NewReader(b), int64(len(b)), Options{Now: fixtures.Clock})
		if s.Validity.Status == code.StatusInternalError {
			t.Fatal(describe(s))
		}
		if s.Format != "disk image" || s.Verified() != nil {
			return
		}
		sig := s.Signature
		if sig.Offset+sig.Length+kolySize != int64(len(b)) || sig.Length != sig.Size {
			t.Fatalf("the signature [%d, +%d) leaves bytes of %d in no hash", sig.Offset, sig.Length, len(b))
		}
		for _, d := range sig.Directories {
			if int64(d.CodeLimit) != sig.Offset || d.SpecialSlots < slotRep {
				t.Fatalf("the directory covers %d bytes and seals %d slots", d.CodeLimit, d.SpecialSlots)
			}
		}
	})
}

// FuzzPackageTrailers: a ticket lies in the file, and the walk ends.
func FuzzPackageTrailers(f *testing.F) {
	f.Add(fixtures.FlatPackage{}.Bytes())
	f.Add(fixtures.FlatPackage{Ticket: fixtures.Ticket("x")}.Bytes())
	f.Add(fixtures.Trailer(1, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := packageTicket(bytes.NewReader(b), int64(len(b)))
		if n < 0 || n > int64(len(b)) || err != nil && n != 0 {
			t.Fatalf("a ticket of %d bytes in a file of %d, error %v", n, len(b), err)
		}
	})
}

// FuzzKoly: whatever the numbers of a trailer say, a signature ends where the
// trailer begins, or there is none.
func FuzzKoly(f *testing.F) {
	f.Add(uint64(1536), uint64(100), uint32(4), uint32(512))
	f.Add(^uint64(0), uint64(1), uint32(4), uint32(512))
	f.Add(uint64(1)<<63, uint64(1)<<63, uint32(4), uint32(512))
	f.Add(uint64(0), uint64(9488), uint32(4), uint32(512))
	f.Fuzz(func(t *testing.T, off, length uint64, version, header uint32) {
		koly := make([]byte, kolySize)
		copy(koly, kolyMagic)
		be := binary.BigEndian
		be.PutUint32(koly[4:], version)
		be.PutUint32(koly[8:], header)
		be.PutUint64(koly[fixtures.KolySignatureOffset:], off)
		be.PutUint64(koly[fixtures.KolySignatureSize:], length)
		m := &image{size: 10000, form: &form{}}
		if p := m.readKoly(koly); p != nil || !m.hasSignature {
			if m.hasSignature || p == nil && length != 0 {
				t.Fatal("a signature beside a problem, or a size that nobody looked at")
			}
			return
		}
		if m.sigOff < 0 || m.sigSize <= 0 || m.sigOff+m.sigSize != m.size-kolySize {
			t.Fatalf("the signature [%d, +%d) of %d bytes", m.sigOff, m.sigSize, m.size)
		}
	})
}
