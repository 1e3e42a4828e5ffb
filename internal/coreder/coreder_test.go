package coreder

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

func dict(t testing.TB, entries ...plist.Entry) plist.Value {
	t.Helper()
	v, err := plist.Dict(entries...)
	require.NoError(t, err)
	return v
}

// der writes an element with a length of one byte, or of three when it must.
func der(tag byte, parts ...string) string {
	return string(appendElement(nil, tag, []byte(strings.Join(parts, ""))))
}

func pair(key, val string) string { return der(tagSequence, der(tagString, key), val) }

func root(entries ...string) string {
	return der(tagRoot, "\x02\x01\x01", der(tagDict, entries...))
}

const (
	yes = "\x01\x01\xff"
	no  = "\x01\x01\x00"
)

func deep(n int) string {
	v := ""
	for range n {
		v = der(tagSequence, v)
	}
	return root(pair("a", v))
}

type good struct {
	in   string
	want plist.Value
}

func goodDER(t testing.TB) map[string]good {
	e := func(key string, v plist.Value) plist.Value { return dict(t, plist.Entry{Key: key, Value: v}) }
	nested := plist.Array()
	for range maxDepth - 2 {
		nested = plist.Array(nested)
	}
	long := strings.Repeat("x", 300)
	return map[string]good{
		"an empty dictionary":        {"\x70\x05\x02\x01\x01\xb0\x00", dict(t)},
		"false":                      {"\x70\x0f\x02\x01\x01\xb0\x0a\x30\x08\x0c\x03key\x01\x01\x00", e("key", plist.Bool(false))},
		"true":                       {root(pair("key", yes)), e("key", plist.Bool(true))},
		"an empty key":               {root(pair("", yes)), e("", plist.Bool(true))},
		"zero":                       {root(pair("a", "\x02\x01\x00")), e("a", plist.Int(0))},
		"127 takes one byte":         {root(pair("a", "\x02\x01\x7f")), e("a", plist.Int(127))},
		"128 takes two":              {root(pair("a", "\x02\x02\x00\x80")), e("a", plist.Int(128))},
		"-128 takes one":             {root(pair("a", "\x02\x01\x80")), e("a", plist.Int(-128))},
		"-129 takes two":             {root(pair("a", "\x02\x02\xff\x7f")), e("a", plist.Int(-129))},
		"the largest integer":        {root(pair("a", "\x02\x08\x7f"+strings.Repeat("\xff", 7))), e("a", plist.Int(math.MaxInt64))},
		"the smallest integer":       {root(pair("a", "\x02\x08\x80"+strings.Repeat("\x00", 7))), e("a", plist.Int(math.MinInt64))},
		"a string":                   {root(pair("a", der(tagString, "é"))), e("a", plist.String("é"))},
		"a long string":              {root(pair("a", der(tagString, long))), e("a", plist.String(long))},
		"an array":                   {root(pair("a", der(tagSequence, yes, "\x02\x01\x01"))), e("a", plist.Array(plist.Bool(true), plist.Int(1)))},
		"an array in an array":       {root(pair("a", der(tagSequence, der(tagSequence)))), e("a", plist.Array(plist.Array()))},
		"a dictionary inside":        {root(pair("a", der(tagDict, pair("b", no)))), e("a", e("b", plist.Bool(false)))},
		"the deepest value":          {deep(maxDepth - 1), e("a", nested)},
		"keys sorted by their bytes": {root(pair("B", yes), pair("a", yes), pair("aa", yes), pair("é", yes)), dict(t, plist.Entry{Key: "B", Value: plist.Bool(true)}, plist.Entry{Key: "a", Value: plist.Bool(true)}, plist.Entry{Key: "aa", Value: plist.Bool(true)}, plist.Entry{Key: "é", Value: plist.Bool(true)})},
	}
}

