package plist

import (
	"encoding/hex"
	"math"
	"strconv"
	"time"
)

// epoch is 2001-01-01T00:00:00Z in seconds since 1970.
const epoch = 978307200

// The seconds from 2001-01-01 to the first and to just behind the last moment
// that a four-digit year can name: 0001-01-01 and 10000-01-01.
const (
	firstSecond = -63113904000
	endSecond   = 252423993600
)

// String is the value on one line for people: strings quoted with everything
// invisible escaped, data as <hex>, dictionaries in key order. It is not a format
// to parse.
func (v Value) String() string { return string(appendShow(nil, v)) }

func appendShow(b []byte, v Value) []byte {
	switch v.kind {
	case KindString:
		return strconv.AppendQuote(b, v.text)
	case KindInteger:
		return strconv.AppendInt(b, int64(v.num), 10)
	case KindBool:
		return strconv.AppendBool(b, v.num == 1)
	case KindReal:
		if f := math.Float64frombits(v.num); math.IsNaN(f) || math.IsInf(f, 0) {
			return strconv.AppendFloat(b, f, 'g', -1, 64)
		}
		return appendReal(b, math.Float64frombits(v.num))
	case KindDate:
		return appendDate(b, math.Float64frombits(v.num), time.RFC3339Nano)
	case KindData:
		b = append(b, '<')
		b = hex.AppendEncode(b, []byte(v.text))
		return append(b, '>')
	case KindArray:
		b = append(b, '[')
		for i := 0; i < v.Len(); i++ {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = appendShow(b, v.sub.items[i])
		}
		return append(b, ']')
	case KindDict:
		b = append(b, '{')
		first := true
		for key, val := range v.All() {
			if !first {
				b = append(b, ", "...)
			}
			first = false
			b = strconv.AppendQuote(b, key)
			b = append(b, ": "...)
			b = appendShow(b, val)
		}
		return append(b, '}')
	}
	return append(b, v.kind.String()...)
}

// appendDate writes a date with a four-digit year, or says in words what it is.
func appendDate(b []byte, seconds float64, layout string) []byte {
	if seconds < firstSecond || seconds >= endSecond {
		return appendSeconds(b, seconds)
	}
	whole := math.Floor(seconds)
	t := time.Unix(epoch+int64(whole), int64((seconds-whole)*1e9)).UTC()
	return t.AppendFormat(b, layout)
}

func appendSeconds(b []byte, seconds float64) []byte {
	b = strconv.AppendFloat(b, seconds, 'g', -1, 64)
	return append(b, " seconds since 2001-01-01T00:00:00Z"...)
}
