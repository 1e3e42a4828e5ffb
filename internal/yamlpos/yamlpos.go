// Package yamlpos reads one strict YAML document and remembers where every byte
// of every value stands, so that an error inside a folded text can point at the
// place where the author typed it.
//
// Strict means: UTF-8 without control, invisible or reordering characters, one
// document, no anchors, aliases, tags or merge keys, no duplicate keys, bounded
// size and depth. All of these let a reader see another document than the
// program does.
//
// It is the only package that imports a YAML library.
package yamlpos

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Limits of a document. Nobody writes a policy by hand that comes near them.
const (
	MaxSize  = 1 << 20 // bytes
	MaxDepth = 16      // nested collections
)

// Kind is what a node is.
type Kind uint8

// The kinds.
const (
	Scalar Kind = iota
	Mapping
	Sequence
)

// Node is one value of the document.
type Node struct {
	Kind Kind
	// Type is the type that YAML gives a scalar: "str", "int", "float", "bool",
	// "null", "timestamp" or another name.
	Type string
	// Value is the text of a scalar after unquoting and folding.
	Value string
	// Items are the elements of a sequence.
	Items []*Node
	// Pairs are the keys and values of a mapping, in order.
	Pairs []Pair

	text   *text
	start  int // offset of the first byte
	offset []int
	end    int
}

// Describe says in words what stands there, as in "a list" or "a number".
func (n *Node) Describe() string {
	switch {
	case n.Kind == Mapping:
		return "an object"
	case n.Kind == Sequence:
		return "a list"
	}
	switch n.Type {
	case "str":
		return "a text"
	case "int", "float":
		return "a number"
	case "bool":
		return "true or false"
	case "null":
		return "nothing"
	}
	return "a " + n.Type
}

// Pair is one key of a mapping with its value.
type Pair struct{ Key, Value *Node }

// Error is a refusal with the bytes it is about.
type Error struct {
	Start, End int
	Summary    string
	Why        string
}

// Error returns the summary; positions are for whoever renders it.
func (e *Error) Error() string { return e.Summary }

// Parse reads a document. It reports the first refusal, and nothing of what was
// read before it.
func Parse(src []byte) (root *Node, failure *Error) {
	defer func() {
		if r := recover(); r != nil { // the library panics on some malformed inputs
			root, failure = nil, &Error{Summary: "malformed YAML"}
		}
	}()
	t, failure := newText(src)
	if failure != nil {
		return nil, failure
	}
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(src))
	if err := d.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &Error{Summary: "the document is empty"}
		}
		return nil, t.syntax(err)
	}
	if len(doc.Content) != 1 {
		return nil, &Error{Summary: "the document is empty"}
	}
	root, failure = t.node(doc.Content[0], 0)
	if failure != nil {
		return nil, failure
	}
	var second yaml.Node
	if err := d.Decode(&second); err == nil {
		at := t.at(second.Line, second.Column)
		return nil, &Error{Start: at, End: at, Summary: "a second document follows", Why: "only one of them would be in force; write one document without `---`"}
	} else if !errors.Is(err, io.EOF) {
		return nil, t.syntax(err)
	}
	return root, nil
}

// text is the source with the offsets of its lines.
type text struct {
	s     string
	lines []int
}

func newText(src []byte) (*text, *Error) {
	if len(src) > MaxSize {
		return nil, &Error{Summary: fmt.Sprintf("the document has %d bytes, more than %d", len(src), MaxSize)}
	}
	t := &text{s: string(src), lines: []int{0}}
	for i := 0; i < len(t.s); {
		if c := t.s[i]; c >= ' ' && c < 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(t.s[i:])
		switch {
		case r == '\n':
			t.lines = append(t.lines, i+1)
		case r == '\r' && strings.HasPrefix(t.s[i:], "\r\n"), r == '\t':
		case r == utf8.RuneError && n == 1:
			return nil, &Error{Start: i, End: i + 1, Summary: "the document is not UTF-8"}
		case forbidden(r):
			return nil, &Error{Start: i, End: i + n, Summary: fmt.Sprintf("character U+%04X is not allowed", r),
				Why: "it is invisible, or changes where lines end or in which order text is shown"}
		}
		i += n
	}
	return t, nil
}

