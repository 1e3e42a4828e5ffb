package macho

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

func verifyBytes(t *testing.T, b []byte) *code.Subject {
	t.Helper()
	s := VerifyReader(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Now: fixtures.Clock})
	require.NotNil(t, s)
	return s
}

func describe(s *code.Subject) string {
	out := s.Validity.Status.String() + "\n"
	for _, c := range s.Validity.Checks {
		if c.Outcome == code.Failed {
			out += c.ID + " " + c.Arch + " " + c.Status.String() + " " + c.Reason + "\n"
		}
	}
	return out
}

// TestVectors runs every hostile file: each tells one lie and must get exactly
// the verdict of the attack catalogue, ours and, where it is known, Apple's.
func TestVectors(t *testing.T) {
	t.Parallel()
	for _, v := range fixtures.Vectors() {
		t.Run(v.ID+" "+v.Name, func(t *testing.T) {
			t.Parallel()
			s := verifyBytes(t, v.Build())
			want := v.Expect
			if want == "ok" {
				want = "errSecSuccess"
			}
			assert.Equal(t, want, s.Validity.Status.Name(), describe(s))
			apple, known, _ := s.Validity.Apple.Get()
			switch v.Apple {
			case "unknown":
			case "ok":
				assert.True(t, known && apple == code.StatusSuccess, "Apple accepts it, we say %v %v\n%s", known, apple, describe(s))
			default:
				n, err := strconv.Atoi(v.Apple)
				require.NoError(t, err)
				assert.True(t, known && apple == code.Status(n), "Apple says %d, we say %v %v\n%s", n, known, apple, describe(s))
			}
			if v.Warning != "" {
				assert.True(t, hasWarning(s, v.Warning), "want the warning %s, have %v", v.Warning, s.Validity.Warnings)
			}
		})
	}
}

func hasWarning(s *code.Subject, id string) bool {
	for _, w := range s.Validity.Warnings {
		if w.ID == id {
			return true
		}
	}
	return false
}

func sectionOf(b []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b)))
}
