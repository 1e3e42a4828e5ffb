package lint

import (
	"cmp"
	"slices"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// Finding is one place where a rule applies.
type Finding struct {
	Rule *Rule
	// Source and Span place the finding in the requirement's own text. A tree that
	// was decoded has neither.
	Source   *diag.Source
	Span     diag.Span
	Severity diag.Severity
	Message  string // one line: what was found
	Why      string // what it costs
	// Fix says in words, or as text, what to write instead. It may be empty.
	Fix string
	// Edits make the fix; nil when a person has to choose.
	Edits []Edit
	// Safe says that the edits leave the meaning as it is, or, for a text that did
	// not compile, repair it in the only way there is.
	Safe bool
}

// Edit replaces a stretch of the source.
type Edit struct {
	Span diag.Span `json:"span"`
	New  string    `json:"new"`
}

// Diagnostic returns the finding for the renderer.
func (f *Finding) Diagnostic() diag.Diagnostic {
	return diag.Diagnostic{
		Severity: f.Severity, Rule: f.Rule.Name(), Source: f.Source, Span: f.Span,
		Summary: f.Message, Why: f.Why, Fix: f.Fix,
	}
}

// Fix returns a text with all that findings offer to change, again and again until
// they offer nothing more: safe edits only unless unsafe is true. Fixing the
// result changes nothing. A text whose edits do not come to an end stays as it is.
func Fix(text string, c Config, unsafe bool) string {
	const rounds = 12
	out := text
	for range rounds {
		next := Fixed(out, Check(diag.NewSource("", out), nil, c), unsafe)
		if next == out {
			return out
		}
		out = next
	}
	return text
}

// Fixed returns the text with the edits of findings, safe ones only unless unsafe
// is true. Of edits that overlap, the first finding's count; the others may be
// found again in the result.
func Fixed(text string, findings []Finding, unsafe bool) string {
	var edits []Edit
	for _, f := range findings {
		if !f.Safe && !unsafe || !fits(text, edits, f.Edits) {
			continue
		}
		edits = append(edits, f.Edits...)
	}
	return apply(text, edits)
}

// fits reports whether all of some edits can be made beside those already chosen.
func fits(text string, chosen, more []Edit) bool {
	for _, e := range more {
		if e.Span.Start < 0 || e.Span.End < e.Span.Start || e.Span.End > len(text) {
			return false
		}
		for _, c := range chosen {
			if e.Span.Start < c.Span.End && c.Span.Start < e.Span.End || e.Span.Start == c.Span.Start {
				return false
			}
		}
	}
	return true
}

// apply makes edits that do not overlap.
func apply(text string, edits []Edit) string {
	if len(edits) == 0 {
		return text
	}
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b Edit) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
	var b strings.Builder
	at := 0
	for _, e := range edits {
		if e.Span.Start < at {
			continue
		}
		b.WriteString(text[at:e.Span.Start])
		b.WriteString(e.New)
		at = e.Span.End
	}
	b.WriteString(text[at:])
	return b.String()
}
