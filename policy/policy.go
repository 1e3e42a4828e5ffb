package policy

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/internal/spell"
)

// Policy is a compiled document. It is immutable and safe for concurrent use.
type Policy struct {
	name     string
	revision string
	profile  string       // in force; "" is none
	source   *diag.Source // the first file
	files    []*diag.Source
	trust    trust
	floor    floorConfig
	rules    []rule
	index    []guardedRules // all rules once, by what guards them

	slots    []slot // what the expressions read
	slotOf   map[string]int
	readsNow bool

	warnings       []string // of every decision: the profile and each relaxed item of the floor
	replayWarnings []string
	findings       diag.List // what loading found and did not refuse
}

// compile makes a policy of a document; errors go to the report.
func (l *loader) compile(d, first *document) *Policy {
	p := &Policy{
		name: first.name, source: first.src, files: l.files, trust: d.trust, floor: d.floor, slotOf: map[string]int{},
	}
	c := &compiler{report: l.report, p: p, requirements: map[string]*requirementText{}, peers: map[string]*peer{},
		variables: map[string]*expression{}, texts: map[string]*requirementText{}}
	c.named(d)
	c.compile(d)
	_, p.readsNow = p.slotOf["now"]
	for i := range floorItems {
		if p.floor.relaxed[i] {
			p.warnings = append(p.warnings, "floor item "+floorItems[i].name+" is relaxed by this policy: nobody checks that "+floorItems[i].doc)
		}
	}
	if p.floor.linuxUID {
		p.warnings = append(p.warnings, linuxWarning)
	}
	p.replayWarnings = append([]string{replayWarning}, p.warnings...)
	return p
}

// RelaxesLinux reports whether the policy judges peers of Linux sockets, by their user
// alone.
func (p *Policy) RelaxesLinux() bool { return p != nil && p.floor.linuxUID }

// named compiles the requirements and peers of a document.
func (c *compiler) named(d *document) {
	alone := relied(d)
	for _, n := range d.requirements {
		req, err := parseRequirement("requirements."+n.key.Value, n.value.Value)
		if err != nil {
			n.embedded(n.value, "requirement", err)
			req = &requirementText{} // so that rules which name it are no second error
		}
		c.lint(n.reader, n.value, req, alone[n.key.Value])
		c.requirements[n.key.Value] = req
	}
	for i := range d.peers {
		p := &d.peers[i]
		var req *requirementText
		if n := p.requirement; n != nil {
			var err error
			if name, ok := strings.CutPrefix(n.Value, "requirements."); ok {
				if req = c.requirements[name]; req == nil {
					p.at(n, "there is no requirement "+quoteShort(name), spell.DidYouMean(name, namesOf(c.requirements)))
				}
			} else if req, err = parseRequirement("peers."+p.name.Value, n.Value); err != nil {
				p.embedded(n, "requirement", err)
			} else {
				c.lint(p.reader, n, req, len(p.teams) == 0)
			}
		}
		c.checkPeer(p, req)
		c.peers[p.name.Value] = newPeer(p, req)
	}
}

// Name is the name that the document gives itself.
func (p *Policy) Name() string { return p.name }

// Profile is the name of the profile that is in force; "" is none.
func (p *Policy) Profile() string { return p.profile }

// Findings lists what loading found to be weak or useless without refusing it,
// with positions: rules that are never reached, requirements that lint warns of.
func (p *Policy) Findings() diag.List { return append(diag.List(nil), p.findings...) }

// Revision is the SHA-256 of the document in lower-case hexadecimal. When there
// are several files, or a profile is in force, it is that of all of them.
func (p *Policy) Revision() string { return p.revision }

// ReadsNow reports whether a rule reads the time, so that a decision must not be
// kept for later.
func (p *Policy) ReadsNow() bool { return p.readsNow }

// Source is the first file.
func (p *Policy) Source() *diag.Source { return p.source }

// Files are all files in the order in which they were read.
func (p *Policy) Files() []*diag.Source { return append([]*diag.Source(nil), p.files...) }

// Rules lists the names of the rules in order.
func (p *Policy) Rules() []string {
	names := make([]string, len(p.rules))
	for i := range p.rules {
		names[i] = p.rules[i].name
	}
	return names
}
