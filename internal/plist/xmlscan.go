package plist

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// xmlScanner reads the XML that property lists use. The input was checked by
// checkChars.
type xmlScanner struct {
	loose bool // comments may hold two hyphens
	b     []byte
	i     int
}

// isChar reports whether XML 1.0 allows the character in a document.
func isChar(r rune) bool {
	switch {
	case r < ' ':
		return r == '\t' || r == '\n' || r == '\r'
	case r >= 0xd800 && r < 0xe000, r == 0xfffe, r == 0xffff:
		return false
	}
	return r <= utf8.MaxRune
}

// checkChars refuses what is not UTF-8 or not a character of XML, from b[i] on.
func checkChars(b []byte, i int) error {
	for i < len(b) {
		if c := b[i]; c >= ' ' && c < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return bad(i, "got byte 0x%02x, want UTF-8", b[i])
		}
		if !isChar(r) {
			return bad(i, "got the character U+%04X, which XML does not allow", r)
		}
		i += n
	}
	return nil
}

func (s *xmlScanner) looking(at string) bool {
	return len(s.b)-s.i >= len(at) && string(s.b[s.i:s.i+len(at)]) == at
}

func (s *xmlScanner) accept(text string) bool {
	if !s.looking(text) {
		return false
	}
	s.i += len(text)
	return true
}

func (s *xmlScanner) expect(text string) error {
	if !s.accept(text) {
		return bad(s.i, "got %s, want %q", got(s.b, s.i), text)
	}
	return nil
}

// space passes over white space and reports whether there was any.
func (s *xmlScanner) space() bool {
	start := s.i
	for s.i < len(s.b) && strings.IndexByte(" \t\r\n", s.b[s.i]) >= 0 {
		s.i++
	}
	return s.i > start
}

// misc passes over white space and comments.
func (s *xmlScanner) misc() error {
	for {
		s.space()
		off := s.i
		switch {
		case s.looking("<?"):
			return bad(off, "got a processing instruction")
		case !s.accept("<!--"):
			return nil
		case s.looking(">"), s.looking("->"):
			return bad(off, "got a comment that some parsers end at once")
		}
		end := "--"
		if s.loose {
			end = "-->"
		}
		n := bytes.Index(s.b[s.i:], []byte(end))
		if n < 0 {
			return bad(off, "got a comment without end")
		}
		if s.i += n; !s.accept("-->") {
			return bad(s.i, `got "--" inside a comment`)
		}
	}
}

// start reads a start tag without attributes.
func (s *xmlScanner) start() (name string, empty bool, err error) {
	if err := s.expect("<"); err != nil {
		return "", false, err
	}
	if name, err = s.name(); err != nil {
		return "", false, err
	}
	s.space()
	empty = s.accept("/")
	if !s.accept(">") {
		return "", false, bad(s.i, "got %s in the tag <%s>, want %q: only plist has attributes", got(s.b, s.i), name, '>')
	}
	return name, empty, nil
}

// end reads the end tag of the named element.
func (s *xmlScanner) end(name string) error {
	off := s.i
	if !s.accept("</") {
		return bad(off, "got %s, want </%s>", s.construct(), name)
	}
	have, err := s.name()
	switch {
	case err != nil:
		return err
	case have != name:
		return bad(off, "got </%s>, want </%s>", have, name)
	}
	s.space()
	return s.expect(">")
}

// construct says in words what begins at the cursor.
func (s *xmlScanner) construct() string {
	switch {
	case s.looking("<!--"):
		return "a comment"
	case s.looking("<![CDATA["):
		return "CDATA"
	case s.looking("<?"):
		return "a processing instruction"
	case s.looking("<"):
		return "a tag"
	}
	return got(s.b, s.i)
}

// names are all the names of elements and attributes that a property list has.
var names = [...]string{
	"key", "string", "dict", "array", "true", "false", "integer", "data", "real", "date",
	"plist", "version", "encoding", "standalone",
}

// name reads one of names, without allocating.
func (s *xmlScanner) name() (string, error) {
	end := s.i
	for end < len(s.b) && strings.IndexByte(" \t\r\n/>=<", s.b[end]) < 0 && end-s.i < 32 {
		end++
	}
	for _, name := range names {
		if string(s.b[s.i:end]) == name {
			s.i = end
			return name, nil
		}
	}
	if end == s.i {
		return "", bad(s.i, "got %s, want a name", got(s.b, s.i))
	}
	return "", bad(s.i, "got the name %q, which no property list has", s.b[s.i:end])
}

// quoted reads a value in single or double quotes.
func (s *xmlScanner) quoted() (string, error) {
	if s.i < len(s.b) && (s.b[s.i] == '"' || s.b[s.i] == '\'') {
		start := s.i + 1
		if n := bytes.IndexByte(s.b[start:], s.b[s.i]); n >= 0 {
			s.i = start + n + 1
			return string(s.b[start : start+n]), nil
		}
	}
	return "", bad(s.i, "got %s, want text in quotes", got(s.b, s.i))
}

