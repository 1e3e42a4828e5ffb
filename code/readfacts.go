package code

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

// ReadFacts decodes a facts file. Whatever origin it names, the result has
// [OriginReplay], because nothing was verified here; the named origin moves to
// Recorded. Keys that stand there twice or in another case, and parts that
// contradict each other, are refused: a reader of the file must see what is decided.
func ReadFacts(b []byte) (*Subject, error) {
	if err := plainKeys(b); err != nil {
		return nil, fmt.Errorf("facts: %w", err)
	}
	s := new(Subject)
	if err := strictUnmarshal(b, s); err != nil {
		return nil, fmt.Errorf("facts: %w", err)
	}
	if err := s.consistent(); err != nil {
		return nil, fmt.Errorf("facts: %w", err)
	}
	if s.Origin != OriginReplay {
		s.Recorded = s.Origin
	}
	s.Origin = OriginReplay
	return s, nil
}

// plainKeys refuses objects with a key that stands there twice, and keys that are
// not written in lower case as all of ours are: encoding/json would take the last
// one, whatever its case. Property lists have keys of their own and their own reader.
func plainKeys(b []byte) error {
	type level struct {
		keys map[string]bool // nil for a list
		key  bool            // a key comes next
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var stack []level
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		top := len(stack) - 1
		if top >= 0 && stack[top].keys != nil && stack[top].key {
			if name, ok := tok.(string); ok {
				switch {
				case stack[top].keys[name]:
					return fmt.Errorf("the key %q stands there twice", name)
				case name != strings.ToLower(name):
					return fmt.Errorf("unknown key %q", name)
				}
				stack[top].keys[name], stack[top].key = true, false
				if name == "info" || name == "entitlements" {
					var skip json.RawMessage
					if err := d.Decode(&skip); err != nil {
						return err
					}
					stack[top].key = true
				}
				continue
			}
		}
		switch tok {
		case json.Delim('{'):
			stack = append(stack, level{map[string]bool{}, true})
			continue
		case json.Delim('['):
			stack = append(stack, level{})
			continue
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:top]
		}
		if n := len(stack); n > 0 && stack[n-1].keys != nil {
			stack[n-1].key = true
		}
	}
}

// consistent refuses facts that no reader of this module could have written.
func (s *Subject) consistent() error {
	for _, c := range s.Validity.Checks {
		switch c.Outcome {
		case NotRun, Passed, Failed, NotApplicable:
		default:
			return fmt.Errorf("check %s has the outcome %q", c.ID, c.Outcome)
		}
	}
	if b, ok, _ := s.Bundle.Get(); ok {
		if err := b.consistent(); err != nil {
			return err
		}
	}
	if p, ok, _ := s.Profile.Get(); ok {
		if err := p.consistent(); err != nil {
			return err
		}
	}
	if err := s.Slice.consistent(); err != nil {
		return err
	}
	same := len(s.Slices) == 0
	for i := range s.Slices {
		v := &s.Slices[i]
		if v.Arch == "" {
			return fmt.Errorf("slice %d has no architecture", i)
		}
		if err := v.consistent(); err != nil {
			return fmt.Errorf("slice %s: %w", v.Arch, err)
		}
		same = same || reflect.DeepEqual(*v, s.Slice)
	}
	if !same {
		return fmt.Errorf("the facts at the top are those of none of the slices")
	}
	return nil
}

func (s *Slice) consistent() error {
	if certs, ok, _ := s.Certs.Get(); ok && len(certs) == 0 {
		return fmt.Errorf("an empty list of certificates; code without any has null")
	}
	if !s.Signed && (s.Certs.IsKnown() || s.Identifier.IsKnown()) {
		return fmt.Errorf("unsigned code with an identifier or certificates")
	}
	for name, f := range map[string]Fact[Value]{"info": s.Info, "entitlements": s.Entitlements} {
		if v, ok, _ := f.Get(); ok && v.Kind() != plist.KindDict {
			return fmt.Errorf("%s is a %s, want a dictionary", name, v.Kind())
		}
	}
	return nil
}
