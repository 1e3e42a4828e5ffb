package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

// print prints a comparison for people: the conclusion last, where the eye ends.
func (c *comparer) print(r *builds) {
	w := c.stdout
	for _, s := range []struct {
		sign, colour string
		*side
	}{{"---", red, r.old}, {"+++", green, r.new}} {
		fmt.Fprintf(w, "%s %s%s\n", c.paint(s.colour, s.sign), shown(s.target), c.who(s.side))
	}
	c.printDifferences(r)
	c.printOwn(r)
	c.printAnswers(r)
	text := r.conclusion()
	colour := yellow
	switch text {
	case concludeSame:
		colour = green
		if r.old.answer == nil && len(r.differences) > 0 {
			text += ", unless a rule pins " + pinned(r)
		}
	case concludeFlips, concludeOwn:
		colour = red
	}
	fmt.Fprintf(w, "\n%s\n", c.paint(bold+colour, text))
}

// who is who the build says it is, in few words.
func (c *comparer) who(s *side) string {
	if s.err != nil {
		n := xpcpolicy.NotJudged(s.err)
		return fmt.Sprintf("  %s, %s", shown(oneLine(n.Message())), n.Status())
	}
	var parts []string
	if s.subject.Origin == code.OriginReplay {
		parts = append(parts, xpcpolicy.ReplayWarning)
	}
	if err := s.subject.Verified(); err != nil {
		parts = append(parts, "not verified: "+code.StatusOf(err).String())
	}
	if len(parts) == 0 {
		return ""
	}
	return "  (" + strings.Join(parts, "; ") + ")"
}

func (c *comparer) printDifferences(r *builds) {
	w := c.stdout
	if r.old.err != nil || r.new.err != nil {
		return
	}
	if len(r.differences) == 0 {
		fmt.Fprintln(w, "  nothing differs")
	}
	rest := false
	for i := range r.differences {
		d := &r.differences[i]
		if !d.Matters && !rest {
			rest = true
			fmt.Fprintln(w, "seldom asked about:")
		}
		name := strings.ReplaceAll(d.Field, "_", " ")
		if d.Key != "" {
			name += " " + shown(d.Key)
		}
		if d.Arch != "" {
			name += " (" + shown(d.Arch) + ")"
		}
		fmt.Fprintf(w, "  %s\n", c.paint(bold, name))
		c.value("-", red, d.Old)
		c.value("+", green, d.New)
		if h := hint(d); h != "" && d.Matters {
			fmt.Fprintf(w, "    = %s\n", h)
		}
	}
}

// value prints one side of a difference; nothing for what is not there.
func (c *comparer) value(sign, colour string, f code.Fact[string]) {
	switch v, ok, err := f.Get(); {
	case err != nil:
		fmt.Fprintf(c.stdout, "    %s\n", c.paint(yellow, sign+" unknown: "+shown(oneLine(err.Error()))))
	case ok:
		fmt.Fprintf(c.stdout, "    %s\n", c.paint(colour, sign+" "+shown(v)))
	}
}

// printOwn says what the designated requirements are to each other.
func (c *comparer) printOwn(r *builds) {
	w := c.stdout
	for _, s := range []*side{r.old, r.new} {
		if s.err == nil && s.ownErr != nil && s.subject.Signed {
			fmt.Fprintf(w, "designated requirement of %s: unknown: %s\n", shown(s.target), shown(oneLine(s.ownErr.Error())))
		}
	}
	if r.own != nil {
		fmt.Fprintf(w, "designated requirement: %s\n", relationWords(r))
		if r.own.Relation.String() != "equivalent" {
			for _, clause := range r.own.Removed {
				fmt.Fprintf(w, "    %s\n", c.paint(red, "- "+shown(clause.Text)))
			}
			for _, clause := range r.own.Added {
				fmt.Fprintf(w, "    %s\n", c.paint(green, "+ "+shown(clause.Text)))
			}
		}
	}
	if r.accepts == nil {
		return
	}
	fmt.Fprintf(w, "  the new build satisfies that of the old one: %s\n", c.paintYes(r.accepts.Outcome()))
	if !r.accepts.Allow() {
		fmt.Fprintf(w, "    = %s\n", shown(oneLine(r.accepts.Message())))
		if r.old.own.Implied && adHoc(r.old.subject) {
			fmt.Fprintln(w, "    = ad-hoc code is recognised by its cdhash, so each build is another program to the system")
		} else if r.accepts.Reason() == xpcpolicy.ReasonRequirement {
			fmt.Fprintln(w, "    = to the system this is no update but another program: what it granted the old build it does not grant the new one")
		}
	}
}

func adHoc(s *code.Subject) bool { return s.AdHoc().Or(false) }

func relationWords(r *builds) string {
	switch r.own.Relation.String() {
	case "equivalent":
		if len(r.own.Added)+len(r.own.Removed) == 0 {
			return "the same"
		}
		return "the same in other words"
	case "stricter":
		return "the new one is stricter: it refuses more, and admits nothing new"
	case "looser":
		return "the new one is looser: it admits more, and refuses nothing new"
	case "incomparable":
		return "another: the new one refuses some programs and admits others"
	}
	return "nobody can tell how the two compare"
}

func (c *comparer) paintYes(o policy.Outcome) string {
	colour := map[policy.Outcome]string{policy.OutcomeAllow: green, policy.OutcomeUnknown: yellow, policy.OutcomeDeny: red}[o]
	return c.paint(bold+colour, yesNoUnknown(o))
}

// printAnswers says what the policy or requirement answers about both, and which
// clauses make the difference.
func (c *comparer) printAnswers(r *builds) {
	if r.old.answer == nil {
		return
	}
	w := c.stdout
	fmt.Fprintln(w)
	k := checker{app: c.app, policy: c.policy}
	for _, s := range []*side{r.old, r.new} {
		d := s.answer
		fmt.Fprintf(w, "%s %s", c.paintOutcome(d.Outcome()), shown(s.target))
		if d.Allow() {
			fmt.Fprintf(w, "  (%s)\n", k.because(d))
			continue
		}
		fmt.Fprintf(w, "\n  %-8s %s\n", "reason", k.reason(d))
		if d.Slice() != "" {
			fmt.Fprintf(w, "  %-8s %s\n", "slice", shown(d.Slice()))
		}
	}
	if len(r.items) > 0 {
		fmt.Fprintln(w, "answered differently:")
		for _, i := range r.items {
			fmt.Fprintf(w, "  %-7s -> %-7s  %s  (%s)\n", i.Old, i.New, shown(i.Label), shown(i.ID))
		}
	}
	if r.flips() { // the build that is refused is explained
		refused := r.new
		if r.new.answer.Allow() {
			refused = r.old
		}
		tree := condense(refused.answer.Explain(), refused.answer.Message())
		fmt.Fprintf(w, "\n%s\n%s\n", shown(refused.target), strings.TrimRight(diag.Tree(tree, diag.TreeOptions{}), "\n"))
	}
}

// plainNames are fields in words, where a sentence names them.
var plainNames = map[string]string{
	code.FieldInfo: "version", code.FieldCertificate: "signing certificate", code.FieldSignedAt: "time of signing",
	code.FieldSDK: "SDK", code.FieldRuntime: "version of the runtime", code.FieldStapledTicket: "stapled ticket",
}

// pinned names what changed though it matters to no common rule.
func pinned(r *builds) string {
	var names []string
	for i := range r.differences {
		field := r.differences[i].Field
		name := plainNames[field]
		if name == "" {
			name = strings.ReplaceAll(field, "_", " ")
		}
		if name = "the " + name; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
