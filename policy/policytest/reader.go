package policytest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/internal/spell"
	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
)

// Limits of a suite. They bound how long it runs.
const (
	maxDiagnostics = 50
	maxPeers       = 2000
	maxCases       = 5000
)

// reader checks a suite against the table of keys and collects what is wrong.
type reader struct {
	src  *diag.Source
	list diag.List
}

func (r *reader) span(start, end int, summary, why string) {
	if len(r.list) < maxDiagnostics {
		r.list = append(r.list, diag.Diagnostic{Source: r.src, Span: diag.Span{Start: start, End: end}, Summary: summary, Why: why})
	}
}

func (r *reader) at(n *yamlpos.Node, summary, why string) {
	start, end := n.Span()
	r.span(start, end, summary, why)
}

// object checks that a node is a mapping with the given keys and values of the
// right kind, and returns the values that are fine.
func (r *reader) object(n *yamlpos.Node, keys []key, what string) map[string]*yamlpos.Node {
	if n.Kind != yamlpos.Mapping {
		r.at(n, what+" must be an object with keys, found "+n.Describe(), "")
		return nil
	}
	names := make([]string, len(keys))
	for i := range keys {
		names[i] = keys[i].name
	}
	values := make(map[string]*yamlpos.Node, len(n.Pairs))
	for _, p := range n.Pairs {
		k := findKey(keys, p.Key.Value)
		if k == nil {
			why := spell.DidYouMean(p.Key.Value, names)
			if why == "" {
				why = "known keys: " + strings.Join(names, ", ")
			}
			r.at(p.Key, "unknown key "+quote(p.Key.Value)+" in "+what, why)
			continue
		}
		if r.value(p.Value, k) {
			values[k.name] = p.Value
		}
	}
	for i := range keys {
		if keys[i].required && !hasKey(n, keys[i].name) {
			start, _ := n.Span()
			r.span(start, start, what+" has no "+quote(keys[i].name), keys[i].doc)
		}
	}
	return values
}

func findKey(keys []key, name string) *key {
	for i := range keys {
		if keys[i].name == name {
			return &keys[i]
		}
	}
	return nil
}

func hasKey(n *yamlpos.Node, name string) bool {
	for _, p := range n.Pairs {
		if p.Key.Value == name {
			return true
		}
	}
	return false
}

// value checks the kind of one value. What is inside objects is checked by
// whoever reads them.
func (r *reader) value(n *yamlpos.Node, k *key) bool {
	want := ""
	switch k.kind {
	case textKey:
		return r.text(n, k)
	case textsKey:
		if n.Kind == yamlpos.Scalar {
			return r.text(n, k)
		}
		if n.Kind != yamlpos.Sequence {
			want = "a text or a list of texts"
		} else if len(n.Items) == 0 {
			r.at(n, k.name+" is an empty list", "leave the key out, or say what belongs there")
			return false
		}
		for _, item := range n.Items {
			if !r.text(item, k) {
				return false
			}
		}
	case timeKey:
		if _, ok := timeOf(n); !ok {
			want = "a time as in 2026-01-31T00:00:00Z"
		}
	case percentKey:
		if _, ok := percentOf(n); !ok {
			want = "a number from 0 to 100"
		}
	case objectKey, namedKey:
		if n.Kind != yamlpos.Mapping {
			want = "an object with keys"
		}
	case listKey:
		if n.Kind != yamlpos.Sequence {
			want = "a list"
		}
	case wordsKey:
		if n.Kind == yamlpos.Sequence {
			want = "a text, or an object with a text for each peer"
		}
	}
	if want != "" {
		r.at(n, k.name+" must be "+want+", found "+n.Describe(), "")
		return false
	}
	return true
}

func (r *reader) text(n *yamlpos.Node, k *key) bool {
	switch {
	case n.Kind != yamlpos.Scalar:
		r.at(n, k.name+" must be a text, found "+n.Describe(), "")
	case n.Type == "null":
		r.at(n, k.name+" has no value", "")
	case n.Type != "str":
		r.at(n, k.name+" must be a text, and YAML reads this as "+n.Describe(), "write it in quotes: "+strconv.Quote(n.Value))
	case strings.TrimSpace(n.Value) == "":
		r.at(n, k.name+" is empty", "")
	case k.enum != nil && !slices.Contains(k.enum, n.Value):
		why := spell.DidYouMean(n.Value, k.enum)
		if why == "" {
			why = "known: " + strings.Join(k.enum, ", ")
		}
		r.at(n, "unknown "+k.name+" "+quote(n.Value), why)
	default:
		return true
	}
	return false
}

// texts returns the texts of a textsKey.
func texts(n *yamlpos.Node) []*yamlpos.Node {
	if n == nil {
		return nil
	}
	if n.Kind == yamlpos.Scalar {
		return []*yamlpos.Node{n}
	}
	return n.Items
}

func textOf(n *yamlpos.Node) string {
	if n == nil {
		return ""
	}
	return n.Value
}

func timeOf(n *yamlpos.Node) (time.Time, bool) {
	if n.Kind != yamlpos.Scalar {
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, n.Value); err == nil && !t.IsZero() {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

func percentOf(n *yamlpos.Node) (float64, bool) {
	if n.Kind != yamlpos.Scalar || n.Type != "int" && n.Type != "float" {
		return 0, false
	}
	f, err := strconv.ParseFloat(n.Value, 64)
	return f, err == nil && f >= 0 && f <= 100
}

// byPeer is a word for each peer: by name, by pattern, or for all.
type byPeer struct {
	pairs []struct {
		pattern string
		word    string
		node    *yamlpos.Node
	}
}

func (r *reader) words(n *yamlpos.Node, k *key) byPeer {
	var b byPeer
	add := func(pattern string, at, v *yamlpos.Node) {
		if r.text(v, &key{name: k.name, enum: k.enum}) {
			b.pairs = append(b.pairs, struct {
				pattern string
				word    string
				node    *yamlpos.Node
			}{pattern, v.Value, at})
		}
	}
	switch {
	case n == nil:
	case n.Kind == yamlpos.Scalar:
		add("*", n, n)
	default:
		for _, p := range n.Pairs {
			add(p.Key.Value, p.Key, p.Value)
		}
	}
	return b
}

// find returns the word for a peer: that of its name, else of the first pattern
// that fits and is not "*", else of "*".
func (b *byPeer) find(name string) (word string, ok bool) {
	for _, rank := range []func(pattern string) bool{
		func(p string) bool { return p == name },
		func(p string) bool { return p != "*" && fits(p, name) },
		func(p string) bool { return p == "*" },
	} {
		for _, pair := range b.pairs {
			if rank(pair.pattern) {
				return pair.word, true
			}
		}
	}
	return "", false
}

// fits reports whether a name fits a pattern in which * stands for any text.
func fits(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(name, first) || len(name) < len(first)+len(last) || !strings.HasSuffix(name, last) {
		return false
	}
	rest := name[len(first) : len(name)-len(last)]
	for _, middle := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, middle)
		if i < 0 {
			return false
		}
		rest = rest[i+len(middle):]
	}
	return true
}

// quote quotes a text for a message and cuts it where it gets long.
func quote(s string) string {
	const most = 120
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}
