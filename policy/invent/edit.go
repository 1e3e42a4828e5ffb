package invent

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// Edit is one change of a known fact. The zero value is refused by [Apply].
type Edit struct {
	path  string
	value code.Value
	do    action
}

type action uint8

const (
	set action = iota + 1
	unset
	hide
)

// Set gives a fact a value. The path is the name that policies use, as in
// "subject.version"; below subject.info and subject.entitlements the rest of the
// path is one key, dots included.
func Set(path string, v code.Value) Edit { return Edit{path, v, set} }

// Unset makes a fact absent: somebody looked, and there is none.
func Unset(path string) Edit { return Edit{path: path, do: unset} }

// Hide makes a fact unknown: nobody could find it out.
func Hide(path string) Edit { return Edit{path: path, do: hide} }

// Path is the fact that the edit changes.
func (e Edit) Path() string { return e.path }

// String is the edit as a command line writes it.
func (e Edit) String() string {
	switch e.do {
	case set:
		b, err := e.value.MarshalJSON()
		if s, ok := e.value.Str(); ok || err != nil {
			return e.path + "=" + s
		}
		return e.path + "=" + string(b)
	case unset:
		return e.path + " absent"
	}
	return e.path + " unknown"
}

var errHidden = errors.New("invented: nobody could find it out")

// Apply returns a copy of the facts with the edits made in order. Whatever was
// verified before, the copy is a replay. When an edit changes what a signature
// covers, the copy is another build: it gets other cdhashes, unless an edit names
// them.
func Apply(s *code.Subject, edits ...Edit) (*code.Subject, error) {
	c := clone(s)
	signed, named := "", false
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b Edit) int { return cmp.Compare(a.last(), b.last()) })
	for _, e := range edits {
		f, key, err := find(e.path)
		if err != nil {
			return nil, err
		}
		switch {
		case e.do == set && f.set != nil:
			err = f.set(c, key, e.value)
		case e.do == unset && f.unset != nil:
			err = f.unset(c, key)
		case e.do == hide && f.hide != nil && key == "":
			f.hide(c)
		case e.do == set:
			err = errors.New(f.instead)
		case e.do == unset:
			err = errors.New("every signature has it; it can be unknown, not absent")
		case e.do == hide && key != "":
			err = errors.New("one key cannot be unknown alone; hide all of them")
		default:
			err = errors.New("it is never unknown")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.path, err)
		}
		if f.signed && e.do != hide {
			signed += e.String() + "\x00"
		}
		named = named || f.name == "subject.cdhash"
	}
	if signed != "" && !named {
		rehash(c, signed)
	}
	return c, nil
}

// last puts the process behind the program that it runs.
func (e Edit) last() int {
	if strings.HasPrefix(e.path, "process.") {
		return 1
	}
	return 0
}

// ParseValue reads the value of a path from a command line, where everything is
// text: the type is that of the fact.
func ParseValue(path, text string) (code.Value, error) {
	f, _, err := find(path)
	if err != nil {
		return code.Value{}, err
	}
	switch f.kind {
	case kindBool, kindAny:
		switch text {
		case "true", "false":
			return plist.Bool(text == "true"), nil
		}
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && f.kind == kindAny {
			return plist.Int(n), nil
		}
		if f.kind == kindBool {
			return code.Value{}, fmt.Errorf("%s is true or false, not %q", path, text)
		}
	case kindInt:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return code.Value{}, fmt.Errorf("%s is a number, not %q", path, text)
		}
		return plist.Int(n), nil
	case kindTexts:
		var items []code.Value
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
			items = append(items, plist.String(word))
		}
		return plist.Array(items...), nil
	}
	v := plist.String(text)
	if v.Kind() == plist.Invalid {
		return v, fmt.Errorf("%s: the text is not UTF-8", path)
	}
	return v, nil
}

// Paths lists the paths of facts that can be edited, with what each holds.
func Paths() (paths, docs []string) {
	for i := range fields {
		if f := &fields[i]; f.set != nil {
			name := f.name
			if f.keyed {
				name += ".KEY"
			}
			paths, docs = append(paths, name), append(docs, kindNames[f.kind])
		}
	}
	return paths, docs
}

// Takes says in words what Set needs for a path, as in "a text"; "" for a path
// that there is not.
func Takes(path string) string {
	f, _, err := find(path)
	if err != nil {
		return ""
	}
	return kindNames[f.kind]
}

// find returns the field of a path, and the key below it.
func find(path string) (f *field, key string, err error) {
	for i := range fields {
		f := &fields[i]
		if path == f.name {
			return f, "", nil
		}
		if rest, ok := strings.CutPrefix(path, f.name+"."); ok && f.keyed && rest != "" {
			return f, rest, nil
		}
	}
	if path == "operation" || path == "now" {
		return nil, "", fmt.Errorf("%s is part of the question, not of the program", path)
	}
	return nil, "", &PathError{path}
}

// PathError says that there is no fact of this name.
type PathError struct{ Path string }

// Error names the path.
func (e *PathError) Error() string { return fmt.Sprintf("there is no fact %q", e.Path) }
