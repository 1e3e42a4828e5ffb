package token

import (
	"syscall"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// SocketPeer is the other end of a Unix socket on Linux, for development: the kernel
// names its user and holds on to its process, and nobody knows its program.
type SocketPeer struct {
	subject code.Subject
	process code.Process
	alive   func() error
	close   func() error
}

// NewSocketPeer asks the kernel for the user who connected (SO_PEERCRED) and for a
// handle of the process that did (SO_PEERPIDFD, Linux 6.5). Elsewhere it is an error.
func NewSocketPeer(c syscall.Conn) (*SocketPeer, error) {
	var p *SocketPeer
	var asked error
	if err := control(c, func(fd uintptr) { p, asked = socketPeer(int(fd)) }); err != nil {
		return nil, err
	}
	return p, asked
}

// Subject returns what is known about the peer. The words of the token that Linux has no
// counterpart for are all ones, and the version is 0. It has no status and no code.
func (p *SocketPeer) Subject() *code.Subject { return &p.subject }

// Alive returns why the process that connected is not there any more.
func (p *SocketPeer) Alive() error { return p.alive() }

// Close releases the handle of the process.
func (p *SocketPeer) Close() error { return p.close() }

// newSocketPeer fills the facts of a peer.
func newSocketPeer(pid, uid, gid uint32, alive, closing func() error) *SocketPeer {
	p := &SocketPeer{alive: alive, close: closing}
	p.process = code.Process{Token: [8]uint32{unset, uid, gid, unset, unset, pid, unset, 0}, Strength: code.StrengthWeak}
	p.subject = code.Subject{Origin: code.OriginSocket, Process: &p.process}
	return p
}
