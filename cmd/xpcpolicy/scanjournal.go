package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// A journal is a text file. Its first line says which scan it is of; each other one
// is a finished piece, as in
//
//	{"stamp":"2c1.18fa…","piece":{"path":"dir/tool",…}}
//
// and {"finished":true} is the last one of a scan that came to its end.
type journal struct {
	f    *os.File
	seed maphash.Seed
	// at has the place of each piece in the file, by the hash of its path: the
	// lines themselves stay in the file.
	at map[uint64]int64
}

// journalHead says which scan a journal is of.
type journalHead struct {
	Journal     int      `json:"xpcpolicy_scan_journal"`
	Version     string   `json:"version"`
	Roots       []string `json:"roots"`    // as they were given
	Absolute    []string `json:"absolute"` // where they are
	Shallow     bool     `json:"shallow,omitempty"`
	NoResources bool     `json:"no_resources,omitempty"`
}

const (
	journalVersion = 1
	// maxJournalLine bounds what is read of a file that may be no journal.
	maxJournalLine = 8 << 20
)

func (s *scanner) head(roots []string) journalHead {
	h := journalHead{Journal: journalVersion, Version: buildVersion().Version, Roots: roots, Shallow: s.shallow, NoResources: s.noResources}
	for _, r := range roots {
		abs, err := filepath.Abs(r)
		if err != nil {
			abs = r
		}
		h.Absolute = append(h.Absolute, abs)
	}
	return h
}

type journalLine struct {
	Finished bool            `json:"finished,omitempty"`
	Stamp    string          `json:"stamp,omitempty"`
	Piece    json.RawMessage `json:"piece,omitempty"`
}

var errJournalFinished = errors.New("the scan is finished")

// openJournal opens or makes the journal of a scan. A journal of a scan that came to
// its end begins again; one of another scan is refused. A last line that was cut is
// taken away.
func openJournal(path string, head journalHead) (*journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{f: f, seed: maphash.MakeSeed(), at: map[uint64]int64{}}
	end, err := j.load(path, head)
	if errors.Is(err, errJournalFinished) {
		end, err = 0, nil
		clear(j.at)
	}
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil {
		_, err = f.Seek(end, io.SeekStart)
	}
	if err == nil && end == 0 {
		err = j.write(head)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return j, nil
}

// load reads what is there and returns where the last whole line ends.
func (j *journal) load(path string, want journalHead) (end int64, err error) {
	st, err := j.f.Stat()
	if err != nil {
		return 0, err
	}
	if !st.Mode().IsRegular() {
		return 0, fmt.Errorf("%s is no plain file", path)
	}
	r := bufio.NewReaderSize(j.f, 64<<10)
	for number := 1; ; number++ {
		line, err := readLine(r)
		if err == io.EOF { // line is empty, or was cut
			if number == 1 && len(line) > 0 && !bytes.HasPrefix([]byte(`{"xpcpolicy_scan_journal":`), line[:min(len(line), 26)]) {
				return 0, fmt.Errorf("%s is no journal of a scan", path)
			}
			return end, nil
		}
		if err != nil {
			return 0, fmt.Errorf("%s:%d: %w", path, number, err)
		}
		if number == 1 {
			var head journalHead
			if json.Unmarshal(line, &head) != nil || head.Journal == 0 {
				return 0, fmt.Errorf("%s is no journal of a scan", path)
			}
			if why := head.differs(want); why != "" {
				return 0, fmt.Errorf("%s is the journal of another scan: %s", path, why)
			}
		} else {
			var l journalLine
			var piece struct{ Path, PathHex string }
			if err := json.Unmarshal(line, &l); err != nil || !l.Finished && json.Unmarshal(l.Piece, &piece) != nil {
				return 0, fmt.Errorf("%s:%d: this is no line of a journal", path, number)
			}
			if l.Finished {
				return 0, errJournalFinished
			}
			j.at[maphash.String(j.seed, piece.Path)] = end
		}
		end += int64(len(line))
	}
}

// differs says what tells two scans apart.
func (h journalHead) differs(want journalHead) string {
	switch {
	case h.Journal != want.Journal:
		return fmt.Sprintf("its format is %d, want %d", h.Journal, want.Journal)
	case h.Version != want.Version:
		return fmt.Sprintf("xpcpolicy %s wrote it, and this is %s", h.Version, want.Version)
	case !slices.Equal(h.Absolute, want.Absolute):
		return fmt.Sprintf("of %q, want %q", h.Absolute, want.Absolute)
	case !slices.Equal(h.Roots, want.Roots):
		return fmt.Sprintf("the directories were named %q, and now %q", h.Roots, want.Roots)
	case h.Shallow != want.Shallow, h.NoResources != want.NoResources:
		return "its flags --shallow or --no-resources were others"
	}
	return ""
}

// readLine returns a line with its end, or io.EOF with what is left.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxJournalLine {
			return nil, fmt.Errorf("the line is longer than %d bytes", maxJournalLine)
		}
		if err != bufio.ErrBufferFull {
			return line, err
		}
	}
}

// find returns the line of a finished piece that has not changed since, or nil. It
// may be called from several goroutines.
func (j *journal) find(path, stamp string) []byte {
	off, ok := j.at[maphash.String(j.seed, path)]
	if !ok {
		return nil
	}
	line, err := readLine(bufio.NewReader(io.NewSectionReader(j.f, off, maxJournalLine)))
	if err != nil {
		return nil
	}
	var l journalLine
	var rec record
	if json.Unmarshal(line, &l) != nil || json.Unmarshal(l.Piece, &rec) != nil || rec.Path != path || l.Stamp != stamp {
		return nil
	}
	return append(bytes.TrimRight(escaped(l.Piece), "\n"), '\n')
}

// add writes a finished piece. Each is written at once, so that an interruption
// loses no more than the line that it cuts. Pieces without a stamp could not be
// read, and are tried again.
func (j *journal) add(stamp string, piece []byte) error {
	if stamp == "" {
		return nil
	}
	return j.write(journalLine{Stamp: stamp, Piece: bytes.TrimRight(piece, "\n")})
}

// finish marks the journal of a scan that came to its end.
func (j *journal) finish() error { return j.write(journalLine{Finished: true}) }

func (j *journal) write(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := j.f.Write(b.Bytes())
	return err
}

func (j *journal) close() { j.f.Close() }
