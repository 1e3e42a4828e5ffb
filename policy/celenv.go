package policy

import (
	"encoding/hex"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/xpcpolicy/xpcpolicy/internal/spell"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// Limits of one expression. The sizes bound compiling; the costs bound what
// evaluating does with hostile facts. One unit of cost is about one step.
const (
	maxNodes    = 2000
	maxNesting  = 100
	maxRegex    = 1000 // instructions
	decideCost  = 100_000
	explainCost = 4 * decideCost // explaining does not stop at the first answer
	interruptAt = 10             // steps of a comprehension between looks at the context
)

// Names that macros turn their arguments into. They are variables, not
// functions, so that an unknown answer is an unknown fact like any other; the
// '@' keeps authors from writing them.
const (
	textPrefix        = "@text:"        // satisfies("anchor apple"), the text in hexadecimal
	requirementPrefix = "@requirement:" // satisfies(requirements.NAME)
	peerPrefix        = "@peer:"        // matches("NAME")
)

// function documents one function that the vocabulary adds to CEL's own.
type function struct{ signature, doc string }

var functionDocs = []function{
	{"satisfies(requirements.NAME)", "The code satisfies a requirement of the document."},
	{`satisfies("TEXT")`, "The code satisfies a text in Apple's requirement language, compiled when the policy is loaded."},
	{`matches("NAME")`, "The code is the named peer."},
	{`team("TEAM", …)`, "The verified team is one of these: short for subject.team_id in […]."},
	{`channel("CHANNEL", …)`, "The channel is one of these, whose names are checked when the policy is loaded: short for subject.channel in […]."},
	{`entitled("KEY")`, "The entitlement is there and is the boolean true."},
	{"version(TEXT)", "A version to compare with <, <=, >, >=, == and !=: 2.1 is 2.1.0, 2.10 is newer than 2.9, pre-releases are older than their release. Null is older than everything; a text that is no version is an error."},
	{"apple_version(TEXT)", "A version in the order that Apple's requirement language uses."},
}

// baseEnv is CEL with the vocabulary. It is the same for all policies.
var baseEnv = sync.OnceValues(func() (*cel.Env, error) {
	text := cel.NullableType(cel.StringType)
	options := []cel.EnvOption{
		cel.ParserRecursionLimit(maxNesting),
		cel.ParserErrorRecoveryLimit(4),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ExpressionNodeLimit(maxNodes),
		cel.ExpressionNestingDepthLimit(maxNesting),
		cel.RegexProgramSizeLimit(maxRegex),
		cel.EnableMacroCallTracking(),
		cel.EnableErrorOnBadPresenceTest(true),
		cel.DefaultUTCTimeZone(true),
		cel.Macros(
			cel.GlobalMacro("satisfies", 1, expandSatisfies),
			cel.GlobalMacro("matches", 1, expandMatches),
			cel.GlobalMacro("entitled", 1, expandEntitled),
			cel.GlobalVarArgMacro("team", expandOneOf("team_id", nil)),
			cel.GlobalVarArgMacro("channel", expandOneOf("channel", channels)),
		),
		cel.Function("version", cel.Overload("version_string", []*cel.Type{text}, versionType, cel.UnaryBinding(newVersion))),
		cel.Function("apple_version", cel.Overload("apple_version_string", []*cel.Type{text}, appleVersionType, cel.UnaryBinding(newAppleVersion))),
	}
	for _, op := range []string{operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals} {
		options = append(options, cel.Function(op,
			cel.Overload(op+"version", []*cel.Type{versionType, versionType}, cel.BoolType),
			cel.Overload(op+"apple_version", []*cel.Type{appleVersionType, appleVersionType}, cel.BoolType)))
	}
	for i := range fields {
		options = append(options, cel.Variable(fields[i].name, celType(&fields[i])))
	}
	return cel.NewEnv(options...)
})

func celType(f *field) *cel.Type {
	t := [...]*cel.Type{
		typeString: cel.StringType, typeBool: cel.BoolType, typeInt: cel.IntType, typeTime: cel.TimestampType,
		typeStrings: cel.ListType(cel.StringType),
		typeMaps:    cel.ListType(cel.MapType(cel.StringType, cel.DynType)),
		typePlist:   cel.MapType(cel.StringType, cel.DynType),
	}[f.typ]
	if f.null {
		return cel.NullableType(t)
	}
	return t
}

func expandSatisfies(eh cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	if text, ok := literal(args[0]); ok {
		return eh.NewIdent(textPrefix + hex.EncodeToString([]byte(text))), nil
	}
	if name, ok := member(args[0], "requirements"); ok {
		return eh.NewIdent(requirementPrefix + name), nil
	}
	return nil, eh.NewError(args[0].ID(), `satisfies() takes requirements.NAME or a text in quotes, so that it can be compiled when the policy is loaded`)
}

func expandMatches(eh cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	if name, ok := literal(args[0]); ok {
		return eh.NewIdent(peerPrefix + name), nil
	}
	return nil, eh.NewError(args[0].ID(), "matches() takes the name of a peer in quotes")
}

// expandEntitled writes KEY in subject.entitlements && subject.entitlements[KEY] == true.
func expandEntitled(eh cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	if _, ok := literal(args[0]); !ok {
		return nil, eh.NewError(args[0].ID(), "entitled() takes the key of an entitlement in quotes")
	}
	all := func() ast.Expr { return eh.NewSelect(eh.NewIdent("subject"), "entitlements") }
	return eh.NewCall(operators.LogicalAnd,
		eh.NewCall(operators.In, args[0], all()),
		eh.NewCall(operators.Equals, eh.NewCall(operators.Index, all(), eh.Copy(args[0])), eh.NewLiteral(types.True))), nil
}

// expandOneOf writes subject.FIELD == TEXT, or subject.FIELD in [TEXT, …].
func expandOneOf(field string, known []string) cel.MacroFactory {
	return func(eh cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
		if len(args) == 0 {
			return nil, eh.NewError(0, strings.TrimSuffix(field, "_id")+"() takes at least one text in quotes")
		}
		for _, arg := range args {
			text, ok := literal(arg)
			switch {
			case !ok || text == "":
				return nil, eh.NewError(arg.ID(), strings.TrimSuffix(field, "_id")+"() takes texts in quotes")
			case known != nil && !slices.Contains(known, text):
				message := "unknown " + field + " " + quoteShort(text)
				if hint := spell.DidYouMean(text, known); hint != "" {
					message += ": " + hint
				}
				return nil, eh.NewError(arg.ID(), message)
			}
		}
		value := eh.NewSelect(eh.NewIdent("subject"), field)
		if len(args) == 1 {
			return eh.NewCall(operators.Equals, value, args[0]), nil
		}
		return eh.NewCall(operators.In, value, eh.NewList(args...)), nil
	}
}

func literal(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// member returns NAME of object.NAME or object["NAME"].
func member(e ast.Expr, object string) (string, bool) {
	isObject := func(e ast.Expr) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == object }
	switch e.Kind() {
	case ast.SelectKind:
		s := e.AsSelect()
		return s.FieldName(), isObject(s.Operand()) && !s.IsTestOnly()
	case ast.CallKind:
		if c := e.AsCall(); c.FunctionName() == operators.Index && isObject(c.Args()[0]) {
			return literal(c.Args()[1])
		}
	}
	return "", false
}

var (
	versionType      = cel.ObjectType("xpcpolicy.version", traits.ComparerType)
	appleVersionType = cel.ObjectType("xpcpolicy.apple_version", traits.ComparerType)
)

// versionValue is a version in CEL; none is older than every version.
type versionValue struct {
	opaque
	version
	none bool
}

func newVersion(v ref.Val) ref.Val {
	if v == types.NullValue {
		return &versionValue{opaque: opaque{versionType}, none: true}
	}
	s, ok := v.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	parsed, ok := parseVersion(string(s))
	if !ok {
		return types.NewErr("%s is not a version", quoteShort(string(s)))
	}
	return &versionValue{opaque: opaque{versionType}, version: parsed}
}

func (v *versionValue) Compare(other ref.Val) ref.Val {
	o, ok := other.(*versionValue)
	switch {
	case !ok:
		return types.MaybeNoSuchOverloadErr(other)
	case v.none || o.none:
		return types.Int(boolSign(!v.none) - boolSign(!o.none))
	}
	return types.Int(v.compare(o.version))
}

func (v *versionValue) Equal(other ref.Val) ref.Val {
	c, ok := v.Compare(other).(types.Int)
	return types.Bool(ok && c == 0)
}

func (v *versionValue) Value() any { return v.text }

// appleVersion is a version in Apple's order.
type appleVersion struct {
	opaque
	text string
	none bool
}

func newAppleVersion(v ref.Val) ref.Val {
	if v == types.NullValue {
		return &appleVersion{opaque: opaque{appleVersionType}, none: true}
	}
	s, ok := v.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	return &appleVersion{opaque: opaque{appleVersionType}, text: string(s)}
}

func (v *appleVersion) Compare(other ref.Val) ref.Val {
	o, ok := other.(*appleVersion)
	switch {
	case !ok:
		return types.MaybeNoSuchOverloadErr(other)
	case v.none || o.none:
		return types.Int(boolSign(!v.none) - boolSign(!o.none))
	}
	return types.Int(sign(requirement.CompareVersions(v.text, o.text)))
}

func (v *appleVersion) Equal(other ref.Val) ref.Val {
	c, ok := v.Compare(other).(types.Int)
	return types.Bool(ok && c == 0)
}

func (v *appleVersion) Value() any { return v.text }

func boolSign(b bool) int {
	if b {
		return 1
	}
	return 0
}
