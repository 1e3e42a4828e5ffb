package policy

import (
	"context"
	"strconv"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// ItemKind says what an [Item] is.
type ItemKind string

// The kinds of items.
const (
	ItemFloor  ItemKind = "floor"  // an item of the floor that is not relaxed
	ItemRule   ItemKind = "rule"   // a whole rule
	ItemClause ItemKind = "clause" // one operand of a condition or variable: what stands between && and ||
	ItemPeer   ItemKind = "peer"   // one test of a peer
)

// Item is one question that a policy asks. A suite of tests has seen all of a
// policy when each item has been answered yes and no.
type Item struct {
	Kind ItemKind
	// ID names the item within one revision of the policy: "floor:debuggable",
	// "rule:NAME", "rule:NAME/0/1", "vars.NAME/0", "peer:NAME/2". The explanation
	// of a decision gives its nodes the same names.
	ID string
	// Label is the question as its author wrote it.
	Label string
	// Source and Span say where it stands; nil and zero for the floor.
	Source *diag.Source
	Span   diag.Span
	// Deny is set for deny rules and their clauses.
	Deny bool
}

// Items lists every question of the policy: the floor, then each rule with its
// clauses, then the variables and peers that rules read. Constants are no
// questions.
func (p *Policy) Items() []Item {
	var list []Item
	add := func(i Item) { list = append(list, i) }
	for i := range floorItems {
		if !p.floor.relaxed[i] {
			add(floorQuestion(i))
		}
	}
	for i := range p.rules {
		r := &p.rules[i]
		add(r.item())
		r.when.items(p, r.owner(), add)
	}
	for i := range p.slots {
		switch s := &p.slots[i]; {
		case s.variable != nil:
			s.variable.items(p, owner{id: s.name}, add)
		case s.peer != nil:
			for k := range s.peer.tests {
				add(s.peer.item(k))
			}
		}
	}
	return list
}

// Visit calls f for every question that the decision asked, with its answer, as
// the decision came to it: nothing behind the operand that decided an && or ||,
// the test that a peer failed or the rule that decided. A question may come more
// than once, for each slice and each place that reads a peer or variable. The
// facts are evaluated again, under the limits of an explanation.
func (d Decision) Visit(ctx context.Context, f func(Item, diag.Verdict)) {
	p := d.policy
	if p == nil || d.request.Subject == nil {
		return
	}
	defer func() { _ = recover() }() // what made the decision fail may fail here; it was reported there
	for _, facts := range d.perSlice() {
		p.visit(ctx, facts, f)
	}
}

// perSlice returns what each slice was judged by.
func (d Decision) perSlice() []facts {
	s := d.request.Subject
	all := make([]facts, 0, max(1, len(s.Slices)))
	for _, view := range s.PerSlice() {
		all = append(all, facts{p: d.policy, s: view, whole: s, operation: d.request.Operation, now: d.request.Now, verified: d.verified})
	}
	return all
}

func (p *Policy) visit(ctx context.Context, f facts, see func(Item, diag.Verdict)) {
	stop := false
	for i := range floorItems {
		if f.waived(i) {
			continue
		}
		a, _ := floorItems[i].check(&f)
		see(floorQuestion(i), verdictOf(a))
		if stop = stop || a != yes; a == no {
			return
		}
	}
	if stop {
		return
	}
	b := newBinding(ctx, f)
	for i := range p.rules {
		r := &p.rules[i]
		if !r.about(f.operation) {
			continue
		}
		a, _ := b.ask(r.when)
		see(r.item(), verdictOf(a))
		b.visit(r.when, r.owner(), see)
		if a == yes || a == unknown && r.deny {
			return
		}
	}
}

// owner is whose expression a clause belongs to.
type owner struct {
	id   string
	deny bool
}

func (r *rule) owner() owner { return owner{"rule:" + r.name, r.deny} }

func (r *rule) item() Item {
	return Item{Kind: ItemRule, ID: "rule:" + r.name, Label: "rule " + strconv.Quote(r.name), Source: r.when.source, Span: r.when.span, Deny: r.deny}
}

func floorQuestion(i int) Item {
	return Item{Kind: ItemFloor, ID: floorIDs[i], Label: floorItems[i].doc}
}

func (p *peer) item(test int) Item {
	return Item{Kind: ItemPeer, ID: "peer:" + p.name + "/" + strconv.Itoa(test), Label: p.tests[test].label, Source: p.source, Span: p.tests[test].span}
}

// visit asks the tests of a peer until one says no.
func (p *peer) visit(f *facts, see func(Item, diag.Verdict)) {
	for i := range p.tests {
		a, _ := p.tests[i].ask(f)
		see(p.item(i), verdictOf(a))
		if a == no {
			return
		}
	}
}
