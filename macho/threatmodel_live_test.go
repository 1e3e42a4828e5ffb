package macho

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// The tests of this file stand for rows of the attack catalogue that no file can
// hold: fixtures.LiveRows names them.

func parsedCertificate(t *testing.T, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return c
}

// TestTimestampOfAFakeAuthorityDoesNotCountForApplesChain needs no key of Apple's:
// the chain of the code is only compared.
func TestTimestampOfAFakeAuthorityDoesNotCountForApplesChain(t *testing.T) {
	t.Parallel()
	apple := parsedCertificate(t, fixtures.AppleRootCA())
	require.True(t, isAppleRoot(apple))
	stampOf := func(change func(c *fixtures.CMS)) *timestamp {
		o := fixtures.Good()
		o.CMS = change
		message, err := parseSignedData(fixtures.SignSlice(o, fixtures.X8664).CMS)
		require.NoError(t, err)
		stamp, err := message.checkTimestamp(nil)
		require.NoError(t, err)
		require.NotNil(t, stamp)
		return stamp
	}
	fake := stampOf(func(c *fixtures.CMS) { *c.Timestamp = fixtures.FakeTimestamp() })
	assert.Equal(t, "Apple Timestamp Certification Authority", fake.root.Subject.CommonName, "the name is right")
	assert.False(t, isAppleRoot(fake.root))
	status, ok := fake.trustedFor(apple)
	assert.False(t, ok, "Apple's root lies in the bag, and signed nothing of it")
	assert.Equal(t, code.StatusNotTrusted, status)

	honest := stampOf(nil)
	_, ok = honest.trustedFor(apple)
	assert.False(t, ok, "nor does an honest authority below a private root")
	_, ok = honest.trustedFor(honest.root)
	assert.True(t, ok, "which counts for code below the same root")
	_, ok = (&timestamp{root: apple}).trustedFor(apple)
	assert.True(t, ok)
}

func TestTeamThatDiffersFromADeveloperCertificateIsRefused(t *testing.T) {
	t.Parallel()
	id := fixtures.DeveloperID()
	apple := parsedCertificate(t, fixtures.AppleRootCA())
	path := []*x509.Certificate{parsedCertificate(t, id.Cert), parsedCertificate(t, id.Chain[0]), apple}
	var certs []code.Certificate
	for _, c := range path {
		certs = append(certs, (*authorities)(nil).facts(c))
	}
	for team, want := range map[string]code.Outcome{fixtures.Team: code.Passed, fixtures.OtherTeam: code.Failed, "": code.NotApplicable} {
		s := &slice{path: path, best: &directory{CodeDirectory: code.CodeDirectory{TeamID: team}}}
		s.facts.Certs = code.Known(certs)
		c := s.checkTeam()
		assert.Equal(t, want, c.outcome, team)
		if want == code.Failed {
			assert.Equal(t, code.StatusBadTeamIdentifier, c.problems[0].err.Status)
		}
	}
}

func TestInfoPlistThatIsAPipeDoesNotBlock(t *testing.T) {
	t.Parallel()
	s := verifyApp(t, fixtures.F3().Tree(), pipe("Contents/Info.plist"))
	assert.Equal(t, code.StatusRegularFile, s.Validity.Status, describe(s))
	assert.Error(t, s.Verified())
}

// verifyApp writes a bundle, changes the directory, and verifies it.
func verifyApp(t *testing.T, tree fixtures.Tree, alter func(dir string) error) *code.Subject {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "F3.app")
	require.NoError(t, tree.Write(dir))
	require.NoError(t, alter(dir))
	s, err := Verify(context.Background(), dir, Options{Now: fixtures.Clock, Requirement: satisfied})
	require.NoError(t, err)
	return s
}

// identity is what must not be mixed: everything that tells two releases apart.
func identity(s *code.Subject) string {
	hash, _, _ := s.CDHash().Get()
	leaf, known, _ := s.Leaf().Get()
	name := "nobody"
	if known {
		name = leaf.CommonName()
	}
	version := ""
	if info, ok, _ := s.Info.Get(); ok {
		v, _ := info.Get("CFBundleShortVersionString")
		version, _ = v.Str()
	}
	return fmt.Sprintf("%s %s %s %s", s.Identifier.Or("none"), hash, name, version)
}

