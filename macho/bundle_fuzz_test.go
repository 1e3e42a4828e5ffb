package macho

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// FuzzSeal reads CodeResources files: whatever they say, the rules answer in time,
// and every entry that was accepted says one thing and has whole digests.
func FuzzSeal(f *testing.F) {
	f.Add(plainSeal(map[string]string{"Resources/a": "a"}), "Resources/a")
	tree := fixtures.F3().Tree()
	f.Add(tree["Contents/_CodeSignature/CodeResources"].Data, "MacOS/helper")
	f.Fuzz(func(t *testing.T, list []byte, at string) {
		if len(list) > 64<<10 || len(at) > 1024 {
			return
		}
		s := seal{hashTypes: []code.HashType{code.HashSHA1, code.HashSHA256}}
		if s.parse(list) != nil || s.form() != nil || s.envelope() != nil || s.strict(true) != nil || s.compile() != nil {
			return
		}
		require.Equal(t, 2, s.version)
		for name, e := range s.entries {
			kinds := 0
			for _, is := range []bool{e.isLink, e.isCode, len(e.hashes) > 0} {
				if is {
					kinds++
				}
			}
			require.Equal(t, 1, kinds, "%q", name)
			for _, h := range e.hashes {
				require.Len(t, h.digest, h.typ.Size())
			}
			s.rules.find(name)
		}
		r, _ := s.rules.find(at)
		again, _ := s.rules.find(at)
		require.Equal(t, r, again)
		require.NotNil(t, s.rules, "the catch-all is there")
	})
}

// FuzzBundle changes a tiny bundle in memory: when it is valid, each of its files
// was hashed, is excluded by its name, or is listed as unsealed.
func FuzzBundle(f *testing.F) {
	f.Add("Contents/Resources/a", []byte("a"), false, "Contents/Resources/b")
	f.Add("Contents/_CodeSignature/x", []byte(""), false, "")
	f.Add("Contents/_MASReceipt/receipt", []byte("x"), true, "Contents/Resources/.DS_Store")
	f.Add("Contents/CodeResources", []byte("ticket"), false, "Contents/PkgInfo")
	f.Add("Contents/Resources/link", []byte("a"), true, ".DS_Store")
	info := infoXML(plistHead, "")
	rules := map[string]any{`^.*`: true}
	omit := func(pattern string, weight int) { rules[pattern] = map[string]any{"omit": true, "weight": weight} }
	omit(`^Info\.plist$`, 20)
	omit(`^PkgInfo$`, 20)
	omit(`^(.*/)?\.DS_Store$`, 2000)
	hash := sha256.Sum256([]byte("a"))
	resources := fixtures.Plist(map[string]any{
		"files": map[string]any{}, "rules": map[string]any{}, "rules2": rules,
		"files2": map[string]any{
			"Resources/a":    map[string]any{"hash2": hash[:]},
			"Resources/link": map[string]any{"symlink": "a", "optional": true},
			"Resources/o":    map[string]any{"hash2": hash[:], "optional": true},
		},
	})
	program := fixtures.Sign(fixtures.Options{AdHoc: true, InfoFile: info, Resources: resources})
	f.Fuzz(func(t *testing.T, name string, data []byte, link bool, other string) {
		tree := fstest.MapFS{
			"Contents/MacOS/X":                      {Data: program},
			"Contents/Info.plist":                   {Data: info},
			"Contents/_CodeSignature/CodeResources": {Data: resources},
			"Contents/Resources/a":                  {Data: []byte("a")},
		}
		for _, n := range []string{name, other} {
			if !fs.ValidPath(n) || n == "." || len(n) > 200 || strings.Count(n, "/") > 8 {
				continue
			}
			for dir := path.Dir(n); dir != "."; dir = path.Dir(dir) {
				if tree[dir] != nil { // a file in the place of a directory
					return
				}
			}
			file := &fstest.MapFile{Data: data, Mode: 0o644}
			if link && n == name {
				file.Mode = fs.ModeSymlink | 0o777
			}
			tree[n] = file
		}
		v := new(Verifier).start(context.Background(), Options{Now: fixtures.Clock}, true)
		defer v.shared.close()
		s, err := v.openBundleAt(tree, "X.app", "")
		if err != nil || s.Verified() != nil {
			return
		}
		facts, ok, err := s.Bundle.Get()
		require.NoError(t, err)
		require.True(t, ok)
		listed := map[string]bool{}
		for _, n := range facts.Unsealed.First {
			listed[n] = true
		}
		require.Equal(t, facts.Unsealed.Total, len(facts.Unsealed.First))
		dict, err := plist.Parse(resources, plist.Options{})
		require.NoError(t, err)
		files, _ := dict.Get("files2")
		for n, file := range tree {
			rel, below := strings.CutPrefix(n, "Contents/")
			entry, sealed := files.Get(rel)
			switch {
			case file.Mode.IsDir(), listed[n]:
			case n == "Contents/MacOS/X":
				require.Equal(t, program, file.Data)
			case n == "Contents/Info.plist":
				require.Equal(t, info, file.Data)
			case n == "Contents/_CodeSignature/CodeResources":
				require.Equal(t, resources, file.Data)
			case n == "Contents/_CodeSignature/CodeSignature":
				require.Empty(t, file.Data)
			case !below: // only Contents lies there
				require.Fail(t, "nothing seals it, and it is not listed", n)
			case file.Mode&fs.ModeSymlink != 0:
				x, _ := entry.Get("symlink")
				text, _ := x.Str()
				require.True(t, sealed)
				require.Equal(t, text, string(file.Data))
			default:
				require.True(t, sealed, "%q is neither sealed nor listed", n)
				x, _ := entry.Get("hash2")
				want, _ := x.Bytes()
				got := sha256.Sum256(file.Data)
				require.True(t, bytes.Equal(want, got[:]), "%q is not what the seal has", n)
			}
		}
	})
}
