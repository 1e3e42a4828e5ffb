package macho

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// programs are all programs that the fixtures know, honest and hostile, in a fixed
// order.
func programs() map[string][]byte {
	out := map[string][]byte{
		"thin": fixtures.F1(), "universal": fixtures.F2(), "two directories": fixtures.F4(),
		"linker signed": fixtures.F5(), "entitled": fixtures.F6(), "ad hoc": fixtures.AdHoc(), "unsigned": fixtures.Unsigned(),
	}
	for _, v := range fixtures.Vectors() {
		out[v.ID+" "+v.Name] = v.Build()
	}
	return out
}

func asJSON(t *testing.T, s *code.Subject) string {
	t.Helper()
	b, err := json.Marshal(s)
	require.NoError(t, err)
	return string(b)
}

// same compares a subject with the JSON of another one, and shows where they differ.
func same(t *testing.T, want string, s *code.Subject, what string) {
	t.Helper()
	got := asJSON(t, s)
	if got == want {
		return
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	part := func(s string) string { return s[max(0, at-60):min(len(s), at+60)] }
	t.Errorf("%s: want …%s…\nfound …%s…", what, part(want), part(got))
}

// verifiers are caches in every state: none, roomy, and so small that nearly all
// is forgotten again.
func verifiers() map[string]*Verifier {
	return map[string]*Verifier{
		"that remembers nothing": new(Verifier),
		"with room":              NewVerifier(),
		"with room for one":      {newAuthorities(1)},
		"without room":           {newAuthorities(0)},
	}
}

// TestVerifierAnswersAsTheFunctions verifies every program twice, in several orders
// and at several times: a cold, a warm and a tiny cache give the same subject.
func TestVerifierAnswersAsTheFunctions(t *testing.T) {
	t.Parallel()
	times := []time.Time{fixtures.Clock, {}, fixtures.Clock.AddDate(60, 0, 0)}
	all := programs()
	want := map[string]string{}
	for name, b := range all {
		for i, now := range times {
			s := VerifyReader(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Now: now})
			want[fmt.Sprint(name, i)] = asJSON(t, s)
		}
	}
	require.Greater(t, len(want), 300)
	for which, v := range verifiers() {
		t.Run(which, func(t *testing.T) {
			t.Parallel()
			for range 2 {
				for name, b := range all { // the order differs each time
					i := rand.IntN(len(times))
					s := v.VerifyReader(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Now: times[i]})
					same(t, want[fmt.Sprint(name, i)], s, fmt.Sprintf("%s at %v", name, times[i]))
				}
			}
		})
	}
}

// TestVerifierInManyGoroutines shares a cache, large or tiny, among goroutines.
func TestVerifierInManyGoroutines(t *testing.T) {
	t.Parallel()
	all := programs()
	want := map[string]string{}
	for name, b := range all {
		want[name] = asJSON(t, verifyBytes(t, b))
	}
	for _, v := range []*Verifier{NewVerifier(), {newAuthorities(1)}} {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for name, b := range all {
					s := v.VerifyReader(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Now: fixtures.Clock})
					same(t, want[name], s, name)
				}
			})
		}
		wg.Wait()
	}
}

// TestVerifierOpensFilesAsTheFunctionsDo compares the methods that take a path.
func TestVerifierOpensFilesAsTheFunctionsDo(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "client")
	require.NoError(t, os.WriteFile(name, fixtures.F2(), 0o644))
	o := Options{Now: fixtures.Clock}
	for range 2 {
		v := NewVerifier()
		verified, err := Verify(context.Background(), name, o)
		require.NoError(t, err)
		require.NoError(t, verified.Verified())
		got, err := v.Verify(context.Background(), name, o)
		require.NoError(t, err)
		same(t, asJSON(t, verified), got, name)
		inspected, err := Inspect(context.Background(), name, o)
		require.NoError(t, err)
		got, err = v.Inspect(context.Background(), name, o)
		require.NoError(t, err)
		same(t, asJSON(t, inspected), got, name)
		assert.Error(t, got.Verified())
	}
	_, err := NewVerifier().Verify(context.Background(), name+".missing", o)
	assert.Equal(t, code.StatusStaticCodeNotFound, code.StatusOf(err))
}

