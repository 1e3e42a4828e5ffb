package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

func (a *app) reqDesignatedCommand() *cobra.Command {
	var arch, format string
	cmd := &cobra.Command{
		Use:   "designated TARGET...",
		Short: "Print the designated requirement of a program, and whether it holds",
		Long: `designated verifies each target completely and prints its designated requirement, as
codesign -d -r- does: "designated => …" when the signature holds one, and
"# designated => …" when it holds none and the requirement is implied. "implied" is
the one that codesign makes by default. Slices are told apart where they differ.

The code chose this requirement itself: that it satisfies it proves nothing about who
signed. What recognises a later version by it must have got it from a version it trusts.

Exit codes: 0 satisfied, 1 not satisfied, unsigned or invalid, 3 could not tell.`,
		Example: `  xpcpolicy req designated examples/helper/client
  xpcpolicy req designated --format json examples/helper/client-adhoc`,
		RunE: func(cmd *cobra.Command, targets []string) error {
			if err := checkFormat(cmd, format); err != nil {
				return err
			}
			if len(targets) == 0 {
				return usage(cmd, "which program? Name at least one target")
			}
			for _, t := range targets {
				var d xpcpolicy.Designation
				s, err := xpcpolicy.Verify(context.Background(), t, xpcpolicy.Options{Arch: arch})
				if err != nil {
					d.Answer = xpcpolicy.NotJudged(err)
				} else {
					d = xpcpolicy.Designated(s)
				}
				a.add(outcomeExit(d.Answer.Outcome()))
				if format == formatText {
					a.printDesignation(t, s, d)
				} else if err := a.writeJSON(format, designationOf(t, d)); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&arch, "arch", "", "verify and print the slice of one `ARCH` only, as in arm64: the others stay unverified")
	addFormat(cmd, &format)
	return cmd
}

// printDesignation prints what one target says of itself.
func (a *app) printDesignation(target string, s *code.Subject, d xpcpolicy.Designation) {
	r, w := d.Answer, a.stdout
	word := map[policy.Outcome]string{
		policy.OutcomeAllow:   a.paint(bold+green, "satisfied"),
		policy.OutcomeUnknown: a.paint(bold+yellow, "unknown"),
		policy.OutcomeDeny:    a.paint(bold+red, "not satisfied"),
	}[r.Outcome()]
	fmt.Fprintf(w, "%s: %s", shown(target), word)
	switch {
	case r.Allow():
		fmt.Fprintf(w, " (%s)\n", checksEvidence(s))
	default:
		fmt.Fprintf(w, ", %s\n  %s%s\n", r.Status(), slicePrefix(r.Slice()), shown(oneLine(r.Message())))
	}
	parts := d.Slices
	if d.Uniform() && len(parts) > 0 {
		parts = parts[:1]
	}
	indent := "  "
	for _, part := range parts {
		if len(parts) > 1 {
			fmt.Fprintf(w, "  slice %s: %s\n", shown(part.Arch), satisfied(part))
			indent = "    "
		}
		for _, line := range designatedLines(part) {
			fmt.Fprintln(w, indent+shown(line))
		}
	}
	for _, warning := range r.Warnings() {
		fmt.Fprintf(w, "  warning: %s\n", shown(oneLine(warning)))
	}
	if r.Reason() == xpcpolicy.ReasonRequirement && !r.Allow() {
		tree := condense(d.Explain(), r.Message())
		fmt.Fprintf(w, "\n%s\n", strings.TrimRight(diag.Tree(tree, diag.TreeOptions{}), "\n"))
	}
}

// designatedLines are the embedded requirement and the implied one.
func designatedLines(p xpcpolicy.DesignatedSlice) []string {
	if p.Err != nil {
		return nil // the message says it
	}
	const implied = "implied       "
	lines := []string{p.String()}
	switch {
	case p.Implied:
		lines = append(lines, implied+"the same: the signature holds none")
	case p.DefaultError != nil:
		lines = append(lines, implied+"unknown: "+p.DefaultError.Error())
	case requirement.Format(p.Default) == requirement.Format(p.Expr):
		lines = append(lines, implied+"the same")
	default:
		lines = append(lines, implied+requirement.Format(p.Default))
	}
	return lines
}

// satisfied says in a word whether one slice satisfies its own requirement.
func satisfied(p xpcpolicy.DesignatedSlice) string {
	switch {
	case p.Err != nil || p.Result.Outcome == requirement.Unknown || p.Result.Err != nil:
		return "unknown"
	case p.Result.Outcome == requirement.True:
		return "satisfied"
	}
	return "not satisfied"
}

// designationJSON is the answer of req designated for machines.
type designationJSON struct {
	Target     string                `json:"target"`
	Satisfied  requirement.Answer    `json:"satisfied"` // of verified code; see status
	Reason     string                `json:"reason"`
	Message    string                `json:"message,omitempty"`
	Status     code.Status           `json:"status"`
	StatusName string                `json:"status_name"`
	Slice      string                `json:"slice,omitempty"`
	Slices     []designatedSliceJSON `json:"slices,omitempty"`
	Warnings   []string              `json:"warnings,omitempty"`
}

type designatedSliceJSON struct {
	Arch         string `json:"arch,omitempty"`
	Designated   string `json:"designated,omitempty"`
	Embedded     bool   `json:"embedded"`
	Implied      string `json:"implied,omitempty"`
	ImpliedError string `json:"implied_error,omitempty"`
	// Result is what evaluation says, of code that is not verified too.
	Result string `json:"result"`
	Error  string `json:"error,omitempty"`
}

func designationOf(target string, d xpcpolicy.Designation) designationJSON {
	r := d.Answer
	v := designationJSON{
		Target: target, Reason: r.Reason(), Message: r.Message(), Status: r.Status(), StatusName: r.Status().Name(),
		Slice: r.Slice(), Warnings: r.Warnings(),
	}
	switch r.Outcome() {
	case policy.OutcomeAllow:
		v.Satisfied = requirement.Yes
	case policy.OutcomeDeny:
		v.Satisfied = requirement.No
	}
	for _, p := range d.Slices {
		slice := designatedSliceJSON{Arch: p.Arch, Result: satisfied(p)}
		if p.Err != nil {
			slice.Error = p.Err.Error()
		} else {
			slice.Designated, slice.Embedded = requirement.Format(p.Expr), !p.Implied
			if p.DefaultError != nil {
				slice.ImpliedError = p.DefaultError.Error()
			} else {
				slice.Implied = requirement.Format(p.Default)
			}
		}
		v.Slices = append(v.Slices, slice)
	}
	return v
}
