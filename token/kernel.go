package token

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Op is an operation of csops_audittoken, by the kernel's number.
type Op uint32

// The operations that are asked here. All of them only read.
const (
	OpStatus             Op = 0
	OpCDHash             Op = 5
	OpSliceOffset        Op = 6
	OpSuperBlob          Op = 10
	OpIdentity           Op = 11
	OpTeamID             Op = 14
	OpEntitlementsDER    Op = 16
	OpValidationCategory Op = 17
)

var opNames = map[Op]string{
	OpStatus: "status", OpCDHash: "cdhash", OpSliceOffset: "slice-offset", OpSuperBlob: "superblob",
	OpIdentity: "identity", OpTeamID: "team-id", OpEntitlementsDER: "entitlements-der",
	OpValidationCategory: "validation-category",
}

// String returns the operation's name, as recordings spell it.
func (o Op) String() string {
	if s, ok := opNames[o]; ok {
		return s
	}
	return fmt.Sprintf("op %d", uint32(o))
}

// Kernel answers questions about running programs. Every question names the
// program by its audit token, so that the kernel itself refuses once the process
// is gone or runs another program. Errors are of type [Errno] where the kernel
// answered with one. Implementations are safe for concurrent use.
//
// [System] is the one of this Mac, and [Recording] answers again what another gave.
type Kernel interface {
	// Status returns the code-signing flags of the process, as they are now.
	Status(t AuditToken) (code.KernelFlags, error)
	// CSOps asks one operation and lets the kernel fill buf. It may fill less, or
	// nothing, and say so in no way: hand it zeros.
	CSOps(t AuditToken, op Op, buf []byte) error
	// Path returns where the file of the running program is now. The file may be
	// another one by now: only its cdhash proves that it is not.
	Path(t AuditToken) (string, error)
	// Open opens the file at a path that Path returned, and follows no link to it.
	Open(path string) (Image, error)
}

// Image is the file of a running program, opened once and read through one handle.
type Image interface {
	io.ReaderAt
	// Stat says which file it is and when it last changed.
	Stat() (FileID, error)
	// InfoPlist returns the Info.plist of the bundle whose main executable the
	// file may be, read beside it through a handle of its directory; nil when there
	// is none. Nothing vouches for it but slot 1 of the CodeDirectory.
	InfoPlist() ([]byte, error)
	// Close releases the handles.
	Close() error
}

// FileID tells files apart, and states of one file. Two equal values mean that
// nobody wrote to the file in between, as far as the file system tells.
type FileID struct {
	Device   uint64    `json:"device"`
	Inode    uint64    `json:"inode"`
	Size     int64     `json:"size"`     // bytes
	Modified time.Time `json:"modified"` // last change of the content
	Changed  time.Time `json:"changed"`  // last change of anything, also of the name
}

// same reports whether two states are equal, times by the instant.
func (f FileID) same(g FileID) bool {
	return f.Device == g.Device && f.Inode == g.Inode && f.Size == g.Size &&
		f.Modified.Equal(g.Modified) && f.Changed.Equal(g.Changed)
}

const (
	blobHeader = 8 // magic or zeros, then the length of the whole in big-endian order
	maxAnswer  = 1 << 20
)

// cdHash asks for the hash of the CodeDirectory that the kernel enforces.
func cdHash(k Kernel, t AuditToken) (h [20]byte, err error) {
	err = k.CSOps(t, OpCDHash, h[:])
	return h, err
}

// sliceOffset asks where in its file the running slice begins.
func sliceOffset(k Kernel, t AuditToken) (int64, error) {
	var b [8]byte
	if err := k.CSOps(t, OpSliceOffset, b[:]); err != nil {
		return 0, err
	}
	off := int64(binary.LittleEndian.Uint64(b[:]))
	if off < 0 {
		return 0, fmt.Errorf("the kernel says that the slice begins at %d", off)
	}
	return off, nil
}

// validationCategory asks how the kernel came to trust the signature.
func validationCategory(k Kernel, t AuditToken) (uint32, error) {
	var b [4]byte
	if err := k.CSOps(t, OpValidationCategory, b[:]); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b[:]), nil
}

// text asks for a string that stands behind a header, and whether there is one.
func text(k Kernel, t AuditToken, op Op) (string, bool, error) {
	b, err := blob(k, t, op)
	if errors.Is(err, ENOENT) || err == nil && b == nil {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	s := b[blobHeader:]
	if len(s) == 0 || s[len(s)-1] != 0 {
		return "", false, fmt.Errorf("the kernel's %s does not end with NUL", op)
	}
	s = s[:len(s)-1]
	for _, c := range s {
		if c == 0 {
			return "", false, fmt.Errorf("the kernel's %s has a NUL inside", op)
		}
	}
	return string(s), len(s) > 0, nil
}

// blob asks for an answer of unknown length: its header says how long it is. A
// kernel that has nothing to say may leave the buffer as it was, which is nil here.
func blob(k Kernel, t AuditToken, op Op) ([]byte, error) {
	buf := make([]byte, 1024)
	for range 3 { // the signature of an image does not grow: once would do
		err := k.CSOps(t, op, buf)
		n := binary.BigEndian.Uint32(buf[4:])
		switch {
		case err == nil && n == 0:
			for _, c := range buf {
				if c != 0 {
					return nil, fmt.Errorf("the kernel's %s says that it is 0 bytes long", op)
				}
			}
			return nil, nil
		case err != nil && !errors.Is(err, ERANGE):
			return nil, err
		case n < blobHeader || n > maxAnswer:
			return nil, fmt.Errorf("the kernel's %s says that it is %d bytes long, want %d to %d", op, n, blobHeader, maxAnswer)
		case err == nil && int(n) <= len(buf):
			return buf[:n], nil
		case err == nil:
			return nil, fmt.Errorf("the kernel's %s says that it is %d bytes long in a buffer of %d", op, n, len(buf))
		case int(n) <= len(buf):
			return nil, fmt.Errorf("the kernel's %s needs %d bytes and refused %d", op, n, len(buf))
		}
		buf = make([]byte, n)
	}
	return nil, fmt.Errorf("the kernel's %s grows while it is asked", op)
}
