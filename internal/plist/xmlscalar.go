package plist

import (
	"bytes"
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"
)

// scalar reads the content and the end tag of a number, date or data.
func (p *xmlParser) scalar(t tag) (Value, error) {
	if t.empty {
		return Value{}, bad(t.off, "got an empty <%s/>", t.name)
	}
	off := p.i
	n := bytes.IndexByte(p.b[off:], '<')
	if n < 0 {
		return Value{}, bad(len(p.b), "got the end of the input, want </%s>", t.name)
	}
	raw := p.b[off : off+n]
	p.i += n
	if err := p.end(t.name); err != nil {
		return Value{}, err
	}
	if t.name == "data" {
		data, ok := parseData(raw)
		if !ok {
			return Value{}, bad(off, "got data that is not padded base64")
		}
		if err := p.budget.take(off, len(data)); err != nil {
			return Value{}, err
		}
		return Data(data), nil
	}
	if n > maxScalar {
		return Value{}, bad(off, "got %d bytes in <%s>, want at most %d", n, t.name, maxScalar)
	}
	var v Value
	var want string
	switch text := string(raw); t.name {
	case "integer":
		v, want = parseInteger(text), "a decimal or 0x number of 64 bits"
	case "real":
		v, want = parseReal(text), "a real of 64 bits"
	case "date":
		v, want = parseDate(text), "YYYY-MM-DDThh:mm:ssZ"
	}
	if v.kind == Invalid {
		return Value{}, bad(off, "got %q in <%s>, want %s", raw, t.name, want)
	}
	return v, nil
}

// maxScalar is far beyond the longest number that any program writes.
const maxScalar = 1024

// parseData decodes base64 with white space anywhere.
//
// Apple: CoreFoundation ignores every character outside the alphabet.
func parseData(raw []byte) ([]byte, bool) {
	packed := make([]byte, 0, len(raw))
	for _, c := range raw {
		if strings.IndexByte(" \t\r\n", c) < 0 {
			packed = append(packed, c)
		}
	}
	n, err := base64.StdEncoding.Strict().Decode(packed, packed)
	return packed[:n:n], err == nil
}

// parseInteger reads S*[+-]?(0[xX])?digits, S being white space. The zero Value
// means that it is something else.
//
// Apple: CoreFoundation also allows white space behind the sign, and integers up
// to 2^64-1, which it keeps as 128 bits.
func parseInteger(s string) Value {
	s = strings.TrimLeft(s, " \t\r\n")
	sign := ""
	if s != "" && (s[0] == '+' || s[0] == '-') {
		sign, s = s[:1], s[1:]
	}
	base := 10
	if len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		base, s = 16, s[2:]
	}
	if s == "" || s[0] == '+' || s[0] == '-' { // ParseInt would take a second sign
		return Value{}
	}
	n, err := strconv.ParseInt(sign+s, base, 64)
	if err != nil {
		return Value{}
	}
	return Int(n)
}

// parseReal reads a decimal number or one of the names of CoreFoundation. The
// zero Value means that it is something else.
func parseReal(s string) Value {
	switch strings.ToLower(s) {
	case "nan":
		return Real(math.NaN())
	case "inf", "+inf", "infinity", "+infinity":
		return Real(math.Inf(1))
	case "-inf", "-infinity":
		return Real(math.Inf(-1))
	}
	for i := range len(s) { // ParseFloat would take hexadecimal and other names
		if strings.IndexByte("0123456789+-.eE", s[i]) < 0 {
			return Value{}
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return Value{}
	}
	return Real(f)
}

// dateLayout is the only form of a date in XML.
const dateLayout = "2006-01-02T15:04:05Z"

// parseDate reads a date of the years 1 to 9999. The zero Value means that it is
// something else.
//
// Apple: CoreFoundation takes years of any length and carries a 32nd day over.
func parseDate(s string) Value {
	t, err := time.Parse(dateLayout, s)
	if err != nil || t.Year() < 1 || t.Format(dateLayout) != s { // Parse takes "3:04:05.6"
		return Value{}
	}
	return DateAt(float64(t.Unix() - epoch))
}
