package policy

import (
	"context"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
	"github.com/xpcpolicy/xpcpolicy/policy/invent"
)

// constants adds what the conditions of a policy hold against the facts that they
// read.
func (p *Policy) constants(l *wishlist) {
	g := &gatherer{wishlist: l, seen: map[*expression]bool{}, b: newBinding(context.Background(), facts{p: p, s: &code.Subject{}, whole: &code.Subject{}})}
	for i := range p.rules {
		g.expression(p.rules[i].when)
	}
}

// gatherer reads the constants of conditions.
type gatherer struct {
	*wishlist
	b    *binding // of nothing: for variables made of constants
	seen map[*expression]bool
}

// leaf is what one clause reads and compares.
type leafReads struct {
	slots     []int
	keys      map[string][]string // of dictionaries, by the name of the field
	constants []ref.Val
}

func (g *gatherer) expression(e *expression) {
	if g.seen[e] {
		return
	}
	g.seen[e] = true
	x := &explanation{b: g.b, e: e, ast: e.ast.NativeRep()}
	x.leaves(x.ast.Expr(), 0, func(part ast.Expr) {
		r := leafReads{keys: map[string][]string{}}
		g.read(x, part, &r)
		for _, i := range r.slots {
			switch s := &g.p.slots[i]; {
			case s.field != nil:
				g.field(s.field, &r)
			case s.requirement != nil:
				g.requirement(s.requirement.expr)
			case s.peer != nil:
				g.peer(s.peer)
			case len(s.variable.reads) > 0:
				g.expression(s.variable)
			}
		}
	})
}

// leaves calls f for what stands between the logical operators, whatever its type.
func (x *explanation) leaves(e ast.Expr, depth int, f func(ast.Expr)) {
	if !x.isLogical(e) || depth > maxTreeDepth {
		f(e)
		return
	}
	for _, arg := range e.AsCall().Args() {
		x.leaves(arg, depth+1, f)
	}
}

// read collects what stands in a clause, macros expanded.
func (g *gatherer) read(x *explanation, part ast.Expr, r *leafReads) {
	ast.PostOrderVisit(part, ast.NewExprVisitor(func(e ast.Expr) {
		if i, ok := x.slotOf(e); ok {
			if v := g.p.slots[i].variable; v != nil && len(v.reads) == 0 {
				if out, err := g.b.run(v); err == nil {
					r.constants = append(r.constants, flat(out)...)
				}
			}
			if !slices.Contains(r.slots, i) {
				r.slots = append(r.slots, i)
			}
			return
		}
		key := func(dict ast.Expr, name string) {
			if i, ok := x.slotOf(dict); ok && g.p.slots[i].field != nil {
				f := g.p.slots[i].name
				r.keys[f] = append(r.keys[f], name)
			}
		}
		switch e.Kind() {
		case ast.LiteralKind:
			r.constants = append(r.constants, e.AsLiteral())
		case ast.SelectKind:
			key(e.AsSelect().Operand(), e.AsSelect().FieldName())
		case ast.CallKind:
			switch args := e.AsCall().Args(); e.AsCall().FunctionName() {
			case operators.Index, operators.OptIndex:
				if k, ok := literal(args[1]); ok {
					key(args[0], k)
				}
			case operators.In:
				if k, ok := literal(args[0]); ok {
					key(args[1], k)
				}
			}
		}
	}))
}

// flat are the elements of a list, and a value by itself.
func flat(v ref.Val) []ref.Val {
	list, ok := v.(traits.Lister)
	if !ok {
		return []ref.Val{v}
	}
	var all []ref.Val
	for it := list.Iterator(); it.HasNext() == types.True && len(all) < 100; {
		all = append(all, it.Next())
	}
	return all
}

