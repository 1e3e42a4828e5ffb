package policytest

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
	"github.com/xpcpolicy/xpcpolicy/internal/spell"
	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
	"github.com/xpcpolicy/xpcpolicy/policy/invent"
)

// peer is who asks: where the facts come from, and what is changed in them.
type peer struct {
	name     string
	path     string        // of a program or a facts file, relative to the suite
	isFacts  bool          // path is a facts file
	subject  *code.Subject // inline facts, or an invented program
	like     *peer
	edits    []invent.Edit
	versions bool // an edit is about a version
}

// base returns where the facts begin.
func (p *peer) base() *peer {
	for p.like != nil {
		p = p.like
	}
	return p
}

func (r *reader) nearPeer(peers []*peer, name string) string {
	names := make([]string, len(peers))
	for i, p := range peers {
		names[i] = p.name
	}
	if why := spell.DidYouMean(name, names); why != "" {
		return why
	}
	return "peers: " + strings.Join(names, ", ")
}

func (r *reader) peers(n *yamlpos.Node) []*peer {
	switch {
	case len(n.Pairs) == 0:
		r.at(n, "peers is empty", "a suite without peers tests nothing")
		return nil
	case len(n.Pairs) > maxPeers:
		r.at(n, "more than "+strconv.Itoa(maxPeers)+" peers", "")
		return nil
	}
	var list []*peer
	byName := map[string]*peer{}
	likes := map[*peer]*yamlpos.Node{}
	for _, p := range n.Pairs {
		if strings.ContainsAny(p.Key.Value, "*$") || p.Key.Value == "" {
			r.at(p.Key, "a peer cannot be called "+quote(p.Key.Value), "* is a pattern, and $ begins the names of invented programs")
			continue
		}
		one := &peer{name: p.Key.Value}
		byName[one.name] = one
		list = append(list, one)
		if like := r.peer(one, p.Key, p.Value); like != nil {
			likes[one] = like
		}
	}
	for _, p := range list {
		n := likes[p]
		if n == nil {
			continue
		}
		if p.like = byName[n.Value]; p.like == nil {
			r.at(n, "no peer is called "+quote(n.Value), r.nearPeer(list, n.Value))
		}
	}
	for _, p := range list {
		for seen, q := map[*peer]bool{}, p; q != nil; q = q.like {
			if seen[q] {
				r.at(likes[p], "peer "+quote(p.name)+" is like itself", "")
				q.like = nil
				break
			}
			seen[q] = true
		}
	}
	return list
}

// peer reads one peer. It returns the node of like: when that names another peer.
func (r *reader) peer(p *peer, name, n *yamlpos.Node) (like *yamlpos.Node) {
	v := r.object(n, peerKeys, "peer "+quote(p.name))
	if v == nil {
		return nil
	}
	given := 0
	for _, k := range []string{"file", "facts", "inline", "like"} {
		if hasKey(n, k) {
			given++
		}
	}
	switch {
	case given == 0:
		r.at(name, "peer "+quote(p.name)+" has neither file, facts, inline nor like", "to begin with a complete invented program, write like: $developer-id")
	case given > 1:
		r.at(name, "file, facts, inline and like exclude each other", "")
	}
	switch {
	case v["file"] != nil:
		p.path = v["file"].Value
	case v["facts"] != nil:
		p.path, p.isFacts = v["facts"].Value, true
	case v["inline"] != nil:
		p.subject = r.inline(v["inline"])
	case v["like"] != nil:
		if strings.HasPrefix(v["like"].Value, "$") {
			var err error
			if p.subject, err = invent.Base(v["like"].Value); err != nil {
				names, _ := invent.BaseNames()
				r.at(v["like"], err.Error(), spell.DidYouMean(v["like"].Value, names))
			}
		} else {
			like = v["like"]
		}
	}
	r.edits(p, v["set"], "")
	r.edits(p, v["process"], "process.")
	for _, list := range []struct {
		key  string
		make func(string) invent.Edit
	}{{"unset", invent.Unset}, {"unknown", invent.Hide}} {
		for _, n := range texts(v[list.key]) {
			p.edits = append(p.edits, r.edit(p, n, list.make(n.Value)))
		}
	}
	return like
}

// edits reads an object of facts and their values.
func (r *reader) edits(p *peer, n *yamlpos.Node, prefix string) {
	if n == nil {
		return
	}
	if n.Kind != yamlpos.Mapping {
		r.at(n, "the facts to set are an object, found "+n.Describe(), "")
		return
	}
	for _, pair := range n.Pairs {
		path := prefix + pair.Key.Value
		if v, ok := r.factValue(pair.Value, path, invent.Takes(path)); ok {
			p.edits = append(p.edits, r.edit(p, pair.Key, invent.Set(path, v)))
		}
	}
}

