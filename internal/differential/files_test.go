package differential

import (
	"debug/macho"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// maxSignature bounds the signatures that are compared: real ones have about 1 %
// of their program's size, and go-macho keeps many bytes for each.
const maxSignature = 8 << 20

// slice is one slice of a real file, found by the standard library's reader alone.
type slice struct {
	offset    int64 // in the file
	r         *io.SectionReader
	signature []byte // the SuperBlob; nil when there is none
}

// realFiles lists the Mach-O files that `make real` left in its cache.
func realFiles(t *testing.T) (dir string, files []string) {
	t.Helper()
	dir = os.Getenv("XPCPOLICY_REAL_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			t.Fatal("set XPCPOLICY_REAL_CACHE:", err)
		}
		dir = filepath.Join(user, "xpcpolicy", "real")
	}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && isMachO(name) {
			files = append(files, name)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("there is no Mach-O file in %s (%v): run `make real` or `make real-small` first", dir, err)
	}
	return dir, files
}

func isMachO(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [8]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return false
	}
	switch binary.BigEndian.Uint32(head[:]) {
	case 0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe:
		return true
	case macho.MagicFat: // Java's classes begin like this, with a version of 45 or more
		return binary.BigEndian.Uint32(head[4:]) < 40
	}
	return false
}

// errArchive says that a universal file holds static archives.
var errArchive = errors.New("a universal file of archives")

// slicesOf reads the slices of a file, which stays open as long as the test runs.
func slicesOf(name string) ([]slice, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	fat, err := macho.NewFatFile(f)
	if errors.Is(err, macho.ErrNotFat) {
		one, err := thin(f, 0, st.Size())
		return []slice{one}, err
	}
	if err != nil {
		var entry [20]byte
		var magic [8]byte
		if _, e := f.ReadAt(entry[:], 8); e == nil {
			_, _ = f.ReadAt(magic[:], int64(binary.BigEndian.Uint32(entry[8:])))
		}
		if string(magic[:]) == "!<arch>\n" {
			return nil, errArchive
		}
		return nil, err
	}
	var out []slice
	for _, a := range fat.Arches {
		one, err := thin(f, int64(a.Offset), int64(a.Size))
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func thin(f *os.File, off, size int64) (slice, error) {
	s := slice{offset: off, r: io.NewSectionReader(f, off, size)}
	m, err := macho.NewFile(s.r)
	if err != nil {
		return s, err
	}
	for _, l := range m.Loads {
		raw := l.Raw()
		if len(raw) != 16 || m.ByteOrder.Uint32(raw) != 0x1d {
			continue
		}
		at := int64(m.ByteOrder.Uint32(raw[8:]))
		var head [8]byte
		if _, err := s.r.ReadAt(head[:], at); err != nil {
			return s, err
		}
		length := binary.BigEndian.Uint32(head[4:])
		if length > maxSignature {
			return s, fmt.Errorf("a signature of %d bytes", length)
		}
		s.signature = make([]byte, length)
		_, err := s.r.ReadAt(s.signature, at)
		return s, err
	}
	return s, nil
}

// part returns the blob of a slot, without the header for wrapped ones.
func (s slice) part(slot uint32) []byte {
	for i := range binary.BigEndian.Uint32(s.signature[8:]) {
		entry := s.signature[12+8*i:]
		if binary.BigEndian.Uint32(entry) != slot {
			continue
		}
		b := s.signature[binary.BigEndian.Uint32(entry[4:]):]
		b = b[:binary.BigEndian.Uint32(b[4:])]
		if slot == 0x10000 {
			return b[8:]
		}
		return b
	}
	return nil
}

// tally counts what one of the readers was asked.
type tally struct {
	reader     string
	files      map[string]bool
	compared   int
	exceptions map[string]int
	disagree   []string
}

func newTally(reader string) *tally {
	return &tally{reader: reader, files: map[string]bool{}, exceptions: map[string]int{}}
}

// at compares the facts of one slice.
func (y *tally) at(dir, file string, s slice) probe {
	y.files[file] = true
	return probe{y, fmt.Sprintf("%s at 0x%x", strings.TrimPrefix(file, dir+"/"), s.offset)}
}

func (y *tally) report(t *testing.T) {
	t.Helper()
	for why, n := range y.exceptions {
		t.Logf("%s: exception, %d times: %s", y.reader, n, why)
	}
	for _, d := range y.disagree {
		t.Errorf("%s: %s", y.reader, d)
	}
	t.Logf("%s: %d files, %d facts compared, %d disagreements, %d kinds of exceptions", y.reader, len(y.files), y.compared, len(y.disagree), len(y.exceptions))
	if y.compared == 0 {
		t.Errorf("%s compared nothing", y.reader)
	}
}

type probe struct {
	y     *tally
	where string
}

func eq[T comparable](p probe, field string, theirs, ours T) {
	p.y.compared++
	if theirs != ours {
		p.y.disagree = append(p.y.disagree, fmt.Sprintf("%s: %s: theirs %v, ours %v", p.where, field, theirs, ours))
	}
}
