package plist

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requireSyntax checks that err says where the input went wrong.
func requireSyntax(t testing.TB, err error, size int) *SyntaxError {
	t.Helper()
	var syntax *SyntaxError
	require.True(t, errors.As(err, &syntax), "%T: %v", err, err)
	require.GreaterOrEqual(t, syntax.Off, int64(0))
	require.LessOrEqual(t, syntax.Off, int64(size), "the offset lies in the input: %v", err)
	return syntax
}

func TestJSONKeepsEveryValue(t *testing.T) {
	t.Parallel()
	d := func(es ...Entry) Value { return mustDict(t, es...) }
	for name, tt := range map[string]struct {
		v    Value
		want string
	}{
		"text is escaped as JSON demands":          {String("a\"\\\n\r\t\x00\x7f<é\u2028"), "\"a\\\"\\\\\\n\\r\\t\\u0000\\u007f<é\u2028\""},
		"the smallest integer is exact":            {Int(math.MinInt64), `-9223372036854775808`},
		"the largest integer is exact":             {Int(math.MaxInt64), `9223372036854775807`},
		"a whole real keeps its point":             {Real(1), `1.0`},
		"a large real keeps its exponent":          {Real(1e300), `1e+300`},
		"negative zero keeps its sign":             {Real(math.Copysign(0, -1)), `-0.0`},
		"the smallest real is exact":               {Real(math.SmallestNonzeroFloat64), `5e-324`},
		"NaN is a form":                            {Real(math.NaN()), `{"$real":"nan"}`},
		"infinity is a form":                       {Real(math.Inf(1)), `{"$real":"+inf"}`},
		"negative infinity is a form":              {Real(math.Inf(-1)), `{"$real":"-inf"}`},
		"a date is a form":                         {DateAt(700000000), `{"$date":700000000}`},
		"a date keeps its fraction":                {DateAt(-0.25), `{"$date":-0.25}`},
		"a date far away is exact":                 {DateAt(1e300), `{"$date":1e+300}`},
		"data is a form":                           {Data([]byte{0, 0xff}), `{"$data":"00ff"}`},
		"empty data is a form":                     {Data(nil), `{"$data":""}`},
		"an empty array":                           {Array(), `[]`},
		"an empty dictionary":                      {d(), `{}`},
		"an array":                                 {Array(Bool(true), Bool(false)), `[true,false]`},
		"keys are in the order of their bytes":     {d(Entry{"b", Int(1)}, Entry{"B", Int(2)}), `{"B":2,"b":1}`},
		"a dollar inside a key means nothing":      {d(Entry{"a$", Int(1)}), `{"a$":1}`},
		"a constraint operator is wrapped":         {d(Entry{"$in", Array()}), `{"$dict":{"$in":[]}}`},
		"a dictionary that looks like data":        {d(Entry{"$data", String("00")}), `{"$dict":{"$data":"00"}}`},
		"a dictionary that looks like a wrapper":   {d(Entry{"$dict", d(Entry{"$dict", d()})}), `{"$dict":{"$dict":{"$dict":{"$dict":{}}}}}`},
		"a dollar among other keys is wrapped too": {d(Entry{"$", Int(1)}, Entry{"a", Int(2)}), `{"$dict":{"$":1,"a":2}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := tt.v.MarshalJSON()
			require.NoError(t, err)
			assert.Equal(t, tt.want, string(b))
			requireJSONRoundTrip(t, tt.v)
		})
	}
}

// requireJSONRoundTrip checks that v survives JSON, alone and through encoding/json.
func requireJSONRoundTrip(t testing.TB, v Value) {
	t.Helper()
	b, err := v.MarshalJSON()
	require.NoError(t, err)
	var again Value
	require.NoError(t, again.UnmarshalJSON(b), "%s", b)
	require.True(t, v.Equal(again), "%v != %v", v, again)

	b, err = json.Marshal([]Value{v})
	require.NoError(t, err)
	var list []Value
	require.NoError(t, json.Unmarshal(b, &list))
	require.True(t, v.Equal(list[0]), "%v != %v", v, list[0])
}

var badJSON = map[string]string{
	"nothing":                             ``,
	"only space":                          ` `,
	"null is no value":                    `null`,
	"null inside is no value":             `[null]`,
	"trailing text":                       `1 2`,
	"a trailing comma":                    `[1,]`,
	"a missing comma":                     `[1 2]`,
	"an open array":                       `[1`,
	"an open object":                      `{"a":1`,
	"a key without value":                 `{"a"}`,
	"a key that is no string":             `{1:2}`,
	"an open string":                      `"a`,
	"a raw control character":             "\"\n\"",
	"text that is not UTF-8":              "\"\xff\"",
	"an unknown escape":                   `"\x41"`,
	"a short escape":                      `"\u12"`,
	"a high surrogate alone":              `"\ud800"`,
	"a low surrogate alone":               `"\udc00"`,
	"two high surrogates":                 `"\ud800\ud800"`,
	"duplicate keys":                      `{"a":1,"b":2,"a":3}`,
	"duplicate keys by escape":            `{"a":1,"\u0061":2}`,
	"duplicate keys in a wrapper":         `{"$dict":{"$a":1,"$a":1}}`,
	"an integer above 64 bits":            `9223372036854775808`,
	"an integer below 64 bits":            `-9223372036854775809`,
	"a real beyond 64 bits":               `1e999`,
	"a leading zero":                      `01`,
	"a plus sign":                         `+1`,
	"a minus alone":                       `-`,
	"a point without digits":              `1.`,
	"an exponent without digits":          `1e+`,
	"a word that goes on":                 `truest`,
	"an unknown form":                     `{"$uid":1}`,
	"an empty form":                       `{"$":1}`,
	"a form among other keys":             `{"$date":1,"a":2}`,
	"a form behind other keys":            `{"a":2,"$date":1}`,
	"a form twice":                        `{"$date":1,"$date":1}`,
	"a date that is text":                 `{"$date":"1"}`,
	"a date that is no number":            `{"$date":{"$real":"nan"}}`,
	"data that is no text":                `{"$data":1}`,
	"data that is not hexadecimal":        `{"$data":"0g"}`,
	"data of half a byte":                 `{"$data":"0"}`,
	"a real form that is a number":        `{"$real":1}`,
	"a real form of another name":         `{"$real":"inf"}`,
	"a wrapper of no dictionary":          `{"$dict":[1]}`,
	"a wrapper of a form":                 `{"$dict":1}`,
	"one level too many":                  strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1),
	"a million levels":                    strings.Repeat("[", 1e6),
	"a million levels of dictionary":      strings.Repeat(`{"a":`, 1e6),
	"a million levels of wrapper":         strings.Repeat(`{"$dict":{"a":`, 1e6),
	"a million levels of wrapped wrapper": strings.Repeat(`{"$dict":`, 1e6),
	"a million levels of date":            strings.Repeat(`{"$date":`, 1e6),
}

func TestJSONRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range badJSON {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := Int(7)
			requireSyntax(t, v.UnmarshalJSON([]byte(in)), len(in))
			assert.True(t, v.Equal(Int(7)), "the target of a failure is untouched")
		})
	}
	_, err := Value{}.MarshalJSON()
	require.Error(t, err, "the zero Value is not null")
}

