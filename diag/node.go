package diag

// Verdict is the answer of one node of an explanation tree. The zero value is
// unknown, never yes.
type Verdict string

// The verdicts.
const (
	VerdictUnknown Verdict = ""
	Yes            Verdict = "yes"
	No             Verdict = "no"
	Skipped        Verdict = "skipped" // not evaluated, because it could not matter
)

// String returns the word that trees show.
func (v Verdict) String() string {
	if v == VerdictUnknown {
		return "unknown"
	}
	return string(v)
}

// MarshalText writes the word.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads the word; every other word becomes unknown.
func (v *Verdict) UnmarshalText(b []byte) error {
	switch t := Verdict(b); t {
	case Yes, No, Skipped:
		*v = t
	default:
		*v = VerdictUnknown
	}
	return nil
}

// Node is one line of an explanation: a clause, its answer, and, in a footnote,
// what was expected and what was found.
type Node struct {
	// ID names the node within its tree, the same way for each question about the
	// same document; "" where nobody needs it.
	ID string `json:"id,omitempty"`
	// Label is the clause as text, or "and", "or", "not", "rule NAME".
	Label   string  `json:"label"`
	Verdict Verdict `json:"verdict"`
	// Hint says in a few words what the clause means, as in "Developer ID CA".
	Hint string `json:"hint,omitempty"`
	// Expected and Found are the values that were compared. Both may be empty.
	Expected string `json:"expected,omitempty"`
	Found    string `json:"found,omitempty"`
	// Note explains the answer in a sentence; it replaces Expected and Found in
	// the footnote when it is set.
	Note string `json:"note,omitempty"`
	// Span places the clause in its source, when it has one. File names the source
	// where there are several.
	Span     *Span   `json:"span,omitempty"`
	File     string  `json:"file,omitempty"`
	Children []*Node `json:"children,omitempty"`
}

// Add appends children and returns n.
func (n *Node) Add(children ...*Node) *Node {
	n.Children = append(n.Children, children...)
	return n
}

// Walk calls f for n and everything below it, parents first.
func (n *Node) Walk(f func(*Node)) {
	if n == nil {
		return
	}
	f(n)
	for _, c := range n.Children {
		c.Walk(f)
	}
}

// footnote returns the sentence below the tree, or "".
func (n *Node) footnote() string {
	switch {
	case n.Note != "":
		return n.Note
	case n.Expected != "" && n.Found != "":
		return "expected " + n.Expected + ", found " + n.Found
	case n.Found != "":
		return "found " + n.Found
	case n.Expected != "":
		return "expected " + n.Expected
	}
	return ""
}
