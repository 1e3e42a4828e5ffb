package token

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// System returns the kernel of this Mac. It calls csops_audittoken and
// proc_pidpath_audittoken of libSystem, without cgo; an error says that this
// system has no such functions (macOS 11 is the first that has both).
func System() (Kernel, error) {
	s, err := loadSystem()
	if err != nil {
		return nil, err
	}
	return s, nil
}

type system struct {
	csops, pidPath, getsockopt uintptr
	pidInfo, responsible       uintptr // 0 where the system has none: they advise only
}

const libSystem = "/usr/lib/libSystem.B.dylib"

var loadSystem = sync.OnceValues(func() (*system, error) {
	lib, err := purego.Dlopen(libSystem, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", libSystem, err)
	}
	s := &system{}
	if s.csops, err = purego.Dlsym(lib, "csops_audittoken"); err != nil {
		return nil, err
	}
	if s.pidPath, err = purego.Dlsym(lib, "proc_pidpath_audittoken"); err != nil {
		return nil, err
	}
	if s.getsockopt, err = purego.Dlsym(lib, "getsockopt"); err != nil {
		return nil, err
	}
	s.pidInfo, _ = purego.Dlsym(lib, "proc_pidinfo")
	s.responsible, _ = purego.Dlsym(lib, "responsibility_get_pid_responsible_for_pid")
	return s, nil
})

// question is what one call needs in memory that does not move. Questions are
// used again, so that a status costs no allocation.
type question struct {
	token  AuditToken
	status [4]byte
}

var questions = sync.Pool{New: func() any { return new(question) }}

// Status implements [Kernel].
func (s *system) Status(t AuditToken) (code.KernelFlags, error) {
	q := questions.Get().(*question)
	defer questions.Put(q)
	q.token, q.status = t, [4]byte{}
	if err := s.ask(q, OpStatus, unsafe.Pointer(&q.status), len(q.status)); err != nil {
		return 0, err
	}
	return code.KernelFlags(binary.LittleEndian.Uint32(q.status[:])), nil
}

// CSOps implements [Kernel].
func (s *system) CSOps(t AuditToken, op Op, buf []byte) error {
	q := questions.Get().(*question)
	defer questions.Put(q)
	q.token = t
	return s.ask(q, op, unsafe.Pointer(unsafe.SliceData(buf)), len(buf))
}

func (s *system) ask(q *question, op Op, buf unsafe.Pointer, size int) error {
	pid := uintptr(q.token.PID())
	r, _, errno := purego.SyscallN(s.csops, pid, uintptr(op), uintptr(buf), uintptr(size), uintptr(unsafe.Pointer(&q.token)))
	runtime.KeepAlive(q)
	if int32(r) == 0 {
		return nil
	}
	if errno == 0 { // a failure without a number is still a failure
		return fmt.Errorf("csops_audittoken(%s) answered %d", op, int32(r))
	}
	return Errno(errno)
}

// maxPath is PROC_PIDPATHINFO_MAXSIZE.
const maxPath = 4096

// Path implements [Kernel].
func (s *system) Path(t AuditToken) (string, error) {
	q := &question{token: t}
	buf := make([]byte, maxPath)
	n, _, errno := purego.SyscallN(s.pidPath, uintptr(unsafe.Pointer(&q.token)), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)))
	runtime.KeepAlive(q)
	runtime.KeepAlive(buf)
	switch length := int32(n); {
	case length > 0 && int(length) < len(buf):
		return string(buf[:length]), nil
	case errno != 0:
		return "", Errno(errno)
	default:
		return "", fmt.Errorf("proc_pidpath_audittoken answered %d", length)
	}
}

// Open implements [Kernel].
func (s *system) Open(path string) (Image, error) { return OpenImage(path) }
