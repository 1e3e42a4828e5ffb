package code

import (
	"fmt"
	"math/bits"
)

// Outcome is how one check ended. The zero value means that it did not run.
type Outcome string

// The outcomes of a check.
const (
	NotRun        Outcome = ""
	Passed        Outcome = "passed"
	Failed        Outcome = "failed"
	NotApplicable Outcome = "not-applicable"
)

// Check is one step of static validation.
type Check struct {
	// ID is the step's number in docs/verification.md, as in "C20".
	ID string `json:"id"`
	// Name says what the step looks at, as in "pages".
	Name string `json:"name"`
	// Arch is the slice; empty for thin files and for checks of the whole file.
	Arch    string  `json:"arch,omitempty"`
	Outcome Outcome `json:"outcome,omitempty"`
	// Status is the error of a failed check; zero otherwise.
	Status Status `json:"status,omitempty"`
	// Reason says what was found and what was expected, or why the check did
	// not run.
	Reason string `json:"reason,omitempty"`
	// Stricter is set on a failure that Apple's own validation would let pass.
	Stricter bool `json:"stricter,omitempty"`
	// Paths are the first files at fault, relative to the target, at most 16 and
	// the one that Reason speaks of in front; Total counts all violations, and is
	// zero when there is only the one in Reason.
	Paths []string `json:"paths,omitempty"`
	Total int      `json:"total,omitempty"`
}

// Warning is a finding that does not change the verdict.
type Warning struct {
	ID      string `json:"id"` // a stable name, as in "nonzeroPadding"
	Arch    string `json:"arch,omitempty"`
	Message string `json:"message"`
}

// Validity is the result of verification: the verdict and how it came about.
// The zero value is not valid, because no mandatory check ran.
type Validity struct {
	// Status is our verdict: success, or the status of the first failed check in
	// the documented order of precedence.
	Status Status `json:"status"`
	// Apple is what SecStaticCodeCheckValidity would say of the same file with
	// all architectures, strict, nested code and symlink checks, offline. It is
	// unknown where Apple's answer is not known.
	Apple Fact[Status] `json:"apple,omitzero"`
	// Checks lists every step in order, slice by slice.
	Checks   []Check   `json:"checks,omitempty"`
	Warnings []Warning `json:"warnings,omitempty"`
}

// need says where a mandatory check stands in the list and whom it concerns.
type need struct {
	id string
	// always marks checks that cannot be beside the point for any code.
	always bool
	// whole marks checks of the bundle as a whole, which name no slice.
	whole bool
	// disk marks checks of files: for a running process the kernel hashes pages as
	// they are used, and nothing asks for the resources.
	disk bool
	// process marks checks of a running process.
	process bool
}

// concerns reports whether the check is needed for facts of this origin.
func (n *need) concerns(o Origin) bool {
	if o == OriginKernel {
		return !n.disk
	}
	return !n.process
}

// mandatory are the checks that every decision needs: steps C1 to C20 of static
// validation, and for files the seal of the resources and the strict checks of a
// bundle, which do not apply to a single file.
var mandatory = [...]need{
	{id: "P1", always: true, whole: true, process: true}, {id: "P2", always: true, whole: true, process: true},
	{id: "P3", always: true, whole: true, process: true}, {id: "P4", always: true, whole: true, process: true},
	{id: "P5", always: true, whole: true, process: true}, {id: "P6", always: true, whole: true, process: true},
	{id: "P8", always: true, whole: true, process: true}, {id: "P9", always: true, whole: true, process: true},
	{id: "C1", always: true}, {id: "C2", always: true}, {id: "C3", always: true}, {id: "C4", always: true},
	{id: "C5", always: true}, {id: "C6", always: true},
	{id: "C7"}, {id: "C8"}, {id: "C9"}, {id: "C10"}, {id: "C11"}, {id: "C12"},
	{id: "C13"}, {id: "C14"}, {id: "C15"}, {id: "C16"}, {id: "C17"},
	{id: "C18", always: true}, {id: "C19"}, {id: "C20", always: true, disk: true},
	{id: "R1", disk: true},
	{id: "R2", disk: true, whole: true}, {id: "R3", disk: true, whole: true}, {id: "R4", disk: true, whole: true},
	{id: "R5", disk: true, whole: true}, {id: "R6", disk: true, whole: true}, {id: "R7", disk: true, whole: true},
	{id: "R8", disk: true, whole: true}, {id: "R9", disk: true, whole: true}, {id: "R10", disk: true, whole: true},
	{id: "T1", disk: true, whole: true}, {id: "T2", disk: true, whole: true}, {id: "T4", disk: true, whole: true},
}

// Mandatory lists the checks that every decision needs, by origin.
func Mandatory(o Origin) []string {
	var ids []string
	for i := range mandatory {
		if m := &mandatory[i]; m.concerns(o) {
			ids = append(ids, m.id)
		}
	}
	return ids
}

