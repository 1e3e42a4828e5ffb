//go:build linux || darwin

package macho

import "golang.org/x/sys/unix"

func setAttribute(file, name string, b []byte) error { return unix.Setxattr(file, name, b, 0) }
