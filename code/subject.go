package code

import (
	"time"

	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// Schema is the version of the JSON form of [Subject].
const Schema = 1

// Value is a property-list value: what Info.plist and entitlements are made of.
type Value = plist.Value

// Entry is one key and value of a property-list dictionary.
type Entry = plist.Entry

// Origin says where the facts of a [Subject] come from.
type Origin string

// The origins. The zero value is none of them and never allows.
const (
	OriginDisk   Origin = "disk"   // package macho read and verified files
	OriginKernel Origin = "kernel" // a running process, identified by the kernel
	OriginReplay Origin = "replay" // a facts file: nothing was verified here
	// OriginSocket is the peer of a socket on Linux, of which only the user is known.
	// It is for development, and only a policy that relaxes linux-uid-only judges it.
	OriginSocket Origin = "socket"
)

// Subject is everything that is known about one piece of code that asks for
// access. It is immutable once made, and the only input of requirement
// evaluation and policy decisions.
//
// The embedded [Slice] holds the facts of the best slice: the only one of a thin
// file, and the one that a current Mac would prefer of a universal file. Where a
// decision must hold for all slices, ask [Subject.PerSlice].
type Subject struct {
	// Origin is where the facts come from. For OriginReplay, Recorded is the
	// origin that the facts file names.
	Origin   Origin `json:"origin"`
	Recorded Origin `json:"recorded_origin,omitempty"`
	// Path is what the user asked about. It is for display only: a path is no identity.
	Path string `json:"path,omitempty"`
	// Format is what kind of thing was found, as in "Mach-O thin (arm64)" or
	// "app bundle with Mach-O universal (x86_64 arm64)".
	Format string `json:"format,omitempty"`
	// Validity says which checks ran and how they ended.
	Validity Validity `json:"validity"`

	Slice

	// Slices lists all slices of a universal file in file order, the best one
	// included; it is empty for a thin file.
	Slices []Slice `json:"slices,omitempty"`

	// Notarized says whether Apple's ticket for this code is valid. Only macOS
	// can tell; a stapled ticket is no proof.
	Notarized Fact[bool] `json:"notarized,omitzero"`
	// StapledTicket is the size in bytes of a stapled notarisation ticket. It is
	// bound to nothing and proves nothing.
	StapledTicket Fact[int64] `json:"stapled_ticket,omitzero"`
	// InTrustCache says whether the best cdhash is in the kernel's trust cache,
	// which only a running Mac knows. See [Subject.TrustCache].
	InTrustCache Fact[bool] `json:"in_trust_cache,omitzero"`
	// LegacyListed is Apple's answer for old Developer ID code (step 3 of `legacy`).
	LegacyListed Fact[bool] `json:"legacy_listed,omitzero"`
	// Bundle is what verification found out about the files of a bundle: absent
	// for a single file, unknown when they were not looked at to the end.
	Bundle Fact[Bundle] `json:"bundle,omitzero"`
	// Profile is the embedded provisioning profile; absent when the code has none.
	Profile Fact[Profile] `json:"profile,omitzero"`
	// Process is the running process; nil for a file.
	Process *Process `json:"process,omitempty"`
}

// Slice holds the facts that may differ between the slices of a universal file.
type Slice struct {
	// Arch is the name of the architecture, as in "arm64" or "x86_64".
	Arch       string `json:"arch,omitempty"`
	CPUType    uint32 `json:"cpu_type,omitempty"`
	CPUSubtype uint32 `json:"cpu_subtype,omitempty"`
	// Offset and Size place the slice in the file, in bytes.
	Offset   int64  `json:"offset,omitempty"`
	Size     int64  `json:"size,omitempty"`
	FileType string `json:"file_type,omitempty"` // "execute", "dylib", "bundle", …
	UUID     string `json:"uuid,omitempty"`      // LC_UUID, lower-case hexadecimal; "" when there is none
	// Platform, MinOS and SDK come from LC_BUILD_VERSION or a version-min command.
	Platform uint32 `json:"platform,omitempty"`
	MinOS    string `json:"min_os,omitempty"`
	SDK      string `json:"sdk,omitempty"`

	// Signed is false when the slice carries no signature at all.
	Signed bool `json:"signed"`
	// Signature places and describes the signature data; nil when unsigned.
	Signature *Signature `json:"signature,omitempty"`

	// Identifier is the signing identifier of the best CodeDirectory.
	Identifier Fact[string] `json:"identifier,omitzero"`
	// ClaimedTeamID is the team that the CodeDirectory names. ANYBODY can sign
	// with any claimed team; [Subject.VerifiedTeam] compares it with the certificates.
	ClaimedTeamID Fact[string] `json:"claimed_team_id,omitzero"`
	// CDHashes lists the hash of each CodeDirectory, best first.
	CDHashes Fact[[]CDHash] `json:"cdhashes,omitzero"`
	// Flags are the flags of the best CodeDirectory.
	Flags Fact[CodeFlags] `json:"flags,omitzero"`
	// PlatformByte is the platform identifier of the best CodeDirectory; not
	// zero is a claim to be an operating-system binary, nothing more.
	PlatformByte Fact[uint8] `json:"platform_byte,omitzero"`
	// ExecSegFlags are absent before CodeDirectory version 0x20400.
	ExecSegFlags Fact[ExecSegFlags] `json:"exec_seg_flags,omitzero"`
	// RuntimeVersion is the hardened runtime's version, as in "14.4.0"; absent
	// before CodeDirectory version 0x20500.
	RuntimeVersion Fact[string] `json:"runtime_version,omitzero"`

	// Info is Info.plist, only when the signature seals it and the hash matched;
	// absent when there is none or it is not sealed.
	Info Fact[Value] `json:"info,omitzero"`
	// Entitlements is the dictionary that the kernel would use (DER, else XML),
	// only when sealed and matching; absent when there are none. They are claims
	// of whoever signed.
	Entitlements Fact[Value] `json:"entitlements,omitzero"`

	// Unauthorised lists the entitlements that no provisioning profile lets the
	// code have; absent without entitlements.
	Unauthorised Fact[[]UnauthorisedEntitlement] `json:"unauthorised_entitlements,omitzero"`

	// Certs is the verified chain, leaf first, anchor last; absent for code
	// without a CMS signature (ad hoc). Verified means that each certificate
	// signed the one before: it does NOT mean that the anchor is trusted.
	Certs Fact[[]Certificate] `json:"certificates,omitzero"`
	// Revocation says what certificate revocation lists say about the chain; unknown
	// unless the caller supplied them, absent without a chain.
	Revocation Fact[Revocation] `json:"revocation,omitzero"`
	// SigningTime is the time that the signer claims.
	SigningTime Fact[time.Time] `json:"signing_time,omitzero"`
	// SignedAt is the time of the secure timestamp, whose signature and chain
	// were verified.
	SignedAt Fact[time.Time] `json:"signed_at,omitzero"`

	// Requirements is the raw requirement set (magic fade0c01); absent when the
	// signature has none.
	Requirements Fact[Hex] `json:"requirements,omitzero"`
	// Constraints are the launch and library constraints in slots 8 to 11.
	Constraints []Constraint `json:"constraints,omitempty"`
}

// Signature places and describes the signature data of one slice.
type Signature struct {
	Offset      int64           `json:"offset"` // of the SuperBlob, from the start of the slice
	Size        int64           `json:"size"`   // room that the load command gives
	Length      int64           `json:"length"` // of the SuperBlob itself
	Slots       []Slot          `json:"slots"`
	Directories []CodeDirectory `json:"code_directories"` // slot 0 first
	CMSSize     int64           `json:"cms_size"`         // bytes of CMS; 0 for ad-hoc code
	CMSDigest   string          `json:"cms_digest,omitempty"`
	// Source says where the signature lies when it is not embedded: "detached",
	// "extended attributes" or "files of _CodeSignature"; empty: embedded. Offset is 0
	// then, and Size the length of what was put together.
	Source string `json:"source,omitempty"`
}

// Slot is one entry of the SuperBlob's index.
type Slot struct {
	Type   uint32 `json:"type"`
	Name   string `json:"name"`
	Magic  uint32 `json:"magic"`
	Offset int64  `json:"offset"` // from the start of the SuperBlob
	Length int64  `json:"length"`
}

// CodeDirectory is one CodeDirectory as stored, for display and comparison.
// Fields that its version does not have are zero.
type CodeDirectory struct {
	Slot          uint32       `json:"slot"`
	Version       uint32       `json:"version"`
	Flags         CodeFlags    `json:"flags"`
	HashType      HashType     `json:"hash_type"`
	HashSize      uint8        `json:"hash_size"`
	PageSize      uint32       `json:"page_size"` // in bytes; 0: one hash for everything
	SpecialSlots  uint32       `json:"special_slots"`
	CodeSlots     uint32       `json:"code_slots"`
	CodeLimit     uint64       `json:"code_limit"`
	CodeLimit64   uint64       `json:"code_limit_64,omitempty"`
	PlatformByte  uint8        `json:"platform_byte,omitempty"`
	ScatterOffset uint32       `json:"scatter_offset,omitempty"`
	Identifier    string       `json:"identifier"`
	TeamID        string       `json:"team_id,omitempty"`
	ExecSegBase   uint64       `json:"exec_seg_base,omitempty"`
	ExecSegLimit  uint64       `json:"exec_seg_limit,omitempty"`
	ExecSegFlags  ExecSegFlags `json:"exec_seg_flags,omitempty"`
	Runtime       uint32       `json:"runtime,omitempty"` // 16.8.8 packed
	PreEncrypt    uint32       `json:"pre_encrypt_offset,omitempty"`
	Length        int64        `json:"length"`
	CDHash        CDHash       `json:"cdhash"`
}

// Constraint is one launch or library constraint, kept as data.
type Constraint struct {
	Slot uint32 `json:"slot"`
	DER  Hex    `json:"der"`
}

// PerSlice returns one Subject for each slice: the same value with that slice's
// facts on top. A thin file, or facts without a list of slices, gives s itself.
func (s *Subject) PerSlice() []*Subject {
	if len(s.Slices) == 0 {
		return []*Subject{s}
	}
	views := make([]*Subject, len(s.Slices))
	for i := range s.Slices {
		v := *s
		v.Slice = s.Slices[i]
		views[i] = &v
	}
	return views
}

// AdHoc reports whether the code was signed without a certificate. It is
// unknown when the flags are.
func (s *Slice) AdHoc() Fact[bool] {
	f, ok, err := s.Flags.Get()
	if err != nil || !ok {
		return Unknown[bool](err)
	}
	return Known(f&FlagAdHoc != 0)
}

// CDHash returns the hash that the kernel and requirements use: that of the
// best CodeDirectory.
func (s *Slice) CDHash() Fact[CDHash] {
	hs, ok, err := s.CDHashes.Get()
	switch {
	case err != nil:
		return Unknown[CDHash](err)
	case !ok || len(hs) == 0:
		return Absent[CDHash]()
	}
	return Known(hs[0])
}

// Leaf returns the signing certificate; absent when there is no chain.
func (s *Slice) Leaf() Fact[*Certificate] { return s.cert(func(n int) int { return 0 }) }

// AnchorCert returns the last certificate of the chain; absent when there is no chain.
func (s *Slice) AnchorCert() Fact[*Certificate] { return s.cert(func(n int) int { return n - 1 }) }

func (s *Slice) cert(at func(n int) int) Fact[*Certificate] {
	cs, ok, err := s.Certs.Get()
	switch {
	case err != nil:
		return Unknown[*Certificate](err)
	case !ok || len(cs) == 0:
		return Absent[*Certificate]()
	}
	return Known(&cs[at(len(cs))])
}

// TrustCache is whether the code is in the kernel's trust cache. Off a Mac it
// is false for code with a certificate chain, which the cache never needs, and
// unknown for ad-hoc code.
func (s *Subject) TrustCache() Fact[bool] {
	if !s.InTrustCache.IsZero() {
		return s.InTrustCache
	}
	if s.Certs.IsKnown() {
		return Known(false)
	}
	return s.InTrustCache
}
