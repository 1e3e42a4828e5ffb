package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// comparison holds the flags of one command that compares two requirements.
type comparison struct {
	*app
	format string
}

// command makes the command; run gets the two requirements.
func (c *comparison) command(cmd *cobra.Command, run func(first, second *requirement.Expr) error) *cobra.Command {
	cmd.Use += " FIRST SECOND"
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkFormat(cmd, c.format); err != nil {
			return err
		}
		if len(args) != 2 {
			e := usage(cmd, "name two INPUTs, found %d", len(args))
			e.hint = "an INPUT is a file, - for standard input, or =TEXT"
			return e
		}
		if countDashes(args) > 1 {
			return usage(cmd, "standard input can be read once")
		}
		var both [2]*requirement.Expr
		for i, arg := range args {
			name, b, err := c.readInput(cmd, arg)
			if err != nil {
				return err
			}
			if name == "<arg>" {
				name = [2]string{"<first>", "<second>"}[i]
			}
			if both[i], err = parseRequirement(cmd, name, b); err != nil {
				return err
			}
		}
		return run(both[0], both[1])
	}
	addFormat(cmd, &c.format)
	cmd.Flags().Lookup("format").Usage = "`FORMAT` of the output: text, json or ndjson (on one line)"
	return cmd
}

func (a *app) reqImpliesCommand() *cobra.Command {
	c := &comparison{app: a}
	return c.command(&cobra.Command{
		Use:   "implies",
		Short: "Does every program that satisfies one requirement satisfy another?",
		Long: `implies answers yes; no, with the facts of a program that satisfies the first
requirement and not the second; or that it cannot tell, and why. Each is a file, text or
compiled; - for standard input; or =TEXT.

The program of a no is made up: those facts matter that the requirements name. It is a
whole Subject in JSON, as xpcpolicy req eval reads.

Exit codes: 0 yes, 1 no, 2 a requirement does not load, 3 cannot tell.`,
		Example: `  xpcpolicy req implies '=anchor apple generic and identifier a' '=identifier a'
  xpcpolicy req implies --format json '=anchor apple' '=anchor apple generic'`,
	}, func(first, second *requirement.Expr) error {
		i := requirement.Implies(first, second, requirement.ImpliesOptions{})
		c.add(answerExit(i.Answer))
		if c.format != formatText {
			return c.writeJSON(c.format, impliesJSON{pairOf(first, second), i})
		}
		c.implication("", i, "satisfies the first requirement and not the second:")
		return nil
	})
}

func (a *app) reqEquivalentCommand() *cobra.Command {
	c := &comparison{app: a}
	return c.command(&cobra.Command{
		Use:   "equivalent",
		Short: "Do the same programs satisfy two requirements?",
		Long: `equivalent asks implies in both directions: it answers yes; no, with a program that
satisfies only one of the two requirements; or that it cannot tell, and why.

Exit codes: 0 yes, 1 no, 2 a requirement does not load, 3 cannot tell.`,
		Example: `  xpcpolicy req equivalent '=identifier a and anchor apple' '=anchor apple and identifier a'
  xpcpolicy req equivalent '=anchor apple' '=anchor apple generic'`,
	}, func(first, second *requirement.Expr) error {
		e := requirement.Equivalent(first, second, requirement.ImpliesOptions{})
		e.Backward = turned(e.Backward)
		c.add(answerExit(e.Answer))
		if c.format != formatText {
			return c.writeJSON(c.format, equivalentJSON{pairOf(first, second), e})
		}
		fmt.Fprintln(c.stdout, c.paintAnswer(e.Answer))
		if e.Answer != requirement.Yes || e.Forward.Reason != "" || e.Backward.Reason != "" {
			c.implication("first implies second: ", e.Forward, "satisfies the first only:")
			c.implication("second implies first: ", e.Backward, "satisfies the second only:")
		}
		return nil
	})
}

func (a *app) reqDiffCommand() *cobra.Command {
	c := &comparison{app: a}
	return c.command(&cobra.Command{
		Use:   "diff",
		Short: "How does a second requirement differ from a first?",
		Long: `diff says whether the second requirement is stricter or looser than the first, or
neither, lists the clauses that it keeps, removes (-) and adds (+), and shows a program
that is refused now and one that is admitted now. Whether it is stricter is proved, as
by implies, and not counted from the clauses.

Exit codes: 0 the same programs satisfy both, 1 they differ, 2 a requirement does not
load, 3 cannot tell.`,
		Example: `  xpcpolicy req diff '=anchor apple generic' '=anchor apple generic and identifier a'
  xpcpolicy req diff --format json '=identifier a' '=identifier b'`,
	}, func(first, second *requirement.Expr) error {
		d := requirement.Compare(first, second, requirement.ImpliesOptions{})
		d.Backward = turned(d.Backward)
		differ := d.Forward.Answer == requirement.No || d.Backward.Answer == requirement.No
		switch {
		case differ:
			c.add(exitNo)
		case d.Relation != requirement.RelationEquivalent:
			c.add(exitUnknown)
		}
		if c.format != formatText {
			return c.writeJSON(c.format, diffJSON{pairOf(first, second), d})
		}
		c.difference(d, differ)
		return nil
	})
}