// attribute reads name="value", white space being allowed around "=".
func (s *xmlScanner) attribute() (name, value string, err error) {
	if name, err = s.name(); err != nil {
		return "", "", err
	}
	s.space()
	if err = s.expect("="); err != nil {
		return "", "", err
	}
	s.space()
	value, err = s.quoted()
	return name, value, err
}

// declaration reads <?xml ...?> when the document begins with it. The version is
// 1.0 and the encoding UTF-8 or its subset.
func (s *xmlScanner) declaration() error {
	if !s.looking("<?xml") {
		return nil
	}
	s.i += len("<?xml")
	order := []string{"version", "encoding", "standalone"}
	for first := true; ; first = false {
		blank := s.space()
		off := s.i
		if !first && s.accept("?>") {
			return nil
		}
		if !blank {
			return bad(off, "got %s in the XML declaration, want a space", got(s.b, off))
		}
		name, value, err := s.attribute()
		if err != nil {
			return err
		}
		k := slices.Index(order, name)
		if k < 0 || first && k > 0 {
			return bad(off, "got %s in the XML declaration, want version, encoding, standalone in this order", name)
		}
		order = order[k+1:]
		ok := true
		switch name {
		case "version":
			ok = value == "1.0"
		case "encoding":
			ok, err = s.encoding(value)
		case "standalone":
			ok = value == "yes" || value == "no"
		}
		if err != nil {
			return err
		}
		if !ok {
			return bad(off, "got the %s %q in the XML declaration", name, value)
		}
	}
}

// encoding reports whether the name of an encoding is one that we read, and
// refuses the document when it is not in that encoding.
func (s *xmlScanner) encoding(name string) (bool, error) {
	switch strings.ToLower(name) {
	case "utf-8", "utf8":
		return true, nil
	case "us-ascii", "ascii":
		for i, c := range s.b {
			if c >= utf8.RuneSelf {
				return false, bad(i, "got byte 0x%02x in a document declared as ASCII", c)
			}
		}
		return true, nil
	}
	return false, nil
}

// doctype reads the document type. Its identifiers do not matter to any reader
// and real files have many; an internal subset, the only place where entities
// could be declared, is refused.
func (s *xmlScanner) doctype() error {
	s.i += len("<!DOCTYPE")
	if !s.space() || !s.accept("plist") {
		return bad(s.i, `got another document type, want "plist"`)
	}
	spaced := s.space()
	if s.accept(">") {
		return nil
	}
	off := s.i
	public := s.accept("PUBLIC")
	if !spaced || !public && !s.accept("SYSTEM") || !s.space() {
		if s.looking("[") {
			return bad(s.i, "got an internal document type, which could declare entities")
		}
		return bad(off, "got %s in the DOCTYPE, want PUBLIC or SYSTEM", got(s.b, off))
	}
	if _, err := s.quoted(); err != nil {
		return err
	}
	s.space()
	if public && !s.looking(">") && !s.looking("[") {
		if _, err := s.quoted(); err != nil {
			return err
		}
		s.space()
	}
	if s.looking("[") {
		return bad(s.i, "got an internal document type, which could declare entities")
	}
	return s.expect(">")
}

// plistTag reads <plist> with or without its version.
func (s *xmlScanner) plistTag() error {
	off := s.i
	if !s.accept("<plist") {
		return bad(off, "got %s, want <plist>", s.construct())
	}
	if s.space() && !s.looking(">") {
		name, _, err := s.attribute()
		if err != nil {
			return err
		}
		if name != "version" {
			return bad(off, "got the attribute %s of plist, want version", name)
		}
		s.space()
	}
	return s.expect(">")
}

// reference reads one of the five entities of XML or a number of a character.
func (s *xmlScanner) reference() (rune, error) {
	off := s.i
	const longest = 10 // &#1114111;
	n := bytes.IndexByte(s.b[off:min(len(s.b), off+longest)], ';')
	if n < 0 {
		return 0, bad(off, `got "&" that begins no reference`)
	}
	body := string(s.b[off+1 : off+n])
	s.i = off + n + 1
	switch body {
	case "lt":
		return '<', nil
	case "gt":
		return '>', nil
	case "amp":
		return '&', nil
	case "apos":
		return '\'', nil
	case "quot":
		return '"', nil
	}
	digits, ok := strings.CutPrefix(body, "#")
	base := rune(10)
	if hexDigits, isHex := strings.CutPrefix(digits, "x"); isHex {
		digits, base = hexDigits, 16
	}
	var r rune
	for i := range len(digits) {
		d := strings.IndexByte("0123456789abcdef", digits[i]|0x20)
		if d < 0 || rune(d) >= base || digits[i] < '0' {
			ok = false
			break
		}
		r = r*base + rune(d) // at most 7 digits: no overflow
	}
	if !ok || digits == "" || !isChar(r) {
		return 0, bad(off, `got the reference "&%s;"; only those of XML itself and of characters are allowed`, body)
	}
	return r, nil
}