// Verified returns nil when the code's signature was verified: the verdict is
// success and each mandatory check of the origin passed, or does not apply, for
// every slice. Otherwise the error says which check failed or did not run.
//
// It is false for the zero Subject. It says nothing about WHO signed.
func (s *Subject) Verified() error {
	origin := s.Origin
	if origin == OriginReplay {
		origin = s.Recorded
	}
	if origin != OriginDisk && origin != OriginKernel {
		return &Error{Status: StatusInternalError, Part: "facts", Off: -1, Err: fmt.Errorf("origin %q is neither disk nor kernel", origin)}
	}
	if len(s.Slices) == 0 {
		return s.Validity.ran(origin, s.Arch, true)
	}
	for i := range s.Slices {
		if s.Slices[i].Arch == "" {
			return &Error{Status: StatusInternalError, Part: "facts", Off: -1, Err: fmt.Errorf("slice %d has no architecture", i)}
		}
		for k := range s.Slices[:i] {
			if s.Slices[i].Arch == s.Slices[k].Arch { // nothing tells their checks apart
				return &Error{Status: StatusInternalError, Part: "facts", Off: -1, Err: fmt.Errorf("two slices are called %q", s.Slices[i].Arch)}
			}
		}
		if err := s.Validity.ran(origin, s.Slices[i].Arch, false); err != nil {
			return err
		}
	}
	return nil
}

// ran returns nil when nothing failed, the verdict is success, and every mandatory
// check passed for the slice, each time that it is listed. The checks of thin code need not name its architecture, and those
// of the bundle as a whole name none.
func (v *Validity) ran(origin Origin, arch string, thin bool) error {
	needed := neededForDisk
	if origin == OriginKernel {
		needed = neededForKernel
	}
	var found uint64
	bad, worst := -1, len(mandatory) // the check that did not pass, first in the order of mandatory
	for i := range v.Checks {
		c := &v.Checks[i]
		passed := c.Outcome == Passed
		if !passed && c.Outcome == Failed { // of whatever slice
			return c.err()
		}
		k := places.of(c.ID)
		bit := uint64(1) << (k & 63)
		if k < 0 || needed&bit == 0 || c.Arch != arch && (c.Arch != "" || !thin && wholeChecks&bit == 0) {
			continue
		}
		found |= bit
		if !passed && (c.Outcome != NotApplicable || alwaysChecks&bit != 0) && k < worst {
			bad, worst = i, k
		}
	}
	if v.Status != StatusSuccess {
		return &Error{Status: v.Status, Part: "signature", Off: -1}
	}
	if missing := bits.TrailingZeros64(needed &^ found); missing < worst {
		return Check{ID: mandatory[missing].id, Name: "verification", Arch: arch, Reason: "it is not in the list of checks"}.err()
	}
	if bad >= 0 {
		return v.Checks[bad].err()
	}
	return nil
}

// Sets of mandatory checks, as bits by their place.
var (
	neededForDisk   = placesWhere(func(n *need) bool { return n.concerns(OriginDisk) })
	neededForKernel = placesWhere(func(n *need) bool { return n.concerns(OriginKernel) })
	alwaysChecks    = placesWhere(func(n *need) bool { return n.always })
	wholeChecks     = placesWhere(func(n *need) bool { return n.whole })
)

func placesWhere(is func(*need) bool) (set uint64) {
	for k := range mandatory {
		if is(&mandatory[k]) {
			set |= 1 << k
		}
	}
	return set
}

var _ [63 - len(mandatory)]struct{} // a place is one of 64 bits

// placeTable finds a check in mandatory by its letter and number: every decision
// looks up each check that ran. An entry is the place plus one.
type placeTable [26][32]uint8

var places = func() (t placeTable) {
	for i := range mandatory {
		letter, n, _ := splitID(mandatory[i].id)
		t[letter][n] = uint8(i + 1)
	}
	return t
}()

// of returns the place; -1 when the check is not mandatory.
func (t *placeTable) of(id string) int {
	letter, n, ok := splitID(id)
	if !ok {
		return -1
	}
	return int(t[letter][n]) - 1
}

// splitID takes an id like "C12" apart. It is false for what no mandatory check
// has: another form, a zero in front, or a number beyond 31.
func splitID(id string) (letter, n int, ok bool) {
	if len(id) < 2 || len(id) > 3 || id[0] < 'A' || id[0] > 'Z' || id[1] < '1' || id[1] > '9' {
		return 0, 0, false
	}
	n = int(id[1] - '0')
	if len(id) == 3 {
		if id[2] < '0' || id[2] > '9' {
			return 0, 0, false
		}
		n = 10*n + int(id[2]-'0')
	}
	return int(id[0] - 'A'), n, n < 32
}

func (c Check) err() error {
	status, reason := c.Status, c.Reason
	if c.Outcome != Failed {
		status = StatusSignatureNotVerifiable
		if reason == "" {
			reason = "nobody asked for it"
		}
		reason = "check " + c.ID + " did not run: " + reason
	}
	e := &Error{Status: status, Part: c.Name, Off: -1, Arch: c.Arch}
	if len(c.Paths) > 0 {
		e.Path = c.Paths[0]
	}
	if reason != "" {
		e.Err = fmt.Errorf("%s", reason)
	}
	return e
}

// Find returns the first check with this id, or nil.
func (v *Validity) Find(id string) *Check {
	for i := range v.Checks {
		if v.Checks[i].ID == id {
			return &v.Checks[i]
		}
	}
	return nil
}
