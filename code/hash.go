package code

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// HashType is the hash algorithm of a CodeDirectory (cs_blobs.h).
type HashType uint8

// The hash types. SHA-512 is defined by Apple and supported nowhere.
const (
	HashSHA1            HashType = 1
	HashSHA256          HashType = 2
	HashSHA256Truncated HashType = 3
	HashSHA384          HashType = 4
	HashSHA512          HashType = 5
)

var hashTypes = [...]struct {
	name string
	size int
	rank int
}{
	0:                   {"none", 0, 0},
	HashSHA1:            {"sha1", 20, 1},
	HashSHA256:          {"sha256", 32, 3},
	HashSHA256Truncated: {"sha256-truncated", 20, 2},
	HashSHA384:          {"sha384", 48, 4},
	HashSHA512:          {"sha512", 64, 0},
}

// String returns the name that codesign uses.
func (t HashType) String() string {
	if int(t) < len(hashTypes) {
		return hashTypes[t].name
	}
	return fmt.Sprintf("unknown(%d)", uint8(t))
}

// Size is the length of one hash slot in bytes; 0 for unknown types.
func (t HashType) Size() int {
	if int(t) < len(hashTypes) {
		return hashTypes[t].size
	}
	return 0
}

// Rank orders the types that can be verified, higher is better; 0 means that
// code signed with this type cannot be verified at all.
func (t HashType) Rank() int {
	if int(t) < len(hashTypes) {
		return hashTypes[t].rank
	}
	return 0
}

// MarshalJSON writes the name.
func (t HashType) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

// UnmarshalJSON reads a name.
func (t *HashType) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	for i, h := range hashTypes {
		if h.name == s {
			*t = HashType(i)
			return nil
		}
	}
	return fmt.Errorf("unknown hash type %q", s)
}

// Hex is a byte string that is written in hexadecimal for people and in JSON.
type Hex []byte

// String returns lower-case hexadecimal.
func (h Hex) String() string { return hex.EncodeToString(h) }

// MarshalText returns lower-case hexadecimal.
func (h Hex) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads hexadecimal.
func (h *Hex) UnmarshalText(b []byte) error {
	v, err := hex.DecodeString(string(b))
	if err == nil {
		*h = v
	}
	return err
}

// CDHash is the hash of one CodeDirectory, which names exactly one build of one
// slice. Two are the same only if type and bytes are.
type CDHash struct {
	Type HashType `json:"type"`
	Hash [20]byte `json:"-"`    // the first 20 bytes, which the kernel and requirements use
	Full Hex      `json:"full"` // the whole hash
}

// String returns the 20 bytes in hexadecimal.
func (h CDHash) String() string { return hex.EncodeToString(h.Hash[:]) }

type cdHashJSON struct {
	Type HashType `json:"type"`
	Hash Hex      `json:"hash"`
	Full Hex      `json:"full,omitempty"`
}

// MarshalJSON writes type, hash and full in hexadecimal.
func (h CDHash) MarshalJSON() ([]byte, error) {
	return json.Marshal(cdHashJSON{h.Type, h.Hash[:], h.Full})
}

// UnmarshalJSON reads what MarshalJSON writes; full may be missing.
func (h *CDHash) UnmarshalJSON(b []byte) error {
	var v cdHashJSON
	if err := strictUnmarshal(b, &v); err != nil {
		return err
	}
	if len(v.Hash) != 20 {
		return fmt.Errorf("a cdhash has 20 bytes, found %d", len(v.Hash))
	}
	if len(v.Full) != 0 && string(v.Full[:min(20, len(v.Full))]) != string(v.Hash) {
		return fmt.Errorf("the full cdhash does not begin with the 20 bytes of the cdhash")
	}
	h.Type, h.Full = v.Type, v.Full
	copy(h.Hash[:], v.Hash)
	return nil
}
