package code

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// replayed writes a Subject to a facts file and reads it back.
func replayed(t *testing.T, s *Subject) *Subject {
	t.Helper()
	b, err := json.Marshal(s)
	require.NoError(t, err)
	r, err := ReadFacts(b)
	require.NoError(t, err)
	require.Equal(t, OriginReplay, r.Origin)
	return r
}

// needless are the steps that honest code may not need: those of a CMS signature,
// of components that it does not have, of expiration, and of bundles.
var needless = []string{
	"C7", "C8", "C9", "C10", "C11", "C12", "C13", "C14", "C15", "C16", "C17", "C19",
	"R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "T1", "T2", "T4",
}

func TestOnlySomeChecksMayNotApply(t *testing.T) {
	t.Parallel()
	for _, origin := range []Origin{OriginDisk, OriginKernel} {
		for i, id := range Mandatory(origin) {
			s := verified(origin)
			s.Validity.Checks[i].Outcome = NotApplicable
			assert.Equal(t, slices.Contains(needless, id), s.Verified() == nil, "%s of %s", id, origin)
			assert.Equal(t, slices.Contains(needless, id), replayed(t, s).Verified() == nil, "%s of %s, replayed", id, origin)
		}
	}
}

func TestReplayWhereNothingAppliesIsNotVerified(t *testing.T) {
	t.Parallel()
	s := verified(OriginDisk)
	for i := range s.Validity.Checks {
		s.Validity.Checks[i].Outcome = NotApplicable
	}
	assert.Error(t, replayed(t, s).Verified())
	s = verified(OriginKernel)
	s.Origin = OriginDisk
	assert.Error(t, replayed(t, s).Verified(), "the pages of a file must be among the checks")
}

func TestEverySliceNeedsItsOwnChecks(t *testing.T) {
	t.Parallel()
	universal := func(archs ...string) *Subject {
		s := &Subject{Origin: OriginDisk}
		for _, arch := range archs {
			s.Slices = append(s.Slices, Slice{Arch: arch})
			for _, c := range verified(OriginDisk).Validity.Checks {
				c.Arch = arch
				s.Validity.Checks = append(s.Validity.Checks, c)
			}
		}
		return s
	}
	for name, tt := range map[string]struct {
		subject *Subject
		change  func(s *Subject)
		want    bool
	}{
		"two slices with two names":            {universal("x86_64", "arm64"), nil, true},
		"one slice":                            {universal("arm64"), nil, true},
		"two slices with one name":             {universal("arm64", "arm64"), nil, false},
		"two slices without a name":            {universal("", ""), nil, false},
		"two slices with one name among three": {universal("arm64", "x86_64", "arm64"), nil, false},
		"a slice that nobody checked": {universal("arm64"), func(s *Subject) {
			s.Slices = append(s.Slices, Slice{Arch: "x86_64"})
		}, false},
		"a slice whose pages do not apply": {universal("x86_64", "arm64"), func(s *Subject) {
			for i := range s.Validity.Checks {
				if s.Validity.Checks[i].ID == "C20" {
					s.Validity.Checks[i].Outcome = NotApplicable
				}
			}
		}, false},
		"resources that nobody compared": {universal("x86_64", "arm64"), func(s *Subject) {
			s.Validity.Find("R8").Outcome = NotRun
		}, false},
		"checks of another slice": {universal("x86_64", "arm64"), func(s *Subject) {
			s.Slices[1].Arch = "arm64e"
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.change != nil {
				tt.change(tt.subject)
			}
			assert.Equal(t, tt.want, tt.subject.Verified() == nil, "%v", tt.subject.Verified())
			tt.subject.Slice = tt.subject.Slices[0] // as every reader of ours writes it
			b, err := json.Marshal(tt.subject)
			require.NoError(t, err)
			r, err := ReadFacts(b)
			assert.Equal(t, tt.want, err == nil && r.Verified() == nil, "replayed: %v", err)
		})
	}
}

func TestMandatoryChecksAreFoundByTheirIDAlone(t *testing.T) {
	t.Parallel()
	for i := range mandatory {
		assert.Equal(t, i, places.of(mandatory[i].id))
	}
	for _, id := range []string{"", "C", "C0", "C01", "C012", "C21", "C99", "C1x", "c1", "F1", "X1", "T6", "P7", "P10", "C1 ", "\u00c11"} {
		assert.Equal(t, -1, places.of(id), id)
	}
}
