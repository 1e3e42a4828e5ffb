package code

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// full returns a Subject that has something in every field.
func full(t *testing.T) *Subject {
	t.Helper()
	when := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	slice := func(arch string) Slice {
		return Slice{
			Arch: arch, CPUType: 0x0100000c, CPUSubtype: 2, Offset: 16384, Size: 4096, FileType: "execute",
			UUID: "00112233445566778899aabbccddeeff", Platform: 1, MinOS: "13.0", SDK: "15.4", Signed: true,
			Signature: &Signature{Offset: 1, Size: 2, Length: 3, CMSSize: 4, CMSDigest: "sha256",
				Slots: []Slot{{Type: 0, Name: "CodeDirectory", Magic: 0xfade0c02, Offset: 5, Length: 6}},
				Directories: []CodeDirectory{{Version: 0x20500, Flags: FlagRuntime, HashType: HashSHA256, HashSize: 32,
					PageSize: 4096, Identifier: "com.example", CDHash: CDHash{Type: HashSHA256, Full: make(Hex, 32)}}}},
			Identifier: Known("com.example"), ClaimedTeamID: Known("ABCDE12345"),
			CDHashes:     Known([]CDHash{{Type: HashSHA256, Hash: [20]byte{1}, Full: append(Hex{1}, make(Hex, 31)...)}}),
			Flags:        Known(FlagRuntime | FlagLibraryValidation),
			PlatformByte: Known(uint8(0)), ExecSegFlags: Known(ExecSegFlags(1)), RuntimeVersion: Known("14.4.0"),
			Info:         Known(mustDict(t, Entry{Key: "CFBundleVersion", Value: plist.String("7")})),
			Entitlements: Absent[Value](),
			Certs: Known([]Certificate{{
				DER: Hex{1, 2}, SHA1: [20]byte{3}, SHA256: [32]byte{4},
				Subject: []Attribute{{Type: OIDCommonName, Value: "Leaf"}}, Issuer: []Attribute{{Type: OIDOrganization, Value: "O"}},
				Serial: "0a", NotBefore: when, NotAfter: when, Extensions: []OID{OIDDeveloperID}, Policies: []OID{MustOID("1.2.3")},
				Dates: []DateExtension{{OID: OIDDeveloperIDDate, Seconds: 1.5}}, SelfSigned: true, AppleRoot: true, TrustSetting: TrustDeny,
			}}),
			SigningTime: Known(when), SignedAt: Unknown[time.Time](errors.New("not verified")),
			Requirements: Known(Hex{0xfa, 0xde}), Constraints: []Constraint{{Slot: 8, DER: Hex{1}}},
		}
	}
	s := &Subject{
		Origin: OriginDisk, Path: "/x", Format: "Mach-O universal (x86_64 arm64)",
		Validity: Validity{Status: StatusSignatureFailed, Apple: Known(StatusSuccess),
			Checks:   []Check{{ID: "C20", Name: "pages", Arch: "arm64", Outcome: Failed, Status: StatusSignatureFailed, Reason: "page 3", Stricter: true}},
			Warnings: []Warning{{ID: "weakDigest", Arch: "arm64", Message: "SHA-1"}}},
		Slice: slice("arm64"), Slices: []Slice{slice("x86_64"), slice("arm64")},
		Notarized: Unknown[bool](errors.New("only macOS knows")), StapledTicket: Known(int64(9)),
		InTrustCache: Known(false), LegacyListed: Absent[bool](),
		Process: &Process{Token: [8]uint32{0, 501, 20, 501, 20, 77, 100, 9}, Strength: StrengthMessage, Status: Known(CSValid | CSSigned)},
	}
	return s
}

func TestSubjectSurvivesJSON(t *testing.T) {
	t.Parallel()
	s := full(t)
	b, err := json.Marshal(s)
	require.NoError(t, err)
	back := new(Subject)
	require.NoError(t, json.Unmarshal(b, back))
	again, err := json.Marshal(back)
	require.NoError(t, err)
	assert.JSONEq(t, string(b), string(again))
	assert.Equal(t, s.Certs, back.Certs)
	assert.Equal(t, s.Validity, back.Validity)
	assert.Equal(t, s.Slices[0].CDHashes, back.Slices[0].CDHashes)
	assert.Equal(t, s.Process, back.Process)
}

func TestFactsFileIsReplay(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(full(t))
	require.NoError(t, err)
	s, err := ReadFacts(b)
	require.NoError(t, err)
	assert.Equal(t, OriginReplay, s.Origin)
	assert.Equal(t, OriginDisk, s.Recorded)
}

func TestFactsFileIsReadStrictly(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"another schema":            `{"schema":2}`,
		"no schema":                 `{"origin":"disk"}`,
		"an unknown key":            `{"schema":1,"verified":true}`,
		"an unknown key in a slice": `{"schema":1,"slices":[{"x":1}]}`,
		"two values":                `{"schema":1} {}`,
		"a cdhash of 19 bytes":      `{"schema":1,"cdhashes":[{"type":"sha256","hash":"00000000000000000000000000000000000000"}]}`,
		"a list":                    `[]`,
		"nothing":                   ``,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ReadFacts([]byte(in))
			assert.Error(t, err)
		})
	}
}

// verified returns a Subject whose list of checks is complete.
func verified(origin Origin) *Subject {
	s := &Subject{Origin: origin}
	for _, id := range Mandatory(origin) {
		s.Validity.Checks = append(s.Validity.Checks, Check{ID: id, Name: "check", Outcome: Passed})
	}
	return s
}

func TestVerifiedNeedsEveryMandatoryCheck(t *testing.T) {
	t.Parallel()
	require.NoError(t, verified(OriginDisk).Verified())
	require.NoError(t, verified(OriginKernel).Verified())
	assert.Error(t, new(Subject).Verified(), "the zero Subject")
	for i := range Mandatory(OriginDisk) {
		s := verified(OriginDisk)
		s.Validity.Checks[i].Outcome = NotRun
		assert.Error(t, s.Verified(), "%s did not run", s.Validity.Checks[i].ID)
		s.Validity.Checks = append(s.Validity.Checks[:i:i], s.Validity.Checks[i+1:]...)
		assert.Error(t, s.Verified(), "a check is missing from the list")
	}
	s := verified(OriginDisk)
	s.Validity.Checks = append(s.Validity.Checks, Check{ID: "T6", Outcome: Failed, Status: StatusBadMainExecutable})
	assert.Equal(t, StatusBadMainExecutable, StatusOf(s.Verified()), "a failed check that is not mandatory denies too")
	s = verified(OriginDisk)
	s.Validity.Status = StatusSignatureFailed
	assert.Error(t, s.Verified(), "the verdict counts")
	s = verified(OriginDisk)
	s.Slices = []Slice{{Arch: "x86_64"}, {Arch: "arm64"}}
	assert.Error(t, s.Verified(), "no check names the slices")
	s = verified("")
	assert.Error(t, s.Verified(), "no origin")
	s = verified(OriginDisk)
	s.Origin, s.Recorded = OriginReplay, OriginDisk
	assert.NoError(t, s.Verified(), "a replay counts as what was recorded")
}

func TestSchemaFileNamesEveryField(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/schema/subject-1.schema.json")
	require.NoError(t, err)
	var schema struct {
		Properties map[string]any `json:"properties"`
	}
	require.NoError(t, json.Unmarshal(raw, &schema))
	b, err := json.Marshal(full(t))
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(b, &fields))
	for name := range fields {
		assert.Contains(t, schema.Properties, name)
	}
}
