package decisionlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Masks are JSON pointers (RFC 6901) to what must not be written, as in
// "/peer/path" or "/facts". A part that is * stands for every key or element.
type Masks []string

// entryKeys are the keys of an entry in their order.
var entryKeys = []string{"schema", "decision_id", "timestamp", "policy", "operation", "result", "rule", "reason", "message",
	"unknown_facts", "status", "status_name", "warnings", "peer", "evidence", "cached", "metrics", "labels", "trace_id", "span_id",
	"dropped", "masked", "facts"}

// kept are the keys without which an entry says nothing.
var kept = []string{"schema", "decision_id", "timestamp", "result", "reason", "dropped", "masked"}

// Check returns an error for a mask that no entry can fit, or that would hide what
// was decided.
func (m Masks) Check() error {
	for _, p := range m {
		parts, err := pointer(p)
		switch {
		case err != nil:
			return err
		case slices.Contains(kept, parts[0]) || parts[0] == "*" && len(parts) == 1:
			return fmt.Errorf("mask %q: an entry without %s says nothing", p, parts[0])
		case parts[0] != "*" && !slices.Contains(entryKeys, parts[0]):
			return fmt.Errorf("mask %q: no entry has %q", p, parts[0])
		}
	}
	return nil
}

func pointer(p string) ([]string, error) {
	rest, ok := strings.CutPrefix(p, "/")
	if !ok || rest == "" {
		return nil, fmt.Errorf("mask %q is no JSON pointer, as in /peer/path", p)
	}
	parts := strings.Split(rest, "/")
	for i := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(parts[i], "~1", "/"), "~0", "~")
	}
	return parts, nil
}

// masked is an entry as a JSON object without what the masks name. A mask that is
// wrong is an error: nothing is written that was to be hidden.
func masked(e Entry, m Masks) (map[string]any, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	var v map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	var hidden []string
	for _, p := range m {
		parts, _ := pointer(p)
		if remove(v, parts) {
			hidden = append(hidden, p)
		}
	}
	if hidden != nil {
		v["masked"] = hidden
	}
	return v, nil
}

// remove takes out what the parts lead to, and reports whether there was something.
// An element of a list becomes null, so that the others keep their places.
func remove(v any, parts []string) bool {
	found, part, last := false, parts[0], len(parts) == 1
	switch v := v.(type) {
	case map[string]any:
		for key, sub := range v {
			if part != "*" && part != key {
				continue
			}
			if last {
				delete(v, key)
				found = true
			} else {
				found = remove(sub, parts[1:]) || found
			}
		}
	case []any:
		for i, sub := range v {
			if part != "*" && part != strconv.Itoa(i) {
				continue
			}
			if last {
				v[i] = nil
				found = true
			} else {
				found = remove(sub, parts[1:]) || found
			}
		}
	}
	return found
}

// escaped writes characters that a terminal obeys, or that hide or reorder others,
// as JSON escapes. They can stand in strings only.
func escaped(b []byte) []byte {
	if !bytes.ContainsFunc(b, steers) {
		return b
	}
	out := make([]byte, 0, len(b)+32)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if steers(r) {
			for _, u := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, "\\u%04x", u)
			}
		} else {
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}

func steers(r rune) bool {
	return r >= 0x7f && r < 0xa0 || unicode.Is(unicode.Cf, r) || r == 0x2028 || r == 0x2029
}
