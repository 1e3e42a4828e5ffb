package policy

import (
	"errors"
	"strings"
	"sync"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// requirementText is one compiled text in Apple's language.
type requirementText struct {
	label string // as rules write it: "requirements.app", or the text itself
	expr  *requirement.Expr

	pinOnce sync.Once
	pinned  pin // see pins
}

func parseRequirement(label, text string) (*requirementText, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, errors.New("text after a NUL is not read by Apple's compiler")
	}
	e, err := requirement.Parse(label, text)
	if err != nil {
		return nil, err
	}
	return &requirementText{label: label, expr: e}, nil
}

// eval asks the slice on top. The error says why the answer is unknown.
func (r *requirementText) eval(f *facts) (answer, error) {
	res := requirement.Eval(r.expr, f.s, requirement.Options{})
	switch res.Outcome {
	case requirement.True:
		return yes, nil
	case requirement.False:
		return no, nil
	}
	switch {
	case res.Err != nil:
		return unknown, res.Err
	case len(res.Missing) > 0:
		return unknown, errors.New("it asks for " + strings.Join(res.Missing, ", ") + ", which nobody supplied")
	}
	return unknown, errors.New("it cannot be decided")
}

func (r *requirementText) explain(f *facts) *diag.Node {
	_, n := requirement.Explain(r.expr, f.s, requirement.Options{})
	n.Walk(func(n *diag.Node) { n.Span = nil }) // they point into the requirement, not into the policy
	return n
}