func TestJSONErrorsPointAtTheSecondKey(t *testing.T) {
	t.Parallel()
	var v Value
	err := v.UnmarshalJSON([]byte(badJSON["duplicate keys"]))
	assert.Equal(t, int64(13), requireSyntax(t, err, 100).Off)
	assert.Equal(t, `offset 0xd: duplicate key "a"`, err.Error())
}

func TestJSONAccepts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in   string
		want Value
	}{
		"white space anywhere":     {" [ 1 , { \"a\" : 2 } ]\n", Array(Int(1), mustDict(t, Entry{"a", Int(2)}))},
		"every escape":             {`"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`, String("\"\\/\b\f\n\r\té😀")},
		"upper-case digits":        {`["\u00E9",{"$data":"AB"}]`, Array(String("é"), Data([]byte{0xab}))},
		"an exponent makes a real": {`1E2`, Real(100)},
		"a wrapper nobody needed":  {`{"$dict":{"a":1}}`, mustDict(t, Entry{"a", Int(1)})},
		"the deepest array": {strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth), func() Value {
			v := Array()
			for range MaxDepth - 1 {
				v = Array(v)
			}
			return v
		}()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var v Value
			require.NoError(t, v.UnmarshalJSON([]byte(tt.in)))
			assert.True(t, v.Equal(tt.want), v.String())
		})
	}
}

func FuzzJSON(f *testing.F) {
	for _, in := range badJSON {
		if len(in) < 4096 {
			f.Add([]byte(in))
		}
	}
	f.Add([]byte(`{"a":[1,1.5,{"$date":-0.25},{"$data":"00ff"},{"$real":"nan"},{"$dict":{"$in":["\ud83d\ude00"]}},true]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v Value
		if err := v.UnmarshalJSON(b); err != nil {
			requireSyntax(t, err, len(b))
			return
		}
		require.True(t, json.Valid(b), "we accept JSON only")
		requireJSONRoundTrip(t, v)
		if again, err := ParseXML(EncodeXML(v), Options{}); inXML(v) {
			require.NoError(t, err)
			require.True(t, v.Equal(again), "%v != %v", v, again)
		}
	})
}

// inXML reports whether XML has a form for the value.
func inXML(v Value) bool {
	isText := func(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return !isChar(r) }) < 0 }
	switch v.kind {
	case KindString:
		return isText(v.text)
	case KindDate:
		s, _ := v.Seconds()
		return s == math.Floor(s) && s >= firstSecond && s < endSecond
	case KindArray:
		for item := range v.Items() {
			if !inXML(item) {
				return false
			}
		}
	case KindDict:
		for key, val := range v.All() {
			if !isText(key) || !inXML(val) || v.Len() == 1 && key == "CF$UID" && val.kind == KindInteger {
				return false
			}
		}
	}
	return true
}
