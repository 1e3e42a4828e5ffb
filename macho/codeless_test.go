package macho

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

// codeless is a bundle of data, such as a set of images. Its list, with more in it, is
// signed in the place of a program.
func codeless(more string) fixtures.Tree {
	info := []byte(plistHead + `<plist version="1.0"><dict><key>CFBundleIdentifier</key><string>com.example.data</string>` + more + `</dict></plist>`)
	seal := plainSeal(map[string]string{"Resources/a": "x"})
	tree := fixtures.Tree{"Contents/Info.plist": {Data: info}, "Contents/Resources/a": {Data: []byte("x")}}
	for name, b := range (fixtures.File{Data: info, Code: fixtures.Options{InfoFile: info, Resources: seal}}).Parts() {
		tree["Contents/_CodeSignature/"+name] = fixtures.Node{Data: b}
	}
	tree["Contents/_CodeSignature/CodeResources"] = fixtures.Node{Data: seal}
	return tree
}

func TestBundleWithoutAProgram(t *testing.T) {
	t.Parallel()
	s := verifyTree(t, "Data.bundle", codeless(""), nil)
	require.NoError(t, s.Verified(), describe(s))
	assert.Equal(t, "bundle with generic file", s.Format)
	assert.Equal(t, "errSecSuccess", appleSays(s))

	for name, tt := range map[string]struct {
		more   string
		change func(fixtures.Tree)
		want   code.Status
	}{
		"another list": {"", func(tree fixtures.Tree) {
			tree["Contents/Info.plist"] = fixtures.Node{Data: bytes.Replace(tree["Contents/Info.plist"].Data, []byte("data"), []byte("tada"), 1)}
		}, code.StatusInfoPlistFailed},
		"no signature":        {"", func(tree fixtures.Tree) { delete(tree, "Contents/_CodeSignature/CodeDirectory") }, code.StatusUnsigned},
		"other data":          {"", func(tree fixtures.Tree) { tree["Contents/Resources/a"] = fixtures.Node{Data: []byte("y")} }, code.StatusBadResource},
		"a program beside it": {"", func(tree fixtures.Tree) { tree["Contents/MacOS/x"] = fixtures.Node{Data: fixtures.AdHoc(), Exec: true} }, code.StatusBadResource},
		"a program of its name": {"", func(tree fixtures.Tree) {
			tree["Contents/MacOS/Data"] = fixtures.Node{Data: fixtures.AdHoc(), Exec: true}
		}, code.StatusInfoPlistFailed},
		"a program that is not there": {"<key>CFBundleExecutable</key><string>x</string>", func(fixtures.Tree) {}, code.StatusBadBundleFormat},
		"a widget":                    {"<key>MainHTML</key><string>x.html</string>", func(fixtures.Tree) {}, code.StatusBadBundleFormat},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := codeless(tt.more)
			tt.change(tree)
			s := verifyTree(t, "Data.bundle", tree, nil)
			assert.Error(t, s.Verified())
			assert.Equal(t, tt.want, s.Validity.Status, describe(s))
		})
	}
}
