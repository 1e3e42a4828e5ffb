package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

// verifier holds the flags of one verify command.
type verifier struct {
	*app
	arch        string
	apple       bool
	verbose     bool
	shallow     bool
	noResources bool
	format      string
}

func (a *app) verifyCommand() *cobra.Command {
	v := &verifier{app: a}
	cmd := &cobra.Command{
		Use:   "verify TARGET...",
		Short: "Verify signatures, like codesign --verify --strict --deep",
		Long: `verify checks every slice of each target: structure, CodeDirectories, the CMS
signature, the chain, the timestamp, sealed blobs and every page. It says nothing
about who signed: check does.

Our verdict follows Apple's validation and adds stricter rules. --apple prints the
verdict of Apple's own validation instead, offline, and the exit code follows it.

The resources and the nested code of a bundle are not verified yet: the verdict says
so, whatever the flags.`,
		Example: `  xpcpolicy verify examples/helper/client
  xpcpolicy verify --verbose examples/helper/client
  xpcpolicy verify --apple examples/helper/client`,
		RunE: v.run,
	}
	f := cmd.Flags()
	f.StringVar(&v.arch, "arch", "", "verify the slice of one `ARCH` only, as in arm64: the others stay unverified")
	f.BoolVar(&v.apple, "apple", false, "print what Apple's validation would say, and exit by it")
	f.BoolVarP(&v.verbose, "verbose", "v", false, "list every check")
	f.BoolVar(&v.shallow, "shallow", false, "do not descend into nested code, as codesign --verify without --deep")
	f.BoolVar(&v.noResources, "no-resources", false, "do not verify resources, as codesign --ignore-resources")
	addFormat(cmd, &v.format)
	return cmd
}

func (v *verifier) run(cmd *cobra.Command, targets []string) error {
	if err := checkFormat(cmd, v.format); err != nil {
		return err
	}
	if len(targets) == 0 {
		return usage(cmd, "which program? Name at least one target")
	}
	now := time.Now()
	for _, t := range targets {
		s, err := xpcpolicy.Verify(context.Background(), t, xpcpolicy.Options{Arch: v.arch, Now: now})
		r := v.judge(t, s, err)
		v.add(outcomeExit(r.outcome))
		if v.format == formatText {
			v.print(s, r)
			continue
		}
		if err := v.writeJSON(v.format, r.json(s)); err != nil {
			return err
		}
	}
	return nil
}

// verdict is the answer about one target.
type verdict struct {
	target  string
	outcome policy.Outcome // allow stands for valid, deny for invalid
	status  code.Status
	message string
	scope   []string // what the verdict does not cover
}

func (v *verifier) judge(target string, s *code.Subject, err error) verdict {
	r := verdict{target: target, outcome: policy.OutcomeUnknown, scope: v.scope()}
	if err != nil {
		n := xpcpolicy.NotJudged(err)
		r.status, r.message = n.Status(), n.Message()
		return r
	}
	if v.apple {
		status, ok, why := s.Validity.Apple.Get()
		switch {
		case why != nil || !ok:
			r.status, r.message = code.StatusSignatureNotVerifiable, "Apple's verdict on this file is not known"
			if why != nil {
				r.message += ": " + why.Error()
			}
		case status == code.StatusSuccess:
			r.outcome = policy.OutcomeAllow
		default:
			r.outcome, r.status, r.message = policy.OutcomeDeny, status, status.Info().Meaning
		}
		return r
	}
	err = s.Verified()
	r.status = code.StatusOf(err)
	switch {
	case err == nil:
		r.outcome = policy.OutcomeAllow
	case r.status == code.StatusSignatureNotVerifiable:
		r.message = err.Error()
	default:
		r.outcome, r.message = policy.OutcomeDeny, err.Error()
	}
	return r
}

// scope lists what flags took out of the verdict.
func (v *verifier) scope() []string {
	var out []string
	if v.shallow {
		out = append(out, "nested code was not verified (--shallow)")
	}
	if v.noResources {
		out = append(out, "resources were not verified (--no-resources)")
	}
	return out
}

// word names the outcome of verification.
func (r verdict) word() string {
	switch r.outcome {
	case policy.OutcomeAllow:
		return "valid"
	case policy.OutcomeUnknown:
		return "unknown"
	}
	if r.status == code.StatusUnsigned {
		return "unsigned"
	}
	return "invalid"
}

func (v *verifier) print(s *code.Subject, r verdict) {
	w := v.stdout
	colour := map[policy.Outcome]string{policy.OutcomeAllow: green, policy.OutcomeUnknown: yellow, policy.OutcomeDeny: red}[r.outcome]
	fmt.Fprintf(w, "%s: %s", shown(r.target), v.paint(bold+colour, r.word()))
	if v.apple {
		fmt.Fprint(w, " for Apple")
	}
	if r.outcome == policy.OutcomeAllow {
		fmt.Fprintf(w, " (%s)\n", checksEvidence(s))
	} else {
		fmt.Fprintf(w, ", %s\n", r.status)
	}
	listed := false
	if s != nil {
		for _, c := range s.Validity.Checks {
			if v.verbose || c.Outcome == code.Failed || c.Outcome == code.NotRun && r.outcome == policy.OutcomeAllow {
				line := fmt.Sprintf("  %-3s %-24s %-14s %s", shown(c.ID), shown(c.Name), outcomeWord(c), shown(checkNote(c)))
				fmt.Fprintln(w, strings.TrimRight(line, " "))
				listed = listed || c.Outcome == code.Failed
			}
		}
	}
	if r.message != "" && (!listed || v.apple) {
		fmt.Fprintf(w, "  %s\n", shown(oneLine(r.message)))
	}
	for _, limit := range r.scope {
		fmt.Fprintf(w, "  limit: %s\n", limit)
	}
	if s == nil {
		return
	}
	for _, warning := range s.Validity.Warnings {
		fmt.Fprintf(w, "  warning: %s%s [%s]\n", slicePrefix(warning.Arch), shown(oneLine(warning.Message)), shown(warning.ID))
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

// verdictJSON is the answer of verify for machines.
type verdictJSON struct {
	Target     string             `json:"target"`
	Verdict    string             `json:"verdict"`
	Status     code.Status        `json:"status"`
	StatusName string             `json:"status_name"`
	Message    string             `json:"message,omitempty"`
	Limits     []string           `json:"limits,omitempty"`
	Apple      *code.Status       `json:"apple,omitempty"`
	Checks     []verdictCheckJSON `json:"checks,omitempty"`
	Warnings   []code.Warning     `json:"warnings,omitempty"`
}

type verdictCheckJSON struct {
	code.Check
	Outcome string `json:"outcome"`
}

func (r verdict) json(s *code.Subject) verdictJSON {
	v := verdictJSON{Target: r.target, Verdict: r.word(), Status: r.status, StatusName: r.status.Name(), Message: r.message, Limits: r.scope}
	if s == nil {
		return v
	}
	v.Warnings = s.Validity.Warnings
	if apple, ok, _ := s.Validity.Apple.Get(); ok {
		v.Apple = &apple
	}
	for _, c := range s.Validity.Checks {
		outcome := string(c.Outcome)
		if outcome == "" {
			outcome = "not-run"
		}
		v.Checks = append(v.Checks, verdictCheckJSON{c, outcome})
	}
	return v
}
