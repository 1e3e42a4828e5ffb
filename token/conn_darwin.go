package token

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// The option of sys/un.h.
const (
	solLocal       = 0
	localPeerToken = 6
)

func peerToken(fd uintptr) (AuditToken, error) {
	s, err := loadSystem()
	if err != nil {
		return AuditToken{}, err
	}
	q := &struct {
		token AuditToken
		size  uint32
	}{size: Size}
	r, _, errno := purego.SyscallN(s.getsockopt, fd, solLocal, localPeerToken, uintptr(unsafe.Pointer(&q.token)), uintptr(unsafe.Pointer(&q.size)))
	runtime.KeepAlive(q)
	switch {
	case int32(r) != 0 && errno != 0:
		return AuditToken{}, Errno(errno)
	case int32(r) != 0:
		return AuditToken{}, fmt.Errorf("getsockopt(LOCAL_PEERTOKEN) answered %d", int32(r))
	case q.size != Size: // the same number means something else for other kinds of sockets
		return AuditToken{}, fmt.Errorf("getsockopt(LOCAL_PEERTOKEN) answered %d bytes, want %d: it is no Unix socket", q.size, Size)
	}
	return q.token, nil
}
