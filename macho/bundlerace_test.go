package macho

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// twoReleases are two valid bundles that differ in every part. more makes the
// second one larger, so that what was hashed tells them apart.
func twoReleases() (a, b fixtures.Bundle) {
	release := func(version, text string, files int) fixtures.Bundle {
		x := fixtures.F3()
		x.Code.Arches, x.Code.Version = []fixtures.Arch{fixtures.X8664}, version
		x.Code.Identifier = "com.example.app" + version
		helper := x.Tools["MacOS/helper"]
		helper.Version = version
		x.Tools = map[string]fixtures.Options{"MacOS/helper": helper}
		x.Bundles = nil
		x.Files = fixtures.Tree{}
		for i := range files {
			x.Files["Resources/file"+string(rune('a'+i))] = fixtures.Node{Data: []byte(text)}
		}
		return x
	}
	return release("1", "first\n", 10), release("2", "second\n", 12)
}

// TestNoVerdictMixesTwoReleases exchanges a bundle, or a part of it, for another
// release while it is verified, and for a broken one.
func TestNoVerdictMixesTwoReleases(t *testing.T) {
	t.Parallel()
	a, b := twoReleases()
	for name, part := range map[string]string{
		"the bundle": "", "Contents": "Contents", "the programs": "Contents/MacOS", "the resources": "Contents/Resources",
		"the seal": "Contents/_CodeSignature", "one file": "Contents/Resources/filea", "the list": "Contents/Info.plist",
		"the main executable": "Contents/MacOS/F3",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			app, other, third := filepath.Join(dir, "F3.app"), filepath.Join(dir, "other"), filepath.Join(dir, "third")
			require.NoError(t, a.Tree().Write(app))
			require.NoError(t, b.Tree().Write(other))
			stop, swapping := make(chan struct{}), sync.WaitGroup{}
			swapping.Add(1)
			go func() {
				defer swapping.Done()
				for {
					select {
					case <-stop:
						return
					default:
					}
					_ = os.Rename(filepath.Join(app, part), third)
					_ = os.Rename(filepath.Join(other, part), filepath.Join(app, part))
					_ = os.Rename(third, filepath.Join(other, part))
				}
			}()
			for range 60 {
				s, err := Verify(t.Context(), app, options())
				if err != nil {
					assert.Contains(t, []code.Status{code.StatusStaticCodeNotFound, code.StatusSignatureNotVerifiable}, code.StatusOf(err))
					continue
				}
				if s.Verified() != nil {
					continue
				}
				facts, ok, _ := s.Bundle.Get()
				require.True(t, ok)
				want := int64(10)
				if s.Identifier.Or("") == "com.example.app2" {
					want = 12
				}
				assert.Equal(t, want, facts.Sealed, "%s with the files of another release", s.Identifier.Or(""))
				require.Len(t, facts.Nested, 1)
				assert.False(t, facts.Nested[0].CDHashDiffers, "%s with the helper of another release", s.Identifier.Or(""))
			}
			close(stop)
			swapping.Wait()
		})
	}
}
