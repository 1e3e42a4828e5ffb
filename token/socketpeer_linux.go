package token

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

func socketPeer(fd int) (*SocketPeer, error) {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return nil, err
	}
	if domain != unix.AF_UNIX {
		return nil, errors.New("it is no Unix socket: the kernel knows nothing about its peer")
	}
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return nil, fmt.Errorf("SO_PEERCRED: %w", err)
	}
	if cred.Pid <= 0 {
		return nil, errors.New("SO_PEERCRED: the peer is a process of another namespace")
	}
	handle, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	if err != nil {
		return nil, fmt.Errorf("SO_PEERPIDFD (Linux 6.5): %w", err)
	}
	unix.CloseOnExec(handle)
	alive := func() error {
		fds := []unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}
		for {
			n, err := unix.Poll(fds, 0)
			switch {
			case errors.Is(err, unix.EINTR):
				continue
			case err != nil:
				return err
			case n != 0: // readable once the process has ended
				return ESRCH
			}
			return nil
		}
	}
	return newSocketPeer(uint32(cred.Pid), cred.Uid, cred.Gid, alive, func() error { return unix.Close(handle) }), nil
}
