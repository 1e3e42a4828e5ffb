package policy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// expression is one compiled CEL expression. It is immutable but for the
// explaining program, which is built when somebody asks for it.
type expression struct {
	text    string
	source  *diag.Source
	span    diag.Span // in the source
	reads   []int     // slots, without what variables read in turn
	env     *cel.Env
	ast     *cel.Ast
	program cel.Program
	// simple says that evaluating takes at most one pass over one fact for each
	// node of the text, so that no limit is counted. See isSimple.
	simple bool

	explainOnce sync.Once
	explainer   cel.Program
	explainErr  error
	clauses     map[int64]*clause
}

// slot is one name that an expression reads: exactly one of the pointers is set.
type slot struct {
	name        string
	field       *field
	requirement *requirementText
	peer        *peer
	variable    *expression
}

// binding gives a program its variables: the facts of one slice, converted when
// they are first read.
type binding struct {
	facts
	ctx  context.Context
	vals []ref.Val // by slot; nil: not read yet
}

func newBinding(ctx context.Context, f facts) *binding {
	return &binding{facts: f, ctx: ctx, vals: make([]ref.Val, len(f.p.slots))}
}

// ResolveName implements the activation of CEL.
func (b *binding) ResolveName(name string) (any, bool) {
	i, ok := b.p.slotOf[name]
	if !ok {
		return nil, false
	}
	return b.value(i), true
}

// Parent implements the activation of CEL.
func (b *binding) Parent() cel.Activation { return nil }

// value is the value of a slot. A fact that nobody knows is a CEL unknown: it
// stays unknown under negation, has(), size() and comprehensions.
func (b *binding) value(i int) ref.Val {
	if v := b.vals[i]; v != nil {
		return v
	}
	var v ref.Val
	switch s := &b.p.slots[i]; {
	case s.field != nil:
		if raw := s.field.get(&b.facts); isNotKnown(raw) {
			v = unknownSlot(i, s.name)
		} else {
			v = celValue(raw)
		}
	case s.requirement != nil:
		v = unknownOr(i, s, s.requirement.eval, &b.facts)
	case s.peer != nil:
		v = unknownOr(i, s, s.peer.eval, &b.facts)
	default:
		out, err := b.run(s.variable)
		if v = out; err != nil || v == nil {
			v = types.WrapErr(errors.Join(errors.New(s.name+" has no value"), err))
		}
	}
	b.vals[i] = v
	return v
}

func isNotKnown(v any) bool { _, ok := v.(notKnown); return ok }

func unknownOr(i int, s *slot, eval func(*facts) (answer, error), f *facts) ref.Val {
	switch a, _ := eval(f); a {
	case yes:
		return types.True
	case no:
		return types.False
	}
	return unknownSlot(i, s.name)
}

// unknownSlot is the CEL unknown of a slot, which finds its way back by number.
func unknownSlot(i int, name string) ref.Val {
	return types.NewUnknown(-1-int64(i), types.NewAttributeTrail(name))
}

// whyUnknown says why nobody knows a slot.
func (b *binding) whyUnknown(i int) error {
	switch s := &b.p.slots[i]; {
	case s.field != nil:
		if nk, ok := s.field.get(&b.facts).(notKnown); ok {
			return nk.err
		}
	case s.requirement != nil:
		_, err := s.requirement.eval(&b.facts)
		return err
	case s.peer != nil:
		_, err := s.peer.eval(&b.facts)
		return err
	}
	return nil
}

// run evaluates an expression under its limits.
func (b *binding) run(e *expression) (ref.Val, error) {
	if err := b.ctx.Err(); err != nil {
		return nil, err
	}
	if e.simple {
		v, _, err := e.program.Eval(b)
		return v, err
	}
	v, _, err := e.program.ContextEval(b.ctx, b)
	return v, err
}

// trouble says why a condition could not be decided.
type trouble struct {
	facts  []string // the facts that nobody knows; empty for an error
	reason string
	limit  bool // a limit or the context ended the evaluation
}

// ask evaluates a condition. Only the boolean true is yes and only the boolean
// false is no; everything else is unknown, with the reason.
func (b *binding) ask(e *expression) (answer, *trouble) {
	v, err := b.run(e)
	if ended := b.ctx.Err(); ended != nil { // an answer that comes too late is none
		return unknown, &trouble{reason: ended.Error(), limit: true}
	}
	if err == nil {
		switch v {
		case types.True:
			return yes, nil
		case types.False:
			return no, nil
		}
	}
	return unknown, b.trouble(v, err)
}

func (b *binding) trouble(v ref.Val, err error) *trouble {
	if u, ok := v.(*types.Unknown); ok && err == nil {
		t := &trouble{}
		var reasons []string
		ids := u.IDs() // in ascending order, which is that of the slots from the last to the first
		slices.Reverse(ids)
		for _, id := range ids {
			i := int(-1 - id)
			if i < 0 || i >= len(b.p.slots) {
				continue
			}
			name := b.p.slots[i].shown()
			t.facts = append(t.facts, name)
			reasons = append(reasons, "nobody knows "+name+": "+errText(b.whyUnknown(i)))
		}
		t.reason = strings.Join(reasons, "; ")
		if t.facts == nil {
			t.facts, t.reason = []string{"a fact"}, "nobody knows a fact"
		}
		return t
	}
	switch {
	case err != nil:
		return &trouble{reason: quoteless(err.Error()), limit: isLimit(b.ctx, err)}
	case v != nil:
		return &trouble{reason: "the condition gave " + show(v)}
	}
	return &trouble{reason: "the condition gave nothing"}
}

// shown is the name of a slot as authors write it.
func (s *slot) shown() string {
	switch {
	case s.requirement != nil:
		return "satisfies(" + quoteless(s.requirement.label) + ")"
	case s.peer != nil:
		return "matches(" + quoteShort(s.peer.name) + ")"
	}
	return s.name
}
