package code

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

func TestContradictoryFactsAreRefused(t *testing.T) {
	t.Parallel()
	edit := func(change func(s *Subject)) string {
		s := full(t)
		change(s)
		b, err := json.Marshal(s)
		require.NoError(t, err)
		return string(b)
	}
	honest := edit(func(*Subject) {})
	_, err := ReadFacts([]byte(honest))
	require.NoError(t, err)
	for name, in := range map[string]string{
		"a top level that is none of the slices": edit(func(s *Subject) { s.Identifier = Known("com.evil") }),
		"a slice without architecture":           edit(func(s *Subject) { s.Slices[0].Arch = "" }),
		"an empty list of certificates":          edit(func(s *Subject) { s.Slices, s.Certs = nil, Known([]Certificate{}) }),
		"unsigned code with an identifier":       edit(func(s *Subject) { s.Slices, s.Signed = nil, false }),
		"entitlements that are a list":           edit(func(s *Subject) { s.Slices, s.Entitlements = nil, Known(plist.Array()) }),
		"an outcome that nobody knows":           edit(func(s *Subject) { s.Validity.Checks[0].Outcome = "FAILED" }),
		"a key that stands there twice":          strings.Replace(honest, `"origin":"disk"`, `"origin":"disk","origin":"disk"`, 1),
		"a key in another case":                  strings.Replace(honest, `"origin":"disk"`, `"Origin":"disk"`, 1),
		"a key in another case in a slice":       strings.Replace(honest, `"cpu_type"`, `"CPU_type"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ReadFacts([]byte(in))
			assert.Error(t, err)
		})
	}
}

func TestEveryEntryOfACheckCounts(t *testing.T) {
	t.Parallel()
	s := verified(OriginDisk)
	s.Validity.Checks = append(s.Validity.Checks, Check{ID: "C20", Name: "pages"})
	assert.Error(t, s.Verified(), "a second C20 that did not run")
	s = verified(OriginDisk)
	s.Arch = "arm64"
	require.NoError(t, s.Verified(), "the checks of thin code need no architecture")
	for i := range s.Validity.Checks {
		s.Validity.Checks[i].Arch = "i386"
	}
	assert.Error(t, s.Verified(), "the checks of another architecture")
}

func FuzzReadFacts(f *testing.F) {
	b, err := json.Marshal(verified(OriginDisk))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"schema":1,"origin":"disk","info":{"A":1,"a":2},"slices":[{"arch":"arm64","signed":true}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ReadFacts(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ReadFacts(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		if (s.Verified() == nil) != (back.Verified() == nil) {
			t.Fatal("verified once, not twice")
		}
	})
}
