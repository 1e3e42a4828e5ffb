package macho

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

func TestNamesOfLibrariesThatLeaveTheBundle(t *testing.T) {
	t.Parallel()
	const dir = "Contents/MacOS"
	for name, tt := range map[string]struct {
		library  string
		paths    []string
		fileType uint32
		want     bool
	}{
		"a framework inside":                        {"@executable_path/../Frameworks/A.framework/A", nil, 2, false},
		"a library beside the program":              {"@loader_path/liba.dylib", nil, 2, false},
		"one beside the bundle":                     {"@loader_path/../../../liba.dylib", nil, 2, true},
		"one in the bundle's root":                  {"@loader_path/../../liba.dylib", nil, 2, false},
		"one that goes out and comes back":          {"@loader_path/../../../X.app/liba.dylib", nil, 2, true},
		"a system library":                          {"/usr/lib/libSystem.B.dylib", nil, 2, false},
		"a system framework":                        {"/System/Library/Frameworks/AppKit.framework/AppKit", nil, 2, false},
		"one that leaves the system's place":        {"/usr/lib/../local/lib/liba.dylib", nil, 2, true},
		"a library of the administrator":            {"/usr/local/lib/liba.dylib", nil, 2, true},
		"one found from the working directory":      {"liba.dylib", nil, 2, true},
		"a search path inside":                      {"@rpath/A.framework/A", []string{"@executable_path/../Frameworks"}, 2, false},
		"a second search path outside":              {"@rpath/A.framework/A", []string{"@executable_path/../Frameworks", "@loader_path/../../.."}, 2, true},
		"a search path of the system":               {"@rpath/libswiftCore.dylib", []string{"/usr/lib/swift"}, 2, false},
		"a name that climbs up from a search path":  {"@rpath/../../../liba.dylib", []string{"@executable_path/../Frameworks"}, 2, true},
		"a search path of the system's libraries":   {"@rpath/liba.dylib", []string{"/usr/lib/"}, 2, false},
		"no search path":                            {"@rpath/A.framework/A", nil, 2, false},
		"the place of a program, from a library":    {"@executable_path/../../../liba.dylib", nil, 6, false},
		"the place of a library, from that library": {"@loader_path/../../../liba.dylib", nil, 6, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &image{fileType: tt.fileType, searchPaths: tt.paths}
			assert.Equal(t, tt.want, m.loadsOutside(dir)(tt.library))
		})
	}
}

func TestLibrariesAreReadFromLoadCommands(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edit func(l *fixtures.Layout)
		want []string
	}{
		"two":                       {func(l *fixtures.Layout) { l.AddLibrary("@loader_path/a"); l.AddLibrary("/usr/lib/b") }, []string{"@loader_path/a", "/usr/lib/b"}},
		"a name before the command": {func(l *fixtures.Layout) { l.AddCommand(0xc, 24, 7, 0, 0, 0) }, nil},
		"a name behind the command": {func(l *fixtures.Layout) { l.AddCommand(0xc, 24, 24, 0, 0, 0) }, nil},
		"a name far behind it":      {func(l *fixtures.Layout) { l.AddCommand(0xc, 24, 0xffffffff, 0, 0, 0) }, nil},
		"no room for an offset":     {func(l *fixtures.Layout) { l.AddCommand(0xc, 8) }, nil},
		"a name without an end":     {func(l *fixtures.Layout) { l.AddCommand(0xc, 16, 12, 0x41414141) }, []string{"AAAA"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := fixtures.Good()
			o.Header = tt.edit
			b := fixtures.Sign(o)
			m, p := readImage(sectionOf(b), 0, int64(len(b)))
			require.Nil(t, p)
			assert.Equal(t, tt.want, m.libraries)
			assert.Equal(t, code.StatusSuccess, verifyBytes(t, b).Validity.Status, "odd names do not change the verdict")
		})
	}
}
