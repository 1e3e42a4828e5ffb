package code

import "fmt"

// Bundle says what the files of a bundle are to its signature. Paths are relative
// to the bundle that was asked about and separated by slashes; nested bundles
// count with it.
type Bundle struct {
	// Sealed counts the files whose content was hashed and compared with the seal,
	// and SealedBytes their bytes; Links counts the symbolic links.
	Sealed      int64 `json:"sealed"`
	SealedBytes int64 `json:"sealed_bytes"`
	Links       int64 `json:"links,omitempty"`
	// Unsealed lists the files that no signature covers: anybody who can write to
	// the bundle may change them, and it stays valid.
	Unsealed FileList `json:"unsealed,omitzero"`
	// CodeAsData lists programs and libraries that are sealed as mere data: their
	// own signatures, if any, were not verified.
	CodeAsData FileList `json:"code_as_data,omitzero"`
	// Nested lists the code inside, outer before inner; NestedTotal counts it, and
	// is larger than the list when the list was cut off.
	Nested      []NestedCode `json:"nested,omitempty"`
	NestedTotal int          `json:"nested_total,omitempty"`
}

// FileList is the beginning of a list of files.
type FileList struct {
	Total int      `json:"total"`
	First []string `json:"first,omitempty"` // in the order of their bytes; at most 100
}

// IsZero reports whether the list is empty, which JSON leaves out.
func (l FileList) IsZero() bool { return l.Total == 0 }

// NestedCode is a program, library or bundle inside a bundle, which the seal names
// by a requirement. What it says of itself is that of its best slice.
type NestedCode struct {
	Path   string `json:"path"`
	Format string `json:"format,omitempty"`
	// Status is the verdict on the nested code by itself, and on its requirement:
	// errSecCSBadNestedCode when it does not satisfy it.
	Status Status `json:"status"`
	// Identifier, ClaimedTeamID and CDHash are empty where the code has none.
	Identifier    string `json:"identifier,omitempty"`
	ClaimedTeamID string `json:"claimed_team_id,omitempty"`
	CDHash        string `json:"cdhash,omitempty"`
	// Requirement is the source text that the seal of the bundle around it has.
	Requirement string `json:"requirement,omitempty"`
	// SealedCDHash is what the seal recorded when the bundle was signed. A
	// difference is no violation: the code may have been updated since.
	SealedCDHash  string `json:"sealed_cdhash,omitempty"`
	CDHashDiffers bool   `json:"cdhash_differs,omitempty"`
}

// consistent refuses lists that no reader of this module could have written.
func (b *Bundle) consistent() error {
	for name, l := range map[string]FileList{"unsealed": b.Unsealed, "code_as_data": b.CodeAsData} {
		if l.Total < len(l.First) {
			return fmt.Errorf("bundle.%s names %d files of %d", name, len(l.First), l.Total)
		}
	}
	if b.NestedTotal < len(b.Nested) {
		return fmt.Errorf("bundle.nested names %d items of %d", len(b.Nested), b.NestedTotal)
	}
	return nil
}
