package plist

import (
	"bytes"
	"unicode/utf8"
)

// ParseXML reads an XML property list. Every error is a [*SyntaxError].
//
// Apple: CFPropertyList.c searches for the end of comments, of the DOCTYPE and of
// tags without looking at what is in between, stops at the first root element and
// lets the last of equal keys win. Entitlements were forged with its reading of
// "<!--->" (Psychic Paper, 2020). This parser accepts what XML 1.0 and CoreFoundation
// read in the same way, and nothing else.
func ParseXML(b []byte, o Options) (Value, error) {
	p := xmlParser{xmlScanner: xmlScanner{b: b, loose: o.AllowLooseComments}, budget: o.budget(len(b))}
	if bytes.HasPrefix(b, []byte("\ufeff")) {
		if !o.AllowBOM {
			return Value{}, bad(0, `got a byte order mark, want "<"`)
		}
		p.i = len("\ufeff")
	}
	if err := checkChars(b, p.i); err != nil {
		return Value{}, err
	}
	return p.document()
}

// xmlParser knows the elements of a property list.
type xmlParser struct {
	xmlScanner
	budget budget
}

// tag is a start tag of an element.
type tag struct {
	off   int    // where its "<" stands
	name  string // as in "dict"
	empty bool   // it closes itself: <dict/>
}

func (p *xmlParser) document() (Value, error) {
	// Apple: white space in front of the declaration is skipped, and really signed
	// entitlements have some. XML 1.0 forbids it, but it opens no second reading.
	p.space()
	if err := p.declaration(); err != nil {
		return Value{}, err
	}
	if err := p.misc(); err != nil {
		return Value{}, err
	}
	if p.looking("<!DOCTYPE") {
		if err := p.doctype(); err != nil {
			return Value{}, err
		}
		if err := p.misc(); err != nil {
			return Value{}, err
		}
	}
	if err := p.plistTag(); err != nil {
		return Value{}, err
	}
	t, ok, err := p.next()
	switch {
	case err != nil:
		return Value{}, err
	case !ok:
		return Value{}, bad(p.i, "got an empty plist, want one value")
	}
	v, err := p.element(t, 0)
	if err != nil {
		return Value{}, err
	}
	if t, ok, err = p.next(); err != nil {
		return Value{}, err
	} else if ok {
		return Value{}, bad(t.off, "got a second value <%s>, want </plist>", t.name)
	}
	if err := p.end("plist"); err != nil {
		return Value{}, err
	}
	if p.space(); p.i < len(p.b) {
		return Value{}, bad(p.i, "got %s behind </plist>, want the end", got(p.b, p.i))
	}
	return v, nil
}

// next passes over white space and comments and reads the start tag that follows.
// It returns false, with the cursor on it, when an end tag follows.
func (p *xmlParser) next() (tag, bool, error) {
	if err := p.misc(); err != nil {
		return tag{}, false, err
	}
	if p.looking("</") {
		return tag{}, false, nil
	}
	t := tag{off: p.i}
	var err error
	t.name, t.empty, err = p.start()
	return t, err == nil, err
}

// element reads the rest of a value, its start tag being t, inside depth
// containers.
func (p *xmlParser) element(t tag, depth int) (Value, error) {
	if err := p.budget.value(t.off); err != nil {
		return Value{}, err
	}
	switch t.name {
	case "dict", "array":
		if depth == MaxDepth {
			return Value{}, bad(t.off, "more than %d levels", MaxDepth)
		}
		if t.name == "dict" {
			return p.dict(t, depth+1)
		}
		return p.array(t, depth+1)
	case "string":
		text, err := p.text(t, true)
		if err != nil {
			return Value{}, err
		}
		return String(text), nil
	case "true", "false":
		if !t.empty {
			if err := p.end(t.name); err != nil {
				return Value{}, err
			}
		}
		return Bool(t.name == "true"), nil
	case "integer", "real", "date", "data":
		return p.scalar(t)
	case "key":
		return Value{}, bad(t.off, "got <key>, want a value")
	}
	return Value{}, bad(t.off, "got the element <%s>, want one of a property list", t.name)
}

func (p *xmlParser) array(t tag, depth int) (Value, error) {
	var items gathered[Value]
	for !t.empty {
		child, ok, err := p.next()
		if err != nil {
			return Value{}, err
		}
		if !ok {
			if err := p.end("array"); err != nil {
				return Value{}, err
			}
			break
		}
		v, err := p.element(child, depth)
		if err != nil {
			return Value{}, err
		}
		items.add(v)
	}
	return newArray(items.slice()), nil
}

func (p *xmlParser) dict(t tag, depth int) (Value, error) {
	var pairs gathered[Entry]
	var places gathered[int]
	for !t.empty {
		k, ok, err := p.next()
		if err != nil {
			return Value{}, err
		}
		if !ok {
			if err := p.end("dict"); err != nil {
				return Value{}, err
			}
			break
		}
		if k.name != "key" {
			return Value{}, bad(k.off, "got <%s> in a dictionary, want <key>", k.name)
		}
		key, err := p.text(k, false)
		if err != nil {
			return Value{}, err
		}
		val, ok, err := p.next()
		if err != nil {
			return Value{}, err
		}
		if !ok {
			return Value{}, bad(p.i, "got an end tag, want the value of the key %q", key)
		}
		v, err := p.element(val, depth)
		if err != nil {
			return Value{}, err
		}
		pairs.add(Entry{key, v})
		places.add(k.off)
	}
	entries, offs := pairs.slice(), places.slice()
	// Apple: CoreFoundation turns this dictionary into a UID of a keyed archive.
	if len(entries) == 1 && entries[0].Key == "CF$UID" && entries[0].Value.kind == KindInteger {
		return Value{}, bad(offs[0], "got a UID, which no property list of ours holds")
	}
	return dictAt(entries, offs)
}

// text reads the content of a string or key and its end tag. It takes the content
// as it stands.
//
// Apple: CoreFoundation does not turn CR LF into LF as XML 1.0 demands, and the
// text is compared with what it returns.
func (p *xmlParser) text(t tag, cdata bool) (string, error) {
	if t.empty {
		return "", nil
	}
	var out []byte
	for {
		n := bytes.IndexAny(p.b[p.i:], "<&")
		if n < 0 {
			return "", bad(len(p.b), "got the end of the input, want </%s>", t.name)
		}
		run := p.b[p.i : p.i+n]
		if k := bytes.Index(run, []byte("]]>")); k >= 0 {
			return "", bad(p.i+k, `got "]]>" outside CDATA`)
		}
		p.i += n
		switch {
		case p.b[p.i] == '&':
			r, err := p.reference()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(append(out, run...), r)
		case cdata && p.accept("<![CDATA["):
			n := bytes.Index(p.b[p.i:], []byte("]]>"))
			if n < 0 {
				return "", bad(len(p.b), `got the end of the input in CDATA, want "]]>"`)
			}
			out = append(append(out, run...), p.b[p.i:p.i+n]...)
			p.i += n + len("]]>")
		default:
			if len(out) > 0 {
				run = append(out, run...)
			}
			if err := p.budget.take(t.off, len(run)); err != nil {
				return "", err
			}
			if err := p.end(t.name); err != nil {
				return "", err
			}
			return string(run), nil
		}
	}
}
