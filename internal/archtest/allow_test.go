package archtest

import (
	"go/ast"
	"go/parser"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestOneStatementAllows counts the places that can let anybody in: the one
// assignment to Decision.allow in package policy, and the one function of the
// root package that turns an answer into policy.OutcomeAllow.
func TestOneStatementAllows(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if p.rel() != "policy" && p.rel() != "" {
			continue
		}
		var places []string
		for name, f := range sources(t, p, parser.SkipObjectResolution) {
			ast.Inspect(f, func(n ast.Node) bool {
				if n != nil && p.rel() == "policy" && setsField(n, "allow") || n != nil && p.rel() == "" && produces(n, "OutcomeAllow") {
					places = append(places, name)
				}
				return true
			})
		}
		assert.Len(t, places, 1, "package %q allows in %v", p.rel(), places)
	}
}

// setsField reports statements and literals that set a field with this name. In a
// decisionJSON the field is called Allow, which counts for nothing.
func setsField(n ast.Node, name string) bool {
	switch n := n.(type) {
	case *ast.AssignStmt:
		for _, l := range n.Lhs {
			if sel, ok := l.(*ast.SelectorExpr); ok && sel.Sel.Name == name {
				return true
			}
		}
	case *ast.KeyValueExpr:
		if id, ok := n.Key.(*ast.Ident); ok && id.Name == name {
			return true
		}
	}
	return false
}

// produces reports a return or an assignment whose value is a constant of another
// package with this name.
func produces(n ast.Node, name string) bool {
	var values []ast.Expr
	switch n := n.(type) {
	case *ast.ReturnStmt:
		values = n.Results
	case *ast.AssignStmt:
		values = n.Rhs
	case *ast.KeyValueExpr:
		values = []ast.Expr{n.Value}
	}
	for _, v := range values {
		if sel, ok := v.(*ast.SelectorExpr); ok && sel.Sel.Name == name {
			return true
		}
	}
	return false
}