// edit tries an edit on the program, so that what is wrong with it is reported
// where it stands. Programs that are files are not read yet: for them only paths
// and types are checked.
func (r *reader) edit(p *peer, n *yamlpos.Node, e invent.Edit) invent.Edit {
	p.versions = p.versions || e.Path() == "subject.version" || e.Path() == "subject.build"
	program := p.subject
	if program == nil {
		program, _ = invent.Base("$developer-id")
	}
	_, err := invent.Apply(program, e)
	var unknown *invent.PathError
	switch {
	case errors.As(err, &unknown):
		paths, _ := invent.Paths()
		why := spell.DidYouMean(unknown.Path, paths)
		if why == "" {
			why = "known: " + strings.Join(paths, ", ")
		}
		r.at(n, err.Error(), why)
	case err != nil && p.subject != nil:
		r.at(n, err.Error(), "")
	}
	return e
}

// factValue converts a YAML value to that of a fact. Texts must be texts: 1.10 is a
// number for YAML, and as a number it is 1.1.
func (r *reader) factValue(n *yamlpos.Node, path, takes string) (code.Value, bool) {
	switch {
	case n.Kind == yamlpos.Sequence:
		var items []code.Value
		for _, item := range n.Items {
			v, ok := r.factValue(item, path, "any value")
			if !ok {
				return v, false
			}
			items = append(items, v)
		}
		return plist.Array(items...), true
	case n.Kind == yamlpos.Mapping:
		var entries []code.Entry
		for _, p := range n.Pairs {
			v, ok := r.factValue(p.Value, path, "any value")
			if !ok {
				return v, false
			}
			entries = append(entries, code.Entry{Key: p.Key.Value, Value: v})
		}
		v, err := plist.Dict(entries...)
		if err != nil {
			r.at(n, err.Error(), "")
		}
		return v, err == nil
	case n.Type == "str", n.Type == "timestamp" && strings.HasPrefix(takes, "a time"):
		if t, ok := timeOf(n); ok && n.Type == "timestamp" {
			return plist.String(t.Format(time.RFC3339)), true
		}
		if takes == "a list of texts" {
			return plist.Array(plist.String(n.Value)), true
		}
		return plist.String(n.Value), true
	case n.Type == "bool" && takes != "a text":
		return plist.Bool(strings.EqualFold(n.Value, "true")), true
	case n.Type == "int" && takes != "a text":
		i, err := strconv.ParseInt(n.Value, 10, 64)
		if err != nil {
			r.at(n, quote(n.Value)+" is not a number of ours", "write it in decimal digits, or in quotes as a text")
			return code.Value{}, false
		}
		return plist.Int(i), true
	}
	if takes == "" {
		return plist.String(n.Value), true // the path is reported
	}
	r.at(n, path+" takes "+takes+", found "+n.Describe(), "write it in quotes: "+strconv.Quote(n.Value))
	return code.Value{}, false
}

// inline reads facts that are written in the suite, in the form of a facts file.
func (r *reader) inline(n *yamlpos.Node) *code.Subject {
	b, err := json.Marshal(plainValue(n))
	if err != nil {
		r.at(n, err.Error(), "")
		return nil
	}
	s, err := code.ReadFacts(b)
	if err != nil {
		r.at(n, err.Error(), "inline holds what xpcpolicy facts writes; to write a few facts only, use like: $developer-id with set:")
		return nil
	}
	return s
}

// plainValue is the JSON value of a YAML node.
func plainValue(n *yamlpos.Node) any {
	switch n.Kind {
	case yamlpos.Mapping:
		m := make(map[string]any, len(n.Pairs))
		for _, p := range n.Pairs {
			m[p.Key.Value] = plainValue(p.Value)
		}
		return m
	case yamlpos.Sequence:
		list := make([]any, len(n.Items))
		for i, item := range n.Items {
			list[i] = plainValue(item)
		}
		return list
	}
	switch n.Type {
	case "int", "float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value)
		}
	case "bool":
		return strings.EqualFold(n.Value, "true")
	case "null":
		return nil
	}
	return n.Value
}

// facts returns the facts of a peer: read or invented, and changed.
func (p *peer) facts(ctx context.Context, o *Options, now time.Time) (*code.Subject, error) {
	s, err := p.subject, error(nil)
	switch {
	case p.like != nil:
		s, err = p.like.facts(ctx, o, now)
	case p.isFacts && o.Facts == nil, p.path != "" && !p.isFacts && o.Load == nil:
		err = errors.New("nobody said how to read " + quote(p.path))
	case p.isFacts:
		s, err = o.Facts(p.path)
	case p.path != "":
		s, err = o.Load(ctx, p.path, now)
	}
	if err != nil {
		return nil, err
	}
	if len(p.edits) == 0 {
		return s, nil
	}
	return invent.Apply(s, p.edits...)
}
