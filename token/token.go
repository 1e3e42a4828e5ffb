package token

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// Size is the length of an audit token in bytes.
const Size = 32

// AuditToken is the kernel's audit_token_t of one program image in one process.
// The zero value names the kernel, and [Parse] refuses it.
type AuditToken [Size]byte

// unset is the value of a word that nobody set (AU_DEFAUDITID).
const unset = 0xffffffff

// Parse checks the bytes of a token. Tokens of another length, the invalid token
// (all ones) and those of process 0 are refused with
// errSecCSInvalidAttributeValues.
func Parse(b []byte) (AuditToken, error) {
	var t AuditToken
	if len(b) != Size {
		return t, refused(fmt.Errorf("an audit token has %d bytes, found %d", Size, len(b)))
	}
	copy(t[:], b)
	ones := true
	for _, w := range t.Words() {
		ones = ones && w == unset
	}
	switch {
	case ones:
		return AuditToken{}, refused(errors.New("all its words are ones: it is the invalid token"))
	case t.PID() == 0 || t.PID() == unset:
		return AuditToken{}, refused(fmt.Errorf("process identifier %d is no process that connects", int32(t.PID())))
	}
	return t, nil
}

// ParseHex reads a token from 64 hexadecimal digits; spaces and line breaks
// between them do not count.
func ParseHex(s string) (AuditToken, error) {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		return AuditToken{}, refused(fmt.Errorf("want %d hexadecimal digits: %w", 2*Size, err))
	}
	return Parse(b)
}

func refused(err error) error {
	return &code.Error{Status: code.StatusInvalidAttributeValues, Part: "audit token", Off: -1, Err: err}
}

// Words returns the eight words. Every Mac that runs today is little-endian, and
// so are recorded tokens on other systems.
func (t AuditToken) Words() [8]uint32 {
	var w [8]uint32
	for i := range w {
		w[i] = binary.LittleEndian.Uint32(t[4*i:])
	}
	return w
}

// AuditUserID returns word 0, the user who logged in, and false when it is not set.
func (t AuditToken) AuditUserID() (uint32, bool) {
	w := t.Words()[0]
	return w, w != unset
}

// EffectiveUserID returns word 1, a snapshot of when the token was stamped.
func (t AuditToken) EffectiveUserID() uint32 { return t.Words()[1] }

// EffectiveGroupID returns word 2.
func (t AuditToken) EffectiveGroupID() uint32 { return t.Words()[2] }

// RealUserID returns word 3.
func (t AuditToken) RealUserID() uint32 { return t.Words()[3] }

// RealGroupID returns word 4.
func (t AuditToken) RealGroupID() uint32 { return t.Words()[4] }

// PID returns word 5. Alone it is no identity.
func (t AuditToken) PID() uint32 { return t.Words()[5] }

// AuditSessionID returns word 6.
func (t AuditToken) AuditSessionID() uint32 { return t.Words()[6] }

// PIDVersion returns word 7, which every fork and every exec changes: with the
// process identifier it names one program image.
func (t AuditToken) PIDVersion() uint32 { return t.Words()[7] }

// String returns the token in hexadecimal.
func (t AuditToken) String() string { return hex.EncodeToString(t[:]) }
