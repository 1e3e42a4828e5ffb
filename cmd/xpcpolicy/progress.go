package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/xpcpolicy/xpcpolicy/macho"
)

// progress is one line on a terminal that says how far long work is. Nothing is
// written elsewhere, nor for work that ends soon. A nil progress does nothing.
type progress struct {
	w    io.Writer
	verb string
	now  func() time.Time

	mu           sync.Mutex
	begun, drawn time.Time
	visible      bool
	files, bytes int64
}

const (
	progressAfter = 500 * time.Millisecond // before this nothing is drawn
	progressEvery = 100 * time.Millisecond
)

// newProgress returns nil when nobody would see it.
func (a *app) newProgress(verb string) *progress {
	if !isTerminal(a.stderr) {
		return nil
	}
	return &progress{w: a.stderr, verb: verb, now: time.Now, begun: time.Now()}
}

// add counts what was done.
func (p *progress) add(files, bytes int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files, p.bytes = p.files+files, p.bytes+bytes
	p.draw()
}

// bundle returns what counts the sealed files of one target; nil when nobody
// would see it.
func (p *progress) bundle() func(macho.Progress) {
	if p == nil {
		return nil
	}
	var last macho.Progress
	return func(now macho.Progress) {
		p.add(now.Files-last.Files, now.Bytes-last.Bytes)
		last = now
	}
}

func (p *progress) draw() {
	now := p.now()
	since := now.Sub(p.begun)
	if since < progressAfter || now.Sub(p.drawn) < progressEvery {
		return
	}
	p.drawn, p.visible = now, true
	rate := float64(p.bytes) / since.Seconds()
	fmt.Fprintf(p.w, "\r\x1b[K%s %s, %s, %s/s", p.verb, plural(int(p.files), "file"), byteCount(float64(p.bytes)), byteCount(rate))
}

// clear takes the line away before something else is printed.
func (p *progress) clear() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.visible {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.visible = false
	}
}

// end takes the line away for good.
func (p *progress) end() { p.clear() }

// byteCount prints a number of bytes for people, as in "1.5 GB".
func byteCount(n float64) string {
	units := []string{"B", "KB", "MB", "GB", "TB", "PB"}
	i := 0
	for n >= 1000 && i < len(units)-1 {
		n /= 1000
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%.0f B", n)
	}
	return fmt.Sprintf("%.1f %s", n, units[i])
}
