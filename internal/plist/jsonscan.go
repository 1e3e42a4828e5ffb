package plist

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonScanner reads JSON. encoding/json would replace what is not UTF-8 instead
// of refusing it, and would take the last of several equal keys.
type jsonScanner struct {
	b []byte
	i int
}

func (s *jsonScanner) document() (Value, error) {
	v, err := s.value(0)
	if err != nil {
		return Value{}, err
	}
	if s.space(); s.i < len(s.b) {
		return Value{}, bad(s.i, "got %s behind the value, want the end", got(s.b, s.i))
	}
	return v, nil
}

func (s *jsonScanner) space() {
	for s.i < len(s.b) && strings.IndexByte(" \t\r\n", s.b[s.i]) >= 0 {
		s.i++
	}
}

// accept passes over white space and then over c, if that is what follows.
func (s *jsonScanner) accept(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *jsonScanner) expect(c byte) error {
	if !s.accept(c) {
		return bad(s.i, "got %s, want %q", got(s.b, s.i), c)
	}
	return nil
}

// value reads one value inside depth containers.
func (s *jsonScanner) value(depth int) (Value, error) {
	s.space()
	if s.i >= len(s.b) {
		return Value{}, bad(s.i, "got the end of the input, want a value")
	}
	switch c := s.b[s.i]; {
	case c == '"':
		text, err := s.text()
		if err != nil {
			return Value{}, err
		}
		return String(text), nil
	case c == '{' || c == '[':
		if depth == MaxDepth {
			return Value{}, bad(s.i, "more than %d levels", MaxDepth)
		}
		s.i++
		if c == '{' {
			return s.object(depth+1, false)
		}
		return s.array(depth + 1)
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	}
	for _, b := range []bool{true, false} {
		if word := strconv.FormatBool(b); strings.HasPrefix(string(s.b[s.i:min(len(s.b), s.i+5)]), word) {
			s.i += len(word)
			return Bool(b), nil
		}
	}
	return Value{}, bad(s.i, "got %s, want a value", got(s.b, s.i))
}

// array reads behind "[".
func (s *jsonScanner) array(depth int) (Value, error) {
	var items []Value
	if s.accept(']') {
		return newArray(nil), nil
	}
	for {
		v, err := s.value(depth)
		if err != nil {
			return Value{}, err
		}
		items = append(items, v)
		if s.accept(']') {
			return newArray(items), nil
		}
		if err := s.expect(','); err != nil {
			return Value{}, err
		}
	}
}

// object reads behind "{". Inside $dict it is plain: no key has a meaning.
func (s *jsonScanner) object(depth int, plain bool) (Value, error) {
	var entries []Entry
	var offs []int
	if s.accept('}') {
		return newDict(nil)
	}
	for {
		s.space()
		off := s.i
		key, err := s.text()
		if err != nil {
			return Value{}, err
		}
		if err := s.expect(':'); err != nil {
			return Value{}, err
		}
		if !plain && strings.HasPrefix(key, "$") {
			if len(entries) > 0 {
				return Value{}, bad(off, `got the key %q among others; a dictionary that has it is written {"$dict":{...}}`, key)
			}
			return s.form(off, key, depth)
		}
		v, err := s.value(depth)
		if err != nil {
			return Value{}, err
		}
		entries, offs = append(entries, Entry{key, v}), append(offs, off)
		if s.accept('}') {
			return dictAt(entries, offs)
		}
		if err := s.expect(','); err != nil {
			return Value{}, err
		}
	}
}

// form reads the argument of a "$" key and the end of its object. An object that
// is a form is not a level of its own.
func (s *jsonScanner) form(off int, key string, depth int) (Value, error) {
	var v Value
	var err error
	switch s.space(); {
	case key == formDict:
		if err = s.expect('{'); err == nil {
			v, err = s.object(depth, true)
		}
	case s.i < len(s.b) && (s.b[s.i] == '{' || s.b[s.i] == '['):
		err = bad(s.i, "got %s behind %q, want a string or a number", got(s.b, s.i), key)
	default:
		if v, err = s.value(depth); err == nil {
			v, err = form(off, key, v)
		}
	}
	if err == nil {
		err = s.expect('}')
	}
	if err != nil {
		return Value{}, err
	}
	return v, nil
}

// dictAt makes a dictionary of entries whose keys stand at offs, and says where
// the second one of two equal keys stands.
func dictAt(entries []Entry, offs []int) (Value, error) {
	v, err := newDict(append([]Entry(nil), entries...))
	dup, ok := err.(*DuplicateKeyError)
	if !ok {
		return v, err
	}
	at, seen := 0, false
	for i := range entries {
		if entries[i].Key == dup.Key {
			if at = offs[i]; seen {
				break
			}
			seen = true
		}
	}
	return Value{}, bad(at, "%v", dup)
}

func (s *jsonScanner) number() (Value, error) {
	start := s.i
	if s.b[s.i] == '-' {
		s.i++
	}
	lead := s.i
	if whole := s.digits(); whole == 0 || whole > 1 && s.b[lead] == '0' {
		return Value{}, bad(start, "got a number that is not JSON")
	}
	fraction := false
	if s.i < len(s.b) && s.b[s.i] == '.' {
		s.i++
		if fraction = true; s.digits() == 0 {
			return Value{}, bad(s.i, "got %s behind a decimal point, want a digit", got(s.b, s.i))
		}
	}
	if s.i < len(s.b) && s.b[s.i]|0x20 == 'e' {
		if s.i++; s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		if fraction = true; s.digits() == 0 {
			return Value{}, bad(s.i, "got %s in an exponent, want a digit", got(s.b, s.i))
		}
	}
	text := string(s.b[start:s.i])
	if fraction {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return Value{}, bad(start, "got a real beyond 64 bits")
		}
		return Real(f), nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return Value{}, bad(start, "got an integer beyond 64 bits")
	}
	return Int(n), nil
}

// digits passes over decimal digits and counts them.
func (s *jsonScanner) digits() (n int) {
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
		n++
	}
	return n
}

// text reads a quoted string.
func (s *jsonScanner) text() (string, error) {
	if err := s.expect('"'); err != nil {
		return "", err
	}
	var out []byte
	from := s.i
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			out = append(out, s.b[from:s.i]...)
			if s.i++; !utf8.Valid(out) {
				return "", bad(from, "got a string that is not UTF-8")
			}
			return string(out), nil
		case c == '\\':
			var err error
			out = append(out, s.b[from:s.i]...)
			if out, s.i, err = s.unescape(out, s.i+1); err != nil {
				return "", err
			}
			from = s.i
		case c < ' ':
			return "", bad(s.i, "got %s in a string, want an escape sequence", got(s.b, s.i))
		default:
			s.i++
		}
	}
	return "", bad(s.i, `got the end of the input in a string, want %q`, '"')
}
