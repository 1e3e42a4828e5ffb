package main

import (
	"fmt"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// A denial is explained by what is not yes. These bounds say how much of the rest
// is shown beside it; --explain shows everything.
const (
	maxYesLeaves = 1 // below a clause that is yes
	maxSiblings  = 5 // below one that is not, before those that are yes are counted
)

// condense copies an explanation without what the reader need not see to know
// why: the note of the root that the reason line holds already, and long lists of
// clauses that are yes.
func condense(n *diag.Node, reason string) *diag.Node {
	root := shorten(n)
	if root.Note == reason {
		root.Note = ""
	}
	return root
}

func shorten(n *diag.Node) *diag.Node {
	c := *n
	c.Children = nil
	if n.Verdict == diag.Yes {
		if leaves := allYes(n); leaves > maxYesLeaves {
			c.Hint = joinHint(n.Hint, fmt.Sprintf("all %d", leaves))
			return &c
		}
	}
	hidden, at := 0, 0
	for _, child := range n.Children {
		if len(n.Children) > maxSiblings && child.Verdict == diag.Yes && len(child.Children) == 0 {
			if hidden == 0 {
				at = len(c.Children)
				c.Children = append(c.Children, nil)
			}
			hidden++
			continue
		}
		c.Children = append(c.Children, shorten(child))
	}
	if hidden > 0 {
		c.Children[at] = &diag.Node{Label: fmt.Sprintf("%d others", hidden), Verdict: diag.Yes}
	}
	return &c
}

// allYes counts the leaves below a node when every one of them is yes, else 0.
func allYes(n *diag.Node) int {
	if len(n.Children) == 0 {
		return 1
	}
	sum := 0
	for _, c := range n.Children {
		leaves := allYes(c)
		if c.Verdict != diag.Yes || leaves == 0 {
			return 0
		}
		sum += leaves
	}
	return sum
}

func joinHint(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}
