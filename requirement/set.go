package requirement

import (
	"cmp"
	"slices"
	"strconv"
)

// SetType says what a requirement in a set is for.
type SetType uint32

// The types, by Apple's numbers. Only the designated requirement is in use.
const (
	TypeHost       SetType = 1 // kSecHostRequirementType
	TypeGuest      SetType = 2 // kSecGuestRequirementType
	TypeDesignated SetType = 3 // kSecDesignatedRequirementType
	TypeLibrary    SetType = 4 // kSecLibraryRequirementType
	TypePlugin     SetType = 5 // kSecPluginRequirementType
)

var typeNames = [...]string{"invalid", "host", "guest", "designated", "library", "plugin"}

// String is the label of a type; other numbers are their own label.
func (t SetType) String() string {
	if t >= TypeHost && t <= TypePlugin {
		return typeNames[t]
	}
	return strconv.FormatUint(uint64(t), 10)
}

// Set is a requirement set, which a signature carries. The zero Set is empty,
// which is what ad-hoc signatures carry, and has no text form.
type Set struct {
	// Entries are in the order of the binary, which is that of types as Apple
	// writes it. An entry without requirement has a nil Expr.
	Entries []Entry

	raw  string  // the binary, when its layout is not the usual one
	from []Entry // the Entries it stands for
}

// Entry is one requirement of a set.
type Entry struct {
	Type SetType
	Expr *Expr
}

// Find returns the requirement of a type, nil when there is none. Of several it
// is the first, as in Apple's reader.
func (s *Set) Find(t SetType) *Expr {
	for _, e := range s.Entries {
		if e.Type == t {
			return e.Expr
		}
	}
	return nil
}

// put adds a requirement while parsing; see arrange.
func (s *Set) put(t SetType, e *Expr) { s.Entries = append(s.Entries, Entry{t, e}) }

// arrange sorts the entries by type.
//
// Apple: the last of several with the same label replaces the others, silently.
func (s *Set) arrange() {
	slices.SortStableFunc(s.Entries, func(a, b Entry) int { return cmp.Compare(a.Type, b.Type) })
	n := 0
	for i, e := range s.Entries {
		if i+1 == len(s.Entries) || s.Entries[i+1].Type != e.Type {
			s.Entries[n] = e
			n++
		}
	}
	s.Entries = s.Entries[:n]
}
