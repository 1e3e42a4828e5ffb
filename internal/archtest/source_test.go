package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// maxLines is how long a file may be; past that it holds two ideas.
const maxLines = 450

// sources parses the non-test files of a package that this system builds; the
// keys are slash paths from the root of the repository.
func sources(t *testing.T, p listed, mode parser.Mode) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, mode)
		require.NoError(t, err)
		files[path.Join(p.rel(), name)] = f
	}
	return files
}

func importsOf(t *testing.T, p listed) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for name, f := range sources(t, p, parser.ImportsOnly) {
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			out[name] = append(out[name], imported)
		}
	}
	return out
}

// decides reports whether a package must behave as a pure function: everything
// but the commands, and the fixtures, which only tests use.
func decides(rel string) bool { return !strings.HasPrefix(rel, "cmd/") && rel != "fixtures" }

// forbidden names what the packages below the commands may not call, and why.
// A name without a dot is a whole package.
var forbidden = map[string]string{
	"log":            "logging is the caller's",
	"net":            "the network is nobody's",
	"net/http":       "the network is nobody's",
	"os/exec":        "other programs decide nothing here",
	"unsafe":         "bytes are untrusted",
	"math/rand":      "decisions are reproducible",
	"math/rand/v2":   "decisions are reproducible",
	"fmt.Print":      "printing is the command's",
	"fmt.Printf":     "printing is the command's",
	"fmt.Println":    "printing is the command's",
	"os.Stdout":      "printing is the command's",
	"os.Stderr":      "printing is the command's",
	"os.Stdin":       "reading input is the command's",
	"os.Exit":        "ending the process is the command's",
	"os.Getenv":      "the environment is the command's",
	"os.LookupEnv":   "the environment is the command's",
	"os.Environ":     "the environment is the command's",
	"os.Getwd":       "the environment is the command's",
	"time.Now":       "the clock is an argument",
	"time.Since":     "the clock is an argument",
	"time.Until":     "the clock is an argument",
	"time.Sleep":     "the clock is an argument",
	"time.NewTicker": "the clock is an argument",
}

// exempt lists what may break one of these rules, and why.
var exempt = map[string]map[string]string{
	"": {
		"time.Now":       "the front door reads the clock for the packages below",
		"net":            "the Guard's listener wraps the server's own",
		"time.NewTicker": "the Guard looks in intervals whether its policy changed",
	},
	"token": {"unsafe": "system calls take pointers"},
}

func TestPackagesBelowTheCommandsArePure(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		rel := p.rel()
		if !decides(rel) {
			continue
		}
		for name, f := range sources(t, p, parser.SkipObjectResolution) {
			names := map[string]string{} // local name of each import
			for _, spec := range f.Imports {
				imported, _ := strconv.Unquote(spec.Path.Value)
				local := path.Base(imported)
				if spec.Name != nil {
					local = spec.Name.Name
				}
				names[local] = imported
				why, bad := forbidden[imported]
				_, ok := exempt[rel][imported]
				assert.False(t, bad && !ok, "%s imports %s: %s", name, imported, why)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				x, ok := sel.X.(*ast.Ident)
				if !ok || names[x.Name] == "" {
					return true
				}
				full := names[x.Name] + "." + sel.Sel.Name
				why, bad := forbidden[full]
				_, exempted := exempt[rel][full]
				assert.False(t, bad && !exempted, "%s uses %s: %s", name, full, why)
				return true
			})
		}
	}
}

func TestNoPackageRunsCodeWhenItIsImported(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for name, f := range sources(t, p, parser.SkipObjectResolution) {
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				assert.False(t, ok && fn.Recv == nil && fn.Name.Name == "init", "%s has an init function", name)
			}
		}
	}
}

func TestFilesHoldOneIdea(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			b, err := os.ReadFile(filepath.Join(p.Dir, name))
			require.NoError(t, err)
			assert.LessOrEqual(t, bytes.Count(b, []byte("\n")), maxLines, "%s", path.Join(p.rel(), name))
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for name, f := range sources(t, p, parser.ParseComments|parser.SkipObjectResolution) {
			for _, d := range f.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					assert.False(t, d.Name.IsExported() && d.Doc == nil && receiverExported(d), "%s: %s has no doc comment", name, d.Name.Name)
				case *ast.GenDecl:
					for _, spec := range d.Specs {
						if s, ok := spec.(*ast.TypeSpec); ok {
							assert.False(t, s.Name.IsExported() && s.Doc == nil && d.Doc == nil, "%s: %s has no doc comment", name, s.Name.Name)
						}
					}
				}
			}
		}
	}
}

func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	typ := d.Recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.Ident:
			return t.IsExported()
		default:
			return true
		}
	}
}
