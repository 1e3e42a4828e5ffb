package plist

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"
)

const xmlHead = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
`

// EncodeXML writes the value as plutil does: one line per element, tabs, keys in
// the order of their bytes. The zero Value has no element and gives an empty
// plist.
//
// [ParseXML] reads it back except where XML has no form for a value, which stays
// visible: control characters are written as references that no parser takes, and
// dates outside the years 1 to 9999 or between two seconds in words. A dictionary
// that looks like a UID is written as it is.
//
// Apple: CoreFoundation cuts off fractions of a second.
func EncodeXML(v Value) []byte {
	return append(appendXML([]byte(xmlHead), v, 0), "</plist>\n"...)
}

func appendXML(b []byte, v Value, depth int) []byte {
	if v.kind == Invalid {
		return b
	}
	b = appendTabs(b, depth)
	switch v.kind {
	case KindString:
		b = appendElement(b, "string", v.text)
	case KindInteger:
		b = appendElement(b, "integer", strconv.FormatInt(int64(v.num), 10))
	case KindReal:
		b = appendElement(b, "real", xmlReal(math.Float64frombits(v.num)))
	case KindDate:
		b = appendElement(b, "date", xmlDate(math.Float64frombits(v.num)))
	case KindBool:
		b = append(b, '<')
		b = strconv.AppendBool(b, v.num == 1)
		b = append(b, "/>"...)
	case KindData:
		b = appendXMLData(b, v.text, depth)
	case KindArray:
		b = appendContainer(b, "array", v, depth)
	case KindDict:
		b = appendContainer(b, "dict", v, depth)
	}
	return append(b, '\n')
}

func appendContainer(b []byte, name string, v Value, depth int) []byte {
	b = append(append(b, '<'), name...)
	if v.Len() == 0 {
		return append(b, "/>"...)
	}
	b = append(b, ">\n"...)
	for item := range v.Items() {
		b = appendXML(b, item, depth+1)
	}
	for key, val := range v.All() {
		b = appendTabs(b, depth+1)
		b = append(appendElement(b, "key", key), '\n')
		b = appendXML(b, val, depth+1)
	}
	b = appendTabs(b, depth)
	b = append(append(b, "</"...), name...)
	return append(b, '>')
}

// appendXMLData writes base64 in lines that end before column 76, a tab being 8
// columns wide.
func appendXMLData(b []byte, text string, depth int) []byte {
	b = append(b, "<data>\n"...)
	width := (76 - 8*min(depth, 8)) / 4 * 3
	for len(text) > 0 {
		n := min(width, len(text))
		b = appendTabs(b, depth)
		b = base64.StdEncoding.AppendEncode(b, []byte(text[:n]))
		b = append(b, '\n')
		text = text[n:]
	}
	b = appendTabs(b, depth)
	return append(b, "</data>"...)
}

func appendTabs(b []byte, n int) []byte {
	for range n {
		b = append(b, '\t')
	}
	return b
}

// appendElement writes an element with text, escaping what would not be read back
// as it is.
func appendElement(b []byte, name, text string) []byte {
	b = append(append(append(b, '<'), name...), '>')
	for _, r := range text {
		switch {
		case r == '&':
			b = append(b, "&amp;"...)
		case r == '<':
			b = append(b, "&lt;"...)
		case r == '>':
			b = append(b, "&gt;"...)
		case r == '\r' || !isChar(r): // other parsers turn CR into LF
			b = append(strconv.AppendInt(append(b, "&#"...), int64(r), 10), ';')
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	b = append(append(b, "</"...), name...)
	return append(b, '>')
}

func xmlReal(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "+infinity"
	case math.IsInf(f, -1):
		return "-infinity"
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func xmlDate(seconds float64) string {
	if seconds != math.Floor(seconds) {
		return string(appendSeconds(nil, seconds))
	}
	return string(appendDate(nil, seconds, dateLayout))
}
