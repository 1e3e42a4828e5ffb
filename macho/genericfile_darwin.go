package macho

import (
	"io/fs"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// noAttribute is the error for an attribute that is not there.
const noAttribute = unix.ENOATTR

// changeTime is when a file or what is known of it last changed; zero for files in
// memory.
func changeTime(st fs.FileInfo) time.Time {
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		return time.Unix(sys.Ctimespec.Unix())
	}
	return time.Time{}
}
