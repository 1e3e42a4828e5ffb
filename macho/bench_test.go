package macho

import (
	"bytes"
	"context"
	"crypto/x509"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// small are the programs of the benchmarks: one made here, and a really signed
// library of 50 KB where the files of `make real` were fetched.
func small(b *testing.B) map[string][]byte {
	programs := map[string][]byte{"fixture": fixtures.F1()}
	user, err := os.UserCacheDir()
	if err != nil {
		return programs
	}
	found, _ := filepath.Glob(filepath.Join(user, "xpcpolicy/real/openai-codex-*/package/vendor/*/codex-resources/voice/lib/libintl.8.dylib"))
	for _, name := range found {
		data, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		programs["dylib"] = data
	}
	return programs
}

func benchmarkRun(b *testing.B, run func(r io.ReaderAt, size int64) *code.Subject) {
	for name, program := range small(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if s := run(bytes.NewReader(program), int64(len(program))); s.Validity.Status != code.StatusSuccess {
					b.Fatal(s.Validity.Status)
				}
			}
		})
	}
}

// BenchmarkIdentityRead reads who a program claims to be, and verifies the CMS,
// the chain and the timestamp, but no page.
func BenchmarkIdentityRead(b *testing.B) {
	benchmarkRun(b, func(r io.ReaderAt, size int64) *code.Subject {
		return new(Verifier).start(context.Background(), Options{Now: fixtures.Clock}, false).run(r, size, nil)
	})
}

// BenchmarkVerifyFirst does everything, for the first time.
func BenchmarkVerifyFirst(b *testing.B) {
	benchmarkRun(b, func(r io.ReaderAt, size int64) *code.Subject {
		return VerifyReader(context.Background(), r, size, Options{Now: fixtures.Clock})
	})
}

// BenchmarkVerifyKnown does everything, by a Verifier that has met the authorities.
func BenchmarkVerifyKnown(b *testing.B) {
	v := NewVerifier()
	benchmarkRun(b, func(r io.ReaderAt, size int64) *code.Subject {
		return v.VerifyReader(context.Background(), r, size, Options{Now: fixtures.Clock})
	})
}

// BenchmarkVerifyFloor verifies RSA signatures of 2048 bits with SHA-256 and does
// nothing else: two messages and four links are what no first verification can do
// without. Where the authorities are known, two messages and two links are left.
func BenchmarkVerifyFloor(b *testing.B) {
	id := fixtures.DeveloperID()
	leaf := id.Parsed()
	issuer, err := x509.ParseCertificate(id.Chain[0])
	if err != nil {
		b.Fatal(err)
	}
	for name, n := range map[string]int{"first": 6, "known": 4} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for range n {
					if err := issuer.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkPages hashes 64 MiB in pages of 4 KiB, in parallel.
func BenchmarkPages(b *testing.B) {
	data := make([]byte, 64<<20)
	for i := range data {
		data[i] = byte(i * 7)
	}
	d := directoryOf(data)
	m := &image{r: sectionOf(data), size: int64(len(data))}
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if ps := m.hashPages(context.Background(), []*directory{d}); len(ps) != 0 {
			b.Fatal(ps)
		}
	}
}

// BenchmarkCMS verifies one CMS signature with its timestamp and both chains.
func BenchmarkCMS(b *testing.B) {
	program := fixtures.F1()
	m, _ := readImage(bytes.NewReader(program), 0, int64(len(program)))
	blob, _ := m.readSuperBlob()
	cms, primary := payload(blob.blob(slotCMS)), blob.blob(slotCodeDirectory)
	b.ReportAllocs()
	for b.Loop() {
		s, err := parseSignedData(cms)
		if err != nil {
			b.Fatal(err)
		}
		certs, err := newAuthorities(9).parse(s.certs)
		if err != nil {
			b.Fatal(err)
		}
		cert, err := s.signer(certs)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.verify(cert, newContent(primary), oidData); err != nil {
			b.Fatal(err)
		}
		if _, err := s.checkTimestamp(nil); err != nil {
			b.Fatal(err)
		}
		if _, err := newAuthorities(9).buildChain(cert, certs, fixtures.Clock, false); err != nil {
			b.Fatal(err)
		}
	}
}
