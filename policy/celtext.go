package policy

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// textVersions are the fields that hold a version as text.
var textVersions = []string{"subject.version", "subject.build", "subject.min_os", "subject.sdk", "subject.runtime_version"}

// versionKeys are the keys of Info.plist that do.
var versionKeys = []string{"CFBundleShortVersionString", "CFBundleVersion", "LSMinimumSystemVersion"}

// vet refuses what compiles and cannot be meant.
func (c *compiler) vet(p *parsed, checked *cel.Ast) bool {
	n, rep, ok := p.node, checked.NativeRep(), true
	refuse := func(id int64, summary, detail string) {
		r, _ := rep.SourceInfo().GetOffsetRange(id)
		from, to := byteOffset(n.Value, int(r.Start)), byteOffset(n.Value, int(r.Stop))
		if to <= from {
			from, to = wordAt(n.Value, from)
		}
		p.inside(n, from, to, summary, detail)
		ok = false
	}
	ast.PostOrderVisit(rep.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind:
			for _, v := range []string{e.AsComprehension().IterVar(), e.AsComprehension().IterVar2()} {
				if slices.Contains(reservedNames, v) {
					refuse(e.ID(), "a variable of a comprehension cannot be called "+v, "it would hide the facts of that name")
				}
			}
		case ast.CallKind:
			if call := e.AsCall(); call.FunctionName() == "version" {
				if s, isText := literal(call.Args()[0]); isText {
					if _, isVersion := parseVersion(s); !isVersion {
						refuse(call.Args()[0].ID(), quoteShort(s)+" is not a version", `a version looks like "2.10", "2.1b3" or "2.1-rc.1"`)
					}
				}
			}
		}
	}))
	flow := &versionFlow{c: c, ast: rep, compared: func(e ast.Expr) {
		refuse(e.ID(), "this compares versions as texts, where \"2.10\" is less than \"2.9\"", "write version(…) around both sides")
	}}
	flow.of(rep.Expr(), nil)
	return ok
}

// versionFlow follows the texts of versions through variables, lists, conditionals
// and comprehensions to the places where they are compared.
type versionFlow struct {
	c        *compiler
	ast      *ast.AST
	compared func(ast.Expr)
}

// local is a name of a comprehension.
type local struct {
	name    string
	version bool
	up      *local
}

// of reports whether the value of an expression is, or holds, a version as text.
func (f *versionFlow) of(e ast.Expr, names *local) bool {
	if r := f.ast.ReferenceMap()[e.ID()]; r != nil && len(r.OverloadIDs) == 0 && r.Name != "" {
		for n := names; n != nil; n = n.up {
			if n.name == r.Name {
				return n.version
			}
		}
		return slices.Contains(textVersions, r.Name) || f.c.versions[r.Name]
	}
	switch e.Kind() {
	case ast.IdentKind:
		for n := names; n != nil; n = n.up {
			if n.name == e.AsIdent() {
				return n.version
			}
		}
	case ast.SelectKind:
		of := f.of(e.AsSelect().Operand(), names)
		return !e.AsSelect().IsTestOnly() && (of || slices.Contains(versionKeys, e.AsSelect().FieldName()))
	case ast.ListKind:
		is := false
		for _, item := range e.AsList().Elements() {
			is = f.of(item, names) || is
		}
		return is
	case ast.MapKind:
		is := false
		for _, entry := range e.AsMap().Entries() {
			is = f.of(entry.AsMapEntry().Key(), names) || is
			is = f.of(entry.AsMapEntry().Value(), names) || is
		}
		return is
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		of := f.of(c.IterRange(), names)
		inner := &local{c.IterVar(), of, names}
		if c.HasIterVar2() {
			inner = &local{c.IterVar2(), of, inner}
		}
		accu := &local{c.AccuVar(), f.of(c.AccuInit(), names), inner}
		f.of(c.LoopCondition(), accu)
		accu.version = f.of(c.LoopStep(), accu) || accu.version
		return f.of(c.Result(), accu)
	case ast.CallKind:
		return f.call(e, names)
	}
	return false
}

func (f *versionFlow) call(e ast.Expr, names *local) bool {
	call, is := e.AsCall(), false
	args := call.Args()
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	for _, arg := range args {
		is = f.of(arg, names) || is
	}
	switch call.FunctionName() {
	case "version", "apple_version":
		return false
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		if is {
			f.compared(e)
		}
	case operators.Index:
		if key, ok := literal(args[1]); ok && slices.Contains(versionKeys, key) {
			return true
		}
	}
	switch f.ast.GetType(e.ID()).Kind() { // what can still be the text
	case types.BoolKind, types.IntKind, types.UintKind, types.DoubleKind, types.TimestampKind, types.DurationKind:
		return false
	}
	return is
}