// TestVerifierKeepsAuthoritiesAlone looks into the cache after all programs: no
// signer's certificate is there, no link of one, and no more than the bound.
func TestVerifierKeepsAuthoritiesAlone(t *testing.T) {
	t.Parallel()
	const room = 3
	v := &Verifier{newAuthorities(room)}
	kept := 0
	for name, b := range programs() {
		s := v.VerifyReader(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Now: fixtures.Clock})
		a := v.known
		for _, certs := range []map[string]*x509.Certificate{a.certs.young, a.certs.old} {
			require.LessOrEqual(t, len(certs), room, name)
			for der, c := range certs {
				kept++
				require.Equal(t, der, string(c.Raw))
				require.True(t, isAuthority(c), "%s left %s in the cache", name, c.Subject)
			}
		}
		require.LessOrEqual(t, len(a.links.young), room, name)
		require.LessOrEqual(t, len(a.links.old), room, name)
		for _, slice := range s.PerSlice() {
			if certs, ok, _ := slice.Certs.Get(); ok && s.Verified() == nil {
				for l := range a.links.young {
					require.NotEqual(t, certs[0].SHA256, l[0], "%s left its signer's link in the cache", name)
				}
			}
		}
	}
	require.Positive(t, kept)
}

// TestSubjectSharesNothingWithTheCache writes over all certificates of a subject.
func TestSubjectSharesNothingWithTheCache(t *testing.T) {
	t.Parallel()
	v, b := NewVerifier(), fixtures.F1()
	verify := func() *code.Subject {
		return v.VerifyReader(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Now: fixtures.Clock})
	}
	first := verify()
	want := asJSON(t, first)
	certs, _, _ := first.Certs.Get()
	require.NotEmpty(t, certs)
	for i := range certs {
		clear(certs[i].DER)
		clear(certs[i].Subject)
		clear(certs[i].Extensions)
	}
	clear(b[len(b)/2:]) // and over the file
	b = fixtures.F1()
	same(t, want, verify(), "after the first subject and the file were written over")
}

// TestKeptLinkStillHasItsDates judges the same program at two times with one cache:
// the links are kept, what depends on the time is not.
func TestKeptLinkStillHasItsDates(t *testing.T) {
	t.Parallel()
	o := fixtures.Good()
	o.Timestamp = false
	o.Flags |= uint32(code.FlagForceExpiration)
	b, v := fixtures.Sign(o), NewVerifier()
	at := func(now time.Time) code.Status {
		s := v.VerifyReader(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Now: now})
		return s.Validity.Status
	}
	for _, now := range []time.Time{fixtures.Clock, fixtures.Clock.AddDate(90, 0, 0), fixtures.Clock} {
		fresh := VerifyReader(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Now: now})
		assert.Equal(t, fresh.Validity.Status, at(now), "at %v", now)
	}
	_, err := v.known.buildChain(fixtures.DeveloperID().Parsed(), bundled(), fixtures.Clock, false)
	assert.ErrorIs(t, err, errIncomplete, "a link that nobody verified")
}

func TestGenerationsKeepWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	g := generations[int, int]{limit: 4}
	for i := range 1000 {
		g.put(i, i)
		if i > 0 {
			v, ok := g.get(1)
			require.True(t, ok, "after %d", i)
			require.Equal(t, 1, v)
		} else {
			g.put(1, 1)
		}
		require.LessOrEqual(t, len(g.young)+len(g.old), 2*4)
	}
	_, ok := g.get(500)
	assert.False(t, ok)
}

func TestOIDOfAgreesWithTheText(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(4, 4))
	for range 2000 {
		id := make([]int, 1+rng.IntN(8))
		for i := range id {
			id[i] = rng.IntN(1 << rng.IntN(31))
		}
		if id[0] > 2 {
			id[0] = rng.IntN(3)
		}
		if len(id) > 1 && id[0] < 2 {
			id[1] %= 45
		}
		var text string
		for _, n := range id {
			text += fmt.Sprintf(".%d", n)
		}
		want, _ := code.ParseOID(text[1:])
		assert.Equal(t, want, oidOf(id), "%v", id)
	}
	assert.Equal(t, code.OID(""), oidOf([]int{1, 2, -3}))
}
