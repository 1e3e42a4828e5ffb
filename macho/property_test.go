package macho

import (
	"bytes"
	"context"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// tampered are the statuses that one flipped byte may lead to.
var tampered = map[code.Status]bool{
	code.StatusSignatureFailed: true, code.StatusUnsigned: true, code.StatusBadObjectFormat: true,
	code.StatusSignatureInvalid: true, code.StatusSignatureUnsupported: true,
	code.StatusBadMainExecutable: true, code.StatusInfoPlistFailed: true,
}

type byteRange struct{ from, to int64 }

// sealedRanges returns the file ranges that a signature protects: the hashed
// bytes of each slice, the blobs whose hash stands in a special slot, and the
// primary CodeDirectory where a CMS signs it.
func sealedRanges(s *code.Subject) []byteRange {
	var rs []byteRange
	for _, v := range s.PerSlice() {
		sig := v.Signature
		rs = append(rs, byteRange{v.Offset, v.Offset + int64(sig.Directories[0].CodeLimit)})
		for _, slot := range sig.Slots {
			at := v.Offset + sig.Offset + slot.Offset
			sealed := slot.Type >= slotRequirements && slot.Type <= slotMaxSpecial
			primary := slot.Type == slotCodeDirectory && sig.CMSSize > 0
			if sealed || primary {
				rs = append(rs, byteRange{at, at + slot.Length})
			}
		}
	}
	return rs
}

// TestFlippedByteIsNeverAccepted flips one random byte in every protected range
// of honest programs.
func TestFlippedByteIsNeverAccepted(t *testing.T) {
	t.Parallel()
	programs := map[string][]byte{
		"thin": fixtures.F1(), "universal": fixtures.F2(), "two directories": fixtures.F4(),
		"linker signed": fixtures.F5(), "entitled": fixtures.F6(), "ad hoc": fixtures.AdHoc(),
	}
	for name, program := range programs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			honest := verifyBytes(t, program)
			require.Equal(t, code.StatusSuccess, honest.Validity.Status, describe(honest))
			rng := rand.New(rand.NewPCG(1, uint64(len(name))))
			for _, r := range sealedRanges(honest) {
				for range 150 {
					at := r.from + rng.Int64N(r.to-r.from)
					b := bytes.Clone(program)
					b[at] ^= byte(1 + rng.IntN(255))
					s := verifyBytes(t, b)
					if !assert.True(t, tampered[s.Validity.Status], "byte 0x%x: %02x became %02x\n%s", at, program[at], b[at], describe(s)) {
						return
					}
					assert.Error(t, s.Verified())
				}
			}
		})
	}
}

// TestEveryByteBelowTheLimitIsSealed flips each single byte that the signature covers
// of small programs, one in each of its two halves.
func TestEveryByteBelowTheLimitIsSealed(t *testing.T) {
	t.Parallel()
	for name, program := range map[string][]byte{"ad hoc": fixtures.AdHoc(), "linker signed": fixtures.F5(), "signed": fixtures.F1()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := NewVerifier() // the same verdicts, sooner
			verify := func() *code.Subject {
				return v.VerifyReader(context.Background(), bytes.NewReader(program), int64(len(program)), Options{Now: fixtures.Clock})
			}
			honest := verify()
			require.NoError(t, honest.Verified())
			limit := int64(honest.Signature.Directories[0].CodeLimit)
			require.Equal(t, honest.Signature.Offset, limit)
			step := int64(1)
			if !honest.AdHoc().Or(true) {
				step = 7 // the CMS takes most of the time, and seals the same pages
			}
			for at := int64(0); at < limit; at += step {
				mask := byte(1 + 15*(at&1)*15)
				program[at] ^= mask
				s := verify()
				program[at] ^= mask
				if s.Verified() == nil || !tampered[s.Validity.Status] {
					t.Fatalf("byte 0x%x: %02x became %02x\n%s", at, program[at], program[at]^mask, describe(s))
				}
			}
			require.NoError(t, verify().Verified())
		})
	}
}

// TestVerifiedCodeWasReadWhole takes a second look at all programs that verify.
func TestVerifiedCodeWasReadWhole(t *testing.T) {
	t.Parallel()
	looked := 0
	for name, b := range programs() {
		r := &recorder{data: b}
		s := VerifyReader(context.Background(), r, int64(len(b)), Options{Now: fixtures.Clock})
		if s.Verified() != nil || !strings.HasPrefix(s.Format, "Mach-O") {
			continue
		}
		for _, v := range s.PerSlice() {
			looked++
			t.Log(name, v.Arch)
			secondLook(t, r, v)
		}
	}
	require.Greater(t, looked, 10)
}

