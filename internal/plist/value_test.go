package plist

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func mustDict(t testing.TB, entries ...Entry) Value {
	t.Helper()
	v, err := Dict(entries...)
	require.NoError(t, err)
	return v
}

func TestEqualComparesKindAndContent(t *testing.T) {
	t.Parallel()
	d := func(es ...Entry) Value { return mustDict(t, es...) }
	for name, tt := range map[string]struct {
		a, b Value
		want bool
	}{
		"the integer 1 is not true":             {Int(1), Bool(true), false},
		"the integer 1 is not the real 1":       {Int(1), Real(1), false},
		"the string true is not true":           {String("true"), Bool(true), false},
		"a real is not a date":                  {Real(1), DateAt(1), false},
		"text is not data":                      {String("a"), Data([]byte("a")), false},
		"an empty array is no empty dictionary": {Array(), d(), false},
		"every NaN is the same":                 {Real(math.NaN()), Real(math.Float64frombits(0x7ff8000000000123)), true},
		"negative zero is another real":         {Real(0), Real(math.Copysign(0, -1)), false},
		"negative zero is the same date":        {DateAt(0), DateAt(math.Copysign(0, -1)), true},
		"the order of an array matters":         {Array(Int(1), Int(2)), Array(Int(2), Int(1)), false},
		"the order of a dictionary does not": {
			d(Entry{"a", Int(1)}, Entry{"b", Int(2)}), d(Entry{"b", Int(2)}, Entry{"a", Int(1)}), true},
		"a key more is a difference":      {d(Entry{"a", Int(1)}), d(), false},
		"another key is a difference":     {d(Entry{"a", Int(1)}), d(Entry{"b", Int(1)}), false},
		"a difference inside is found":    {Array(Array(Int(1))), Array(Array(Int(2))), false},
		"the zero Value equals itself":    {Value{}, Value{}, true},
		"the zero Value is not the false": {Value{}, Bool(false), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, tt.a.Equal(tt.b))
			assert.Equal(t, tt.want, tt.b.Equal(tt.a))
		})
	}
}

func TestAccessorsNeverConvert(t *testing.T) {
	t.Parallel()
	all := []Value{{}, String("1"), Int(1), Real(1), Bool(true), DateAt(1), Data([]byte("1")), Array(Int(1)),
		mustDict(t, Entry{"1", Int(1)})}
	for i, v := range all {
		assert.Equal(t, Kind(i), v.Kind())
		_, str := v.Str()
		_, num := v.Int64()
		_, float := v.Float()
		_, boolean := v.Boolean()
		_, seconds := v.Seconds()
		_, data := v.Bytes()
		_, index := v.Index(0)
		_, get := v.Get("1")
		assert.Equal(t, []bool{v.Kind() == KindString, v.Kind() == KindInteger, v.Kind() == KindReal,
			v.Kind() == KindBool, v.Kind() == KindDate, v.Kind() == KindData, v.Kind() == KindArray, v.Kind() == KindDict},
			[]bool{str, num, float, boolean, seconds, data, index, get}, v.Kind())
	}
}

func TestValuesCannotBeChanged(t *testing.T) {
	t.Parallel()
	raw := []byte{1, 2}
	v := Data(raw)
	raw[0] = 9
	out, _ := v.Bytes()
	out[1] = 9
	again, _ := v.Bytes()
	assert.Equal(t, []byte{1, 2}, again)

	items := []Value{Int(1)}
	a := Array(items...)
	items[0] = Int(2)
	assert.True(t, a.Equal(Array(Int(1))))

	entries := []Entry{{"b", Int(1)}, {"a", Int(2)}}
	d := mustDict(t, entries...)
	assert.Equal(t, "b", entries[0].Key, "the argument is not sorted")
	entries[0].Key = "c"
	_, ok := d.Get("b")
	assert.True(t, ok)
}

func TestDictRefusesWhatHasTwoReadings(t *testing.T) {
	t.Parallel()
	_, err := Dict(Entry{"b", Int(1)}, Entry{"a", Int(1)}, Entry{"b", Int(1)})
	var dup *DuplicateKeyError
	require.True(t, errors.As(err, &dup))
	assert.Equal(t, "b", dup.Key)

	for name, e := range map[string]Entry{
		"a key that is not UTF-8": {"\xff", Int(1)},
		"the zero Value":          {"a", Value{}},
		"text that is not UTF-8":  {"a", String("\xff")},
		"an infinite date":        {"a", DateAt(math.Inf(1))},
		"an array of no value":    {"a", Array(Value{})},
	} {
		_, err := Dict(e)
		assert.ErrorIs(t, err, ErrInvalid, name)
	}
}

func TestDepthIsBounded(t *testing.T) {
	t.Parallel()
	v := Int(1)
	for range MaxDepth {
		v = Array(v)
	}
	require.Equal(t, KindArray, v.Kind())
	assert.Equal(t, Invalid, Array(v).Kind())
	_, err := Dict(Entry{"a", v})
	assert.ErrorIs(t, err, ErrInvalid)
}

func TestIterationIsInKeyOrder(t *testing.T) {
	t.Parallel()
	d := mustDict(t, Entry{"b", Int(2)}, Entry{"a", Int(1)}, Entry{"é", Int(4)}, Entry{"", Int(0)}, Entry{"c", Int(3)})
	var keys []string
	for k, v := range d.All() {
		n, ok := v.Int64()
		require.True(t, ok)
		assert.Equal(t, int64(len(keys)), n)
		if keys = append(keys, k); k == "c" {
			break
		}
	}
	assert.Equal(t, []string{"", "a", "b", "c"}, keys)
	for k, want := range d.All() {
		have, ok := d.Get(k)
		assert.True(t, ok && have.Equal(want), k)
	}
	_, ok := d.Get("A")
	assert.False(t, ok)
	for v := range Array(Int(7), Int(8)).Items() {
		assert.True(t, v.Equal(Int(7)))
		break
	}
}

func TestGetDoesNotAllocate(t *testing.T) {
	d := mustDict(t, Entry{"a", Int(1)}, Entry{"b", String("x")}, Entry{"c", Bool(true)})
	found := 0
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if v, ok := d.Get("b"); ok && v.Equal(v) {
			found++
		}
		if _, ok := d.Get("nothing"); ok {
			found--
		}
		for range d.All() {
			found++
		}
	}))
	assert.Positive(t, found)
}

func TestStringIsForPeople(t *testing.T) {
	t.Parallel()
	v := Array(String("a\u202e\x1b"), Int(-1), Real(2), Real(math.Inf(-1)), Bool(false), DateAt(0.5), DateAt(1e300),
		Data([]byte{0xab}), mustDict(t, Entry{"k", Array()}, Entry{"", mustDict(t)}), DateAt(firstSecond), DateAt(endSecond-1))
	assert.Equal(t, `["a\u202e\x1b", -1, 2.0, -Inf, false, 2001-01-01T00:00:00.5Z, 1e+300 seconds since 2001-01-01T00:00:00Z, `+
		`<ab>, {"": {}, "k": []}, 0001-01-01T00:00:00Z, 9999-12-31T23:59:59Z]`, v.String())
	assert.Equal(t, "invalid", Value{}.String())
	assert.Equal(t, "kind 200", Kind(200).String())
}
