package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/macho"
)

// pieceKind is what the walk knows about a path.
type pieceKind int

const (
	pieceFile   pieceKind = iota // a regular file
	pieceBundle                  // a directory that may be a bundle
	pieceFailed                  // what could not be read
)

// piece is one path on its way through a scan, and then what it turned out to be.
type piece struct {
	path   string
	what   pieceKind
	dir    bool
	err    error  // of pieceFailed
	around *piece // the innermost directory around it that may be a bundle

	// probed is closed when the next two are settled; nil unless this is a pieceBundle.
	probed chan struct{}
	code   bool   // it is a bundle that holds code
	exe    string // its main executable; "" when there is none

	found *record // nil: it is no code
	old   []byte  // the line of a journal that stands for found
	bytes int64   // how much of it was read
}

// examiner finds out what pieces are. Its methods run in several goroutines.
type examiner struct {
	ctx     context.Context
	options xpcpolicy.Options
	v       verifier // for the limits of its flags
	journal *journal // nil without --resume
}

// examine settles what a piece is. A defect of ours is a line about this piece.
func (x *examiner) examine(p *piece) *piece {
	defer func() {
		if v := recover(); v != nil {
			x.failed(p, code.StatusInternalError, fmt.Errorf("an internal error, please report it: %v", v))
		}
		if p.probed != nil {
			select {
			case <-p.probed:
			default:
				close(p.probed)
			}
		}
	}()
	switch p.what {
	case pieceFailed:
		x.failed(p, statusOfOpen(p.err), p.err)
	case pieceBundle:
		x.bundle(p)
	case pieceFile:
		x.file(p)
	}
	return p
}

// bundle looks whether a directory is a bundle with code, lets everybody know who
// waits for that, and verifies it.
func (x *examiner) bundle(p *piece) {
	exe, err := macho.MainExecutable(p.path)
	if err == nil {
		exe = join(p.path, filepath.FromSlash(exe))
		is, err := sniff(exe)
		switch {
		case err == nil && is != looksOther:
			p.exe, p.code = exe, true
		case !errors.Is(err, fs.ErrNotExist): // a static library, or what cannot be read
			p.exe, p.code = exe, err != nil
		}
	}
	if !p.code {
		p.code = signedWithoutExecutable(p.path)
	}
	if outer := p.outer(); p.code && outer != nil && p.exe != "" && outer.exe == p.exe {
		p.code = false // the current version of the framework around it
	}
	close(p.probed)
	if p.code {
		x.verify(p, bundleKind(p.path))
	}
}

// signedWithoutExecutable reports whether a directory has a seal, so that a bundle
// whose executable is gone does not go unnoticed.
func signedWithoutExecutable(dir string) bool {
	for _, support := range []string{"Contents", "Versions/Current", "."} {
		if st, err := os.Lstat(join(dir, filepath.FromSlash(support+"/_CodeSignature"))); err == nil && st.IsDir() {
			return true
		}
	}
	return false
}

// outer returns the innermost bundle with code around a piece, or nil. It waits
// for bundles that are looked at this moment. They come before the piece in the
// order of the walk, so that another worker has them in hand, or had.
func (p *piece) outer() *piece {
	for b := p.around; b != nil; b = b.around {
		<-b.probed
		if b.code {
			return b
		}
	}
	return nil
}

func (x *examiner) file(p *piece) {
	is, err := sniff(p.path)
	switch {
	case err != nil:
		x.failed(p, statusOfOpen(err), err)
	case is == looksMachO:
		if outer := p.outer(); outer == nil || outer.exe != p.path { // else it is what the bundle runs
			x.verify(p, "mach-o")
		}
	case is == looksImage:
		x.verify(p, "disk-image")
	case is == looksScript:
		x.verify(p, "script")
	}
}

// bundleKinds names bundles by the extension of their directory.
var bundleKinds = map[string]string{
	".app": "app", ".framework": "framework", ".xpc": "xpc-service", ".appex": "app-extension",
	".systemextension": "system-extension", ".dext": "driver-extension", ".kext": "kernel-extension",
}

func bundleKind(path string) string {
	if kind := bundleKinds[strings.ToLower(filepath.Ext(path))]; kind != "" {
		return kind
	}
	return "bundle"
}

// verify verifies a piece and says what it is.
func (x *examiner) verify(p *piece, kind string) {
	var stamp string
	if x.journal != nil {
		stamp = p.stamp()
		if p.old = x.journal.find(p.path, stamp); p.old != nil {
			return
		}
	}
	s, err := xpcpolicy.Verify(x.ctx, p.path, x.options)
	if err == nil && notCode(s, kind) {
		return
	}
	r := x.v.judge(p.path, s, err)
	p.bytes = sizeOf(s)
	p.found = newRecord(p, kind, r)
	p.found.stamp = stamp
}

// notCode reports unsigned files that cannot run: scripts, which are no code to a
// signature, and what compilers leave behind.
func notCode(s *code.Subject, kind string) bool {
	if s.Validity.Status != code.StatusUnsigned {
		return false
	}
	return kind == "script" || s.FileType == "object" || s.FileType == "dsym"
}

func (x *examiner) failed(p *piece, status code.Status, err error) {
	kind := "file"
	if p.dir {
		kind = "directory"
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	p.found = &record{Path: p.path, Kind: kind, Verdict: "unknown", Status: status, StatusName: status.Name(), Reason: err.Error()}
}

func statusOfOpen(err error) code.Status {
	if errors.Is(err, fs.ErrNotExist) {
		return code.StatusStaticCodeNotFound
	}
	return code.StatusSignatureNotVerifiable
}

// stamp changes when a file is written, or when the parts of a bundle are that its
// signature begins with. A file deep inside a bundle does not change it.
func (p *piece) stamp() string {
	paths := []string{p.path}
	if p.dir {
		paths = append(paths, p.exe)
		for _, part := range []string{"Contents/Info.plist", "Info.plist", "Contents/_CodeSignature/CodeResources", "_CodeSignature/CodeResources"} {
			paths = append(paths, join(p.path, filepath.FromSlash(part)))
		}
	}
	var b strings.Builder
	for _, path := range paths {
		if st, err := os.Lstat(path); err == nil {
			fmt.Fprintf(&b, "%x.%x ", st.Size(), st.ModTime().UnixNano())
		} else {
			b.WriteString("- ")
		}
	}
	return strings.TrimSpace(b.String())
}
