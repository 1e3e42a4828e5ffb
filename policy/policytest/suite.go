package policytest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
	"github.com/xpcpolicy/xpcpolicy/policy/invent"
)

// DefaultNow is the time of the decisions of a suite that does not say one.
var DefaultNow = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// Suite is one document of tests. It is immutable and safe for concurrent use.
type Suite struct {
	name      string
	source    *diag.Source
	policies  []string // as written, relative to the suite
	now       time.Time
	profile   string
	peers     []*peer
	cases     []*testCase
	matrix    *matrix
	mutations mutations
	coverage  thresholds
}

// testCase is one claim about several peers.
type testCase struct {
	name       string
	peers      []*peer
	operations []string // never empty; "" is no operation
	expect     byPeer
	because    byPeer
	now        time.Time
	skip, todo string
}

// matrix is a table of all peers and operations.
type matrix struct {
	operations []string
	allow      []struct {
		pattern    string
		operations []string
	}
}

func (m *matrix) allows(peer, operation string) bool {
	for _, exact := range []bool{true, false} {
		for _, row := range m.allow {
			if row.pattern == peer == exact && fits(row.pattern, peer) && slices.Contains(row.operations, operation) {
				return true
			}
		}
	}
	return false
}

type mutations struct {
	skip    []string
	because string
	oldest  string
}

func (m *mutations) skips(kind, name string) bool {
	for _, p := range m.skip {
		if fits(p, kind) || fits(p, name) {
			return true
		}
	}
	return false
}

// thresholds are percentages; nil: none.
type thresholds struct{ rules, conditions, floor *float64 }

// Parse reads a suite. The name is shown before positions. The error is a
// [diag.List]: everything that is wrong with the document.
func Parse(name string, text []byte) (*Suite, error) {
	r := &reader{src: diag.NewSource(name, string(text))}
	root, failure := yamlpos.Parse(text)
	if failure != nil {
		r.span(failure.Start, failure.End, failure.Summary, failure.Why)
		return nil, r.list
	}
	s := r.suite(root)
	if len(r.list) > 0 {
		return nil, r.list
	}
	return s, nil
}

// Name is what the suite calls itself.
func (s *Suite) Name() string { return s.name }

// Policies lists the policies that the suite names, relative to it; empty when it
// names none, and the caller knows where one lies.
func (s *Suite) Policies() []string { return append([]string(nil), s.policies...) }

// Files lists the programs and facts that the suite reads, relative to it.
func (s *Suite) Files() []string {
	var files []string
	for _, p := range s.peers {
		if p.path != "" {
			files = append(files, p.path)
		}
	}
	return files
}

func (r *reader) suite(root *yamlpos.Node) *Suite {
	v := r.object(root, suiteKeys, "a suite")
	s := &Suite{name: textOf(v["suite"]), source: r.src, now: DefaultNow}
	for _, n := range texts(v["policy"]) {
		s.policies = append(s.policies, n.Value)
	}
	if n := v["options"]; n != nil {
		o := r.object(n, optionKeys, "options")
		if at := o["now"]; at != nil {
			s.now, _ = timeOf(at)
		}
		s.profile = textOf(o["profile"])
	}
	if n := v["peers"]; n != nil {
		s.peers = r.peers(n)
	}
	if n := v["cases"]; n != nil {
		r.cases(s, n)
	}
	if n := v["matrix"]; n != nil {
		s.matrix = r.matrix(s, n)
	}
	if n := v["mutations"]; n != nil {
		s.mutations = r.mutations(n)
	}
	if n := v["coverage"]; n != nil {
		c := r.object(n, coverageKeys, "coverage")
		for name, to := range map[string]**float64{"rules": &s.coverage.rules, "conditions": &s.coverage.conditions, "floor": &s.coverage.floor} {
			if c[name] != nil {
				f, _ := percentOf(c[name])
				*to = &f
			}
		}
	}
	return s
}

