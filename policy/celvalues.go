package policy

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// opaque holds what all values of our own types have in common: they convert to
// nothing.
type opaque struct{ t *cel.Type }

func (o opaque) Type() ref.Type { return o.t }

func (o opaque) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return o.t
	}
	return types.NewErr("%s cannot be converted to %s", o.t.TypeName(), t.TypeName())
}

func (o opaque) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s has no form in %s", o.t.TypeName(), t)
}

// text is a text as a field's get returns it: it is boxed once, for CEL, and not
// again.
func text(s string) any { return types.String(s) }

// celValue converts what a field's get returns; notKnown is not among it.
func celValue(v any) ref.Val {
	if done, ok := v.(ref.Val); ok {
		return done
	}
	switch v := v.(type) {
	case nil:
		return types.NullValue
	case string:
		return types.String(v)
	case bool:
		return types.Bool(v)
	case int64:
		return types.Int(v)
	case time.Time:
		return types.Timestamp{Time: v.UTC()}
	case []string:
		return types.NewStringList(types.DefaultTypeAdapter, v)
	case map[string]any:
		m := make(map[ref.Val]ref.Val, len(v))
		for k, e := range v {
			m[types.String(k)] = celValue(e)
		}
		return types.NewRefValMap(types.DefaultTypeAdapter, m)
	case []map[string]any:
		l := make([]ref.Val, len(v))
		for i := range v {
			l[i] = celValue(v[i])
		}
		return types.NewRefValList(types.DefaultTypeAdapter, l)
	case code.Value:
		if v.Kind() == plist.Invalid { // no dictionary at all
			return &plistMap{}
		}
		if v.Kind() == plist.KindDict && v.Len() <= maxElements { // what a rule reads of it is counted then
			return &plistMap{v: v}
		}
		return plistValue(v)
	}
	return types.NewErr("internal error: no CEL form of %T", v)
}

// maxElements is how many elements, those of elements included, an array or a
// dictionary of a property list may have for a rule that reads all of it.
const maxElements = 2_000

func tooLarge() ref.Val {
	return types.NewErr("the array or dictionary has more than %d elements", maxElements)
}

// fits reports whether v holds no more than so many elements, and takes them off.
func fits(v code.Value, left *int) bool {
	switch v.Kind() {
	case plist.KindArray:
		if *left -= v.Len(); *left < 0 {
			return false
		}
		for item := range v.Items() {
			if !fits(item, left) {
				return false
			}
		}
	case plist.KindDict:
		if *left -= v.Len(); *left < 0 {
			return false
		}
		for _, item := range v.All() {
			if !fits(item, left) {
				return false
			}
		}
	}
	return true
}

func isTooLarge(v code.Value) bool {
	left := maxElements
	return !fits(v, &left)
}

func plistValue(v code.Value) ref.Val {
	switch v.Kind() {
	case plist.KindString:
		s, _ := v.Str()
		return types.String(s)
	case plist.KindInteger:
		n, _ := v.Int64()
		return types.Int(n)
	case plist.KindReal:
		f, _ := v.Float()
		return types.Double(f)
	case plist.KindBool:
		b, _ := v.Boolean()
		return types.Bool(b)
	case plist.KindData:
		b, _ := v.Bytes()
		return types.Bytes(b)
	case plist.KindDate:
		s, _ := v.Seconds()
		const most = 1e11 // some 3,000 years, which a timestamp can hold
		if !(s > -most && s < most) {
			return types.NewErr("date %g is out of range", s)
		}
		whole := math.Floor(s)
		return types.Timestamp{Time: time.Unix(appleEpoch+int64(whole), int64((s-whole)*1e9)).UTC()}
	case plist.KindArray:
		if isTooLarge(v) {
			return tooLarge()
		}
		l := make([]ref.Val, 0, v.Len())
		for item := range v.Items() {
			l = append(l, plistValue(item))
		}
		return types.NewRefValList(types.DefaultTypeAdapter, l)
	case plist.KindDict:
		if isTooLarge(v) {
			return tooLarge()
		}
		return &plistMap{v: v}
	}
	return types.NewErr("internal error: no CEL form of a %s", v.Kind())
}

// appleEpoch is 2001-01-01T00:00:00Z in seconds since 1970.
const appleEpoch = 978307200

// plistMap is a property-list dictionary in CEL. It looks keys up where they
// stand: entitlements can be large, and a rule asks for one or two of them. What
// it converted it keeps, so that a comprehension does not convert at each step. It
// belongs to one binding.
type plistMap struct {
	v    code.Value
	kept map[string]ref.Val // arrays and dictionaries
	all  traits.Mapper      // see whole
}

