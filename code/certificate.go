package code

import (
	"encoding/json"
	"fmt"
	"time"
)

// TrustSetting is what the user's or administrator's trust settings say about a
// certificate. Only a Mac knows them, so the zero value is unknown.
type TrustSetting string

// The trust settings. TrustUnspecified means: looked, nothing set.
const (
	TrustUnknown     TrustSetting = ""
	TrustUnspecified TrustSetting = "unspecified"
	TrustRoot        TrustSetting = "trust-root"
	TrustAsRoot      TrustSetting = "trust-as-root"
	TrustDeny        TrustSetting = "deny"
)

// Certificate is one certificate as plain facts: evaluation needs no
// cryptography, and facts can be written by hand.
type Certificate struct {
	DER        Hex         `json:"der,omitempty"`
	SHA1       [20]byte    `json:"-"` // of DER; requirements use it
	SHA256     [32]byte    `json:"-"` // of DER; trust uses it
	Subject    []Attribute `json:"subject"`
	Issuer     []Attribute `json:"issuer,omitempty"`
	Serial     string      `json:"serial,omitempty"` // lower-case hexadecimal
	NotBefore  time.Time   `json:"not_before,omitzero"`
	NotAfter   time.Time   `json:"not_after,omitzero"`
	Extensions []OID       `json:"extensions"`
	Policies   []OID       `json:"policies,omitempty"`
	// Dates are the extensions whose value is a text that holds a date.
	Dates []DateExtension `json:"dates,omitempty"`
	// SelfSigned is true when the certificate signed itself.
	SelfSigned bool `json:"self_signed,omitempty"`
	// AppleRoot is true when the SHA-256 is one of [AppleRoots]. Facts written
	// by hand may set it.
	AppleRoot bool `json:"apple_root,omitempty"`
	// TrustSetting is unknown unless a Mac supplied it.
	TrustSetting TrustSetting `json:"trust_setting,omitempty"`
}

// Revocation is the answer of certificate revocation lists about a chain: known
// only when lists of every issuer answered, or one named a certificate.
type Revocation struct {
	// Revoked is set when a list names a certificate of the chain. The fields below
	// are about that certificate.
	Revoked bool `json:"revoked"`
	// Index is its place in the chain, 0 for the leaf.
	Index  int    `json:"index,omitempty"`
	Serial string `json:"serial,omitempty"` // lower-case hexadecimal
	// At is when it was revoked, as the list says. A secure timestamp from before
	// that time changes nothing: Apple's validation refuses such code too.
	At time.Time `json:"at,omitzero"`
	// AsOf is when the oldest of the lists that answered was made.
	AsOf time.Time `json:"as_of,omitzero"`
}

// Attribute is one attribute of a distinguished name.
type Attribute struct {
	Type  OID    `json:"type"`
	Value string `json:"value"`
}

// DateExtension is a date-valued extension: its time in seconds since
// 2001-01-01T00:00:00Z.
type DateExtension struct {
	OID     OID     `json:"oid"`
	Seconds float64 `json:"seconds"`
}

// First returns the first subject attribute of a type.
func (c *Certificate) First(t OID) (string, bool) {
	for i := range c.Subject {
		if c.Subject[i].Type == t {
			return c.Subject[i].Value, true
		}
	}
	return "", false
}

// Last returns the last subject attribute of a type, which is the one that
// requirements see.
func (c *Certificate) Last(t OID) (string, bool) {
	for i := len(c.Subject) - 1; i >= 0; i-- {
		if c.Subject[i].Type == t {
			return c.Subject[i].Value, true
		}
	}
	return "", false
}

// CommonName returns the last common name, or "".
func (c *Certificate) CommonName() string {
	cn, _ := c.Last(OIDCommonName)
	return cn
}

// HasExtension reports whether the certificate carries an extension.
func (c *Certificate) HasExtension(o OID) bool { return containsOID(c.Extensions, o) }

// HasPolicy reports whether a policy stands in the certificatePolicies extension.
func (c *Certificate) HasPolicy(o OID) bool { return containsOID(c.Policies, o) }

// Date returns the seconds since 2001 of a date-valued extension.
func (c *Certificate) Date(o OID) (float64, bool) {
	for i := range c.Dates {
		if c.Dates[i].OID == o {
			return c.Dates[i].Seconds, true
		}
	}
	return 0, false
}

func containsOID(list []OID, o OID) bool {
	for i := range list {
		if list[i] == o {
			return true
		}
	}
	return false
}

type certificateFields Certificate

type certificateJSON struct {
	certificateFields
	SHA1   Hex `json:"sha1,omitempty"`
	SHA256 Hex `json:"sha256,omitempty"`
}

// MarshalJSON writes the certificate with its hashes in hexadecimal; hashes that
// are all zero (nobody computed them) are left out.
func (c Certificate) MarshalJSON() ([]byte, error) {
	v := certificateJSON{certificateFields: certificateFields(c)}
	if c.SHA1 != ([20]byte{}) {
		v.SHA1 = c.SHA1[:]
	}
	if c.SHA256 != ([32]byte{}) {
		v.SHA256 = c.SHA256[:]
	}
	return json.Marshal(v)
}

// UnmarshalJSON reads what MarshalJSON writes. It does not compare the hashes
// with the DER: facts are replayed, not verified.
func (c *Certificate) UnmarshalJSON(b []byte) error {
	var v certificateJSON
	if err := strictUnmarshal(b, &v); err != nil {
		return err
	}
	*c = Certificate(v.certificateFields)
	for _, h := range []struct {
		name string
		src  Hex
		dst  []byte
	}{{"sha1", v.SHA1, c.SHA1[:]}, {"sha256", v.SHA256, c.SHA256[:]}} {
		if len(h.src) != 0 && len(h.src) != len(h.dst) {
			return fmt.Errorf("certificate %s has %d bytes, want %d", h.name, len(h.src), len(h.dst))
		}
		copy(h.dst, h.src)
	}
	return nil
}
