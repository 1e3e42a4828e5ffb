package archtest

import (
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/xpcpolicy/xpcpolicy"

// layers is the import table: what each package may import from this module.
// A package that is not listed fails the test, so that a new one gets a place.
var layers = map[string][]string{
	"diag":              {},
	"fixtures":          {},
	"internal/bin":      {},
	"internal/archtest": {},
	"internal/yamlpos":  {},
	"internal/spell":    {},
	"internal/plist":    {"internal/bin"},
	"internal/coreder":  {"internal/bin", "internal/plist"},
	"code":              {"internal/plist"},

	"requirement": {"code", "diag", "internal/..."},
	"macho":       {"code", "diag", "internal/..."},

	"token":            {"code", "diag", "macho", "internal/..."},
	"requirement/lint": {"code", "diag", "macho", "requirement", "internal/..."},
	"requirement/lwcr": {"code", "diag", "requirement", "internal/..."},
	"policy":           {"code", "diag", "policy/invent", "requirement", "requirement/lint", "internal/..."},

	"policy/invent":      {"code", "internal/..."},
	"policy/policytest":  {"code", "diag", "policy", "policy/invent", "internal/..."},
	"policy/decisionlog": {"code", "diag", "policy", "internal/..."},
	"policy/draft":       {"code", "diag", "policy", "policy/invent", "policy/policytest", "requirement", "requirement/lint", "internal/..."},

	"internal/testworld": {"code", "fixtures", "token"},

	"": {"code", "diag", "macho", "policy", "policy/...", "requirement", "requirement/...", "token", "internal/..."},

	"cmd/...": {"", "code", "diag", "fixtures", "macho", "policy", "policy/...", "requirement", "requirement/...", "token", "internal/..."},
}

// foreign says which packages, and when it matters which files, may import a
// module from outside the standard library. Tests may import what they like.
var foreign = map[string][]string{
	"cel.dev/cel-go":               {"policy/"},
	"google.golang.org/protobuf":   {"policy/"},
	"github.com/smallstep/pkcs7":   {"macho/pkcs7.go"},
	"github.com/blacktop/go-macho": {"macho/constants.go"},
	"golang.org/x/sys":             {"macho/genericfile_unix.go", "macho/genericfile_linux.go", "macho/genericfile_darwin.go", "token/"},
	"go.yaml.in/yaml":              {"internal/yamlpos/"},
	"github.com/ebitengine/purego": {"token/"},
	"github.com/spf13/cobra":       {"cmd/xpcpolicy/"},
	"github.com/spf13/pflag":       {"cmd/xpcpolicy/"},
}

// listed is the part of `go list -json` that the tests read.
type listed struct {
	ImportPath string
	Dir        string
	Export     string
	GoFiles    []string
	Standard   bool
}

// rel is the package's path in the module; "" for the root.
func (p listed) rel() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

var goList = sync.OnceValues(func() ([]listed, error) {
	cmd := exec.Command("go", "list", "-deps", "-export", "-e", "-json=ImportPath,Dir,Export,GoFiles,Standard", "./...")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		switch err := d.Decode(&p); err {
		case nil:
			all = append(all, p)
		case io.EOF:
			return all, nil
		default:
			return nil, err
		}
	}
})

// packages returns the packages of this module that have non-test files.
func packages(t *testing.T) []listed {
	t.Helper()
	all, err := goList()
	require.NoError(t, err, "go list")
	var own []listed
	for _, p := range all {
		if (p.ImportPath == module || strings.HasPrefix(p.ImportPath, module+"/")) && len(p.GoFiles) > 0 {
			own = append(own, p)
		}
	}
	require.Greater(t, len(own), 8, "go list found too few packages")
	return own
}

func TestEachPackageImportsOnlyWhatItsLayerMay(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		allowed, ok := allowedImports(p.rel())
		if !assert.True(t, ok, "package %q has no line in the import table of docs/architecture.md and of this test", p.rel()) {
			continue
		}
		for file, imports := range importsOf(t, p) {
			for _, path := range imports {
				if path != module && !strings.HasPrefix(path, module+"/") {
					continue
				}
				target := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
				assert.True(t, matches(allowed, target), "%s imports %q, which its layer may not", file, target)
			}
		}
	}
}

func TestForeignModulesStayBehindTheirFiles(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for file, imports := range importsOf(t, p) {
			for _, path := range imports {
				if strings.HasPrefix(path, module) || !strings.Contains(strings.Split(path, "/")[0], ".") {
					continue
				}
				places, known := foreignPlaces(path)
				if assert.True(t, known, "%s imports %s, which this test does not know", file, path) {
					ok := slices.ContainsFunc(places, func(place string) bool {
						return file == place || strings.HasSuffix(place, "/") && strings.HasPrefix(file, place)
					})
					assert.True(t, ok, "%s imports %s, which may stand in %v only", file, path, places)
				}
			}
		}
	}
}

func TestTheImportTableItself(t *testing.T) {
	t.Parallel()
	assert.True(t, matches([]string{"internal/..."}, "internal/bin"))
	assert.False(t, matches([]string{"requirement"}, "requirement/lint"))
	assert.False(t, matches([]string{"code"}, ""), "only an empty entry allows the root package")
	for name, targets := range layers {
		for _, target := range targets {
			if target == "" || strings.HasSuffix(target, "...") {
				continue
			}
			_, ok := layers[target]
			assert.True(t, ok, "%q may import %q, which the table does not list", name, target)
		}
	}
}

func allowedImports(rel string) ([]string, bool) {
	if a, ok := layers[rel]; ok {
		return a, true
	}
	for name, a := range layers {
		if dir, ok := strings.CutSuffix(name, "..."); ok && strings.HasPrefix(rel, dir) {
			return a, true
		}
	}
	return nil, false
}

func matches(allowed []string, target string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		dir, tree := strings.CutSuffix(a, "...")
		return a == target || tree && strings.HasPrefix(target, dir)
	})
}

func foreignPlaces(path string) ([]string, bool) {
	for prefix, places := range foreign {
		if path == prefix || strings.HasPrefix(path, prefix+"/") {
			return places, true
		}
	}
	return nil, false
}
