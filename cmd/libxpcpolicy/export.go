//go:build cgo

package main

/*
#cgo CFLAGS: -I${SRCDIR}/include
#include <stdlib.h>
#include <string.h>
#include "xpcpolicy.h"

// The names under which the exported functions below have the types of the header:
// the compiler refuses the library when they differ.
typedef const char *xpcpolicy_const_text;
typedef const uint8_t *xpcpolicy_const_bytes;
typedef const xpcpolicy_options *xpcpolicy_const_options;

// The room of the version's text lives as long as the process.
static inline char *xpcpolicy_version_room(void) {
	static char room[128];
	return room;
}
*/
import "C"

import (
	"fmt"
	"sync"
	"time"
	"unsafe"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/token"
)

func main() {}

//export xpcpolicy_open
func xpcpolicy_open(path C.xpcpolicy_const_text, options C.xpcpolicy_const_options, failure **C.char) C.xpcpolicy_guard {
	return open(settings{path: C.GoString(path)}, path != nil, options, failure)
}

//export xpcpolicy_open_recording
func xpcpolicy_open_recording(path C.xpcpolicy_const_text, options C.xpcpolicy_const_options, recording C.xpcpolicy_const_text, failure **C.char) C.xpcpolicy_guard {
	return open(settings{path: C.GoString(path), recording: C.GoString(recording), recorded: true}, path != nil && recording != nil, options, failure)
}

func open(s settings, complete bool, options C.xpcpolicy_const_options, failure **C.char) (guard C.xpcpolicy_guard) {
	tell(failure, nil)
	defer func() {
		if v := recover(); v != nil {
			guard = 0
			tell(failure, defect(v))
		}
	}()
	if !complete {
		tell(failure, fmt.Errorf("a path is a null pointer"))
		return 0
	}
	if options != nil {
		if size := uintptr(options.size); size < unsafe.Sizeof(C.xpcpolicy_options{}) {
			tell(failure, fmt.Errorf("the options have size %d, want %d: begin with XPCPOLICY_OPTIONS_INIT", size, unsafe.Sizeof(C.xpcpolicy_options{})))
			return 0
		}
		s.strength, s.profile = int32(options.strength), C.GoString(options.profile)
		s.timeout = time.Duration(options.timeout_ms) * time.Millisecond
		s.reload = time.Duration(options.reload_ms) * time.Millisecond
	}
	n, err := guards.open(s)
	if err != nil {
		tell(failure, err)
		return 0
	}
	return C.xpcpolicy_guard(n)
}

//export xpcpolicy_allow
func xpcpolicy_allow(guard C.xpcpolicy_guard, tok C.xpcpolicy_const_bytes, operation C.xpcpolicy_const_text, out *C.xpcpolicy_decision) (allowed C.int) {
	if out != nil {
		if uintptr(out.size) < unsafe.Sizeof(C.xpcpolicy_decision{}) {
			return 0
		}
		out.outcome = 0 // before anything that can go wrong
	}
	defer func() {
		if v := recover(); v != nil {
			allowed = 0
			write(out, refusal(code.StatusInternalError, diag.Printable(defect(v).Error())))
		}
	}()
	h := guards.get(uint64(guard))
	switch {
	case h == nil:
		write(out, refusal(code.StatusInternalError, errNoGuard.Error()))
		return 0
	case tok == nil:
		write(out, refusal(code.StatusInvalidAttributeValues, "the audit token is a null pointer"))
		return 0
	}
	d := h.decide(tokenOf(tok), text(operation))
	write(out, h.reply(d))
	if d.Allow() {
		return 1
	}
	return 0
}

//export xpcpolicy_explain
func xpcpolicy_explain(guard C.xpcpolicy_guard, tok C.xpcpolicy_const_bytes, operation C.xpcpolicy_const_text) (answer *C.char) {
	defer func() {
		if v := recover(); v != nil {
			answer = nil
		}
	}()
	h := guards.get(uint64(guard))
	if h == nil || tok == nil {
		return nil
	}
	b, err := h.explain(tokenOf(tok), text(operation))
	if err != nil {
		return nil
	}
	return C.CString(string(b))
}

//export xpcpolicy_reload
func xpcpolicy_reload(guard C.xpcpolicy_guard, failure **C.char) (ok C.int) {
	tell(failure, nil)
	defer func() {
		if v := recover(); v != nil {
			ok = 0
			tell(failure, defect(v))
		}
	}()
	err := errNoGuard
	if h := guards.get(uint64(guard)); h != nil {
		err = h.reload()
	}
	tell(failure, err)
	if err != nil {
		return 0
	}
	return 1
}

//export xpcpolicy_reload_error
func xpcpolicy_reload_error(guard C.xpcpolicy_guard) *C.char {
	h := guards.get(uint64(guard))
	if h == nil {
		return nil
	}
	if s := h.failed.Load(); s != nil {
		return C.CString(*s)
	}
	return nil
}

//export xpcpolicy_close
func xpcpolicy_close(guard C.xpcpolicy_guard) {
	defer func() { _ = recover() }()
	guards.close(uint64(guard))
}

//export xpcpolicy_free
func xpcpolicy_free(text *C.char) { C.free(unsafe.Pointer(text)) }

//export xpcpolicy_version
func xpcpolicy_version() C.xpcpolicy_const_text { return C.xpcpolicy_const_text(versionText()) }

// versionText is written once, before anybody reads it.
var versionText = sync.OnceValue(func() *C.char {
	room := C.xpcpolicy_version_room()
	fill(unsafe.Slice(room, 128), "", version())
	return room
})

func tokenOf(tok C.xpcpolicy_const_bytes) token.AuditToken {
	return *(*token.AuditToken)(unsafe.Pointer(tok)) // a copy: the caller's memory may change
}

// text copies text of C. No text is none, and costs nothing.
func text(s C.xpcpolicy_const_text) string {
	if s == nil || *s == 0 {
		return ""
	}
	return C.GoString(s)
}

func defect(v any) error { return fmt.Errorf("an internal error, please report it: %v", v) }

// tell gives a failure to C, which frees it.
func tell(failure **C.char, err error) {
	if failure == nil {
		return
	}
	*failure = nil
	if err != nil {
		*failure = C.CString(message(err))
	}
}

// write fills the caller's structure, the outcome last.
func write(out *C.xpcpolicy_decision, r reply) {
	if out == nil {
		return
	}
	out.status = C.int32_t(r.status)
	fill(out.reason[:], "", r.reason)
	fill(out.rule[:], "", r.rule)
	fill(out.message[:], r.prefix, r.message)
	out.outcome = C.int32_t(r.outcome)
}

// fill writes text that ends with NUL, cut to the room there is. Untrusted text is
// made printable.
func fill(room []C.char, prefix, text string) {
	dst := unsafe.Slice((*byte)(unsafe.Pointer(&room[0])), len(room))
	n := copy(dst, prefix)
	n += copy(dst[n:], cut(diag.Printable(text), len(dst)-1-n))
	dst[n] = 0
}
