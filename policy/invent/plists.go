package invent

import (
	"time"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

type timeOf = time.Time

// dict makes a dictionary of entries with different keys.
func dict(entries ...code.Entry) code.Value {
	v, err := plist.Dict(entries...)
	if err != nil { // the keys are ours
		return code.Value{}
	}
	return v
}

// with returns the dictionary with one key set; an absent one begins empty.
func with(f code.Fact[code.Value], key string, v code.Value) (code.Value, error) {
	var entries []code.Entry
	for k, old := range f.Or(code.Value{}).All() {
		if k != key {
			entries = append(entries, code.Entry{Key: k, Value: old})
		}
	}
	return plist.Dict(append(entries, code.Entry{Key: key, Value: v})...)
}

// without returns the dictionary without one key; absent when none is left.
func without(f code.Fact[code.Value], key string) code.Fact[code.Value] {
	d, ok, _ := f.Get()
	if !ok {
		return f
	}
	var entries []code.Entry
	for k, old := range d.All() {
		if k != key {
			entries = append(entries, code.Entry{Key: k, Value: old})
		}
	}
	if len(entries) == 0 {
		return code.Absent[code.Value]()
	}
	return code.Known(dict(entries...))
}

// granted reports whether an entitlement is there with any value but false.
func granted(f code.Fact[code.Value], key string) bool {
	v, ok := f.Or(code.Value{}).Get(key)
	if !ok {
		return false
	}
	b, isBool := v.Boolean()
	return b || !isBool
}
