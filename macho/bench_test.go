package macho

import (
	"bytes"
	"context"
	"testing"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

func benchmarkRun(b *testing.B, program []byte, pages bool) {
	b.ReportAllocs()
	b.SetBytes(int64(len(program)))
	for b.Loop() {
		v := &verification{ctx: context.Background(), opts: Options{Now: fixtures.Clock}, pages: pages}
		s := v.run(bytes.NewReader(program), int64(len(program)), nil)
		if s.Validity.Status != code.StatusSuccess {
			b.Fatal(s.Validity.Status)
		}
	}
}

// BenchmarkIdentityRead reads who a program claims to be, and verifies the CMS,
// the chain and the timestamp, but no page.
func BenchmarkIdentityRead(b *testing.B) { benchmarkRun(b, fixtures.F1(), false) }

// BenchmarkFullVerify does everything for a small program.
func BenchmarkFullVerify(b *testing.B) { benchmarkRun(b, fixtures.F1(), true) }

// BenchmarkPages hashes 64 MiB in pages of 4 KiB, in parallel.
func BenchmarkPages(b *testing.B) {
	data := make([]byte, 64<<20)
	for i := range data {
		data[i] = byte(i * 7)
	}
	d := &directory{}
	d.HashType, d.HashSize, d.pageShift, d.PageSize = code.HashSHA256, 32, 12, 4096
	d.CodeLimit, d.CodeSlots = uint64(len(data)), uint32(len(data)/4096)
	var buf [64]byte
	for i := 0; i < len(data); i += 4096 {
		d.raw = append(d.raw, sum(code.HashSHA256, data[i:i+4096], &buf)...)
	}
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