// forbidden reports characters that make a reader see another text than the
// parser does: controls, line breaks that only YAML knows, invisible characters.
func forbidden(r rune) bool {
	return r < ' ' || r >= 0x7f && r <= 0x9f || r == 0xad || r == 0x61c || r == 0x180e ||
		r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e ||
		r >= 0x2060 && r <= 0x206f || r == 0xfeff || r >= 0xfff0 && r <= 0xfffb ||
		r >= 0xe0000 && r <= 0xe0fff
}

// at converts the library's line and column, which count characters, to an offset.
func (t *text) at(line, column int) int {
	if line < 1 || line > len(t.lines) {
		return len(t.s)
	}
	off := t.lines[line-1]
	for ; column > 1 && off < len(t.s) && t.s[off] != '\n'; column-- {
		_, n := utf8.DecodeRuneInString(t.s[off:])
		off += n
	}
	return off
}

// syntax converts "yaml: line 3: words" of the library.
func (t *text) syntax(err error) *Error {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(msg, "line "); ok {
		if number, words, ok := strings.Cut(rest, ": "); ok {
			if line, err := strconv.Atoi(number); err == nil {
				if parserError(words) {
					line++
				}
				start := t.at(line, 1)
				for start < len(t.s) && (t.s[start] == ' ' || t.s[start] == '\t') {
					start++
				}
				return &Error{Start: start, End: start, Summary: "malformed YAML: " + words}
			}
		}
	}
	return &Error{Summary: "malformed YAML: " + msg}
}

// parserError reports whether a message comes from the library's parser, which
// counts lines from 0, and not from its scanner, which counts from 1.
func parserError(words string) bool {
	for _, w := range []string{"key", "'-' indicator", "',' or ']'", "',' or '}'", "node content", "<document start>"} {
		if strings.HasPrefix(words, "did not find expected "+w) {
			return true
		}
	}
	return false
}

func (t *text) node(y *yaml.Node, depth int) (*Node, *Error) {
	n := &Node{text: t, start: t.at(y.Line, y.Column), Type: strings.TrimPrefix(y.ShortTag(), "!!")}
	refuse := func(summary, why string) (*Node, *Error) {
		return nil, &Error{Start: n.start, End: t.wordEnd(n.start), Summary: summary, Why: why}
	}
	switch {
	case depth > MaxDepth:
		return refuse(fmt.Sprintf("nested deeper than %d levels", MaxDepth), "")
	case y.Kind == yaml.AliasNode, y.Anchor != "":
		return refuse("anchors and aliases are not allowed", "what a rule says must stand where the rule stands")
	case y.Style&yaml.TaggedStyle != 0:
		return refuse("tags are not allowed", "")
	}
	switch y.Kind {
	case yaml.ScalarNode:
		n.Value = y.Value
	case yaml.SequenceNode:
		n.Kind = Sequence
		for _, c := range y.Content {
			item, err := t.node(c, depth+1)
			if err != nil {
				return nil, err
			}
			n.Items = append(n.Items, item)
		}
	case yaml.MappingNode:
		n.Kind = Mapping
		seen := make(map[string]bool, len(y.Content)/2)
		for i := 0; i+1 < len(y.Content); i += 2 {
			key, err := t.node(y.Content[i], depth+1)
			if err != nil {
				return nil, err
			}
			start, end := key.Span()
			switch {
			case key.Type == "merge":
				return nil, &Error{Start: start, End: end, Summary: "merge keys are not allowed", Why: "what an object holds must stand in the object"}
			case key.Kind != Scalar || key.Type != "str":
				return nil, &Error{Start: start, End: end, Summary: "a key must be text"}
			case seen[key.Value]:
				return nil, &Error{Start: start, End: end, Summary: fmt.Sprintf("key %q is there twice", key.Value),
					Why: "readers of the document would not agree on which one counts"}
			}
			seen[key.Value] = true
			value, err := t.node(y.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			n.Pairs = append(n.Pairs, Pair{key, value})
		}
	default:
		return refuse("unexpected YAML node", "")
	}
	return n, nil
}

func (t *text) wordEnd(from int) int {
	end := from
	for end < len(t.s) && !strings.ContainsRune(" \t\r\n,]}", rune(t.s[end])) {
		end++
	}
	return end
}
