package diag

import (
	"encoding/json"
	"sort"
)

// Span is a range of bytes in a source, End exclusive. The zero Span is the
// empty range at the beginning.
type Span struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// Join returns the smallest span that covers both.
func (s Span) Join(t Span) Span { return Span{min(s.Start, t.Start), max(s.End, t.End)} }

// Source is a named text that diagnostics point into.
type Source struct {
	name  string
	text  string
	lines []int // offset of the first byte of each line
}

// NewSource makes a source. The name is shown before positions: a path, or
// something like "<arg>".
func NewSource(name, text string) *Source {
	s := &Source{name: name, text: text, lines: []int{0}}
	for i := 0; i < len(text); i++ {
		if text[i] == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// Name returns the name given to NewSource.
func (s *Source) Name() string { return s.name }

// Text returns the whole text.
func (s *Source) Text() string { return s.text }

// Position returns the 1-based line and byte column of an offset; offsets
// outside the text are moved to its nearest end.
func (s *Source) Position(off int) (line, column int) {
	off = max(0, min(off, len(s.text)))
	i := sort.SearchInts(s.lines, off+1) - 1
	return i + 1, off - s.lines[i] + 1
}

// line returns the bounds of a 1-based line without its newline.
func (s *Source) line(n int) (start, end int) {
	start, end = s.lines[n-1], len(s.text)
	if n < len(s.lines) {
		end = s.lines[n] - 1
	}
	return start, end
}

// Severity ranks diagnostics. The zero value is an error.
type Severity int

// The severities.
const (
	Error Severity = iota
	Warning
	Info
)

// String returns "error", "warning" or "info".
func (s Severity) String() string {
	switch s {
	case Warning:
		return "warning"
	case Info:
		return "info"
	}
	return "error"
}

// Diagnostic is one finding about a text.
type Diagnostic struct {
	Severity Severity
	// Rule is the number and slug of the rule, as in "RQ210 unknown-subject-key";
	// empty for plain syntax errors.
	Rule   string
	Source *Source // nil when the finding is about no text
	Span   Span
	// Summary is one line: what was found, and what was expected.
	Summary string
	// Why says the consequence; Fix what to write instead. Both may be empty.
	Why string
	Fix string
}

// Error returns "name:line:column: summary [rule]", so that a Diagnostic is an error.
func (d Diagnostic) Error() string { return d.headline() }

// List is a list of diagnostics that is an error when it is not empty.
type List []Diagnostic

// Error returns the first headline and how many follow.
func (l List) Error() string {
	switch len(l) {
	case 0:
		return "no diagnostics"
	case 1:
		return l[0].headline()
	}
	return l[0].headline() + " (and " + itoa(len(l)-1) + " more)"
}

// Err returns nil for an empty list, so that no typed nil escapes.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

type diagnosticJSON struct {
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
	EndLine   int    `json:"end_line,omitempty"`
	EndColumn int    `json:"end_column,omitempty"`
	Rule      string `json:"rule,omitempty"`
	Severity  string `json:"severity"`
	Message   string `json:"message"`
	Why       string `json:"why,omitempty"`
	Fix       string `json:"fix,omitempty"`
}

// MarshalJSON writes the diagnostic with line and column.
func (d Diagnostic) MarshalJSON() ([]byte, error) {
	v := diagnosticJSON{Rule: d.Rule, Severity: d.Severity.String(), Message: d.Summary, Why: d.Why, Fix: d.Fix}
	if d.Source != nil {
		v.File = d.Source.name
		v.Line, v.Column = d.Source.Position(d.Span.Start)
		v.EndLine, v.EndColumn = d.Source.Position(d.Span.End)
	}
	return json.Marshal(v)
}