var badDER = map[string]string{
	"nothing":                          "",
	"one byte":                         "\x70",
	"another root":                     "\x30\x00",
	"no version":                       der(tagRoot, der(tagDict)),
	"version 0":                        der(tagRoot, "\x02\x01\x00", der(tagDict)),
	"version 2":                        der(tagRoot, "\x02\x01\x02", der(tagDict)),
	"a version of two bytes":           der(tagRoot, "\x02\x02\x00\x01", der(tagDict)),
	"no dictionary":                    der(tagRoot, "\x02\x01\x01"),
	"an array as root":                 der(tagRoot, "\x02\x01\x01", der(tagSequence)),
	"a byte behind the root":           root() + "\x00",
	"a second root":                    root() + root(),
	"an element behind the dictionary": der(tagRoot, "\x02\x01\x01", der(tagDict), der(tagDict)),
	"a root that ends early":           "\x70\x04\x02\x01\x01\xb0\x00",
	"a root that ends late":            "\x70\x06\x02\x01\x01\xb0\x00",
	"a dictionary that ends late":      "\x70\x05\x02\x01\x01\xb0\x01",
	"an entry that ends late":          "\x70\x0f\x02\x01\x01\xb0\x0a\x30\x09\x0c\x03key\x01\x01\x00",
	"an entry that ends early":         "\x70\x0f\x02\x01\x01\xb0\x0a\x30\x07\x0c\x03key\x01\x01\x00",
	"a value longer than its entry":    "\x70\x0f\x02\x01\x01\xb0\x0a\x30\x08\x0c\x03key\x01\x02\x00",
	"a key longer than its entry":      "\x70\x0f\x02\x01\x01\xb0\x0a\x30\x08\x0c\x07key\x01\x01\x00",
	"a value shorter than its entry":   root(der(tagSequence, der(tagString, "a"), yes, no)),
	"an entry without value":           root(der(tagSequence, der(tagString, "a"))),
	"an empty entry":                   root(der(tagSequence)),
	"an entry that is no sequence":     root(der(tagSet, der(tagString, "a"), yes)),
	"a key that is no string":          root(der(tagSequence, "\x02\x01\x01", yes)),
	"a key as printable string":        root(der(tagSequence, der(0x13, "a"), yes)),
	"an indefinite length":             "\x70\x80\x02\x01\x01\xb0\x00\x00\x00",
	"a length of five bytes":           "\x70\x85\x00\x00\x00\x00\x05\x02\x01\x01\xb0\x00",
	"a length of 127 bytes":            "\x70\xff",
	"a length with a leading zero":     "\x70\x82\x00\x80" + strings.Repeat("x", 128),
	"a short length in two bytes":      "\x70\x81\x05\x02\x01\x01\xb0\x00",
	"a length cut off":                 "\x70\x82\x01",
	"a length beyond 31 bits":          "\x70\x84\xff\xff\xff\xff",
	"duplicate keys":                   root(pair("a", yes), pair("a", no)),
	"keys out of order":                root(pair("b", yes), pair("a", no)),
	"a longer key in front":            root(pair("aa", yes), pair("a", no)),
	"duplicate keys inside":            root(pair("x", der(tagDict, pair("a", yes), pair("a", yes)))),
	"the boolean 01":                   root(pair("a", "\x01\x01\x01")),
	"an empty boolean":                 root(pair("a", "\x01\x00")),
	"a boolean of two bytes":           root(pair("a", "\x01\x02\x00\xff")),
	"an empty integer":                 root(pair("a", "\x02\x00")),
	"a positive integer with a zero":   root(pair("a", "\x02\x02\x00\x7f")),
	"a negative integer with ones":     root(pair("a", "\x02\x02\xff\x80")),
	"an integer of nine bytes":         root(pair("a", "\x02\x09\x00"+strings.Repeat("\xff", 8))),
	"a string that is not UTF-8":       root(pair("a", der(tagString, "\xff"))),
	"a key that is not UTF-8":          root(pair("\xff", yes)),
	"a NUL in a string":                root(pair("a", der(tagString, "a\x00b"))),
	"a NUL in a key":                   root(pair("a\x00b", yes)),
	"data in entitlements":             root(pair("a", der(tagData, "x"))),
	"null":                             root(pair("a", "\x05\x00")),
	"a real":                           root(pair("a", "\x09\x00")),
	"a time":                           root(pair("a", der(0x18, "20200101000000Z"))),
	"a constructed string":             root(pair("a", der(0x2c, der(tagString, "x")))),
	"a long tag":                       root(pair("a", "\x1f\x0c\x00")),
	"a dictionary of the old form":     root(pair("a", der(tagSet))),
	"a whole old blob":                 der(tagSet, pair("a", yes)),
	"an array that ends inside":        root(pair("a", der(tagSequence, "\x02"))),
	"one level too many":               deep(maxDepth),
	"ten thousand levels":              deep(10_000),
}

func requireSyntax(t testing.TB, err error, size int) {
	t.Helper()
	var syntax *SyntaxError
	require.True(t, errors.As(err, &syntax), "%T: %v", err, err)
	require.GreaterOrEqual(t, syntax.Off, int64(0))
	require.LessOrEqual(t, syntax.Off, int64(size), "the offset lies in the input: %v", err)
}

func TestParseAcceptsOneEncodingOfEachValue(t *testing.T) {
	t.Parallel()
	for name, tt := range goodDER(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := ParseEntitlements([]byte(tt.in))
			require.NoError(t, err)
			assert.True(t, v.Equal(tt.want), "got %v, want %v", v, tt.want)
			b, err := Encode(tt.want)
			require.NoError(t, err)
			assert.Equal(t, []byte(tt.in), b)
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range badDER {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := ParseEntitlements([]byte(in))
			requireSyntax(t, err, len(in))
			assert.Equal(t, plist.Invalid, v.Kind(), "no value beside an error")
		})
	}
	_, err := ParseEntitlements(make([]byte, maxSize+1))
	require.Error(t, err)
}