// TestFilesSwappedWhileTheyAreReadNeverPass has two whole programs of two signers,
// both honest, whose files change places all the time. A good verdict must be about
// one of them.
func TestFilesSwappedWhileTheyAreReadNeverPass(t *testing.T) {
	t.Parallel()
	ours := fixtures.F3()
	theirs := fixtures.F3()
	other := fixtures.DeveloperIDOther()
	theirs.Code.Identity, theirs.Code.Version = &other, "6.6.6"
	dir := t.TempDir()
	app := filepath.Join(dir, "F3.app")
	require.NoError(t, ours.Tree().Write(app))
	require.NoError(t, theirs.Tree().Write(filepath.Join(dir, "other")))
	o := Options{Now: fixtures.Clock, Requirement: satisfied}
	allowed := map[string]bool{}
	for _, d := range []string{app, filepath.Join(dir, "other")} {
		s, err := Verify(context.Background(), d, o)
		require.NoError(t, err)
		require.NoError(t, s.Verified())
		allowed[identity(s)] = true
	}
	require.Len(t, allowed, 2)

	good, bad := 0, 0
	for i := 0; good+bad < 60 || (good == 0 || bad == 0) && i < 2000; i++ {
		var swapper sync.WaitGroup
		swapper.Go(func() {
			for range i % 8 { // whole programs, and one file that is put back
				exchange := func(name string) {
					swap(filepath.Join(app, name), filepath.Join(dir, "other", name), filepath.Join(dir, "third"))
				}
				exchange("Contents")
				exchange([]string{"Contents/MacOS/F3", "Contents/Info.plist", "Contents/_CodeSignature/CodeResources"}[i%3])
				exchange([]string{"Contents/MacOS/F3", "Contents/Info.plist", "Contents/_CodeSignature/CodeResources"}[i%3])
			}
		})
		s, err := Verify(context.Background(), app, o)
		swapper.Wait()
		if err != nil || s.Verified() != nil {
			bad++
			continue
		}
		good++
		assert.True(t, allowed[identity(s)], "facts of two programs: %s", identity(s))
	}
	t.Logf("%d verdicts were good and about one program, %d were not", good, bad)
	assert.NotZero(t, good)
	assert.NotZero(t, bad, "the files changed under the verifier")
}

// swap exchanges two names; while it does, neither may be there.
func swap(a, b, spare string) {
	_ = os.Rename(a, spare) // a verifier may hold it open, which is the point
	_ = os.Rename(b, a)
	_ = os.Rename(spare, b)
}

// turncoat is a file that changes one byte of its code after a number of readings,
// and remembers whether it showed the changed one.
type turncoat struct {
	honest, hostile []byte
	left            atomic.Int64
	shown           atomic.Bool
}

func (f *turncoat) ReadAt(p []byte, off int64) (int, error) {
	b := f.honest
	if f.left.Add(-1) < 0 {
		b = f.hostile
		if off <= changedByte && off+int64(len(p)) > changedByte {
			f.shown.Store(true)
		}
	}
	return bytes.NewReader(b).ReadAt(p, off)
}

const changedByte = 0x1100

func TestPagesSwappedWhileTheyAreReadNeverPass(t *testing.T) {
	t.Parallel()
	honest := fixtures.F1()
	hostile := bytes.Clone(honest)
	hostile[changedByte] ^= 1
	passed := 0
	for n := range 200 {
		f := &turncoat{honest: honest, hostile: hostile}
		f.left.Store(int64(n))
		s := VerifyReader(context.Background(), f, int64(len(honest)), Options{Now: fixtures.Clock})
		if s.Verified() == nil {
			passed++
			assert.False(t, f.shown.Load(), "the changed byte was read after %d readings, and passed", n)
			continue
		}
		assert.Equal(t, code.StatusSignatureFailed, s.Validity.Status, "after %d readings: %s", n, describe(s))
	}
	assert.NotZero(t, passed, "all readings were honest in the end")
	assert.Less(t, passed, 200, "and some were not")
}

func TestPipeAmongResourcesDoesNotBlock(t *testing.T) {
	t.Parallel()
	s := verifyApp(t, fixtures.F3().Tree(), pipe("Contents/Resources/logo.txt"))
	assert.Equal(t, code.StatusResourceNotSupported, s.Validity.Status, describe(s))
}

// TestSparseFileAmongResourcesTakesNoMemory is not parallel, because it counts
// what is allocated.
func TestSparseFileAmongResourcesTakesNoMemory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "F3.app")
	require.NoError(t, fixtures.F3().Tree().Write(dir))
	name := filepath.Join(dir, "Contents/Resources/endless")
	require.NoError(t, os.WriteFile(name, nil, 0o600))
	require.NoError(t, os.Truncate(name, 4<<30))
	var s *code.Subject
	used := allocated(func() {
		var err error
		s, err = Verify(context.Background(), dir, Options{Now: fixtures.Clock, Requirement: satisfied})
		require.NoError(t, err)
	})
	assert.Equal(t, code.StatusBadResource, s.Validity.Status, describe(s))
	assert.Less(t, used, uint64(64<<20), "bytes allocated")
}

func TestManyFilesAmongResourcesAreBounded(t *testing.T) {
	t.Parallel()
	const many = 20_000
	s := verifyApp(t, fixtures.F3().Tree(), func(dir string) error {
		for i := range many {
			if err := os.WriteFile(filepath.Join(dir, "Contents/Resources", fmt.Sprintf("file-%d", i)), nil, 0o600); err != nil {
				return err
			}
		}
		return nil
	})
	assert.Equal(t, code.StatusBadResource, s.Validity.Status)
	found := 0
	for _, c := range s.Validity.Checks {
		assert.LessOrEqual(t, len(c.Paths), 16, "%s names too many files", c.ID)
		found = max(found, c.Total)
	}
	assert.Equal(t, many, found, "all of them are counted")
}