// field adds the changes of one field that the constants beside it suggest.
func (g *gatherer) field(f *field, r *leafReads) {
	var texts []string
	for _, c := range r.constants {
		if s, ok := c.(types.String); ok && s != "" {
			texts = append(texts, string(s))
		}
	}
	switch f.name {
	case "subject.team_id":
		for _, t := range texts {
			g.team(t)
		}
	case "subject.channel", "subject.anchor", "subject.adhoc", "subject.certificates":
		g.chain(f.name, texts)
	case "subject.cdhash", "subject.cdhashes":
		for _, t := range texts {
			g.set("subject.cdhash", plist.String(t))
		}
	case "subject.flags", "process.flags":
		for _, t := range texts {
			g.flag(f.name, t, true)
			g.flag(f.name, t, false)
		}
	case "subject.entitlements", "subject.info":
		for _, k := range r.keys[f.name] {
			g.noKey(f.name, k)
			g.key(f.name, k, plist.Bool(true))
			for _, c := range r.constants {
				if v, ok := plainValue(c); ok && c != types.String(k) {
					g.wishlist.key(f.name, k, v)
				}
			}
		}
	case "now":
		for _, t := range texts {
			if at, err := time.Parse(time.RFC3339, t); err == nil {
				g.now(at.Add(-time.Second))
				g.now(at.Add(time.Second))
			}
		}
	case "operation":
		for _, t := range texts {
			g.operation(t)
		}
	case "process.interpreter", "process.plugin_host", "subject.slices":
	default:
		g.plain(f, texts, r.constants)
	}
}

// chain adds channels.
func (g *gatherer) chain(name string, texts []string) {
	for _, t := range texts {
		switch {
		case name == "subject.channel":
			g.channel(code.Channel(t))
		case name == "subject.certificates" && len(t) == 10:
			g.team(t)
		default:
			for oid, channel := range markers {
				if oid.String() == t {
					g.channel(channel)
				}
			}
		}
	}
	g.channel(code.ChannelDeveloperID)
	g.channel(code.ChannelAppStore)
}

// plain adds the changes of a text, a number, a truth or a time.
func (g *gatherer) plain(f *field, texts []string, constants []ref.Val) {
	switch f.typ {
	case typeBool:
		g.set(f.name, plist.Bool(true))
		g.set(f.name, plist.Bool(false))
	case typeInt:
		for _, c := range constants {
			if n, ok := c.(types.Int); ok {
				for _, v := range []int64{int64(n), int64(n) + 1, int64(n) - 1} {
					g.set(f.name, plist.Int(v))
				}
			}
		}
	case typeTime:
		for _, t := range texts {
			if at, err := time.Parse(time.RFC3339, t); err == nil {
				g.set(f.name, plist.String(at.Add(-time.Second).UTC().Format(time.RFC3339)))
				g.set(f.name, plist.String(at.Add(time.Second).UTC().Format(time.RFC3339)))
			}
		}
	case typeString:
		isVersion := slices.Contains(textVersions, f.name)
		for _, t := range texts {
			g.set(f.name, plist.String(t))
			if isVersion {
				g.set(f.name, plist.String(t+".1"))
			}
		}
		if isVersion && len(texts) > 0 {
			g.set(f.name, plist.String("0"))
		}
		for _, t := range texts {
			g.other(f.name, t)
		}
	}
	if f.null && f.name != "subject.arch" {
		g.edit(f.name, "nothing", invent.Unset(f.name))
	}
}

// plainValue is the form of a constant in a property list.
func plainValue(c ref.Val) (code.Value, bool) {
	switch c := c.(type) {
	case types.String:
		return plist.String(string(c)), true
	case types.Int:
		return plist.Int(int64(c)), true
	case types.Bool:
		return plist.Bool(bool(c)), true
	case types.Double:
		return plist.Real(float64(c)), true
	}
	return code.Value{}, false
}

// showValue writes a value of a property list for people.
func showValue(v code.Value) string { return show(plistValue(v)) }

// shown is the value of a field for people.
func (f *facts) shown(of *field) string {
	raw := of.get(f)
	if isNotKnown(raw) {
		return "unknown"
	}
	text := show(celValue(raw))
	if of.name == "subject.team_id" {
		text += f.claim(of.name)
	}
	return strings.TrimSpace(text)
}