func (m *plistMap) Type() ref.Type { return types.MapType }
func (m *plistMap) Value() any     { return m.v }
func (m *plistMap) Size() ref.Val  { return types.Int(m.v.Len()) }

func (m *plistMap) Find(key ref.Val) (ref.Val, bool) {
	k, ok := key.(types.String)
	if !ok {
		if types.IsUnknownOrError(key) {
			return key, false
		}
		return nil, false
	}
	if v := m.kept[string(k)]; v != nil {
		return v, true
	}
	raw, ok := m.v.Get(string(k))
	if !ok {
		return nil, false
	}
	v := plistValue(raw)
	if kind := raw.Kind(); kind == plist.KindArray || kind == plist.KindDict {
		if m.kept == nil {
			m.kept = map[string]ref.Val{}
		}
		m.kept[string(k)] = v
	}
	return v, true
}

func (m *plistMap) Get(key ref.Val) ref.Val {
	v, ok := m.Find(key)
	switch {
	case ok:
		return v
	case v != nil:
		return v
	}
	return types.NewErr("no such key: %v", key)
}

func (m *plistMap) Contains(key ref.Val) ref.Val {
	if k, ok := key.(types.String); ok {
		_, there := m.v.Get(string(k))
		return types.Bool(there)
	}
	if types.IsUnknownOrError(key) {
		return key
	}
	return types.False
}

// Iterator goes over the keys. Only the top of a property list can be too large
// here, and then its keys are few: see celValue.
func (m *plistMap) Iterator() traits.Iterator {
	keys := make([]ref.Val, 0, m.v.Len())
	for k := range m.v.All() {
		keys = append(keys, types.String(k))
	}
	return types.NewRefValList(types.DefaultTypeAdapter, keys).Iterator()
}

func (m *plistMap) Equal(other ref.Val) ref.Val {
	if isTooLarge(m.v) {
		return tooLarge()
	}
	if o, ok := other.(*plistMap); ok {
		if isTooLarge(o.v) {
			return tooLarge()
		}
		return types.Bool(m.v.Equal(o.v))
	}
	return m.whole().Equal(other)
}

func (m *plistMap) ConvertToType(t ref.Type) ref.Val { return m.whole().ConvertToType(t) }

func (m *plistMap) ConvertToNative(t reflect.Type) (any, error) { return m.whole().ConvertToNative(t) }

// whole converts all entries, for what needs all of them.
func (m *plistMap) whole() traits.Mapper {
	if m.all == nil {
		all := make(map[ref.Val]ref.Val, m.v.Len())
		for k := range m.v.All() {
			all[types.String(k)] = m.Get(types.String(k))
		}
		m.all = types.NewRefValMap(types.DefaultTypeAdapter, all)
	}
	return m.all
}

// maxShown is how many characters of a value an explanation shows.
const maxShown = 160

// show writes a value for people.
func show(v ref.Val) string {
	s := showDeep(v, 0)
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown], "") + "…"
	}
	return s
}

func showDeep(v ref.Val, depth int) string {
	const most = 8
	switch v := v.(type) {
	case nil:
		return "not evaluated"
	case types.Null:
		return "nothing"
	case types.String:
		return quoteShort(string(v))
	case types.Timestamp:
		return v.Time.UTC().Format(time.RFC3339)
	case types.Duration:
		return v.Duration.String()
	case types.Bytes:
		return fmt.Sprintf("%d bytes", len(v))
	case *versionValue:
		if v.none {
			return "no version"
		}
		return quoteShort(v.text)
	case *appleVersion:
		if v.none {
			return "no version"
		}
		return quoteShort(v.text)
	case types.Double:
		return strconv.FormatFloat(float64(v), 'g', -1, 64)
	case *types.Unknown:
		return "unknown"
	case *types.Err:
		return "an error: " + quoteless(v.Error())
	case traits.Mapper:
		for _, name := range []string{"common_name", "arch"} { // what tells certificates and slices apart
			if v, ok := v.Find(types.String(name)); ok && depth > 0 {
				return showDeep(v, depth+1)
			}
		}
		return fmt.Sprintf("a map of %v entries", v.Size())
	case traits.Lister:
		n, _ := v.Size().(types.Int)
		if depth > 1 {
			return fmt.Sprintf("a list of %d", n)
		}
		parts := make([]string, 0, most)
		for i := types.Int(0); i < n && i < most; i++ {
			parts = append(parts, showDeep(v.Get(i), depth+1))
		}
		if n > most {
			parts = append(parts, fmt.Sprintf("… %d more", n-most))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return fmt.Sprint(v.Value())
}

// quoteless cuts a text that is shown as it is.
func quoteless(s string) string {
	if len(s) > maxShown {
		return strings.ToValidUTF8(s[:maxShown], "") + "…"
	}
	return s
}
