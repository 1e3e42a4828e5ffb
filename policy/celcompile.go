package policy

import (
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/internal/spell"
	"github.com/xpcpolicy/xpcpolicy/internal/yamlpos"
)

// compiler turns the expressions of a document into programs.
type compiler struct {
	*report
	p            *Policy
	requirements map[string]*requirementText
	peers        map[string]*peer
	variables    map[string]*expression
	texts        map[string]*requirementText // by slot name
	versions     map[string]bool             // variables that hold a version as text
	terms        []ruleTerm                  // the rules so far
	env          *cel.Env
}

// parsed is an expression between parsing and checking.
type parsed struct {
	*reader
	node *yamlpos.Node
	ast  *cel.Ast
	deps []dependency
}

// dependency is a variable that a macro put in place of its argument.
type dependency struct {
	name string
	id   int64
}

func (c *compiler) compile(d *document) {
	c.versions = map[string]bool{}
	base, err := baseEnv()
	if err != nil { // a mistake in our tables, which every test meets
		c.add(diag.Diagnostic{Summary: "internal error: " + err.Error()})
		return
	}
	c.env = base
	variables := make([]*parsed, len(d.variables))
	for i, v := range d.variables {
		variables[i] = c.parse(v.reader, v.value)
	}
	rules := make([]*parsed, len(d.rules))
	for i := range d.rules {
		if d.rules[i].condition != nil {
			rules[i] = c.parse(d.rules[i].reader, d.rules[i].condition)
		}
	}
	c.declare(append(slices.Clone(variables), rules...))
	for i, v := range d.variables {
		if variables[i] == nil {
			continue
		}
		e := c.check(variables[i])
		if e == nil {
			continue
		}
		name := "vars." + v.key.Value
		c.variables[name] = e
		c.versions[name] = (&versionFlow{c: c, ast: e.ast.NativeRep(), compared: func(ast.Expr) {}}).of(e.ast.NativeRep().Expr(), nil)
		c.extend(cel.Variable(name, e.ast.OutputType()))
	}
	for i := range d.rules {
		if rules[i] == nil {
			continue
		}
		e := c.check(rules[i])
		if e == nil {
			continue
		}
		if !e.ast.OutputType().IsExactType(cel.BoolType) {
			d.rules[i].at(d.rules[i].condition, "a condition must be true or false, this one is "+cel.FormatCELType(e.ast.OutputType()), "compare it with something")
			continue
		}
		r := &d.rules[i]
		c.review(r, e)
		c.p.addRule(rule{name: r.name.Value, deny: r.deny, message: r.message, operations: r.operations, when: e}, c.guard(e))
	}
}

// parse reads one expression and finds what its macros depend on.
func (c *compiler) parse(r *reader, n *yamlpos.Node) *parsed {
	if len(n.Value) > maxExpression {
		r.at(n, "the expression has more than "+strconv.Itoa(maxExpression)+" bytes", "")
		return nil
	}
	a, issues := c.env.Parse(n.Value)
	if issues.Err() != nil {
		c.issues(r, n, issues)
		return nil
	}
	p := &parsed{reader: r, node: n, ast: a}
	rep := a.NativeRep()
	ast.PostOrderVisit(rep.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.IdentKind && strings.HasPrefix(e.AsIdent(), "@") {
			p.deps = append(p.deps, dependency{e.AsIdent(), e.ID()})
		}
	}))
	ok := true
	for _, dep := range p.deps {
		ok = c.resolve(p, dep) && ok
	}
	if !ok {
		return nil
	}
	return p
}

// resolve finds or compiles what a macro names.
func (c *compiler) resolve(p *parsed, dep dependency) bool {
	from, to := p.argument(dep.id)
	if name, ok := strings.CutPrefix(dep.name, requirementPrefix); ok {
		if c.requirements[name] == nil {
			p.inside(p.node, from, to, "there is no requirement "+quoteShort(name), spell.DidYouMean(name, namesOf(c.requirements)))
			return false
		}
	} else if name, ok := strings.CutPrefix(dep.name, peerPrefix); ok {
		if c.peers[name] == nil {
			p.inside(p.node, from, to, "there is no peer "+quoteShort(name), spell.DidYouMean(name, namesOf(c.peers)))
			return false
		}
	} else if code, ok := strings.CutPrefix(dep.name, textPrefix); ok && c.texts[dep.name] == nil {
		b, _ := hex.DecodeString(code)
		text := string(b)
		req, err := parseRequirement(strconv.Quote(text), text)
		if err != nil {
			p.literal(from, to, text, err)
			return false
		}
		c.texts[dep.name] = req
	}
	return true
}

// literal reports errors in a requirement that stands in quotes in an expression.
func (p *parsed) literal(from, to int, text string, err error) {
	var list diag.List
	n := p.node
	if errors.As(err, &list) && strings.HasPrefix(n.Value[min(from+1, len(n.Value)):], text) { // no escapes
		for _, d := range list {
			if d.Severity == diag.Error {
				p.inside(n, from+1+d.Span.Start, from+1+d.Span.End, "requirement: "+d.Summary, d.Why)
			}
		}
		return
	}
	p.inside(n, from, to, "requirement: "+err.Error(), "")
}

