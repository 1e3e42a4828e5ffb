package main

import (
	"fmt"
	"strings"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

// print prints one verdict for people: codesign's lines where it has some, then
// what did not pass.
func (v *verifier) print(r verdict) {
	w := v.stdout
	colour := map[policy.Outcome]string{policy.OutcomeAllow: green, policy.OutcomeUnknown: yellow, policy.OutcomeDeny: red}[r.outcome]
	fmt.Fprintf(w, "%s: %s%s\n", shown(r.target), v.paint(bold+colour, r.headline()), r.tail())
	listed := v.printChecks(r)
	if r.message != "" && (!listed || r.apple) {
		fmt.Fprintf(w, "  %s\n", shown(oneLine(r.message)))
	}
	for _, limit := range r.limits {
		fmt.Fprintf(w, "  limit: %s\n", limit)
	}
	if r.subject != nil {
		for _, warning := range r.subject.Validity.Warnings {
			fmt.Fprintf(w, "  warning: %s%s [%s]\n", slicePrefix(warning.Arch), shown(oneLine(warning.Message)), shown(warning.ID))
		}
	}
	v.printOwn(r)
}

// headline is what codesign would say, where it says something.
func (r *verdict) headline() string {
	var text string
	switch r.outcome {
	case policy.OutcomeAllow:
		text = "valid on disk"
		if len(r.limits) > 0 {
			text = "valid on disk within limits"
		}
	case policy.OutcomeUnknown:
		text = "unknown"
	default:
		if text = r.status.CodesignMessage(); text == "" {
			text = "invalid"
		}
	}
	if r.apple {
		text += ", for Apple"
	}
	return text
}

func (r *verdict) tail() string {
	if r.outcome == policy.OutcomeAllow {
		return " (" + checksEvidence(r.subject) + ")"
	}
	return ", " + r.status.String()
}

// printChecks lists the checks worth reading, and reports whether one of them
// failed.
func (v *verifier) printChecks(r verdict) (failed bool) {
	if r.subject == nil {
		return false
	}
	for i := range r.subject.Validity.Checks {
		c := &r.subject.Validity.Checks[i]
		open := c.Outcome == code.NotRun && r.outcome == policy.OutcomeAllow && !v.leftOut(c)
		if v.verbose || c.Outcome == code.Failed || open {
			line := fmt.Sprintf("  %-3s %-24s %-14s %s", shown(c.ID), shown(c.Name), outcomeWord(*c), shown(checkNote(*c)))
			fmt.Fprintln(v.stdout, strings.TrimRight(line, " "))
			for _, path := range c.Paths[min(1, len(c.Paths)):] {
				fmt.Fprintf(v.stdout, "%30s also %s\n", "", shown(path))
			}
			failed = failed || c.Outcome == code.Failed
		}
	}
	return failed
}

// printOwn says whether the code satisfies its own designated requirement.
func (v *verifier) printOwn(r verdict) {
	if r.own == nil {
		return
	}
	w, d := v.stdout, r.own.Answer
	switch d.Outcome() {
	case policy.OutcomeAllow:
		fmt.Fprintf(w, "%s: %s\n", shown(r.target), v.paint(green, "satisfies its Designated Requirement"))
	case policy.OutcomeUnknown:
		fmt.Fprintf(w, "%s: %s\n", shown(r.target), v.paint(yellow, "nobody knows whether it satisfies its Designated Requirement"))
	default:
		fmt.Fprintf(w, "%s: %s, %s\n", shown(r.target), v.paint(red, "does not satisfy its Designated Requirement"), d.Status())
	}
	if d.Outcome() == policy.OutcomeAllow && !v.verbose {
		return
	}
	if d.Outcome() != policy.OutcomeAllow {
		fmt.Fprintf(w, "  %s%s\n", slicePrefix(d.Slice()), shown(oneLine(d.Message())))
	}
	for i := range r.own.Slices {
		part := &r.own.Slices[i]
		if i > 0 && r.own.Uniform() {
			break
		}
		arch := part.Arch
		if r.own.Uniform() {
			arch = ""
		}
		if part.Err != nil {
			fmt.Fprintf(w, "  %s%s\n", slicePrefix(arch), shown(oneLine(part.Err.Error())))
			continue
		}
		fmt.Fprintf(w, "  %s%s\n", slicePrefix(arch), shown(part.String()))
	}
}

func slicePrefix(arch string) string {
	if arch == "" {
		return ""
	}
	return shown(arch) + ": "
}

func outcomeWord(c code.Check) string {
	if c.Outcome == code.NotRun {
		return "not run"
	}
	return shown(string(c.Outcome))
}

// checkNote is what there is to say about a check beyond its outcome.
func checkNote(c code.Check) string {
	text := slicePrefix(c.Arch) + oneLine(c.Reason)
	if c.Outcome == code.Failed {
		text += " (" + c.Status.Name() + ")"
		if c.Stricter {
			text += ", a rule that Apple's validation does not have"
		}
	}
	return text
}
