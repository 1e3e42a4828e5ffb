package token

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// RecordingSchema is the version of the JSON form of [Recording].
const RecordingSchema = 1

// Recording is what a kernel answered about some processes, and the parts of their
// files that were read: headers, signatures and Info.plists, never pages. With it a
// case from a Mac is decided again anywhere. [NewRecorder] makes one; it is JSON.
//
// A recording proves nothing: whoever writes the file chooses the answers.
type Recording struct {
	Schema    int               `json:"schema"`
	Processes []RecordedProcess `json:"processes"`
	Images    []RecordedImage   `json:"images,omitempty"`
}

// RecordedProcess is what a kernel answered about one token. The answers to one
// question stand in the order in which they were given.
type RecordedProcess struct {
	Token  code.Hex                    `json:"token"` // 32 bytes
	Status []RecordedAnswer            `json:"status,omitempty"`
	Ops    map[string][]RecordedAnswer `json:"ops,omitempty"` // by the operation's name
	Path   []RecordedAnswer            `json:"path,omitempty"`
	Advice Advice                      `json:"advice,omitzero"` // the last one
}

// RecordedAnswer is one answer: a value or an error.
type RecordedAnswer struct {
	Flags code.KernelFlags `json:"flags,omitempty"`
	Data  code.Hex         `json:"data,omitempty"`
	Text  string           `json:"text,omitempty"`
	Errno Errno            `json:"errno,omitempty"`
	Error string           `json:"error,omitempty"` // of an error without a number
}

// RecordedImage is what was read of one file.
type RecordedImage struct {
	Path      string           `json:"path"`
	Error     string           `json:"error,omitempty"` // why it was not opened
	Stat      []FileID         `json:"stat,omitempty"`
	Ranges    []RecordedRange  `json:"ranges,omitempty"`
	InfoPlist []RecordedAnswer `json:"info_plist,omitempty"` // an answer without data and error: there is none
}

// RecordedRange is a run of bytes of a file.
type RecordedRange struct {
	Offset int64  `json:"offset"`
	Data   []byte `json:"data"` // base64
}

// maxRecording bounds the JSON of a recording, in bytes.
const maxRecording = 64 << 20

// ReadRecording reads a recording. Unknown fields, other versions and text behind
// the end are errors.
func ReadRecording(r io.Reader) (*Recording, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxRecording+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxRecording {
		return nil, fmt.Errorf("a recording has at most %d bytes", maxRecording)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	rec := &Recording{}
	if err := d.Decode(rec); err != nil {
		return nil, fmt.Errorf("this is no recording of a kernel's answers: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("there is text behind the end of the recording")
	}
	if rec.Schema != RecordingSchema {
		return nil, fmt.Errorf("the recording has schema %d, want %d", rec.Schema, RecordingSchema)
	}
	for _, p := range rec.Processes {
		if _, err := Parse(p.Token); err != nil {
			return nil, err
		}
	}
	return rec, nil
}

// Kernel returns a kernel that gives the recorded answers from the beginning. The
// last answer to a question is repeated for ever. What was never asked is an error.
func (r *Recording) Kernel() Kernel {
	return &replay{rec: r, next: map[*RecordedAnswer]int{}}
}

type replay struct {
	rec  *Recording
	mu   sync.Mutex
	next map[*RecordedAnswer]int // answers given so far, by the first one to the question
}

// answer returns the next answer to a question.
func (r *replay) answer(what string, list []RecordedAnswer) (RecordedAnswer, error) {
	if len(list) == 0 {
		return RecordedAnswer{}, fmt.Errorf("the recording has no answer to %s", what)
	}
	i := 0
	if len(list) > 1 {
		r.mu.Lock()
		i = min(r.next[&list[0]], len(list)-1)
		r.next[&list[0]] = i + 1
		r.mu.Unlock()
	}
	a := list[i]
	switch {
	case a.Errno != 0:
		return a, a.Errno
	case a.Error != "":
		return a, errors.New(a.Error)
	}
	return a, nil
}

// process finds a process; one that was not recorded does not exist.
func (r *replay) process(t AuditToken) (*RecordedProcess, error) {
	for i := range r.rec.Processes {
		if bytes.Equal(r.rec.Processes[i].Token, t[:]) {
			return &r.rec.Processes[i], nil
		}
	}
	return nil, ESRCH
}

// Status implements [Kernel].
func (r *replay) Status(t AuditToken) (code.KernelFlags, error) {
	p, err := r.process(t)
	if err != nil {
		return 0, err
	}
	a, err := r.answer(OpStatus.String(), p.Status)
	return a.Flags, err
}

// CSOps implements [Kernel]. An answer that is longer than the buffer is refused as
// the kernel refuses it.
func (r *replay) CSOps(t AuditToken, op Op, buf []byte) error {
	p, err := r.process(t)
	if err != nil {
		return err
	}
	a, err := r.answer(op.String(), p.Ops[op.String()])
	if err != nil {
		return err
	}
	if len(a.Data) > len(buf) {
		if len(buf) >= blobHeader {
			clear(buf[:4])
			binary.BigEndian.PutUint32(buf[4:], uint32(len(a.Data)))
		}
		return ERANGE
	}
	copy(buf, a.Data)
	return nil
}

// Path implements [Kernel].
func (r *replay) Path(t AuditToken) (string, error) {
	p, err := r.process(t)
	if err != nil {
		return "", err
	}
	a, err := r.answer("path", p.Path)
	return a.Text, err
}

// Advise implements [Adviser].
func (r *replay) Advise(t AuditToken) Advice {
	p, err := r.process(t)
	if err != nil {
		return Advice{}
	}
	return p.Advice
}

// Open implements [Kernel].
func (r *replay) Open(path string) (Image, error) {
	for i := range r.rec.Images {
		if m := &r.rec.Images[i]; m.Path == path {
			if m.Error != "" {
				return nil, errors.New(m.Error)
			}
			return &replayImage{r: r, m: m}, nil
		}
	}
	return nil, fmt.Errorf("the recording has no file %q", path)
}

type replayImage struct {
	r    *replay
	m    *RecordedImage
	stat int
}

// Stat implements [Image].
func (i *replayImage) Stat() (FileID, error) {
	if len(i.m.Stat) == 0 {
		return FileID{}, errors.New("the recording does not say which file this was")
	}
	i.stat++
	return i.m.Stat[min(i.stat, len(i.m.Stat))-1], nil
}

// ReadAt implements [io.ReaderAt] over what was read when the recording was made.
func (i *replayImage) ReadAt(b []byte, off int64) (int, error) {
	for _, r := range i.m.Ranges {
		if at := off - r.Offset; at >= 0 && at <= int64(len(r.Data)) {
			if n := copy(b, r.Data[at:]); n == len(b) {
				return n, nil
			}
		}
	}
	return 0, fmt.Errorf("the recording does not hold the %d bytes at 0x%x", len(b), off)
}

// InfoPlist implements [Image].
func (i *replayImage) InfoPlist() ([]byte, error) {
	a, err := i.r.answer("Info.plist", i.m.InfoPlist)
	return a.Data, err
}

// Close implements [Image].
func (i *replayImage) Close() error { return nil }
