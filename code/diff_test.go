package code

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// build makes a subject of which everything is known.
func build(t *testing.T, change func(s *Slice)) *Subject {
	t.Helper()
	dict := func(entries ...Entry) Fact[Value] {
		v, err := plist.Dict(entries...)
		require.NoError(t, err)
		return Known(v)
	}
	s := Slice{
		Arch: "arm64", Platform: 1, MinOS: "13.0", SDK: "14.0", Signed: true,
		Identifier: Known("com.example.app"), ClaimedTeamID: Known("ABCDE12345"),
		CDHashes: Known([]CDHash{{}}), Flags: Known(FlagRuntime), PlatformByte: Known(uint8(0)),
		RuntimeVersion: Known("14.0.0"), SignedAt: Known(time.Unix(0, 0)),
		Info:         dict(Entry{Key: "CFBundleVersion", Value: plist.String("1")}),
		Entitlements: dict(Entry{Key: "a", Value: plist.Bool(true)}),
		Certs:        Known([]Certificate{{Serial: "1"}, {AppleRoot: true}}),
	}
	if change != nil {
		change(&s)
	}
	return &Subject{Slice: s, StapledTicket: Absent[int64](), Profile: Absent[Profile](), Validity: Validity{Status: StatusUnsigned}}
}

func TestEqualBuildsHaveNoDifference(t *testing.T) {
	t.Parallel()
	assert.Empty(t, Differences(build(t, nil), build(t, nil)))
}

func TestEachDifferenceIsNamed(t *testing.T) {
	t.Parallel()
	absent := Absent[string]()
	for name, tt := range map[string]struct {
		change func(s *Slice)
		want   []Difference
	}{
		"identifier": {func(s *Slice) { s.Identifier = Known("x") },
			[]Difference{{FieldIdentifier, "", "", Known("com.example.app"), Known("x"), true}}},
		"a flag that is gone, and one that came": {func(s *Slice) { s.Flags = Known(FlagLibraryValidation) },
			[]Difference{{FieldFlag, "library-validation", "", absent, Known("set"), true}, {FieldFlag, "runtime", "", Known("set"), absent, true}}},
		"a bit without a name": {func(s *Slice) { s.Flags = Known(FlagRuntime | 1<<31) },
			[]Difference{{FieldFlag, "0x80000000", "", absent, Known("set"), true}}},
		"an entitlement of another type": {func(s *Slice) {
			v, _ := plist.Dict(Entry{Key: "a", Value: plist.String("true")}, Entry{Key: "b", Value: plist.Int(1)})
			s.Entitlements = Known(v)
		}, []Difference{{FieldEntitlement, "a", "", Known("true"), Known(`"true"`), true}, {FieldEntitlement, "b", "", absent, Known("1"), true}}},
		"no entitlements at all": {func(s *Slice) { s.Entitlements = Absent[Value]() },
			[]Difference{{FieldEntitlement, "a", "", Known("true"), absent, true}}},
		"a new version does not matter": {func(s *Slice) {
			v, _ := plist.Dict(Entry{Key: "CFBundleVersion", Value: plist.String("2")})
			s.Info = Known(v)
		}, []Difference{{FieldInfo, "CFBundleVersion", "", Known("1"), Known("2"), false}}},
		"minimum system": {func(s *Slice) { s.MinOS = "14.0" },
			[]Difference{{FieldMinOS, "", "", Known("13.0"), Known("14.0"), true}}},
		"another operating system": {func(s *Slice) { s.Platform = 2 },
			[]Difference{{FieldPlatform, "", "", Known("1"), Known("2"), true}}},
		"a renewed certificate does not matter": {func(s *Slice) { s.Certs = Known([]Certificate{{Serial: "2"}, {AppleRoot: true}}) },
			[]Difference{{FieldCertificate, "serial", "", Known("1"), Known("2"), false}}},
		"a constraint": {func(s *Slice) { s.Constraints = []Constraint{{Slot: 9, DER: Hex{1}}} },
			[]Difference{{FieldConstraint, "parent", "", absent, Known("1 bytes, sha256 4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a"), true}}},
		"what matters stands in front": {func(s *Slice) { s.SDK, s.MinOS, s.RuntimeVersion = "15.0", "12.0", Known("15.0.0") },
			[]Difference{{FieldMinOS, "", "", Known("13.0"), Known("12.0"), true}, {FieldRuntime, "", "", Known("14.0.0"), Known("15.0.0"), false}, {FieldSDK, "", "", Known("14.0"), Known("15.0"), false}}},
		"another architecture": {func(s *Slice) { s.Arch = "x86_64" },
			[]Difference{{FieldArchitecture, "arm64", "", Known("present"), absent, true}, {FieldArchitecture, "x86_64", "", absent, Known("present"), false}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, Differences(build(t, nil), build(t, tt.change)))
		})
	}
}

// TestUnknownIsNeverEqual compares facts that nobody knows with themselves: that
// they are the same is not known, so it must not be passed over.
func TestUnknownIsNeverEqual(t *testing.T) {
	t.Parallel()
	why := errors.New("nobody knows")
	s := build(t, func(s *Slice) {
		s.Identifier, s.Flags, s.Certs = Unknown[string](why), Unknown[CodeFlags](why), Unknown[[]Certificate](why)
		s.Entitlements, s.Info = Unknown[Value](why), Unknown[Value](why)
	})
	var fields []string
	for _, d := range Differences(s, s) {
		fields = append(fields, d.Field)
		assert.Error(t, d.Old.Err())
		assert.Error(t, d.New.Err())
	}
	for _, want := range []string{FieldIdentifier, FieldFlag, FieldTeam, FieldChannel, FieldRoot, FieldEntitlements, FieldInfo} {
		assert.Contains(t, fields, want)
	}
}

// TestSlicesAreComparedWithTheirOwnKind compares two universal builds.
func TestSlicesAreComparedWithTheirOwnKind(t *testing.T) {
	t.Parallel()
	universal := func(arm, intel func(s *Slice)) *Subject {
		a, b := build(t, arm), build(t, intel)
		b.Arch = "x86_64"
		a.Slices = []Slice{b.Slice, a.Slice}
		return a
	}
	rename := func(s *Slice) { s.Identifier = Known("x") }
	assert.Equal(t, []Difference{{FieldIdentifier, "", "x86_64", Known("com.example.app"), Known("x"), true}},
		Differences(universal(nil, nil), universal(nil, rename)), "one slice")
	assert.Equal(t, []Difference{{FieldIdentifier, "", "", Known("com.example.app"), Known("x"), true}},
		Differences(universal(nil, nil), universal(rename, rename)), "both alike")
	assert.Equal(t, []Difference{{FieldArchitecture, "x86_64", "", Known("present"), Absent[string](), true}},
		Differences(universal(nil, nil), build(t, nil)), "thin against universal")
}

func TestDifferenceInJSON(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(Difference{Field: FieldTeam, Old: Absent[string](), New: Unknown[string](errors.New("why"))})
	require.NoError(t, err)
	assert.JSONEq(t, `{"field":"team_id","old":null,"new":{"$unknown":"why"},"matters":false}`, string(b))
}
