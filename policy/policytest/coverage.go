package policytest

import (
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

// Coverage says how much of a policy the questions of a suite came to.
type Coverage struct {
	Rules, Conditions, Floor Part
}

// Part counts one kind of thing. Nothing to cover is covered.
type Part struct {
	Seen, Total int
	// Missing lists what nothing came to, in words.
	Missing []string
}

// Percent is the share that was seen, from 0 to 100.
func (p Part) Percent() float64 {
	if p.Total == 0 {
		return 100
	}
	return 100 * float64(p.Seen) / float64(p.Total)
}

// coverage collects the answers to every question of a policy.
type coverage struct {
	items   []policy.Item
	answers map[string]*answers
}

type answers struct{ yes, no bool }

func newCoverage(p *policy.Policy) *coverage {
	c := &coverage{items: p.Items(), answers: map[string]*answers{}}
	for _, i := range c.items {
		c.answers[i.ID] = &answers{}
	}
	return c
}

func (c *coverage) see(i policy.Item, v diag.Verdict) {
	a := c.answers[i.ID]
	if a == nil {
		return
	}
	a.yes = a.yes || v == diag.Yes
	a.no = a.no || v == diag.No
}

// coverage sums up: rules that decided, clauses and lines of peers that were both
// true and false, floor items that refused somebody.
func (c *coverage) coverage() Coverage {
	var out Coverage
	count := func(p *Part, seen bool, missing string) {
		p.Total++
		if seen {
			p.Seen++
		} else {
			p.Missing = append(p.Missing, missing)
		}
	}
	for _, i := range c.items {
		a := c.answers[i.ID]
		switch i.Kind {
		case policy.ItemFloor:
			count(&out.Floor, a.no, i.ID+" never refused anybody")
		case policy.ItemRule:
			count(&out.Rules, a.yes, i.Label+" never decided")
		default:
			count(&out.Conditions, a.yes, fmt.Sprintf("never true: %s (%s)", i.Label, i.ID))
			count(&out.Conditions, a.no, fmt.Sprintf("never false: %s (%s)", i.Label, i.ID))
		}
	}
	return out
}

// below says which parts do not reach their threshold.
func (c Coverage) below(t thresholds, least *float64) []string {
	var problems []string
	for _, p := range []struct {
		name string
		part Part
		want *float64
	}{{"rules", c.Rules, t.rules}, {"conditions", c.Conditions, t.conditions}, {"floor", c.Floor, t.floor}} {
		want := p.want
		if want == nil {
			want = least
		}
		if want != nil && p.part.Percent() < *want {
			problems = append(problems, fmt.Sprintf("coverage of %s is %.1f%%, want %g%%", p.name, p.part.Percent(), *want))
		}
	}
	return problems
}
