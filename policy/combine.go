package policy

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
)

// combine makes one document of several, in order. A name that two of them give
// is an error that shows both places.
func (l *loader) combine(docs []*document) *document {
	all := *docs[len(docs)-1]
	all.trust = trust{apple: true, roots: map[[32]byte][]string{}, adhoc: map[string]bool{}}
	all.floor = floorConfig{}
	all.variables, all.requirements, all.peers, all.rules = nil, nil, nil, nil
	names := map[string]place{}
	unique := func(what string, r *reader, n *yamlpos.Node) {
		key := what + " " + n.Value
		if first, twice := names[key]; twice {
			r.at(n, "two "+what+"s are called "+quoteShort(n.Value), "the first one stands at "+first.r.position(first.n))
			return
		}
		names[key] = place{r, n}
	}
	for _, d := range docs {
		all.trust.apple = all.trust.apple && d.trust.apple
		for root, teams := range d.trust.roots {
			all.trust.roots[root] = teams
		}
		for cdhash := range d.trust.adhoc {
			all.trust.adhoc[cdhash] = true
		}
		for i, relaxed := range d.floor.relaxed {
			all.floor.relaxed[i] = all.floor.relaxed[i] || relaxed
		}
		all.floor.linuxUID = all.floor.linuxUID || d.floor.linuxUID
		all.floor.interpreters = append(all.floor.interpreters, d.floor.interpreters...)
		all.floor.plugins = append(all.floor.plugins, d.floor.plugins...)
		for _, e := range d.variables {
			unique("variable", e.reader, e.key)
		}
		for _, e := range d.requirements {
			unique("requirement", e.reader, e.key)
		}
		for i := range d.peers {
			unique("peer", d.peers[i].reader, d.peers[i].name)
		}
		for i := range d.rules {
			unique("rule", d.rules[i].reader, d.rules[i].name)
		}
		all.variables = append(all.variables, d.variables...)
		all.requirements = append(all.requirements, d.requirements...)
		all.peers = append(all.peers, d.peers...)
		all.rules = append(all.rules, d.rules...)
	}
	for what, n := range map[string]int{"variables": len(all.variables), "requirements": len(all.requirements), "peers": len(all.peers)} {
		if n > maxNamed {
			all.span(0, 0, "too many "+what+" in all files", "")
		}
	}
	if len(all.rules) > maxRules {
		all.span(0, 0, "too many rules in all files", "")
	}
	return &all
}

// place is a node of some file.
type place struct {
	r *reader
	n *yamlpos.Node
}

// under marks a policy as one that a profile widens.
func (p *Policy) under(profile *profileDocument) *Policy {
	p.profile = profile.name.Value
	text := "profile " + quoteShort(p.profile) + " is in force, which lets in callers that the policy alone would not"
	if profile.description != "" {
		text += ": " + strings.Join(strings.Fields(profile.description), " ")
	}
	p.warn(text)
	return p
}

// warn adds a warning to all decisions, in front of the others.
func (p *Policy) warn(text string) {
	p.warnings = append([]string{text}, p.warnings...)
	p.replayWarnings = append([]string{replayWarning}, p.warnings...)
}
