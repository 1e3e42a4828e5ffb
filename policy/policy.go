package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
)

// Policy is a compiled document. It is immutable and safe for concurrent use.
type Policy struct {
	name     string
	revision string
	source   *diag.Source
	trust    trust
	floor    floorConfig
	rules    []rule
	index    []guardedRules // all rules once, by what guards them

	slots    []slot // what the expressions read
	slotOf   map[string]int
	readsNow bool

	warnings       []string // one for each relaxed item of the floor
	replayWarnings []string
}

// Parse reads and compiles a document. The name is shown before positions. The
// error is a [diag.List]: everything that is wrong with the document, with
// positions. No part of a document that has an error is ever in force.
func Parse(name string, text []byte) (*Policy, error) {
	r := &reader{src: diag.NewSource(name, string(text))}
	root, failure := yamlpos.Parse(text)
	if failure != nil {
		r.span(failure.Start, failure.End, failure.Summary, failure.Why)
		return nil, r.list
	}
	d := r.document(root)
	sum := sha256.Sum256(text)
	p := &Policy{
		name: d.name, revision: hex.EncodeToString(sum[:]), source: r.src, trust: d.trust, floor: d.floor,
		slotOf: map[string]int{},
	}
	c := &compiler{reader: r, p: p, requirements: map[string]*requirementText{}, peers: map[string]*peer{},
		variables: map[string]*expression{}, texts: map[string]*requirementText{}}
	c.named(d)
	c.compile(d)
	if len(r.list) > 0 {
		return nil, r.list
	}
	_, p.readsNow = p.slotOf["now"]
	for i := range floorItems {
		if p.floor.relaxed[i] {
			p.warnings = append(p.warnings, "floor item "+floorItems[i].name+" is relaxed by this policy: nobody checks that "+floorItems[i].doc)
		}
	}
	p.replayWarnings = append(p.replayWarnings, replayWarning)
	p.replayWarnings = append(p.replayWarnings, p.warnings...)
	return p, nil
}

// named compiles the requirements and peers of a document.
func (c *compiler) named(d *document) {
	for _, n := range d.requirements {
		req, err := parseRequirement("requirements."+n.Key.Value, n.Value.Value)
		if err != nil {
			c.embedded(n.Value, "requirement", err)
			req = &requirementText{} // so that rules which name it are no second error
		}
		c.requirements[n.Key.Value] = req
	}
	for i := range d.peers {
		p := &d.peers[i]
		var req *requirementText
		if n := p.requirement; n != nil {
			var err error
			if name, ok := strings.CutPrefix(n.Value, "requirements."); ok {
				if req = c.requirements[name]; req == nil {
					c.at(n, "there is no requirement "+quoteShort(name), didYouMean(name, namesOf(c.requirements)))
				}
			} else if req, err = parseRequirement("peers."+p.name.Value, n.Value); err != nil {
				c.embedded(n, "requirement", err)
			}
		}
		c.peers[p.name.Value] = newPeer(c.src, p, req)
	}
}

// Name is the name that the document gives itself.
func (p *Policy) Name() string { return p.name }

// Revision is the SHA-256 of the document in lower-case hexadecimal.
func (p *Policy) Revision() string { return p.revision }

// ReadsNow reports whether a rule reads the time, so that a decision must not be
// kept for later.
func (p *Policy) ReadsNow() bool { return p.readsNow }

// Source is the document, into which the spans of explanations point.
func (p *Policy) Source() *diag.Source { return p.source }

// Rules lists the names of the rules in order.
func (p *Policy) Rules() []string {
	names := make([]string, len(p.rules))
	for i := range p.rules {
		names[i] = p.rules[i].name
	}
	return names
}
