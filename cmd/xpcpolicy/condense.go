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
	long := len(n.Children) > maxSiblings
	yes, open := 0, 0 // leaves that are counted instead of shown
	yesAt, openAt := -1, -1
	undecided := 0
	for _, child := range n.Children {
		if len(child.Children) == 0 && child.Verdict == diag.VerdictUnknown {
			undecided++
		}
	}
	for _, child := range n.Children {
		leaf := len(child.Children) == 0
		switch {
		case long && leaf && child.Verdict == diag.Yes:
			if yes++; yesAt < 0 {
				yesAt = len(c.Children)
				c.Children = append(c.Children, nil)
			}
		case long && leaf && child.Verdict == diag.VerdictUnknown && n.Verdict == diag.No && undecided > 1:
			// Something else is a plain no, which decides.
			if open++; openAt < 0 {
				openAt = len(c.Children)
				c.Children = append(c.Children, nil)
			}
		default:
			c.Children = append(c.Children, shorten(child))
		}
	}
	if yes > 0 {
		c.Children[yesAt] = &diag.Node{Label: fmt.Sprintf("%d others", yes), Verdict: diag.Yes}
	}
	if open > 0 {
		c.Children[openAt] = &diag.Node{Label: fmt.Sprintf("%d others", open), Verdict: diag.VerdictUnknown}
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
