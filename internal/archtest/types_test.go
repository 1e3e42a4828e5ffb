package archtest

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checked is one type-checked package.
type checked struct {
	listed
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
	types *types.Package
}

// check type-checks a package against the export data of what it imports.
func check(t *testing.T, p listed) checked {
	t.Helper()
	all, err := goList()
	require.NoError(t, err)
	exports := map[string]string{}
	for _, q := range all {
		exports[q.ImportPath] = q.Export
	}
	c := checked{listed: p, fset: token.NewFileSet(), info: &types.Info{Uses: map[*ast.Ident]types.Object{}}}
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(c.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		c.files = append(c.files, f)
	}
	conf := types.Config{Importer: importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("%s does not compile", path)
		}
		return os.Open(exports[path])
	})}
	c.types, err = conf.Check(p.ImportPath, c.fset, c.files, c.info)
	require.NoError(t, err, "type-checking %s", p.ImportPath)
	return c
}

// variable returns the package-level variable of this package that an expression
// stores into, or nil.
func (c checked) variable(e ast.Expr) *types.Var {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.Ident:
			if v, ok := c.info.Uses[x].(*types.Var); ok && v.Parent() == c.types.Scope() {
				return v
			}
			return nil
		default:
			return nil
		}
	}
}

func TestPackageVariablesNeverChange(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if !decides(p.rel()) {
			continue
		}
		c := check(t, p)
		for _, f := range c.files {
			ast.Inspect(f, func(n ast.Node) bool {
				var targets []ast.Expr
				switch n := n.(type) {
				case *ast.AssignStmt:
					targets = n.Lhs
				case *ast.IncDecStmt:
					targets = []ast.Expr{n.X}
				case *ast.RangeStmt:
					targets = []ast.Expr{n.Key, n.Value}
				case *ast.UnaryExpr:
					if n.Op == token.AND {
						if v := c.variable(n.X); v != nil && isPool(v) {
							t.Errorf("%s: the address of %s is taken", c.fset.Position(n.Pos()), v.Name())
						}
					}
				}
				for _, e := range targets {
					if v := c.variable(e); v != nil {
						t.Errorf("%s: the package-level variable %s is changed", c.fset.Position(n.Pos()), v.Name())
					}
				}
				return true
			})
		}
		for _, name := range c.types.Scope().Names() {
			if v, ok := c.types.Scope().Lookup(name).(*types.Var); ok {
				assert.False(t, isPool(v), "%s: the package-level variable %s holds state of type %s", p.rel(), name, v.Type())
			}
		}
	}
}

// isPool reports types that exist to be changed.
func isPool(v *types.Var) bool {
	switch s := v.Type().String(); s {
	case "sync.Mutex", "sync.RWMutex", "sync.Map", "sync.Once", "sync.WaitGroup":
		return true
	default:
		return strings.HasPrefix(s, "sync/atomic.")
	}
}

// TestForeignTypesAreNotExported keeps CEL out of the signatures of policy, and
// each other dependency out of those of its package.
func TestForeignTypesAreNotExported(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if strings.HasPrefix(p.rel(), "cmd/") {
			continue
		}
		c := check(t, p)
		for _, name := range c.types.Scope().Names() {
			o := c.types.Scope().Lookup(name)
			if !o.Exported() {
				continue
			}
			for _, s := range signatures(o) {
				for prefix := range foreign {
					assert.NotContains(t, s, prefix, "%s.%s shows a type of a dependency", p.rel(), name)
				}
			}
		}
	}
}

// signatures lists what callers see of an exported name: its type, exported
// fields and exported methods.
func signatures(o types.Object) []string {
	if _, ok := o.(*types.TypeName); !ok {
		return []string{o.Type().String()}
	}
	var out []string
	if st, ok := o.Type().Underlying().(*types.Struct); ok {
		for i := range st.NumFields() {
			if f := st.Field(i); f.Exported() {
				out = append(out, f.Type().String())
			}
		}
	} else {
		out = append(out, o.Type().Underlying().String())
	}
	methods := types.NewMethodSet(types.NewPointer(o.Type()))
	for i := range methods.Len() {
		if m := methods.At(i).Obj(); m.Exported() {
			out = append(out, m.Type().String())
		}
	}
	return out
}
