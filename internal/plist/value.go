package plist

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind is the type of a [Value].
type Kind uint8

// The kinds of values. Invalid is the kind of the zero Value, which is no value
// at all: no parser returns it and no container holds it.
const (
	Invalid Kind = iota
	KindString
	KindInteger
	KindReal
	KindBool
	KindDate
	KindData
	KindArray
	KindDict
)

var kindNames = [...]string{"invalid", "string", "integer", "real", "boolean", "date", "data", "array", "dictionary"}

// String is the name of the kind in words, as in "dictionary".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// MaxDepth is how many arrays and dictionaries may stand inside each other. Real
// lists stay below 20; the limit bounds every recursion over a Value.
const MaxDepth = 128

// ErrInvalid says that a dictionary was to hold the zero Value, a key that is not
// UTF-8, or more than [MaxDepth] levels.
var ErrInvalid = errors.New("plist: value cannot stand in a dictionary")

// DuplicateKeyError says that a dictionary would have one key twice.
type DuplicateKeyError struct {
	Key string
}

// Error names the key, quoted.
func (e *DuplicateKeyError) Error() string { return fmt.Sprintf("duplicate key %q", e.Key) }

// Value is one immutable value of a property list. Copies share their content.
// The zero Value has the kind [Invalid]. Values are compared with Equal; the
// operator == does not compile.
type Value struct {
	_     [0]func()
	kind  Kind
	depth uint8  // levels of containers below and including this one
	num   uint64 // Integer, Real (bits), Bool (0 or 1), Date (bits)
	text  string // String, Data
	sub   *children
}

// children holds what is inside an array (items) or dictionary (entries, sorted
// by the bytes of their keys); nil for an empty one.
type children struct {
	items   []Value
	entries []Entry
}

// Entry is one key of a dictionary with its value.
type Entry struct {
	Key   string
	Value Value
}

// String returns a string. Text that is not UTF-8 gives the zero Value.
func String(s string) Value {
	if !utf8.ValidString(s) {
		return Value{}
	}
	return Value{kind: KindString, text: s}
}

// Int returns an integer.
func Int(n int64) Value { return Value{kind: KindInteger, num: uint64(n)} }

// Real returns a real. Every NaN is the same NaN.
func Real(f float64) Value {
	if f != f {
		f = math.NaN()
	}
	return Value{kind: KindReal, num: math.Float64bits(f)}
}

// Bool returns a boolean.
func Bool(b bool) Value {
	if b {
		return Value{kind: KindBool, num: 1}
	}
	return Value{kind: KindBool}
}

// DateAt returns the date that lies so many seconds after
// 2001-01-01T00:00:00Z. Seconds that are not finite give the zero Value.
func DateAt(seconds float64) Value {
	if math.IsNaN(seconds) || math.IsInf(seconds, 0) {
		return Value{}
	}
	return Value{kind: KindDate, num: math.Float64bits(seconds + 0)} // -0 + 0 is 0
}

// Data returns a copy of b as data.
func Data(b []byte) Value { return Value{kind: KindData, text: string(b)} }

// Array returns an array of copies of vs. It is the zero Value when one of vs is,
// or when it would be deeper than [MaxDepth].
func Array(vs ...Value) Value { return newArray(slices.Clone(vs)) }

// Dict returns a dictionary of the entries in any order. A second entry with the
// same key is a [*DuplicateKeyError]; see [ErrInvalid] for the other one.
func Dict(entries ...Entry) (Value, error) { return newDict(slices.Clone(entries)) }

// newArray is Array, keeping vs.
func newArray(vs []Value) Value {
	v := Value{kind: KindArray, depth: 1}
	for i := range vs {
		if vs[i].kind == Invalid || vs[i].depth >= MaxDepth {
			return Value{}
		}
		v.depth = max(v.depth, vs[i].depth+1)
	}
	if len(vs) > 0 {
		v.sub = &children{items: vs}
	}
	return v
}

