package policy

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
)

// peer is a named description of a caller: every test must say yes.
type peer struct {
	name   string
	source *diag.Source
	tests  []peerTest

	doc         *peerDocument
	requirement *requirementText // nil: none
}

// peerTest is one line of a peer.
type peerTest struct {
	label    string
	span     diag.Span // in the source of the peer
	expected string
	ask      func(f *facts) (answer, error)
	found    func(f *facts) string     // nil: nothing to show
	tree     func(f *facts) *diag.Node // nil: no subtree
}

// eval is no when one test says no, else unknown when one is.
func (p *peer) eval(f *facts) (answer, error) {
	all, why := yes, error(nil)
	for i := range p.tests {
		switch a, err := p.tests[i].ask(f); a {
		case no:
			return no, nil
		case unknown:
			all, why = unknown, err
		}
	}
	return all, why
}

// explain returns one node for each test.
func (p *peer) explain(f *facts) []*diag.Node {
	nodes := make([]*diag.Node, 0, len(p.tests))
	for i := range p.tests {
		t := &p.tests[i]
		a, err := t.ask(f)
		n := &diag.Node{Label: t.label, Verdict: verdictOf(a), Expected: t.expected}
		switch {
		case a == unknown && err != nil:
			n.Note = "nobody knows: " + err.Error()
		case t.found != nil:
			n.Found = t.found(f)
		}
		if t.tree != nil {
			if sub := t.tree(f); sub != nil {
				n.Add(sub)
			}
		}
		nodes = append(nodes, n)
	}
	return nodes
}

func newPeer(d *peerDocument, req *requirementText) *peer {
	p := &peer{name: d.name.Value, source: d.src, doc: d, requirement: req}
	add := func(n *yamlpos.Node, t peerTest) {
		t.span.Start, t.span.End = n.Span()
		p.tests = append(p.tests, t)
	}
	if req != nil {
		add(d.requirement, peerTest{label: "requirement", ask: req.eval, tree: req.explain})
	}
	for _, list := range []struct {
		label string
		nodes []*yamlpos.Node
		get   func(*facts) code.Fact[string]
	}{
		{"subject.identifier", d.identifiers, func(f *facts) code.Fact[string] { return f.s.Identifier }},
		{"subject.team_id", d.teams, (*facts).team},
		{"subject.channel", d.channels, func(f *facts) code.Fact[string] { return channelText(f.s) }},
	} {
		if len(list.nodes) > 0 {
			add(list.nodes[0], oneOf(list.label, values(list.nodes), list.get))
		}
	}
	if d.version != nil {
		add(d.version, atLeast("subject.version", d.version.Value, "CFBundleShortVersionString"))
	}
	if d.build != nil {
		add(d.build, atLeast("subject.build", d.build.Value, "CFBundleVersion"))
	}
	for _, n := range d.entitled {
		add(n, required(n.Value))
	}
	for _, n := range d.denied {
		add(n, forbidden(n.Value))
	}
	for _, n := range d.flags {
		add(n, hasFlag(n.Value, true))
	}
	for _, n := range d.noFlags {
		add(n, hasFlag(n.Value, false))
	}
	return p
}

func values(nodes []*yamlpos.Node) []string {
	list := make([]string, len(nodes))
	for i, n := range nodes {
		list[i] = n.Value
	}
	return list
}

func channelText(s *code.Subject) code.Fact[string] {
	c, ok, err := s.Channel().Get()
	switch {
	case err != nil:
		return code.Unknown[string](err)
	case !ok:
		return code.Absent[string]()
	}
	return code.Known(string(c))
}

