package macho

import (
	"bytes"
	"context"
	"testing"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// FuzzVerify: whatever counts as verified was hashed and signed, so a second
// look by simple means must agree.
func FuzzVerify(f *testing.F) {
	fixtures.Seed(f, "macho")
	f.Fuzz(func(t *testing.T, b []byte) {
		s := VerifyReader(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Now: fixtures.Clock})
		if s.Validity.Status == code.StatusInternalError {
			t.Fatal(describe(s)) // a panic that was caught
		}
		if s.Verified() != nil {
			return
		}
		for _, v := range s.PerSlice() {
			sig := v.Signature
			if sig == nil || !v.Identifier.IsKnown() {
				t.Fatal("verified code without a signature")
			}
			for _, d := range sig.Directories {
				if int64(d.CodeLimit) != sig.Offset {
					t.Fatalf("the directory covers %d bytes, the signature begins at %d", d.CodeLimit, sig.Offset)
				}
			}
			if adhoc := v.AdHoc().Or(true); adhoc && v.Certs.IsKnown() || !adhoc && !v.Certs.IsKnown() {
				t.Fatal("certificates and the ad hoc flag disagree")
			}
		}
	})
}

// FuzzSuperBlob reads a signature that stands alone.
func FuzzSuperBlob(f *testing.F) {
	fixtures.Seed(f, "superblob")
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &image{r: sectionOf(b), size: int64(len(b)), sigSize: int64(len(b))}
		blob, ps := m.readSuperBlob()
		if blob == nil && len(ps) == 0 {
			t.Fatal("refused without a reason")
		}
		if blob == nil {
			return
		}
		for _, e := range blob.entries {
			if e.off < 0 || e.off+e.size > int64(len(blob.raw)) {
				t.Fatalf("entry %+v lies outside", e)
			}
		}
	})
}

// FuzzCodeDirectory: a directory that passes can be asked for each of its slots.
func FuzzCodeDirectory(f *testing.F) {
	fixtures.Seed(f, "codedirectory")
	f.Fuzz(func(t *testing.T, b []byte) {
		d, ps := parseDirectory(b, slotCodeDirectory, 0)
		if d == nil {
			if len(ps) == 0 {
				t.Fatal("refused without a reason")
			}
			return
		}
		if ps := d.checkIntegrity(); len(ps) > 0 {
			return
		}
		for n := uint32(0); n <= slotMaxSpecial; n++ {
			d.slot(n)
		}
		if int64(d.hashOffset)+int64(d.CodeSlots)*int64(d.HashSize) > int64(len(b)) {
			t.Fatal("hash slots lie outside")
		}
	})
}

// FuzzCMS: what our reader accepts, the strict walk bounded.
func FuzzCMS(f *testing.F) {
	fixtures.Seed(f, "cms")
	fixtures.Seed(f, "timestamp")
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseSignedData(b)
		if err != nil {
			return
		}
		certs, err := newAuthorities(9).parse(s.certs)
		if err != nil {
			return
		}
		cert, err := s.signer(certs)
		if err != nil {
			return
		}
		content := newContent(s.content)
		if err := s.verify(cert, content, s.contentType); err == nil && len(s.attrs) == 0 {
			t.Fatal("verified without signed attributes")
		}
		_ = s.crossCheck(content, certs)
		_, _ = s.checkTimestamp(nil)
		_, _, _ = s.signingTime()
	})
}

// FuzzEntitlements: both forms are either refused or give a dictionary.
func FuzzEntitlements(f *testing.F) {
	fixtures.Seed(f, "plist")
	fixtures.Seed(f, "der")
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, parse := range []func([]byte) (code.Value, error){parseEntitlementXML, parseEntitlementDER} {
			if v, err := parse(b); err == nil {
				for range v.All() {
				}
			}
		}
	})
}
