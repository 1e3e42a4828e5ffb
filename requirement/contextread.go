package requirement

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// contextReader reads a context of the usual form: keys as documented, each once,
// no null. A batch reads one for each line, and
// encoding/json takes several times as long. Whatever it accepts, encoding/json
// reads alike; all else is left to encoding/json, to read or to refuse.
type contextReader struct {
	s string // strings are cut from it
	i int
}

// readContext reports false when encoding/json must decide; c is then half filled.
func readContext(raw []byte, c *contextJSON) bool {
	r := contextReader{s: string(raw)}
	if !r.context(c) {
		return false
	}
	r.space()
	return r.i == len(r.s)
}

func (r *contextReader) context(c *contextJSON) bool {
	var seen once
	return r.object(func(key string) bool {
		switch key {
		case "certs":
			c.Certs = []contextCert{}
			return seen.first(0) && r.array(func() bool {
				c.Certs = append(c.Certs, contextCert{})
				return r.cert(&c.Certs[len(c.Certs)-1])
			})
		case "directory":
			c.Directory = &contextDirectory{}
			return seen.first(1) && r.directory(c.Directory)
		case "info":
			return seen.first(2) && r.value(&c.Info, 0)
		case "entitlements":
			return seen.first(3) && r.value(&c.Entitlements, 0)
		case "notarized":
			return seen.first(4) && r.boolean(&c.Notarized)
		case "legacy":
			return seen.first(5) && r.boolean(&c.Legacy)
		case "inTrustCache":
			return seen.first(6) && r.boolean(&c.InTrustCache)
		}
		return false
	})
}

func (r *contextReader) cert(c *contextCert) bool {
	var seen once
	return r.object(func(key string) bool {
		switch key {
		case "subject":
			c.Subject = map[string]string{}
			return seen.first(0) && r.object(func(name string) (ok bool) {
				c.Subject[name], ok = r.text()
				return ok
			})
		case "extensions":
			return seen.first(1) && r.texts(&c.Extensions)
		case "policies":
			return seen.first(2) && r.texts(&c.Policies)
		case "dates":
			c.Dates = map[string]float64{}
			return seen.first(3) && r.object(func(name string) bool {
				seconds, err := strconv.ParseFloat(r.number(), 64)
				c.Dates[name] = seconds
				return err == nil
			})
		case "der":
			return seen.first(4) && r.string(&c.DER)
		case "appleCA":
			return seen.first(5) && r.boolean(&c.AppleCA)
		case "trust":
			return seen.first(6) && r.string(&c.Trust)
		}
		return false
	})
}

func (r *contextReader) directory(d *contextDirectory) bool {
	var seen once
	return r.object(func(key string) bool {
		switch key {
		case "identifier":
			return seen.first(0) && r.string(&d.Identifier)
		case "cdhash":
			return seen.first(1) && r.string(&d.CDHash)
		case "platform":
			n, err := strconv.ParseUint(r.number(), 10, 8)
			d.Platform = uint8(n)
			return seen.first(2) && err == nil
		}
		return false
	})
}

// once remembers which keys an object had: of two, encoding/json merges the values.
type once uint8

func (o *once) first(key int) bool {
	was := *o
	*o |= 1 << key
	return was != *o
}

// value reads any value as encoding/json does with UseNumber.
func (r *contextReader) value(to *any, depth int) bool {
	r.space()
	if depth > 100 || r.i >= len(r.s) {
		return false
	}
	switch c := r.s[r.i]; c {
	case '"':
		s, ok := r.text()
		*to = s
		return ok
	case '{':
		m := map[string]any{}
		*to = m
		return r.object(func(key string) bool {
			var x any
			ok := r.value(&x, depth+1)
			m[key] = x
			return ok
		})
	case '[':
		list := []any{}
		ok := r.array(func() bool {
			list = append(list, nil)
			return r.value(&list[len(list)-1], depth+1)
		})
		*to = list
		return ok
	case 't', 'f':
		var b bool
		ok := r.boolean(&b)
		*to = b
		return ok
	}
	n := r.number()
	*to = json.Number(n)
	return n != ""
}

// object reads the members of an object; member reads the value of one.
func (r *contextReader) object(member func(key string) bool) bool {
	if !r.take('{') {
		return false
	}
	if r.take('}') {
		return true
	}
	for {
		key, ok := r.text()
		if !ok || !r.take(':') || !member(key) {
			return false
		}
		if !r.take(',') {
			return r.take('}')
		}
	}
}

// array reads the elements of an array; element reads one.
func (r *contextReader) array(element func() bool) bool {
	if !r.take('[') {
		return false
	}
	if r.take(']') {
		return true
	}
	for element() {
		if !r.take(',') {
			return r.take(']')
		}
	}
	return false
}

func (r *contextReader) texts(to *[]string) bool {
	*to = []string{}
	return r.array(func() bool {
		s, ok := r.text()
		*to = append(*to, s)
		return ok
	})
}

func (r *contextReader) string(to *string) (ok bool) {
	*to, ok = r.text()
	return ok
}

// text reads a string of UTF-8. One with escapes is encoding/json's to unquote.
func (r *contextReader) text() (string, bool) {
	if !r.take('"') {
		return "", false
	}
	rest, ascii := r.s[r.i:], true
	for n := 0; n < len(rest); n++ {
		switch c := rest[n]; {
		case c == '"':
			r.i += n + 1
			return rest[:n], ascii || utf8.ValidString(rest[:n])
		case c == '\\':
			return r.escaped(n)
		case c < 0x20:
			return "", false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return "", false
}

// escaped reads the string that begins at r.i and has its first escape n bytes behind.
func (r *contextReader) escaped(n int) (s string, ok bool) {
	rest := r.s[r.i:]
	for ; n < len(rest); n++ {
		switch rest[n] {
		case '\\':
			n++
		case '"':
			ok = json.Unmarshal([]byte(r.s[r.i-1:r.i+n+1]), &s) == nil
			r.i += n + 1
			return s, ok
		}
	}
	return "", false
}

func (r *contextReader) boolean(to *bool) bool {
	r.space()
	for _, word := range []string{"false", "true"} {
		if len(r.s)-r.i >= len(word) && r.s[r.i:r.i+len(word)] == word {
			r.i += len(word)
			*to = word == "true"
			return true
		}
	}
	return false
}

// number reads a number of JSON's form, "" when there is none.
func (r *contextReader) number() string {
	r.space()
	start := r.i
	digits := func() bool {
		from := r.i
		for r.i < len(r.s) && r.s[r.i]-'0' < 10 {
			r.i++
		}
		return r.i > from
	}
	r.skip("-")
	if !r.skip("0") && !digits() {
		return ""
	}
	if r.skip(".") && !digits() {
		return ""
	}
	if r.skip("eE") {
		r.skip("+-")
		if !digits() {
			return ""
		}
	}
	return r.s[start:r.i]
}

// skip goes past one byte of a set.
func (r *contextReader) skip(set string) bool {
	for i := range len(set) {
		if r.i < len(r.s) && r.s[r.i] == set[i] {
			r.i++
			return true
		}
	}
	return false
}

// take goes past white space and c; when c is not there, past white space only.
func (r *contextReader) take(c byte) bool {
	r.space()
	if r.i < len(r.s) && r.s[r.i] == c {
		r.i++
		return true
	}
	return false
}

func (r *contextReader) space() {
	for r.i < len(r.s) {
		switch r.s[r.i] {
		case ' ', '\t', '\r', '\n':
			r.i++
		default:
			return
		}
	}
}
