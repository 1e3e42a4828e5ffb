package macho

import (
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// bounded runs f, which reads n bytes of input, and fails when it allocates more
// than 16 times those and 256 KiB. A collection or another goroutine can only add
// to a measurement, so the least of a few counts.
func bounded(t *testing.T, n int, f func()) {
	t.Helper()
	limit := uint64(16*n + 256<<10)
	least := allocated(f)
	for i := 0; i < 4 && least > limit; i++ {
		least = min(least, allocated(f))
	}
	if least > limit {
		t.Fatalf("%d bytes of input took %d bytes of memory, at most %d are allowed", n, least, limit)
	}
}

// realSignatures returns signatures of released software, by the file's name: one
// of Apple's in BER, one with a timestamp in DER, and a bare CMS of that kind in BER.
func realSignatures(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/signatures/*.gz")
	if err != nil || len(names) == 0 {
		t.Fatal("there are no signatures", err)
	}
	out := map[string][]byte{}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		out[strings.TrimSuffix(filepath.Base(name), ".gz")] = b
	}
	return out
}

// realParts takes the real signatures apart.
func realParts(t testing.TB) (superBlobs, directories, messages, tokens, certs [][]byte) {
	t.Helper()
	for name, b := range realSignatures(t) {
		cms := b
		if strings.HasSuffix(name, ".superblob") {
			superBlobs = append(superBlobs, b)
			m := &image{r: sectionOf(b), size: int64(len(b)), sigSize: int64(len(b))}
			blob, ps := m.readSuperBlob()
			if blob == nil {
				t.Fatal(name, ps)
			}
			directories = append(directories, blob.blob(slotCodeDirectory))
			cms = payload(blob.blob(slotCMS))
		}
		messages = append(messages, cms)
		s, err := parseSignedData(cms)
		if err != nil {
			t.Fatal(name, err)
		}
		certs = append(certs, s.certs...)
		for _, a := range s.unsigned {
			tokens = append(tokens, a.values)
		}
	}
	if len(tokens) == 0 || len(certs) == 0 {
		t.Fatal("the signatures hold no timestamp")
	}
	return superBlobs, directories, messages, tokens, certs
}

// recorder notes which bytes of a file were read.
type recorder struct {
	data []byte
	mu   sync.Mutex
	read []byteRange
}

func (r *recorder) ReadAt(b []byte, off int64) (int, error) {
	n, err := bytes.NewReader(r.data).ReadAt(b, off)
	r.mu.Lock()
	r.read = append(r.read, byteRange{off, off + int64(n)})
	r.mu.Unlock()
	return n, err
}

// covers reports whether every byte in [from, to) was read.
func (r *recorder) covers(from, to int64) bool {
	slices.SortFunc(r.read, func(a, b byteRange) int { return int(a.from - b.from) })
	for _, x := range r.read {
		if x.from <= from {
			from = max(from, x.to)
		}
	}
	return from >= to
}

// secondLook hashes the pages of verified code again, by simple means and from the
// bytes alone. Every byte below the signing limit must have been read, and must be
// in a page whose hash each directory holds.
func secondLook(t *testing.T, r *recorder, v *code.Subject) {
	t.Helper()
	limit := v.Signature.Offset // of the slice: all before the signature is hashed
	if !r.covers(v.Offset, v.Offset+limit) {
		t.Fatalf("verified, but not all of [%d, %d) was read", v.Offset, v.Offset+limit)
	}
	directories := 0
	for _, slot := range v.Signature.Slots {
		if slot.Type != slotCodeDirectory && (slot.Type < slotAlternate || slot.Type > slotAlternateLast) {
			continue
		}
		directories++
		d := r.data[v.Offset+v.Signature.Offset+slot.Offset:][:slot.Length]
		word := func(at int) int64 { return int64(binary.BigEndian.Uint32(d[at:])) }
		h := map[byte]func() hash.Hash{1: sha1.New, 2: sha256.New, 3: sha256.New, 4: sha512.New384}[d[37]]
		hashes, count, covered, size, page := word(16), word(28), word(32), int64(d[36]), int64(1)<<d[39]
		if covered != limit || h == nil || size < 20 || count != (limit+page-1)/page {
			t.Fatalf("verified, but %s covers %d of %d bytes with %d hashes of %d bytes", slot.Name, covered, limit, count, size)
		}
		for i := range count {
			sum := h()
			sum.Write(r.data[v.Offset+i*page : v.Offset+min(limit, (i+1)*page)])
			if !bytes.Equal(sum.Sum(nil)[:size], d[hashes+i*size:][:size]) {
				t.Fatalf("verified, but page %d has another hash than %s", i, slot.Name)
			}
		}
	}
	if directories == 0 || directories != len(v.Signature.Directories) {
		t.Fatalf("verified with %d of %d directories", len(v.Signature.Directories), directories)
	}
}