// turned puts the reason of an answer from the second requirement to the first
// into the words of the command line.
func turned(i requirement.Implication) requirement.Implication {
	for _, say := range [...][2]string{
		{"no program satisfies the first", "no program satisfies the second"},
		{"every program satisfies the second", "every program satisfies the first"},
		{"the second requirement", "the first requirement"},
	} {
		if rest, ok := strings.CutPrefix(i.Reason, say[0]); ok {
			i.Reason = say[1] + rest
			break
		}
	}
	return i
}

// difference prints a Difference for people.
func (c *comparison) difference(d requirement.Difference, differ bool) {
	word, means := d.Relation.String(), ""
	switch d.Relation {
	case requirement.RelationEquivalent:
		word, means = c.paint(bold+green, word), "the same programs satisfy both"
	case requirement.RelationStricter:
		means = "the second refuses more, and admits nothing new"
	case requirement.RelationLooser:
		means = "the second admits more, and refuses nothing new"
	case requirement.RelationIncomparable:
		means = "the second refuses some programs and admits others"
	default:
		means = "nobody knows whether the second refuses or admits other programs"
		if differ {
			word, means = "different", "nobody knows whether the second is stricter, looser or neither"
		}
	}
	if d.Relation != requirement.RelationEquivalent {
		word = c.paint(bold+yellow, word)
	}
	fmt.Fprintf(c.stdout, "%s: %s\n", word, means)
	for _, group := range [...]struct {
		sign, colour string
		clauses      []requirement.Clause
	}{{"  ", "", d.Kept}, {"- ", red, d.Removed}, {"+ ", green, d.Added}} {
		for _, clause := range group.clauses {
			line := group.sign + shown(clause.Text)
			if group.colour != "" {
				line = c.paint(group.colour, line)
			}
			fmt.Fprintln(c.stdout, line)
		}
	}
	for _, way := range [...]struct {
		title string
		i     requirement.Implication
	}{{"refused now", d.Forward}, {"admitted now", d.Backward}} {
		switch way.i.Answer {
		case requirement.No:
			c.program(way.title+":", way.i)
		case requirement.CannotTell:
			fmt.Fprintf(c.stdout, "%s: cannot tell: %s\n", way.title, shown(way.i.Reason))
		}
	}
}

// implication prints one answer: the word, the reason, and the program that
// shows it.
func (c *comparison) implication(prefix string, i requirement.Implication, shows string) {
	text := prefix + c.paintAnswer(i.Answer)
	if i.Reason != "" {
		text += ": " + shown(i.Reason)
	}
	if i.Counterexample == nil {
		fmt.Fprintln(c.stdout, text)
		return
	}
	c.program(text+": this program "+shows, i)
}

// program prints the facts of a counterexample below a title.
func (c *comparison) program(title string, i requirement.Implication) {
	fmt.Fprintln(c.stdout, title)
	_, facts, _ := strings.Cut(i.String(), "\n") // the first line is the answer
	for _, line := range strings.Split(facts, "\n") {
		fmt.Fprintln(c.stdout, "  "+shown(line))
	}
}

func (a *app) paintAnswer(answer requirement.Answer) string {
	colour := map[requirement.Answer]string{requirement.Yes: green, requirement.No: red, requirement.CannotTell: yellow}[answer]
	return a.paint(bold+colour, answer.String())
}

// answerExit is the exit code of an answer about all programs.
func answerExit(answer requirement.Answer) exit {
	switch answer {
	case requirement.Yes:
		return exitYes
	case requirement.No:
		return exitNo
	}
	return exitUnknown
}

// pair is what the JSON of a comparison begins with.
type pair struct {
	First  string `json:"first"`
	Second string `json:"second"`
}

func pairOf(first, second *requirement.Expr) pair {
	return pair{requirement.Format(first), requirement.Format(second)}
}

type impliesJSON struct {
	pair
	requirement.Implication
}

type equivalentJSON struct {
	pair
	requirement.Equivalence
}

type diffJSON struct {
	pair
	requirement.Difference
}
