package diag

import "strings"

// DOT renders an explanation as a graph for Graphviz: one box for each node, with
// its answer, and what was found below it. The name is that of the graph.
func DOT(name string, root *Node) string {
	var b strings.Builder
	b.WriteString("digraph " + dotQuote(name) + " {\n  rankdir=LR;\n  node [shape=box, style=filled, fontname=\"sans-serif\"];\n")
	count := 0
	var walk func(n *Node) int
	walk = func(n *Node) int {
		id := count
		count++
		label := n.Label
		if n.Hint != "" {
			label += " (" + n.Hint + ")"
		}
		label += "\n" + n.Verdict.String()
		if note := n.footnote(); note != "" {
			label += "\n" + note
		}
		b.WriteString("  n" + itoa(id) + " [label=" + dotQuote(label) + ", fillcolor=" + dotQuote(dotColours[n.Verdict]))
		if n.ID != "" {
			b.WriteString(", id=" + dotQuote(n.ID))
		}
		b.WriteString("];\n")
		for _, c := range n.Children {
			child := walk(c)
			b.WriteString("  n" + itoa(id) + " -> n" + itoa(child) + ";\n")
		}
		return id
	}
	if root != nil {
		walk(root)
	}
	b.WriteString("}\n")
	return b.String()
}

var dotColours = map[Verdict]string{Yes: "#d5f0d5", No: "#f5d0d0", VerdictUnknown: "#f8ecc0", Skipped: "#eeeeee"}

// dotQuote writes a text as a quoted identifier. Only a quote and a backslash mean
// anything in it; untrusted characters become visible escapes first.
func dotQuote(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(Printable(lines[i]))
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}