// newDict is Dict, keeping and sorting entries.
func newDict(entries []Entry) (Value, error) {
	v := Value{kind: KindDict, depth: 1}
	sorted := true
	for i := range entries {
		e := &entries[i]
		if e.Value.kind == Invalid || e.Value.depth >= MaxDepth || !utf8.ValidString(e.Key) {
			return Value{}, ErrInvalid
		}
		v.depth = max(v.depth, e.Value.depth+1)
		sorted = sorted && (i == 0 || entries[i-1].Key < e.Key)
	}
	if !sorted {
		slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
		for i := 1; i < len(entries); i++ {
			if entries[i-1].Key == entries[i].Key {
				return Value{}, &DuplicateKeyError{Key: entries[i].Key}
			}
		}
	}
	if len(entries) > 0 {
		v.sub = &children{entries: entries}
	}
	return v, nil
}

// Kind is the type of the value; [Invalid] for the zero Value.
func (v Value) Kind() Kind { return v.kind }

// Str is the text of a string; false for every other kind.
func (v Value) Str() (string, bool) {
	if v.kind != KindString {
		return "", false
	}
	return v.text, true
}

// Int64 is the number of an integer; false for every other kind, reals included.
func (v Value) Int64() (int64, bool) {
	if v.kind != KindInteger {
		return 0, false
	}
	return int64(v.num), true
}

// Float is the number of a real; false for every other kind, integers included.
func (v Value) Float() (float64, bool) {
	if v.kind != KindReal {
		return 0, false
	}
	return math.Float64frombits(v.num), true
}

// Boolean is the truth of a boolean; false, false for every other kind.
func (v Value) Boolean() (b, ok bool) {
	return v.kind == KindBool && v.num == 1, v.kind == KindBool
}

// Seconds is the time of a date in seconds since 2001-01-01T00:00:00Z; false for
// every other kind.
func (v Value) Seconds() (float64, bool) {
	if v.kind != KindDate {
		return 0, false
	}
	return math.Float64frombits(v.num), true
}

// Bytes is a copy of the bytes of data; false for every other kind.
func (v Value) Bytes() ([]byte, bool) {
	if v.kind != KindData {
		return nil, false
	}
	return []byte(v.text), true
}

// Len is the number of elements of an array, of entries of a dictionary, or of
// bytes of a string or data; zero for every other kind.
func (v Value) Len() int {
	if v.sub != nil {
		return len(v.sub.items) + len(v.sub.entries) // one of them is empty
	}
	return len(v.text)
}

// Index is element i of an array, counted from zero; false when v is no array or
// has no such element.
func (v Value) Index(i int) (Value, bool) {
	if v.sub == nil || i < 0 || i >= len(v.sub.items) {
		return Value{}, false
	}
	return v.sub.items[i], true
}

// Items yields the elements of an array in order; nothing for other kinds.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		for i := 0; v.sub != nil && i < len(v.sub.items); i++ {
			if !yield(v.sub.items[i]) {
				return
			}
		}
	}
}

// Get is the value of a key of a dictionary; false when v is no dictionary or has
// no such key. Keys are compared byte for byte. Get does not allocate.
func (v Value) Get(key string) (Value, bool) {
	if v.sub == nil {
		return Value{}, false
	}
	lo, hi := 0, len(v.sub.entries)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		switch k := v.sub.entries[mid].Key; {
		case k == key:
			return v.sub.entries[mid].Value, true
		case k < key:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return Value{}, false
}

// All yields the entries of a dictionary in the order of the bytes of their keys;
// nothing for other kinds.
func (v Value) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i := 0; v.sub != nil && i < len(v.sub.entries); i++ {
			if !yield(v.sub.entries[i].Key, v.sub.entries[i].Value) {
				return
			}
		}
	}
}

// Equal reports whether both are the same value of the same kind. The order of a
// dictionary does not matter; NaN equals NaN, and 0.0 does not equal -0.0.
func (v Value) Equal(o Value) bool {
	if v.kind != o.kind || v.num != o.num || v.text != o.text || v.Len() != o.Len() {
		return false
	}
	if v.sub == o.sub { // both empty, or copies of one value
		return true
	}
	for i := range v.sub.items {
		if !v.sub.items[i].Equal(o.sub.items[i]) {
			return false
		}
	}
	for i := range v.sub.entries {
		a, b := &v.sub.entries[i], &o.sub.entries[i]
		if a.Key != b.Key || !a.Value.Equal(b.Value) {
			return false
		}
	}
	return true
}
