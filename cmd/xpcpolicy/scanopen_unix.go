//go:build linux || darwin

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// openDirectory opens a directory, and a link to one only to follow it.
func openDirectory(path string, follow bool) (dirReader, error) {
	flags := syscall.O_RDONLY | syscall.O_DIRECTORY | syscall.O_CLOEXEC
	if !follow {
		flags |= syscall.O_NOFOLLOW
	}
	fd, err := openRetrying(path, flags)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// readEnds reads the beginning of a file into head, and its last bytes into tail
// when the file is longer than head. It opens the file once, follows no link in
// its place and waits for no pipe. n is what head holds, m what tail holds, and
// size the length of the file.
func readEnds(path string, head, tail []byte) (n, m int, size int64, err error) {
	fd, err := openRetrying(path, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW|syscall.O_NOCTTY|syscall.O_CLOEXEC)
	if err != nil {
		return 0, 0, 0, err
	}
	defer syscall.Close(fd)
	if n, err = syscall.Pread(fd, head, 0); err != nil || n < len(head) {
		return max(0, n), 0, int64(max(0, n)), err
	}
	if size, err = syscall.Seek(fd, 0, 2); err != nil || size < int64(len(tail)) {
		return n, 0, size, err
	}
	m, err = syscall.Pread(fd, tail, size-int64(len(tail)))
	return n, max(0, m), size, err
}

func openRetrying(path string, flags int) (int, error) {
	for {
		fd, err := syscall.Open(path, flags, 0)
		if err != syscall.EINTR {
			return fd, err
		}
	}
}