func (r *reader) cases(s *Suite, n *yamlpos.Node) {
	if len(n.Items) > maxCases {
		r.at(n, "more than "+strconv.Itoa(maxCases)+" cases", "")
		return
	}
	seen := map[string]bool{}
	for _, item := range n.Items {
		v := r.object(item, caseKeys, "a case")
		if v == nil {
			continue
		}
		c := &testCase{name: textOf(v["name"]), skip: textOf(v["skip"]), todo: textOf(v["todo"]), now: s.now, operations: []string{""}}
		if v["name"] != nil {
			if seen[c.name] {
				r.at(v["name"], "two cases are called "+quote(c.name), "reports tell them apart by their names")
			}
			seen[c.name] = true
		}
		if v["skip"] != nil && v["todo"] != nil {
			r.at(v["todo"], "a case is skipped or to do, not both", "")
		}
		c.peers = r.selected(s, v["peers"])
		if list := texts(v["operation"]); list != nil {
			c.operations = nil
			for _, n := range list {
				c.operations = append(c.operations, n.Value)
			}
		}
		if v["now"] != nil {
			c.now, _ = timeOf(v["now"])
		}
		c.expect = r.words(v["expect"], findKey(caseKeys, "expect"))
		c.because = r.words(v["because"], findKey(caseKeys, "because"))
		r.known(c.expect, c.peers)
		r.known(c.because, c.peers)
		s.cases = append(s.cases, c)
	}
}

// selected returns the peers that the patterns of a case name, in the suite's order.
func (r *reader) selected(s *Suite, n *yamlpos.Node) []*peer {
	if n == nil {
		return s.peers
	}
	chosen := map[*peer]bool{}
	for _, pattern := range texts(n) {
		found := false
		for _, p := range s.peers {
			if fits(pattern.Value, p.name) {
				chosen[p], found = true, true
			}
		}
		if !found {
			r.at(pattern, "no peer is called "+quote(pattern.Value), r.nearPeer(s.peers, pattern.Value))
		}
	}
	var list []*peer
	for _, p := range s.peers {
		if chosen[p] {
			list = append(list, p)
		}
	}
	return list
}

// known reports words for peers that the case does not ask about: they would never
// be compared with anything.
func (r *reader) known(b byPeer, peers []*peer) {
	for _, pair := range b.pairs {
		if pair.pattern == "*" {
			continue
		}
		found := false
		for _, p := range peers {
			found = found || fits(pair.pattern, p.name)
		}
		if !found {
			r.at(pair.node, "the case asks about no peer "+quote(pair.pattern), r.nearPeer(peers, pair.pattern))
		}
	}
}

func (r *reader) matrix(s *Suite, n *yamlpos.Node) *matrix {
	v := r.object(n, matrixKeys, "matrix")
	m := &matrix{}
	for _, n := range texts(v["operations"]) {
		if slices.Contains(m.operations, n.Value) {
			r.at(n, "operation "+quote(n.Value)+" is there twice", "")
		}
		m.operations = append(m.operations, n.Value)
	}
	if v["allow"] == nil {
		return m
	}
	for _, p := range v["allow"].Pairs {
		if !r.value(p.Value, &key{name: "allow", kind: textsKey}) {
			continue
		}
		found := false
		for _, q := range s.peers {
			found = found || fits(p.Key.Value, q.name)
		}
		if !found {
			r.at(p.Key, "no peer is called "+quote(p.Key.Value), r.nearPeer(s.peers, p.Key.Value))
		}
		row := struct {
			pattern    string
			operations []string
		}{pattern: p.Key.Value}
		for _, n := range texts(p.Value) {
			if !slices.Contains(m.operations, n.Value) {
				r.at(n, "the table has no operation "+quote(n.Value), "operations: "+strings.Join(m.operations, ", "))
			}
			row.operations = append(row.operations, n.Value)
		}
		m.allow = append(m.allow, row)
	}
	return m
}

func (r *reader) mutations(n *yamlpos.Node) mutations {
	var m mutations
	if n.Kind == yamlpos.Scalar {
		if n.Type != "str" || n.Value != "auto" {
			r.at(n, "mutations must be auto, or an object", "to do without some, write {skip: [KIND], because: REASON}")
		}
		return m
	}
	v := r.object(n, mutationKeys, "mutations")
	m.because, m.oldest = textOf(v["because"]), textOf(v["oldest"])
	for _, n := range texts(v["skip"]) {
		m.skip = append(m.skip, n.Value)
		if why := unknownKind(n.Value); why != "" {
			r.at(n, "there is no kind of attacker "+quote(n.Value), why)
		}
	}
	if v["skip"] != nil && v["because"] == nil {
		r.at(v["skip"], "attackers that may come in need a reason", "write because: beside skip:")
	}
	return m
}

// unknownKind says what is wrong with a pattern of kinds; "" when it fits one. What
// follows a slash depends on the program and is not checked.
func unknownKind(pattern string) string {
	var names []string
	for _, k := range invent.Kinds() {
		names = append(names, k.Name)
		if fits(pattern, k.Name) || strings.HasPrefix(pattern, k.Name+"/") {
			return ""
		}
	}
	return "known: " + strings.Join(names, ", ")
}
