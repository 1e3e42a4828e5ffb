package code

import (
	"bytes"
	"encoding/json"
	"errors"
)

type factState uint8

const (
	factUnknown factState = iota // the zero value: nobody looked
	factAbsent
	factKnown
)

// ErrNotLookedUp is the reason of a zero [Fact]: nobody tried to find it out.
var ErrNotLookedUp = errors.New("nobody looked this fact up")

// Fact is a value in one of three states: known, absent (somebody looked and it
// is not there) or unknown (nobody looked, or looking failed).
//
// THE ZERO VALUE IS UNKNOWN, and an unknown fact never allows anything: it is
// not false under a negation and not empty in a comparison.
type Fact[T any] struct {
	state factState
	value T
	err   error
}

// Known returns a fact whose value was read.
func Known[T any](v T) Fact[T] { return Fact[T]{state: factKnown, value: v} }

// Absent returns the fact that somebody looked and there is nothing.
func Absent[T any]() Fact[T] { return Fact[T]{state: factAbsent} }

// Unknown returns a fact that could not be found out, with the reason; a nil
// reason becomes [ErrNotLookedUp].
func Unknown[T any](reason error) Fact[T] {
	if reason == nil {
		reason = ErrNotLookedUp
	}
	return Fact[T]{err: reason}
}

// Get returns the value and true when the fact is known, false when it is
// absent, and an error (with the zero value and false) when it is unknown.
func (f Fact[T]) Get() (value T, ok bool, err error) {
	switch f.state {
	case factKnown:
		return f.value, true, nil
	case factAbsent:
		return f.value, false, nil
	}
	return f.value, false, f.Err()
}

// Or returns the known value, else def. It is for display: a decision asks
// [Fact.Get], which tells absent from unknown.
func (f Fact[T]) Or(def T) T {
	if f.state == factKnown {
		return f.value
	}
	return def
}

// IsKnown reports whether there is a value.
func (f Fact[T]) IsKnown() bool { return f.state == factKnown }

// IsAbsent reports whether somebody looked and found nothing.
func (f Fact[T]) IsAbsent() bool { return f.state == factAbsent }

// IsUnknown reports whether nobody knows.
func (f Fact[T]) IsUnknown() bool { return f.state == factUnknown }

// IsZero reports whether this is the zero Fact, which JSON leaves out.
func (f Fact[T]) IsZero() bool { return f.state == factUnknown && f.err == nil }

// Err returns nil unless the fact is unknown; then it says why.
func (f Fact[T]) Err() error {
	if f.state != factUnknown {
		return nil
	}
	if f.err == nil {
		return ErrNotLookedUp
	}
	return f.err
}

// unknownJSON is the JSON form of an unknown fact. No known value has this
// form: plist dictionaries with a key that starts with '$' are wrapped.
type unknownJSON struct {
	Unknown *string `json:"$unknown"`
}

// MarshalJSON writes a known fact as its bare value, an absent one as null and
// an unknown one as {"$unknown": reason}.
func (f Fact[T]) MarshalJSON() ([]byte, error) {
	switch f.state {
	case factKnown:
		return json.Marshal(f.value)
	case factAbsent:
		return []byte("null"), nil
	}
	reason := f.Err().Error()
	return json.Marshal(unknownJSON{&reason})
}

// UnmarshalJSON reads what MarshalJSON writes. A key that is missing from the
// surrounding object leaves the fact unknown.
func (f *Fact[T]) UnmarshalJSON(b []byte) error {
	trimmed := bytes.TrimSpace(b)
	if string(trimmed) == "null" {
		*f = Absent[T]()
		return nil
	}
	if len(trimmed) > 0 && trimmed[0] == '{' && bytes.Contains(trimmed, []byte(`"$unknown"`)) {
		var u unknownJSON
		d := json.NewDecoder(bytes.NewReader(trimmed))
		d.DisallowUnknownFields()
		if d.Decode(&u) == nil && u.Unknown != nil {
			*f = Unknown[T](errors.New(*u.Unknown))
			return nil
		}
	}
	var v T
	d := json.NewDecoder(bytes.NewReader(trimmed))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return err
	}
	*f = Known(v)
	return nil
}
