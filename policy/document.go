package policy

import (
	"encoding/hex"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
)

// Limits of a document. They bound how long loading takes.
const (
	maxRules      = 5000
	maxNamed      = 1000 // requirements, peers or variables
	maxExpression = 8 << 10
)

// document is what the text says, checked for form, with the nodes that later
// errors point at.
type document struct {
	name         string
	trust        trust
	floor        floorConfig
	variables    []yamlpos.Pair
	requirements []yamlpos.Pair
	peers        []peerDocument
	rules        []ruleDocument
}

type peerDocument struct {
	name             *yamlpos.Node
	requirement      *yamlpos.Node
	identifiers      []*yamlpos.Node
	teams            []*yamlpos.Node
	channels         []*yamlpos.Node
	version, build   *yamlpos.Node
	entitled, denied []*yamlpos.Node
	flags, noFlags   []*yamlpos.Node
}

type ruleDocument struct {
	name       *yamlpos.Node
	deny       bool
	condition  *yamlpos.Node
	message    string
	operations []string
}

// trust is whose signatures count.
type trust struct {
	apple bool
	roots map[[32]byte]bool
	adhoc map[string]bool // cdhashes in lower-case hexadecimal, 20 bytes or the full hash
}

// trusts reports whether a chain that ends in this root counts.
func (t *trust) trusts(root *code.Certificate) bool {
	if root.AppleRoot {
		return t.apple
	}
	return root.SHA256 != [32]byte{} && t.roots[root.SHA256]
}

func (r *reader) document(root *yamlpos.Node) *document {
	v := r.object(root, documentKeys, "a policy")
	d := &document{name: textOf(v["name"]), trust: trust{apple: true}}
	if n := v["trust"]; n != nil {
		d.trust = r.trust(n)
	}
	if n := v["floor"]; n != nil {
		d.floor = r.floor(n)
	}
	d.variables = r.named(v["variables"], findKey(documentKeys, "variables"), "variable", false)
	d.requirements = r.named(v["requirements"], findKey(documentKeys, "requirements"), "requirement", true)
	for _, p := range r.named(v["peers"], findKey(documentKeys, "peers"), "peer", true) {
		d.peers = append(d.peers, r.peer(p.Key, p.Value, &d.trust))
	}
	if n := v["rules"]; n != nil {
		d.rules = r.rules(n)
	}
	return d
}

// named reads an object whose keys are names, and checks the values.
func (r *reader) named(n *yamlpos.Node, k *key, what string, dash bool) []yamlpos.Pair {
	if n == nil {
		return nil
	}
	if len(n.Pairs) > maxNamed {
		r.at(n, "too many "+k.name, "")
		return nil
	}
	var pairs []yamlpos.Pair
	for _, p := range n.Pairs {
		if r.name(p.Key, what, dash) && r.value(p.Value, &key{name: what + " " + quoteShort(p.Key.Value), kind: k.value}) {
			pairs = append(pairs, p)
		}
	}
	return pairs
}

func (r *reader) trust(n *yamlpos.Node) trust {
	v := r.object(n, trustKeys, "trust")
	t := trust{apple: v["apple"] == nil || strings.EqualFold(v["apple"].Value, "true"), roots: map[[32]byte]bool{}, adhoc: map[string]bool{}}
	for _, n := range texts(v["roots"]) {
		b, err := hex.DecodeString(n.Value)
		if err != nil || len(b) != 32 {
			r.at(n, "a root is named by the SHA-256 of its certificate, 64 hexadecimal digits", "")
			continue
		}
		if code.IsAppleRoot([32]byte(b)) {
			r.at(n, "this is one of Apple's roots", "trust.apple says whether they count")
			continue
		}
		t.roots[[32]byte(b)] = true
	}
	for _, n := range texts(v["adhoc"]) {
		b, err := hex.DecodeString(n.Value)
		if err != nil || len(b) != 20 && len(b) != 32 && len(b) != 48 {
			r.at(n, "ad-hoc code is named by its cdhash, 40 or 64 hexadecimal digits", "")
			continue
		}
		t.adhoc[hex.EncodeToString(b)] = true
	}
	return t
}

func (r *reader) floor(n *yamlpos.Node) floorConfig {
	v := r.object(n, floorKeys, "floor")
	var c floorConfig
	for _, n := range texts(v["relax"]) {
		i := floorIndex(n.Value)
		if c.relaxed[i] {
			r.at(n, "floor item "+quoteShort(n.Value)+" is relaxed twice", "")
		}
		c.relaxed[i] = true
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

func (r *reader) peer(name, n *yamlpos.Node, t *trust) peerDocument {
	before := len(r.list)
	v := r.object(n, peerKeys, "peer "+quoteShort(name.Value))
	p := peerDocument{
		name: name, requirement: v["requirement"], identifiers: texts(v["identifiers"]), teams: texts(v["team"]),
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
	if !p.saysWho(t) && len(r.list) == before {
		r.at(name, "peer "+quoteShort(name.Value)+" does not say who signed",
			"an identifier alone can be claimed by everybody with a certificate: add team or requirement")
	}
	return p
}

// saysWho reports whether something in the peer pins the signer: a team, a
// requirement, only channels in which Apple vouches for the identifier, or a
// policy that trusts nothing but the roots it names.
func (p *peerDocument) saysWho(t *trust) bool {
	if p.requirement != nil || len(p.teams) > 0 || !t.apple {
		return true
	}
	for _, c := range p.channels {
		switch code.Channel(c.Value) {
		case code.ChannelApple, code.ChannelAppStore, code.ChannelTestFlight:
		default:
			return false
		}
	}
	return len(p.channels) > 0 && len(p.identifiers) > 0
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
	seen := make(map[string]bool, len(n.Items))
	for _, item := range n.Items {
		before := len(r.list)
		v := r.object(item, ruleKeys, "a rule")
		typo := len(r.list) > before // an unknown key may have been meant as allow or deny
		if v == nil {
			continue
		}
		rule := ruleDocument{name: v["name"], message: textOf(v["message"])}
		if rule.name != nil {
			if seen[rule.name.Value] {
				r.at(rule.name, "two rules are called "+quoteShort(rule.name.Value), "a decision names the rule that made it")
			}
			seen[rule.name.Value] = true
		}
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
		if rule.condition != nil && rule.name != nil {
			rules = append(rules, rule)
		}
	}
	return rules
}
