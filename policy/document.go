package policy

import (
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
)

// Limits of a policy, all of its files together. They bound how long loading takes.
const (
	maxRules      = 5000
	maxNamed      = 1000 // requirements, peers, variables or profiles
	maxExpression = 8 << 10
)

// document is what one file or profile says, or what all of them say together:
// checked for form, with the nodes that later errors point at.
type document struct {
	*reader
	name         string
	includes     []*yamlpos.Node
	trust        trust
	floor        floorConfig
	variables    []entry
	requirements []entry
	peers        []peerDocument
	rules        []ruleDocument
	profiles     []profileDocument
}

// entry is a named value and the file it stands in.
type entry struct {
	*reader
	key, value *yamlpos.Node
}

type peerDocument struct {
	*reader
	name             *yamlpos.Node
	requirement      *yamlpos.Node
	identifiers      []*yamlpos.Node
	teams            []*yamlpos.Node
	channels         []*yamlpos.Node
	version, build   *yamlpos.Node
	entitled, denied []*yamlpos.Node
	flags, noFlags   []*yamlpos.Node
	broken           bool // an error in it was reported
}

type ruleDocument struct {
	*reader
	name       *yamlpos.Node
	deny       bool
	condition  *yamlpos.Node
	message    string
	operations []string
}

type profileDocument struct {
	name, node  *yamlpos.Node
	description string
	doc         *document
}

// document reads a file. A file that another one includes is a part: it needs no
// name and no rules, and nothing in it may let more people in by weakening the
// floor or trusting more roots, because who reads the first file must see that.
func (r *reader) document(root *yamlpos.Node, part bool) *document {
	what := "a policy"
	if part {
		what = "an included file"
	}
	v := r.object(root, documentKeys, what)
	if v == nil {
		return &document{reader: r}
	}
	if !part {
		for _, name := range []string{"name", "rules"} {
			if !hasKey(root, name) && (name == "name" || !hasKey(root, "include")) {
				start, _ := root.Span()
				r.span(start, start, what+" has no "+quoteShort(name), findKey(documentKeys, name).doc)
			}
		}
	}
	d := r.content(v, trustKeys)
	d.name, d.includes = textOf(v["name"]), texts(v["include"])
	if part {
		if n := v["name"]; n != nil {
			r.at(n, "an included file has no name", "one with a name is a policy of its own")
		}
		for _, name := range []string{"trust", "profiles"} {
			if n := v[name]; n != nil {
				r.at(n, "an included file cannot have "+quoteShort(name), "say it in the file that is loaded, where everybody sees it")
			}
		}
		if n := v["floor"]; n != nil && hasKey(n, "relax") {
			r.at(n, "an included file cannot relax the floor", "say it in the file that is loaded, where everybody sees it")
		}
	}
	if n := v["profiles"]; n != nil {
		for _, p := range r.named(n, findKey(documentKeys, "profiles"), "profile", true) {
			if v := r.object(p.value, profileKeys, "profile "+quoteShort(p.key.Value)); v != nil {
				d.profiles = append(d.profiles, profileDocument{p.key, p.value, textOf(v["description"]), r.content(v, profileTrustKeys)})
			}
		}
	}
	return d
}

// content reads what files and profiles have in common.
func (r *reader) content(v map[string]*yamlpos.Node, allowed []key) *document {
	d := &document{reader: r, trust: trust{apple: true, roots: map[[32]byte][]string{}, adhoc: map[string]bool{}}}
	if n := v["trust"]; n != nil {
		r.trust(n, allowed, &d.trust)
	}
	if n := v["floor"]; n != nil {
		d.floor = r.floor(n)
	}
	d.variables = r.named(v["variables"], findKey(documentKeys, "variables"), "variable", false)
	d.requirements = r.named(v["requirements"], findKey(documentKeys, "requirements"), "requirement", true)
	for _, p := range r.named(v["peers"], findKey(documentKeys, "peers"), "peer", true) {
		d.peers = append(d.peers, r.peer(p.key, p.value))
	}
	if n := v["rules"]; n != nil {
		d.rules = r.rules(n)
	}
	return d
}

