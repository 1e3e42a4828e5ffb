package macho

import "golang.org/x/sys/unix"

// noAttribute is the error for an attribute that is not there.
const noAttribute = unix.ENOATTR