// TestDenseInputTakesNoMemory feeds each decoder what has the most elements for its
// size.
func TestDenseInputTakesNoMemory(t *testing.T) {
	const n = 64 << 10
	repeat := func(head, unit, tail string) []byte {
		return []byte(head + strings.Repeat(unit, (n-len(head)-len(tail))/len(unit)) + tail)
	}
	nested := []byte{}
	for range maxTLVDepth - 1 {
		nested = append(nested, tagSequence, 0x80)
	}
	for name, b := range map[string][]byte{
		"elements without content":     repeat("\x30\x80", "\x05\x00", "\x00\x00"),
		"empty sequences":              repeat("\x30\x80", "\x30\x00", "\x00\x00"),
		"deep sequences":               append(nested, make([]byte, n)...),
		"a list of true":               repeat("<plist><array>", "<true/>", "</array></plist>"),
		"a list of empty strings":      repeat("<plist><array>", "<string/>", "</array></plist>"),
		"dictionaries in dictionaries": repeat("<plist><array>", "<dict/>", "</array></plist>"),
		"lists of one":                 repeat("<plist><array>", "<array><true/></array>", "</array></plist>"),
		"dictionaries of one":          repeat("<plist><array>", "<dict><key/><true/></dict>", "</array></plist>"),
		"numbers":                      repeat("<plist><array>", "<integer>1</integer>", "</array></plist>"),
		"zeros":                        make([]byte, n),
	} {
		t.Run(name, func(t *testing.T) {
			bounded(t, len(b), func() { _, _, _ = readCMS(t, b) })
			bounded(t, len(b), func() { _, _ = newAuthorities(9).parseTimestamp(b, nil) })
			bounded(t, len(b), func() { _, _ = newAuthorities(9).parse([][]byte{b}) })
			bounded(t, len(b), func() { _, _ = parseEntitlementXML(b) })
			bounded(t, len(b), func() { _, _ = parseEntitlementDER(b) })
			bounded(t, len(b), func() { _, _ = plist.Parse(b, plist.Options{}) })
			bounded(t, len(b), func() { _ = verifyBytes(t, b) })
		})
	}
}

// TestTruncatedProgramIsNeverAccepted cuts honest programs at every length of a
// coarse grid and at random ones.
func TestTruncatedProgramIsNeverAccepted(t *testing.T) {
	t.Parallel()
	program := fixtures.F2()
	rng := rand.New(rand.NewPCG(2, 2))
	cuts := []int{0, 1, 3, 4, 7, 8, 27, 28, 31, 32}
	for range 300 {
		cuts = append(cuts, rng.IntN(len(program)))
	}
	for _, n := range cuts {
		s := verifyBytes(t, program[:n])
		assert.NotEqual(t, code.StatusSuccess, s.Validity.Status, "cut to %d bytes", n)
		assert.True(t, strings.HasPrefix(s.Validity.Status.Name(), "errSecCS"), "cut to %d: %s", n, s.Validity.Status)
		assert.Error(t, s.Verified())
	}
}

// TestRandomBytesAreNamedUnsigned feeds noise.
func TestRandomBytesAreNamedUnsigned(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 3))
	for range 200 {
		b := make([]byte, rng.IntN(4096))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		s := verifyBytes(t, b)
		assert.Contains(t, []code.Status{code.StatusUnsigned, code.StatusBadObjectFormat}, s.Validity.Status)
	}
}

// TestHugeLengthsTakeNoMemory puts 4 GiB into every 32-bit field of the
// signature's headers, one at a time.
func TestHugeLengthsTakeNoMemory(t *testing.T) {
	program := fixtures.F1()
	honest := verifyBytes(t, program)
	sig := honest.Signature.Offset
	var at []int64
	for off := int64(0); off < 512; off += 4 { // header and load commands
		at = append(at, off)
	}
	for off := sig; off < sig+int64(12+8*len(honest.Signature.Slots)); off += 4 {
		at = append(at, off)
	}
	for _, slot := range honest.Signature.Slots {
		at = append(at, sig+slot.Offset+4)
		if slot.Type == slotCodeDirectory {
			for off := slot.Offset; off < slot.Offset+108; off += 4 {
				at = append(at, sig+off)
			}
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, value := range []uint32{0xffffffff, 0x7fffffff, 0x10000000} {
		for _, off := range at {
			b := bytes.Clone(program)
			b[off], b[off+1], b[off+2], b[off+3] = byte(value>>24), byte(value>>16), byte(value>>8), byte(value)
			_ = VerifyReader(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Now: fixtures.Clock})
			b[off], b[off+1], b[off+2], b[off+3] = byte(value), byte(value>>8), byte(value>>16), byte(value>>24)
			_ = VerifyReader(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Now: fixtures.Clock})
		}
	}
	runtime.ReadMemStats(&after)
	perRun := (after.TotalAlloc - before.TotalAlloc) / uint64(6*len(at))
	assert.Less(t, perRun, uint64(64<<20+len(program)), "bytes allocated by one verification")
}

// TestFactsOfBrokenCodeAreWithheld holds for every vector that does not verify.
func TestFactsOfBrokenCodeAreWithheld(t *testing.T) {
	t.Parallel()
	for _, v := range fixtures.Vectors() {
		if v.Expect == "ok" {
			continue
		}
		s := verifyBytes(t, v.Build())
		require.Error(t, s.Verified(), v.Name)
		for _, view := range s.PerSlice() {
			c := s.Validity.Find("C9")
			if c != nil && c.Outcome == code.Failed {
				assert.False(t, view.Certs.IsKnown(), "%s shows certificates", v.Name)
			}
		}
	}
}
