package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/internal/spell"
	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
)

// maxDiagnostics is how many errors one document may report; the author of more
// of them needs the first few.
const maxDiagnostics = 50

// report collects what is wrong with a policy, over all of its files.
type report struct {
	errors   diag.List
	warnings diag.List
}

// reader checks one file against the table of keys.
type reader struct {
	src *diag.Source
	*report
}

// at reports an error about a node; detail may be "".
func (r *reader) at(n *yamlpos.Node, summary, detail string) {
	start, end := n.Span()
	r.span(start, end, summary, detail)
}

func (r *reader) span(start, end int, summary, detail string) {
	r.add(diag.Diagnostic{Source: r.src, Span: diag.Span{Start: start, End: end}, Summary: summary, Why: detail})
}

// add keeps a finding: an error refuses the policy, anything else is a warning.
func (r *report) add(d diag.Diagnostic) {
	list := &r.warnings
	if d.Severity == diag.Error {
		list = &r.errors
	}
	if len(*list) < maxDiagnostics {
		*list = append(*list, d)
	}
}

// warn reports what does not refuse the policy.
func (r *reader) warn(n *yamlpos.Node, rule, summary, detail string) {
	start, end := n.Span()
	r.add(diag.Diagnostic{Severity: diag.Warning, Rule: rule, Source: r.src, Span: diag.Span{Start: start, End: end}, Summary: summary, Why: detail})
}

// position is where a node stands, as in "peers.yaml:3:5".
func (r *reader) position(n *yamlpos.Node) string {
	start, _ := n.Span()
	line, column := r.src.Position(start)
	return r.src.Name() + ":" + strconv.Itoa(line) + ":" + strconv.Itoa(column)
}

// inside reports an error about the bytes [from, to) of a scalar's value.
func (r *reader) inside(n *yamlpos.Node, from, to int, summary, detail string) {
	start, end := n.At(from, to)
	r.span(start, end, summary, detail)
}

// embedded reports errors about a text that stands in a scalar, moved to where
// the author typed it.
func (r *reader) embedded(n *yamlpos.Node, what string, err error) {
	var list diag.List
	if !errors.As(err, &list) {
		r.at(n, what+": "+err.Error(), "")
		return
	}
	for _, d := range list {
		if d.Severity != diag.Error {
			continue
		}
		start, end := n.At(d.Span.Start, d.Span.End)
		d.Source, d.Span, d.Summary = r.src, diag.Span{Start: start, End: end}, what+": "+d.Summary
		r.add(d)
	}
}

// object checks that a node is a mapping with the given keys and values of the
// right kind, and returns the values that are fine.
func (r *reader) object(n *yamlpos.Node, keys []key, what string) map[string]*yamlpos.Node {
	if n.Kind != yamlpos.Mapping {
		r.at(n, what+" must be an object with keys, found "+n.Describe(), "")
		return nil
	}
	values := make(map[string]*yamlpos.Node, len(n.Pairs))
	for _, p := range n.Pairs {
		k := findKey(keys, p.Key.Value)
		if k == nil {
			detail := spell.DidYouMean(p.Key.Value, keyNames(keys))
			if detail == "" {
				detail = "known keys: " + strings.Join(keyNames(keys), ", ")
			}
			r.at(p.Key, "unknown key "+quoteShort(p.Key.Value)+" in "+what, detail)
			continue
		}
		if r.value(p.Value, k) {
			values[k.name] = p.Value
		}
	}
	for i := range keys {
		if keys[i].required && !hasKey(n, keys[i].name) {
			start, _ := n.Span()
			r.span(start, start, what+" has no "+quoteShort(keys[i].name), keys[i].doc)
		}
	}
	return values
}

func hasKey(n *yamlpos.Node, name string) bool {
	for _, p := range n.Pairs {
		if p.Key.Value == name {
			return true
		}
	}
	return false
}

// value checks the kind of one value; what is inside objects and lists of them
// is checked by whoever reads them.
func (r *reader) value(n *yamlpos.Node, k *key) bool {
	ok := true
	switch k.kind {
	case textKey, celKey:
		ok = r.text(n, k)
	case boolKey:
		if ok = n.Kind == yamlpos.Scalar && n.Type == "bool"; !ok {
			r.at(n, k.name+" must be true or false, found "+n.Describe(), "")
		}
	case textsKey:
		switch {
		case n.Kind == yamlpos.Scalar:
			return r.text(n, k)
		case n.Kind == yamlpos.Mapping && k.keys != nil:
			return true
		case n.Kind != yamlpos.Sequence:
			r.at(n, k.name+" must be a text or a list of texts, found "+n.Describe(), "")
			return false
		}
		if len(n.Items) == 0 {
			r.at(n, k.name+" is an empty list", "leave the key out, or say what belongs there")
			return false
		}
		for _, item := range n.Items {
			if k.keys == nil || item.Kind != yamlpos.Mapping { // an object is checked by whoever reads it
				ok = r.text(item, k) && ok
			}
		}
	case listKey:
		if ok = n.Kind == yamlpos.Sequence; !ok {
			r.at(n, k.name+" must be a list, found "+n.Describe(), "")
		}
	case objectKey, namedKey:
		if ok = n.Kind == yamlpos.Mapping; !ok {
			r.at(n, k.name+" must be an object with keys, found "+n.Describe(), "")
		}
	}
	return ok
}

func (r *reader) text(n *yamlpos.Node, k *key) bool {
	switch {
	case n.Kind != yamlpos.Scalar:
		r.at(n, k.name+" must be a text, found "+n.Describe(), "")
	case n.Type == "int" || n.Type == "float" || n.Type == "bool" || n.Type == "timestamp":
		r.at(n, k.name+" must be a text, and YAML reads this as "+n.Describe(), "write it in quotes: "+strconv.Quote(n.Value))
	case n.Type != "str":
		r.at(n, k.name+" has no value", "")
	case strings.TrimSpace(n.Value) == "":
		r.at(n, k.name+" is empty", "")
	case k.enum != nil && !slices.Contains(k.enum, n.Value):
		detail := spell.DidYouMean(n.Value, k.enum)
		if detail == "" {
			detail = "known: " + strings.Join(k.enum, ", ")
		}
		r.at(n, "unknown "+k.name+" "+quoteShort(n.Value), detail)
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
	if n.Kind != yamlpos.Sequence {
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

// name checks the name of a requirement, peer or variable.
func (r *reader) name(n *yamlpos.Node, what string, dash bool) bool {
	for i := 0; i < len(n.Value); i++ {
		c := n.Value[i]
		letter := lower(c) >= 'a' && lower(c) <= 'z' || c == '_'
		if letter || i > 0 && (c >= '0' && c <= '9' || dash && c == '-') {
			continue
		}
		r.at(n, "a "+what+" cannot be called "+quoteShort(n.Value), "a name begins with a letter and goes on with letters, digits and _")
		return false
	}
	if n.Value == "" || len(n.Value) > 100 {
		r.at(n, "the name of a "+what+" has 1 to 100 characters", "")
		return false
	}
	return true
}

// quoteShort quotes a text for a message and cuts it where it gets long.
func quoteShort(s string) string {
	const most = 120
	if len(s) <= most {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("%s… (%d bytes)", strconv.Quote(s[:most]), len(s))
}