// argument returns where the argument of the macro stands that became expression id.
func (p *parsed) argument(id int64) (from, to int) {
	info := p.ast.NativeRep().SourceInfo()
	call, ok := info.GetMacroCall(id)
	if ok && call.Kind() == ast.CallKind && len(call.AsCall().Args()) == 1 {
		arg := call.AsCall().Args()[0]
		if r, ok := info.GetOffsetRange(arg.ID()); ok {
			from, to = byteOffset(p.node.Value, int(r.Start)), byteOffset(p.node.Value, int(r.Stop))
			if arg.Kind() == ast.SelectKind { // the range is that of the dot
				return wordAt(p.node.Value, from)
			}
			return from, to
		}
	}
	return 0, len(p.node.Value)
}

// declare makes the variables known that macros put into the expressions.
func (c *compiler) declare(all []*parsed) {
	seen := map[string]bool{}
	var options []cel.EnvOption
	for _, p := range all {
		if p == nil {
			continue
		}
		for _, dep := range p.deps {
			if !seen[dep.name] {
				seen[dep.name] = true
				options = append(options, cel.Variable(dep.name, cel.BoolType))
			}
		}
	}
	if len(options) > 0 {
		c.extend(options...)
	}
}

func (c *compiler) extend(options ...cel.EnvOption) {
	env, err := c.env.Extend(options...)
	if err != nil {
		c.add(diag.Diagnostic{Summary: "internal error: " + err.Error()})
		return
	}
	c.env = env
}

// check types an expression, vets it and plans its program.
func (c *compiler) check(p *parsed) *expression {
	checked, issues := c.env.Check(p.ast)
	if issues.Err() != nil {
		c.issues(p.reader, p.node, issues)
		return nil
	}
	if !c.vet(p, checked) {
		return nil
	}
	start, end := p.node.Span()
	e := &expression{text: p.node.Value, source: p.src, span: diag.Span{Start: start, End: end}, env: c.env, ast: checked, simple: isSimple(checked.NativeRep())}
	refs := checked.NativeRep().ReferenceMap() // walked in the order of the text: messages name facts in it
	ast.PostOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(part ast.Expr) {
		if ref := refs[part.ID()]; ref != nil && len(ref.OverloadIDs) == 0 && ref.Name != "" {
			if i, ok := c.slot(strings.TrimPrefix(ref.Name, ".")); ok && !slices.Contains(e.reads, i) {
				e.reads = append(e.reads, i)
			}
		}
	}))
	for _, i := range e.reads { // a variable may be anything but simple
		if v := c.p.slots[i].variable; v != nil && !v.simple {
			e.simple = false
		}
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if !e.simple {
		options = append(options, limits(decideCost)...)
	}
	program, err := c.env.Program(checked, options...)
	if err != nil {
		p.at(p.node, err.Error(), "")
		return nil
	}
	e.program = program
	return e
}

// slot returns the number of a name that expressions read, and makes one when it
// is read for the first time.
func (c *compiler) slot(name string) (int, bool) {
	if i, ok := c.p.slotOf[name]; ok {
		return i, true
	}
	s := slot{name: name}
	if rest, ok := strings.CutPrefix(name, requirementPrefix); ok {
		s.requirement = c.requirements[rest]
	} else if rest, ok := strings.CutPrefix(name, peerPrefix); ok {
		s.peer = c.peers[rest]
	} else if s.requirement = c.texts[name]; s.requirement == nil {
		if s.variable = c.variables[name]; s.variable == nil {
			i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
			if i < 0 { // a variable of a comprehension, or a type
				return 0, false
			}
			s.field = &fields[i]
		}
	}
	c.p.slots = append(c.p.slots, s)
	c.p.slotOf[name] = len(c.p.slots) - 1
	return len(c.p.slots) - 1, true
}

// isSimple reports whether each node of an expression takes at most one pass over
// its operands: no comprehension, no pattern, no list or map made of facts, no
// comparison of lists or maps with each other, and nothing that makes a value
// larger than the facts. The document bounds the nodes, so that such an
// expression needs no cost limit; counting would take longer than evaluating.
func isSimple(a *ast.AST) bool {
	simple := true
	ast.PostOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind, ast.StructKind:
			simple = false
		case ast.ListKind:
			for _, item := range e.AsList().Elements() {
				simple = simple && item.Kind() == ast.LiteralKind
			}
		case ast.MapKind:
			for _, entry := range e.AsMap().Entries() {
				simple = simple && entry.AsMapEntry().Key().Kind() == ast.LiteralKind && entry.AsMapEntry().Value().Kind() == ast.LiteralKind
			}
		case ast.CallKind:
			switch args := e.AsCall().Args(); e.AsCall().FunctionName() {
			case operators.Equals, operators.NotEquals:
				simple = simple && (isScalar(a.GetType(args[0].ID())) || isScalar(a.GetType(args[1].ID())))
			case operators.In:
				simple = simple && isScalar(a.GetType(args[0].ID()))
			case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional,
				operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals, operators.Index,
				overloads.StartsWith, overloads.EndsWith, overloads.Contains, overloads.Size,
				overloads.TypeConvertTimestamp, overloads.TypeConvertDuration,
				"version", "apple_version":
			default:
				simple = false
			}
		}
	}))
	return simple
}

// isScalar reports whether all values of a type compare in one pass.
func isScalar(t *types.Type) bool {
	switch t.Kind() {
	case types.BoolKind, types.BytesKind, types.DoubleKind, types.DurationKind, types.IntKind, types.NullTypeKind,
		types.StringKind, types.TimestampKind, types.UintKind:
		return true
	}
	return t.IsExactType(versionType) || t.IsExactType(appleVersionType)
}

func namesOf[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

var reservedNames = []string{"subject", "process", "operation", "now", "vars", "requirements"}
