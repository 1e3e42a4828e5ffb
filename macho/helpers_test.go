package macho

import (
	"bytes"
	"context"
	"io"
	"testing"

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