// named reads an object whose keys are names, and checks the values.
func (r *reader) named(n *yamlpos.Node, k *key, what string, dash bool) []entry {
	if n == nil {
		return nil
	}
	if len(n.Pairs) > maxNamed {
		r.at(n, "too many "+k.name, "")
		return nil
	}
	var entries []entry
	for _, p := range n.Pairs {
		if r.name(p.Key, what, dash) && r.value(p.Value, &key{name: what + " " + quoteShort(p.Key.Value), kind: k.value}) {
			entries = append(entries, entry{r, p.Key, p.Value})
		}
	}
	return entries
}

func (r *reader) floor(n *yamlpos.Node) floorConfig {
	v := r.object(n, floorKeys, "floor")
	var c floorConfig
	for _, n := range texts(v["relax"]) {
		relaxed := &c.linuxUID
		if n.Value != linuxUIDOnly {
			relaxed = &c.relaxed[floorIndex(n.Value)]
		}
		if *relaxed {
			r.at(n, "floor item "+quoteShort(n.Value)+" is relaxed twice", "")
		}
		*relaxed = true
	}
	c.interpreters = r.hosts(v["interpreters"], "a script interpreter, by this policy")
	c.plugins = r.hosts(v["plugin_hosts"], "a plug-in host, by this policy")
	return c
}

func (r *reader) hosts(n *yamlpos.Node, what string) []code.Host {
	var hosts []code.Host
	for _, n := range texts(n) {
		if strings.Contains(strings.TrimSuffix(n.Value, "*"), "*") {
			r.at(n, "a * may stand only at the end of an identifier", "")
			continue
		}
		hosts = append(hosts, code.Host{Identifier: n.Value, What: what})
	}
	return hosts
}

func (r *reader) peer(name, n *yamlpos.Node) peerDocument {
	before := len(r.errors)
	v := r.object(n, peerKeys, "peer "+quoteShort(name.Value))
	p := peerDocument{
		reader: r, name: name, requirement: v["requirement"], identifiers: texts(v["identifiers"]), teams: texts(v["team"]),
		channels: texts(v["channel"]), version: v["min_version"], build: v["min_build"],
	}
	if n := v["require"]; n != nil {
		s := r.object(n, setKeys, "require")
		p.entitled, p.flags = texts(s["entitlements"]), texts(s["flags"])
	}
	if n := v["forbid"]; n != nil {
		s := r.object(n, setKeys, "forbid")
		p.denied, p.noFlags = texts(s["entitlements"]), texts(s["flags"])
	}
	for _, n := range []*yamlpos.Node{p.version, p.build} {
		if n != nil {
			if _, ok := parseVersion(n.Value); !ok {
				r.at(n, quoteShort(n.Value)+" is not a version", `a version looks like "2.10", "2.1b3" or "2.1-rc.1"`)
			}
		}
	}
	p.broken = len(r.errors) > before
	return p
}

func (r *reader) rules(n *yamlpos.Node) []ruleDocument {
	if len(n.Items) == 0 {
		r.at(n, "rules is an empty list", "a policy without rules denies everybody; say so with a rule")
	}
	if len(n.Items) > maxRules {
		r.at(n, "too many rules", "")
		return nil
	}
	var rules []ruleDocument
	for _, item := range n.Items {
		before := len(r.errors)
		v := r.object(item, ruleKeys, "a rule")
		typo := len(r.errors) > before // an unknown key may have been meant as allow or deny
		if v == nil {
			continue
		}
		rule := ruleDocument{reader: r, name: v["name"], message: textOf(v["message"])}
		for _, n := range texts(v["operation"]) {
			rule.operations = append(rule.operations, n.Value)
		}
		allow, deny := hasKey(item, "allow"), hasKey(item, "deny")
		switch {
		case allow && deny:
			r.at(item, "a rule has either allow or deny, this one has both", "")
		case !allow && !deny && typo:
		case !allow && !deny:
			start, _ := item.Span()
			r.span(start, start, "a rule has neither allow nor deny", "")
		case allow:
			rule.condition = v["allow"]
		default:
			rule.deny, rule.condition = true, v["deny"]
		}
		if rule.name != nil {
			rules = append(rules, rule) // without a condition it still takes its name
		}
	}
	return rules
}
