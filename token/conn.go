package token

import (
	"errors"
	"fmt"
	"syscall"
)

// FromConn asks the kernel who holds the other end of a Unix socket now. The token is
// weak: it is that of the process which used the socket last, looked up by its process
// identifier when it is asked. A descriptor can be handed on, a program can replace
// itself, and identifiers are used again. Ask before a request is read and after it,
// and demand that both tokens and both statuses are equal.
//
// It is LOCAL_PEERTOKEN of macOS. Everywhere else, and for other sockets, it is an error:
// ENOTSUP and that of the system.
func FromConn(c syscall.Conn) (AuditToken, error) {
	var t AuditToken
	var asked error
	err := control(c, func(fd uintptr) { t, asked = peerToken(fd) })
	if err = errors.Join(err, asked); err != nil {
		return AuditToken{}, fmt.Errorf("the socket's peer: %w", err)
	}
	return Parse(t[:])
}

func control(c syscall.Conn, f func(fd uintptr)) error {
	if c == nil {
		return errors.New("there is no socket")
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(f)
}
