package policy

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// guard is a necessary condition of a rule that costs next to nothing: a fact
// equals a text. Long policies list many callers, one rule for each, and nearly
// all of their rules fail on the identifier or the team.
type guard struct {
	slot  int // -1: no guard
	value types.String
}

// guardedRules are the rules that one fact guards, by number and in order.
type guardedRules struct {
	slot    int // -1: no guard
	all     []int
	byValue map[types.String][]int
}

// maxGuards is how many facts can guard rules, and the rules without a guard.
const maxGuards = 3

// addRule files the next rule under its guard.
func (p *Policy) addRule(r rule, g guard) {
	n := len(p.rules)
	p.rules = append(p.rules, r)
	i := 0
	for i < len(p.index) && p.index[i].slot != g.slot {
		i++
	}
	if i == len(p.index) {
		p.index = append(p.index, guardedRules{slot: g.slot, byValue: map[types.String][]int{}})
	}
	p.index[i].all = append(p.index[i].all, n)
	p.index[i].byValue[g.value] = append(p.index[i].byValue[g.value], n)
}

// candidates yields the rules that can be anything but false, in order. A rule is
// left out only when its guard is certainly false: false && x is false whatever x
// is, an error or an unknown included. A fact that nobody knows guards nothing.
type candidates [maxGuards][]int

func (b *binding) candidates() candidates {
	var c candidates
	for i := range b.p.index {
		g := &b.p.index[i]
		c[i] = g.all
		if g.slot < 0 || len(g.all) == 1 { // asking one rule costs as much as looking it up
			continue
		}
		switch v := b.value(g.slot).(type) {
		case types.String:
			c[i] = g.byValue[v]
		case types.Null:
			c[i] = nil
		}
	}
	return c
}

func (c *candidates) next() (rule int, ok bool) {
	first := -1
	for i := range c {
		if len(c[i]) > 0 && (first < 0 || c[i][0] < c[first][0]) {
			first = i
		}
	}
	if first < 0 {
		return 0, false
	}
	rule, c[first] = c[first][0], c[first][1:]
	return rule, true
}

// guard finds subject.identifier == "X" or subject.team_id == "X" among the
// operands of the outermost &&.
func (c *compiler) guard(e *expression) guard {
	rep := e.ast.NativeRep()
	var find func(e ast.Expr) guard
	find = func(e ast.Expr) guard {
		none := guard{slot: -1}
		if e.Kind() != ast.CallKind {
			return none
		}
		args := e.AsCall().Args()
		switch e.AsCall().FunctionName() {
		case operators.LogicalAnd:
			for _, arg := range args {
				if g := find(arg); g.slot >= 0 {
					return g
				}
			}
		case operators.Equals:
			for i, arg := range args {
				text, isText := literal(args[1-i])
				ref := rep.ReferenceMap()[arg.ID()]
				if isText && ref != nil && (ref.Name == "subject.identifier" || ref.Name == "subject.team_id") {
					if slot, ok := c.p.slotOf[ref.Name]; ok {
						return guard{slot, types.String(text)}
					}
				}
			}
		}
		return none
	}
	return find(rep.Expr())
}
