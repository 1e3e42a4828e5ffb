package plist

import (
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The JSON of a value keeps its kind, so that facts survive being written down:
//
//	string, boolean, array    as in JSON
//	integer                   a number without point and exponent
//	real                      a number with one; {"$real":"nan"|"+inf"|"-inf"}
//	date                      {"$date":seconds since 2001-01-01T00:00:00Z}
//	data                      {"$data":"hex"}
//	dictionary                an object, in key order; {"$dict":{...}} when one of
//	                          its keys begins with "$"
const (
	formReal = "$real"
	formDate = "$date"
	formData = "$data"
	formDict = "$dict"
)

// errNoJSON is what marshalling the zero Value gives.
var errNoJSON = errors.New("plist: the zero Value has no JSON form")

// MarshalJSON returns the JSON form of the value, which UnmarshalJSON turns back
// into an equal one. The zero Value is an error.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.kind == Invalid {
		return nil, errNoJSON
	}
	return appendJSON(nil, v), nil
}

func appendJSON(b []byte, v Value) []byte {
	switch v.kind {
	case KindString:
		return appendQuoted(b, v.text)
	case KindInteger:
		return strconv.AppendInt(b, int64(v.num), 10)
	case KindBool:
		return strconv.AppendBool(b, v.num == 1)
	case KindReal:
		return appendReal(b, math.Float64frombits(v.num))
	case KindDate:
		b = append(b, `{"`+formDate+`":`...)
		f := math.Float64frombits(v.num)
		format := byte('g')
		if f == math.Trunc(f) && math.Abs(f) < 1e15 {
			format = 'f' // a date of our age without an exponent
		}
		b = strconv.AppendFloat(b, f, format, -1, 64)
		return append(b, '}')
	case KindData:
		b = append(b, `{"`+formData+`":"`...)
		b = hex.AppendEncode(b, []byte(v.text))
		return append(b, `"}`...)
	case KindArray:
		b = append(b, '[')
		for i := 0; i < v.Len(); i++ {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, v.sub.items[i])
		}
		return append(b, ']')
	}
	return appendObject(b, v)
}

func appendObject(b []byte, v Value) []byte {
	wrapped := false
	for key := range v.All() {
		wrapped = wrapped || strings.HasPrefix(key, "$")
	}
	if wrapped {
		b = append(b, `{"`+formDict+`":`...)
	}
	sep := byte('{')
	for key, val := range v.All() {
		b = append(b, sep)
		b = appendQuoted(b, key)
		b = append(b, ':')
		b = appendJSON(b, val)
		sep = ','
	}
	if sep == '{' {
		b = append(b, '{')
	}
	b = append(b, '}')
	if wrapped {
		b = append(b, '}')
	}
	return b
}

func appendReal(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `{"`+formReal+`":"nan"}`...)
	case math.IsInf(f, 1):
		return append(b, `{"`+formReal+`":"+inf"}`...)
	case math.IsInf(f, -1):
		return append(b, `{"`+formReal+`":"-inf"}`...)
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, 'g', -1, 64)
	for _, c := range b[start:] {
		if c == '.' || c == 'e' {
			return b
		}
	}
	return append(b, ".0"...)
}

// appendQuoted escapes what JSON demands and nothing more, so that the form does
// not depend on the reader being a browser.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\t':
			b = append(b, '\\', 't')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// UnmarshalJSON reads the form that [Value.MarshalJSON] writes. Duplicate keys,
// objects of unknown "$" form, null, integers beyond 64 bits, unpaired surrogates,
// trailing text and more than [MaxDepth] levels are a [*SyntaxError].
func (v *Value) UnmarshalJSON(b []byte) error {
	s := jsonScanner{b: b}
	val, err := s.document()
	if err != nil {
		return err
	}
	*v = val
	return nil
}

// form turns an object {key: arg} whose key begins with "$" into its value. The
// argument of $dict never comes here.
func form(off int, key string, arg Value) (Value, error) {
	switch key {
	case formReal:
		text, _ := arg.Str()
		switch text {
		case "nan":
			return Real(math.NaN()), nil
		case "+inf":
			return Real(math.Inf(1)), nil
		case "-inf":
			return Real(math.Inf(-1)), nil
		}
		return Value{}, bad(off, `got another value for "$real", want "nan", "+inf" or "-inf"`)
	case formDate:
		if n, ok := arg.Int64(); ok {
			return DateAt(float64(n)), nil
		}
		if f, ok := arg.Float(); ok && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return DateAt(f), nil
		}
		return Value{}, bad(off, `got a %s for "$date", want a number of seconds`, arg.kind)
	case formData:
		text, ok := arg.Str()
		if !ok {
			return Value{}, bad(off, `got a %s for "$data", want hexadecimal digits`, arg.kind)
		}
		data, err := hex.DecodeString(text)
		if err != nil {
			return Value{}, bad(off, `"$data" is not hexadecimal: %v`, err)
		}
		return Data(data), nil
	}
	return Value{}, bad(off, `got the key %q, want "$real", "$date", "$data" or "$dict"; inside "$dict" any key may stand`, key)
}

// unescape appends the character of an escape sequence, b[i] being the byte
// behind the backslash. It returns where the text goes on.
func (s *jsonScanner) unescape(out []byte, i int) ([]byte, int, error) {
	const names, chars = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if i < len(s.b) {
		if k := strings.IndexByte(names, s.b[i]); k >= 0 {
			return append(out, chars[k]), i + 1, nil
		}
	}
	hi, ok := s.unit(i)
	switch {
	case !ok:
		return nil, 0, bad(i, `got %s behind "\", want one of %s or u and four hexadecimal digits`, got(s.b, i), names)
	case hi < 0xd800 || hi > 0xdfff:
		return utf8.AppendRune(out, hi), i + 5, nil
	case hi < 0xdc00 && i+5 < len(s.b) && s.b[i+5] == '\\':
		if lo, ok := s.unit(i + 6); ok && lo >= 0xdc00 && lo <= 0xdfff {
			return utf8.AppendRune(out, 0x10000+(hi-0xd800)<<10+(lo-0xdc00)), i + 11, nil
		}
	}
	return nil, 0, bad(i, "unpaired surrogate")
}

// unit is the number in uXXXX at b[i].
func (s *jsonScanner) unit(i int) (rune, bool) {
	if len(s.b)-i < 5 || s.b[i] != 'u' {
		return 0, false
	}
	var raw [2]byte
	if _, err := hex.Decode(raw[:], s.b[i+1:i+5]); err != nil {
		return 0, false
	}
	return rune(raw[0])<<8 | rune(raw[1]), true
}
