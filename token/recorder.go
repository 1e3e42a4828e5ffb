package token

import (
	"encoding/binary"
	"errors"
	"sort"
	"sync"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Recorder is a kernel that notes what another one answers.
type Recorder struct {
	k         Kernel
	mu        sync.Mutex
	processes map[AuditToken]*RecordedProcess
	order     []AuditToken
	images    map[string]*recordedFile
	paths     []string
}

// NewRecorder returns a Recorder of k.
func NewRecorder(k Kernel) *Recorder {
	return &Recorder{k: k, processes: map[AuditToken]*RecordedProcess{}, images: map[string]*recordedFile{}}
}

// Recording returns what was answered so far.
func (r *Recorder) Recording() *Recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := &Recording{Schema: RecordingSchema}
	for _, t := range r.order {
		p := *r.processes[t]
		p.Status, p.Path = append([]RecordedAnswer(nil), p.Status...), append([]RecordedAnswer(nil), p.Path...)
		ops := make(map[string][]RecordedAnswer, len(p.Ops))
		for op, list := range p.Ops {
			ops[op] = append([]RecordedAnswer(nil), list...)
		}
		p.Ops = ops
		rec.Processes = append(rec.Processes, p)
	}
	for _, path := range r.paths {
		rec.Images = append(rec.Images, r.images[path].recorded())
	}
	return rec
}

// note adds an answer about a process.
func (r *Recorder) note(t AuditToken, add func(*RecordedProcess)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.processes[t]
	if p == nil {
		p = &RecordedProcess{Token: append(code.Hex(nil), t[:]...), Ops: map[string][]RecordedAnswer{}}
		r.processes[t] = p
		r.order = append(r.order, t)
	}
	add(p)
}

// failed writes an error into an answer.
func (a RecordedAnswer) failed(err error) RecordedAnswer {
	if err == nil {
		return a
	}
	if e := Errno(0); errors.As(err, &e) {
		return RecordedAnswer{Errno: e}
	}
	return RecordedAnswer{Error: err.Error()}
}

// Status implements [Kernel].
func (r *Recorder) Status(t AuditToken) (code.KernelFlags, error) {
	f, err := r.k.Status(t)
	r.note(t, func(p *RecordedProcess) { p.Status = append(p.Status, RecordedAnswer{Flags: f}.failed(err)) })
	return f, err
}

// CSOps implements [Kernel]. That a buffer was too small is no answer.
func (r *Recorder) CSOps(t AuditToken, op Op, buf []byte) error {
	err := r.k.CSOps(t, op, buf)
	if errors.Is(err, ERANGE) {
		return err
	}
	data := buf
	if n := len(buf); n > blobHeader { // fixed answers are shorter
		data = buf[:min(uint32(n), binary.BigEndian.Uint32(buf[4:]))]
	}
	a := RecordedAnswer{Data: append(code.Hex(nil), data...)}.failed(err)
	r.note(t, func(p *RecordedProcess) { p.Ops[op.String()] = append(p.Ops[op.String()], a) })
	return err
}

// Path implements [Kernel].
func (r *Recorder) Path(t AuditToken) (string, error) {
	s, err := r.k.Path(t)
	r.note(t, func(p *RecordedProcess) { p.Path = append(p.Path, RecordedAnswer{Text: s}.failed(err)) })
	return s, err
}

// Advise implements [Adviser], when the other kernel does.
func (r *Recorder) Advise(t AuditToken) Advice {
	k, ok := r.k.(Adviser)
	if !ok {
		return Advice{}
	}
	a := k.Advise(t)
	r.note(t, func(p *RecordedProcess) { p.Advice = a })
	return a
}

// Open implements [Kernel].
func (r *Recorder) Open(path string) (Image, error) {
	m, err := r.k.Open(path)
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.images[path]
	if f == nil {
		f = &recordedFile{image: RecordedImage{Path: path}}
		r.images[path] = f
		r.paths = append(r.paths, path)
	}
	if err != nil {
		f.image.Error = err.Error()
		return nil, err
	}
	return &recordingImage{Image: m, f: f, mu: &r.mu}, nil
}

// recordedFile collects what is read of one file.
type recordedFile struct {
	image  RecordedImage
	ranges []RecordedRange
	size   int64
}

// recorded puts overlapping ranges together.
func (f *recordedFile) recorded() RecordedImage {
	m := f.image
	m.Stat, m.InfoPlist = append([]FileID(nil), m.Stat...), append([]RecordedAnswer(nil), m.InfoPlist...)
	sorted := append([]RecordedRange(nil), f.ranges...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].Offset < sorted[j].Offset })
	for _, r := range sorted {
		last := len(m.Ranges) - 1
		if last >= 0 {
			l := &m.Ranges[last]
			end := l.Offset + int64(len(l.Data))
			if r.Offset <= end {
				if more := r.Offset + int64(len(r.Data)) - end; more > 0 {
					l.Data = append(l.Data, r.Data[int64(len(r.Data))-more:]...)
				}
				continue
			}
		}
		m.Ranges = append(m.Ranges, RecordedRange{Offset: r.Offset, Data: append([]byte(nil), r.Data...)})
	}
	return m
}

// maxRecorded bounds the bytes of one file that are kept.
const maxRecorded = 16 << 20

type recordingImage struct {
	Image
	f  *recordedFile
	mu *sync.Mutex
}

// ReadAt implements [io.ReaderAt].
func (i *recordingImage) ReadAt(b []byte, off int64) (int, error) {
	n, err := i.Image.ReadAt(b, off)
	i.mu.Lock()
	defer i.mu.Unlock()
	if n > 0 && i.f.size+int64(n) <= maxRecorded {
		i.f.size += int64(n)
		i.f.ranges = append(i.f.ranges, RecordedRange{Offset: off, Data: append([]byte(nil), b[:n]...)})
	}
	return n, err
}

// Stat implements [Image].
func (i *recordingImage) Stat() (FileID, error) {
	id, err := i.Image.Stat()
	i.mu.Lock()
	defer i.mu.Unlock()
	if err == nil {
		i.f.image.Stat = append(i.f.image.Stat, id)
	}
	return id, err
}

// InfoPlist implements [Image].
func (i *recordingImage) InfoPlist() ([]byte, error) {
	b, err := i.Image.InfoPlist()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.f.image.InfoPlist = append(i.f.image.InfoPlist, RecordedAnswer{Data: append(code.Hex(nil), b...)}.failed(err))
	return b, err
}
