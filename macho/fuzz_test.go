package macho

import (
	"bytes"
	"context"
	"crypto/x509"
	"testing"

	"github.com/smallstep/pkcs7"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// Every target demands, besides what it says itself, that nothing panics and that
// memory stays in proportion to the input.

// seeds collects what fixtures offer to a target.
type seeds func([]byte)

func (s seeds) Add(args ...any) { s(args[0].([]byte)) }

func addAll(f *testing.F, seeds [][]byte) {
	for _, b := range seeds {
		f.Add(b)
	}
}

// FuzzVerify: whatever counts as verified was read and hashed whole, and signed, so
// a second look by simple means must agree.
func FuzzVerify(f *testing.F) {
	fixtures.Seed(f, "macho")
	f.Fuzz(func(t *testing.T, b []byte) {
		var r *recorder
		var s *code.Subject
		bounded(t, len(b), func() {
			r = &recorder{data: b}
			s = VerifyReader(context.Background(), r, int64(len(b)), Options{Now: fixtures.Clock})
		})
		if s.Validity.Status == code.StatusInternalError {
			t.Fatal(describe(s)) // a panic that was caught
		}
		if s.Verified() != nil {
			return
		}
		for _, v := range s.PerSlice() {
			if v.Signature == nil || !v.Identifier.IsKnown() {
				t.Fatal("verified code without a signature")
			}
			secondLook(t, r, v)
			if adhoc := v.AdHoc().Or(true); adhoc && v.Certs.IsKnown() || !adhoc && !v.Certs.IsKnown() {
				t.Fatal("certificates and the ad hoc flag disagree")
			}
		}
	})
}

// FuzzContainer: slices and their signatures lie in the file, apart from each other.
func FuzzContainer(f *testing.F) {
	fixtures.Seed(f, "macho")
	f.Fuzz(func(t *testing.T, b []byte) {
		var c *container
		var p *problem
		bounded(t, len(b), func() { c, p = readContainer(bytes.NewReader(b), int64(len(b))) })
		if c == nil {
			if p == nil {
				t.Fatal("refused without a reason")
			}
			return
		}
		for i, m := range c.images {
			if m.offset < 0 || m.size < 0 || m.offset+m.size > int64(len(b)) {
				t.Fatalf("slice %d [%d, +%d) lies outside", i, m.offset, m.size)
			}
			if m.hasSignature && (m.sigOff < 0 || m.sigSize < 0 || m.sigOff+m.sigSize > m.size) {
				t.Fatalf("the signature of slice %d lies outside", i)
			}
			for _, other := range c.images[:i] {
				if m.offset < other.offset+other.size && other.offset < m.offset+m.size {
					t.Fatalf("slice %d overlaps another", i)
				}
			}
		}
	})
}

// FuzzSuperBlob reads a signature that stands alone.
func FuzzSuperBlob(f *testing.F) {
	fixtures.Seed(f, "superblob")
	blobs, _, _, _, _ := realParts(f)
	addAll(f, blobs)
	f.Fuzz(func(t *testing.T, b []byte) {
		var blob *superBlob
		var ps []problem
		bounded(t, len(b), func() {
			m := &image{r: sectionOf(b), size: int64(len(b)), sigSize: int64(len(b))}
			blob, ps = m.readSuperBlob()
		})
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
	_, directories, _, _, _ := realParts(f)
	addAll(f, directories)
	f.Fuzz(func(t *testing.T, b []byte) {
		bounded(t, len(b), func() {
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
	})
}

// FuzzCMS: a message that our reader verifies is one that the library reads whole,
// with the same certificates.
func FuzzCMS(f *testing.F) {
	fixtures.Seed(f, "cms")
	fixtures.Seed(f, "timestamp")
	_, _, messages, tokens, _ := realParts(f)
	addAll(f, messages)
	addAll(f, tokens)
	f.Fuzz(func(t *testing.T, b []byte) {
		var s *signedData
		var certs []*x509.Certificate
		verified := false
		bounded(t, len(b), func() {
			s, certs, verified = readCMS(t, b)
		})
		if !verified || s.keyID != nil || s.sigAlg == oidECPublicKey {
			return
		}
		p, err := pkcs7.Parse(b[:len(b)-s.trailing])
		if err != nil || len(p.Signers) != 1 || len(p.Certificates) != len(certs) {
			t.Fatalf("our reader verifies what the library does not read: %v", err)
		}
		for i, c := range p.Certificates {
			if !bytes.Equal(c.Raw, certs[i].Raw) {
				t.Fatal("the library sees other certificates")
			}
		}
		if !bytes.Equal(p.Signers[0].EncryptedDigest, s.signature) {
			t.Fatal("the library sees another signature")
		}
	})
}

// readCMS does what a verification does with a CMS, over its own content.
func readCMS(t *testing.T, b []byte) (s *signedData, certs []*x509.Certificate, verified bool) {
	s, err := parseSignedData(b)
	if err != nil {
		return nil, nil, false
	}
	_, _, _ = s.signingTime()
	if certs, err = newAuthorities(9).parse(s.certs); err != nil {
		return s, nil, false
	}
	cert, err := s.signer(certs)
	if err != nil {
		return s, certs, false
	}
	content := newContent(s.content)
	if err := s.verify(cert, content, s.contentType); err != nil {
		// Nobody has the content of the real ones: their signatures verify all the same.
		_, alg, e := s.algorithm()
		if e != nil || checkSignature(cert, alg, s.signedSet(), s.signature) != nil {
			return s, certs, false
		}
		if p, e := pkcs7.Parse(s.bare()); e != nil || len(p.Signers) != 1 { // part of the cross-check
			return s, certs, false
		}
	} else if len(s.attrs) == 0 {
		t.Fatal("verified without signed attributes")
	} else if s.crossCheck(content, certs) != nil {
		return s, certs, false
	}
	// The library looks at all unsigned attributes, so ours must have passed too.
	_, err = s.checkTimestamp(newAuthorities(9))
	return s, certs, err == nil
}

// FuzzTimestamp: a token that passes was made for these bytes, by somebody who was
// allowed to at the time.
func FuzzTimestamp(f *testing.F) {
	fixtures.Seed(f, "timestamp")
	_, _, _, tokens, _ := realParts(f)
	addAll(f, tokens)
	f.Fuzz(func(t *testing.T, b []byte) {
		var stamp *timestamp
		var err error
		bounded(t, len(b), func() { stamp, err = newAuthorities(9).parseTimestamp(b, []byte("signature")) })
		if err == nil && (stamp.root == nil || stamp.time.IsZero()) {
			t.Fatal("a token without a root or a time")
		}
		if err == nil {
			if _, err := newAuthorities(9).parseTimestamp(b, []byte("another signature")); err == nil {
				t.Fatal("a token for two signatures")
			}
		}
	})
}

// FuzzTSTInfo reads what a token carries, which the token's signature protects from
// the target above.
func FuzzTSTInfo(f *testing.F) {
	_, _, _, tokens, _ := realParts(f)
	fixtures.Seed(seeds(func(b []byte) { tokens = append(tokens, b) }), "timestamp")
	for _, b := range tokens {
		if s, err := parseSignedData(b); err == nil {
			f.Add(s.content)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		bounded(t, len(b), func() {
			when, _, err := parseTSTInfo(b, []byte("signature"))
			if err == nil && (when.Year() < 0 || when.Year() > 9999) {
				t.Fatal(when)
			}
		})
	})
}

// FuzzCertificate: what is read of a certificate is the same whether it was kept or
// not, and a path of it alone is complete only if it signed itself.
func FuzzCertificate(f *testing.F) {
	_, _, _, _, certs := realParts(f)
	addAll(f, certs)
	for _, c := range bundled() {
		f.Add(c.Raw)
	}
	for _, id := range []fixtures.Identity{fixtures.DeveloperID(), fixtures.ECDSA()} {
		addAll(f, id.Bag())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		bounded(t, len(b), func() {
			a := newAuthorities(1)
			first, err := a.parse([][]byte{b})
			if err != nil {
				return
			}
			again, err := a.parse([][]byte{b})
			if err != nil || !bytes.Equal(again[0].Raw, b) {
				t.Fatal("read once, and not again", err)
			}
			facts := a.facts(first[0])
			path, err := a.buildChain(first[0], again, fixtures.Clock, false)
			if err == nil && len(path) == 1 && !facts.SelfSigned {
				t.Fatal("a path that ends in a certificate which another one signed")
			}
			if err == nil {
				_, _ = checkChain(path, false), checkLeaf(first[0])
				_, _ = checkValidity(path, fixtures.Clock)
			}
		})
	})
}

// FuzzEntitlements: both forms are either refused or give a dictionary.
func FuzzEntitlements(f *testing.F) {
	fixtures.Seed(f, "plist")
	fixtures.Seed(f, "der")
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, parse := range []func([]byte) (code.Value, error){parseEntitlementXML, parseEntitlementDER} {
			bounded(t, len(b), func() {
				if v, err := parse(b); err == nil {
					for range v.All() {
					}
				}
			})
		}
	})
}

// FuzzPropertyList reads an Info.plist in XML or binary form.
func FuzzPropertyList(f *testing.F) {
	fixtures.Seed(f, "plist")
	f.Fuzz(func(t *testing.T, b []byte) {
		bounded(t, len(b), func() {
			if v, err := plist.Parse(b, plist.Options{AllowBOM: true}); err == nil {
				for range v.All() {
				}
			}
		})
	})
}