func TestErrorsSayWhereAndWhat(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"duplicate keys":                `offset 0x11: got the key "a" behind "a", want keys sorted and once each`,
		"a value longer than its entry": `offset 0xe: got an element that does not end inside its container: content at 0x10: want 2 bytes, have 1`,
		"a byte behind the root":        `offset 0x7: got 1 bytes more than the container has elements`,
		"data in entitlements":          `offset 0xc: got tag 0x04, which is none of a value here`,
	} {
		_, err := ParseEntitlements([]byte(badDER[name]))
		assert.EqualError(t, err, want, name)
	}
}

func TestConstraintsMayHoldData(t *testing.T) {
	t.Parallel()
	in := []byte(root(pair("cdhash", der(tagData, "\x00\x01"))))
	v, err := Parse(in, Options{AllowData: true})
	require.NoError(t, err)
	assert.True(t, v.Equal(dict(t, plist.Entry{Key: "cdhash", Value: plist.Data([]byte{0, 1})})))
	b, err := Encode(v)
	require.NoError(t, err)
	assert.Equal(t, in, b)
	_, err = ParseEntitlements(in)
	require.Error(t, err)
}

func TestLegacySetIsReadInAnyOrderButOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in string
		ok bool
	}{
		"two keys in any order":          {der(tagSet, pair("b", yes), pair("a", yes)), true},
		"a set inside":                   {der(tagSet, pair("b", der(tagSet, pair("c", yes))), pair("a", yes)), true},
		"duplicate keys":                 {der(tagSet, pair("b", yes), pair("a", yes), pair("b", yes)), false},
		"a byte behind":                  {der(tagSet) + "\x00", false},
		"a dictionary of the new form":   {der(tagSet, pair("a", der(tagDict))), false},
		"the new form":                   {root(), false},
		"an entry that ends late":        {"\x31\x03\x30\x02\x0c", false},
		"data was never in entitlements": {der(tagSet, pair("a", der(tagData))), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := ParseLegacySet([]byte(tt.in))
			if !tt.ok {
				requireSyntax(t, err, len(tt.in))
				return
			}
			require.NoError(t, err)
			a, _ := v.Get("a")
			assert.True(t, a.Equal(plist.Bool(true)))
		})
	}
}

func TestEncodeRefusesWhatHasNoEncoding(t *testing.T) {
	t.Parallel()
	tooDeep := plist.Array()
	for range maxDepth - 1 {
		tooDeep = plist.Array(tooDeep)
	}
	for name, v := range map[string]plist.Value{
		"a real":             plist.Real(1),
		"a date":             plist.DateAt(1),
		"a NUL":              plist.String("\x00"),
		"a real in an array": plist.Array(plist.Real(1)),
		"one level too many": tooDeep,
	} {
		_, err := Encode(dict(t, plist.Entry{Key: "a", Value: v}))
		assert.Error(t, err, name)
		_, err = Encode(v)
		assert.Error(t, err, "the root is a dictionary")
	}
	_, err := Encode(dict(t, plist.Entry{Key: "\x00", Value: plist.Int(1)}))
	require.Error(t, err)
	_, err = Encode(plist.Value{})
	require.Error(t, err)
	_, err = Encode(dict(t, plist.Entry{Key: "a", Value: plist.String(strings.Repeat("x", maxSize))}))
	require.Error(t, err)
}

func FuzzParse(f *testing.F) {
	for _, tt := range goodDER(f) {
		f.Add([]byte(tt.in))
	}
	for _, in := range badDER {
		if len(in) < 4096 {
			f.Add([]byte(in))
		}
	}
	f.Add([]byte(root(pair("reqs", der(tagDict, pair("$in", der(tagSequence, der(tagData, "\x00"))))))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := ParseLegacySet(b); err == nil {
			_, err := Encode(v)
			require.NoError(t, err, "the old form holds what the new one can")
		}
		v, err := Parse(b, Options{AllowData: true})
		strict, strictErr := ParseEntitlements(b)
		if err != nil {
			requireSyntax(t, err, len(b))
			require.Error(t, strictErr, "entitlements are constraints without data")
			return
		}
		again, err := Encode(v)
		require.NoError(t, err)
		require.Equal(t, b, again, "there is one encoding of each value")
		if strictErr == nil {
			require.True(t, v.Equal(strict))
		}
	})
}

func FuzzEncode(f *testing.F) {
	f.Add([]byte(`{"a":[1,-129,true,"x",{"b":{"$data":"00"}}]}`))
	f.Add([]byte(`{"$dict":{"$in":[{"$date":1},1.5]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v plist.Value
		if v.UnmarshalJSON(b) != nil {
			return
		}
		out, err := Encode(v)
		if err != nil {
			return
		}
		again, err := Parse(out, Options{AllowData: true})
		require.NoError(t, err, "what is written can be read")
		require.True(t, v.Equal(again), "%v != %v", v, again)
	})
}
