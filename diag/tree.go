package diag

import "strings"

// TreeOptions chooses what [Tree] shows. The zero value explains what is not yes.
type TreeOptions struct {
	// Notes shows footnotes for satisfied clauses too.
	Notes bool
}

// maxColumn is how far right the answers stand at most.
const maxColumn = 96

type treeLine struct {
	text string
	mark string
}

// Tree renders an explanation with the answers in one column and footnotes
// below: what was expected, what was found.
func Tree(root *Node, o TreeOptions) string {
	if root == nil {
		return ""
	}
	var lines []treeLine
	var notes []string
	var walk func(n *Node, first, rest string)
	walk = func(n *Node, first, rest string) {
		text := first + Printable(n.Label)
		if n.Hint != "" {
			text += "   (" + Printable(n.Hint) + ")"
		}
		mark := n.Verdict.String()
		if note := n.footnote(); note != "" && (n.Verdict != Yes || o.Notes) {
			notes = append(notes, Printable(note))
			mark += strings.Repeat(" ", max(0, 7-len(mark))) + " [" + itoa(len(notes)) + "]"
		}
		lines = append(lines, treeLine{text, mark})
		for i, c := range n.Children {
			if i == len(n.Children)-1 {
				walk(c, rest+"└─ ", rest+"   ")
			} else {
				walk(c, rest+"├─ ", rest+"│  ")
			}
		}
	}
	walk(root, "", "")

	column := 0
	for _, l := range lines {
		column = max(column, width(l.text))
	}
	column = min(column, maxColumn)
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.text + strings.Repeat(" ", max(0, column-width(l.text))) + "  " + l.mark + "\n")
	}
	if len(notes) > 0 {
		b.WriteByte('\n')
	}
	for i, n := range notes {
		b.WriteString("[" + itoa(i+1) + "] " + n + "\n")
	}
	return b.String()
}
