package token

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// The question for proc_bsdinfo of sys/proc_info.h.
const (
	pidTBSDInfo = 3
	bsdInfoSize = 136
	bsdInfoPPID = 16 // the offset of pbi_ppid
)

// Advise implements [Adviser].
func (s *system) Advise(t AuditToken) Advice {
	return Advice{ParentPID: s.parent(t.PID()), ResponsiblePID: s.responsiblePID(t.PID()), Machine: machine()}
}

func (s *system) parent(pid uint32) code.Fact[uint32] {
	if s.pidInfo == 0 {
		return code.Unknown[uint32](errors.New("this system has no proc_pidinfo"))
	}
	buf := make([]byte, bsdInfoSize)
	n, _, errno := purego.SyscallN(s.pidInfo, uintptr(pid), pidTBSDInfo, 0, uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)))
	runtime.KeepAlive(buf)
	if int32(n) != bsdInfoSize {
		return code.Unknown[uint32](fmt.Errorf("proc_pidinfo answered %d bytes of %d: %w", int32(n), bsdInfoSize, Errno(errno)))
	}
	return code.Known(binary.LittleEndian.Uint32(buf[bsdInfoPPID:]))
}

func (s *system) responsiblePID(pid uint32) code.Fact[uint32] {
	if s.responsible == 0 {
		return code.Unknown[uint32](errors.New("this system does not say who is responsible for a process"))
	}
	r, _, errno := purego.SyscallN(s.responsible, uintptr(pid))
	if int32(r) < 0 {
		return code.Unknown[uint32](Errno(errno))
	}
	return code.Known(uint32(r))
}

// machine is the processor of this Mac. A program that Rosetta runs gets the same answer.
func machine() code.Fact[string] {
	switch arm, err := unix.SysctlUint32("hw.optional.arm64"); {
	case errors.Is(err, unix.ENOENT), err == nil && arm == 0:
		return code.Known("x86_64")
	case err != nil:
		return code.Unknown[string](err)
	}
	return code.Known("arm64")
}