// oneOf tests that a known text is in a list.
func oneOf(label string, list []string, get func(*facts) code.Fact[string]) peerTest {
	name, expected := label, strconv.Quote(list[0])
	if len(list) > 1 {
		quoted := make([]string, len(list))
		for i := range list {
			quoted[i] = strconv.Quote(list[i])
		}
		label += " is one of " + strconv.Itoa(len(list))
		expected = "one of " + strings.Join(quoted, ", ")
	} else {
		label += " == " + expected
	}
	return peerTest{
		label: label, expected: expected,
		ask: func(f *facts) (answer, error) {
			v, ok, err := get(f).Get()
			if err != nil {
				return unknown, err
			}
			return answerOf(ok && slices.Contains(list, v)), nil
		},
		found: func(f *facts) string { return showFact(get(f)) + f.claim(name) },
	}
}

// claim says, beside a verified team that is not there, what the signature claims.
func (f *facts) claim(field string) string {
	if field != "subject.team_id" || !f.team().IsAbsent() {
		return ""
	}
	team, ok, err := f.s.ClaimedTeamID.Get()
	if err != nil || !ok {
		return ""
	}
	return " (the signature claims " + quoteShort(team) + ", its certificates do not vouch for that)"
}

// atLeast tests a version of Info.plist. One that is not there is older than
// every version; a text that is no version cannot be compared.
func atLeast(label, least, key string) peerTest {
	want, _ := parseVersion(least) // checked by the reader
	return peerTest{
		label: label + " >= " + least, expected: "at least " + strconv.Quote(least),
		ask: func(f *facts) (answer, error) {
			text, ok, err := f.info(key).Get()
			if err != nil {
				return unknown, err
			}
			if !ok {
				return no, nil
			}
			v, ok := parseVersion(text)
			if !ok { // no plain no: a rule that denies the peer must not be skipped
				return unknown, errors.New(label + " is " + quoteShort(text) + ", which is not a version")
			}
			return answerOf(v.compare(want) >= 0), nil
		},
		found: func(f *facts) string { return showFact(f.info(key)) },
	}
}

// required tests that an entitlement is there and is the boolean true. That is
// how most entitlements are granted, and what a text or a list of one means only
// its reader knows: a rule compares those itself.
func required(name string) peerTest {
	return peerTest{
		label: "entitlement " + strconv.Quote(name), expected: "true",
		ask: func(f *facts) (answer, error) {
			ents, ok, err := f.s.Entitlements.Get()
			if err != nil {
				return unknown, err
			}
			v, there := ents.Get(name)
			b, isBool := v.Boolean()
			return answerOf(ok && there && isBool && b), nil
		},
		found: func(f *facts) string { return f.entitlement(name) },
	}
}

// forbidden tests that an entitlement is not there with any value but false.
func forbidden(name string) peerTest {
	return peerTest{
		label: "no entitlement " + strconv.Quote(name), expected: "none",
		ask: func(f *facts) (answer, error) {
			ents, ok, err := f.s.Entitlements.Get()
			if err != nil {
				return unknown, err
			}
			return answerOf(!ok || !granted(ents, name)), nil
		},
		found: func(f *facts) string { return f.entitlement(name) },
	}
}

// entitlement shows the value of an entitlement.
func (f *facts) entitlement(name string) string {
	v, ok := f.s.Entitlements.Or(code.Value{}).Get(name)
	if !ok {
		return "nothing"
	}
	return show(plistValue(v))
}

func hasFlag(name string, want bool) peerTest {
	bit, label := flagByName(name), "flag "+name
	if !want {
		label = "no " + label
	}
	return peerTest{
		label: label, expected: map[bool]string{true: "the flag", false: "no such flag"}[want],
		ask: func(f *facts) (answer, error) {
			v, ok, err := f.s.Flags.Get()
			if err != nil || !ok {
				return unknown, errNothing
			}
			return answerOf((v&bit != 0) == want), nil
		},
		found: func(f *facts) string { return f.s.Flags.Or(0).String() },
	}
}

func showFact(f code.Fact[string]) string {
	v, ok, err := f.Get()
	switch {
	case err != nil:
		return "unknown"
	case !ok:
		return "nothing"
	}
	return quoteShort(v)
}

func verdictOf(a answer) diag.Verdict {
	switch a {
	case yes:
		return diag.Yes
	case no:
		return diag.No
	}
	return diag.VerdictUnknown
}
