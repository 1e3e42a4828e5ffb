package token

import (
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Errno is an error number of the macOS kernel. Its values are those of macOS on
// every system, because recordings are read everywhere.
type Errno uint32

// The numbers that csops and proc_pidpath answer with.
const (
	EPERM    Errno = 1  // a sandbox or the system's policy forbids the question
	ENOENT   Errno = 2  // the signature has no such part
	ESRCH    Errno = 3  // no process has this identifier and version any more
	EINVAL   Errno = 22 // wrong size, unknown operation, or the code is not valid now
	ERANGE   Errno = 34 // the buffer is too small
	ENOTSUP  Errno = 45 // nobody to ask: this system is not macOS
	EBADEXEC Errno = 85 // the kernel has no signature for the program
)

var errnoTexts = map[Errno]string{
	EPERM:    "EPERM: the system forbids the question",
	ENOENT:   "ENOENT: there is no such part",
	ESRCH:    "ESRCH: no process has this identifier and version any more",
	EINVAL:   "EINVAL: the kernel does not answer this of code that is not valid",
	ERANGE:   "ERANGE: the answer is longer than the buffer",
	ENOTSUP:  "ENOTSUP: only macOS can be asked about its processes",
	EBADEXEC: "EBADEXEC: the kernel has no signature for the program",
}

// Error returns the name and what it means here.
func (e Errno) Error() string {
	if s, ok := errnoTexts[e]; ok {
		return s
	}
	return fmt.Sprintf("errno %d", uint32(e))
}

// status is the code-signing status that an error number stands for.
func (e Errno) status() code.Status {
	switch e {
	case ESRCH:
		return code.StatusNoSuchCode
	case EBADEXEC:
		return code.StatusUnsigned
	case EPERM, ENOTSUP:
		return code.StatusSignatureNotVerifiable
	}
	return code.StatusGuestInvalid
}
