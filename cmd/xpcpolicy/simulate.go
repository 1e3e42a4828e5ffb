package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/internal/spell"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/invent"
)

// simulator holds the flags of one simulate command.
type simulator struct {
	*app
	policyPath, profile   string
	facts, like           string
	set, unset, unknown   []string
	operation, now, arch  string
	format                string
	cmd                   *cobra.Command
	target                string
	edits                 []invent.Edit
	asItIs, edited        *code.Subject
	policy                *policy.Policy
	at                    time.Time
	decision, decidedAsIs policy.Decision
}

func (a *app) simulateCommand() *cobra.Command {
	s := &simulator{app: a}
	cmd := &cobra.Command{
		Use:   "simulate -p POLICY [--set FACT=VALUE]... (TARGET | --facts FILE | --like NAME)",
		Short: "What would the policy say if these facts were different?",
		Long: `simulate changes facts of a program, recorded facts or an invented program, and shows
the decision with its explanation, beside the decision over the facts as they are. The
changed program does not exist: its facts are marked as invented.

Facts have the names that policies use, as in subject.version or process.euid; below
subject.info and subject.entitlements the rest of the name is one key, dots included.
A change of signed facts is another build: it has another cdhash, unless
subject.cdhash is set.

Invented programs to begin with: $developer-id, $app-store, $testflight, $development,
$platform, $adhoc. Quote them, or leave the $ out.`,
		Example: `  xpcpolicy simulate -p examples/helper/policy.yaml --set subject.version=1.9 examples/helper/client
  xpcpolicy simulate -p examples/helper/policy.yaml --unset subject.version --operation install examples/helper/client
  xpcpolicy simulate -p examples/helper/policy.yaml --like developer-id --set process.euid=0 --format json`,
		RunE: s.run,
	}
	f := cmd.Flags()
	f.StringVarP(&s.policyPath, "policy", "p", "", "a policy `FILE` (YAML)")
	f.StringVar(&s.profile, "profile", "", "the profile `NAME` of the policy that is in force")
	f.StringVar(&s.facts, "facts", "", "begin with a facts `FILE` instead of a program; - is standard input")
	f.StringVar(&s.like, "like", "", "begin with the invented program `NAME`, as in developer-id")
	f.StringArrayVar(&s.set, "set", nil, "give a fact a value, as in `FACT=VALUE`; may be repeated")
	f.StringArrayVar(&s.unset, "unset", nil, "take the `FACT` away; may be repeated")
	f.StringArrayVar(&s.unknown, "unknown", nil, "let nobody know the `FACT`; may be repeated")
	f.StringVar(&s.operation, "operation", "", "what the program wants to do, in the policy's `WORD`s")
	f.StringVar(&s.now, "now", "", "the `TIME` of the decision, as in 2026-01-31T00:00:00Z; default: now")
	f.StringVar(&s.arch, "arch", "", "verify and judge the slice of one `ARCH` only, as in arm64")
	addFormat(cmd, &s.format)
	return cmd
}

func (s *simulator) run(cmd *cobra.Command, targets []string) error {
	s.cmd = cmd
	if err := s.prepare(targets); err != nil {
		return err
	}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	if err := s.begin(ctx, targets); err != nil {
		a := xpcpolicy.NotJudged(err)
		fmt.Fprintf(s.stderr, "%s: %s, %s\n", shown(s.target), shown(oneLine(a.Message())), a.Status())
		s.add(exitUnknown)
		return nil
	}
	var err error
	if s.edited, err = invent.Apply(s.asItIs, s.edits...); err != nil {
		return s.badEdit(err)
	}
	r := xpcpolicy.Request{Operation: s.operation, Now: s.at}
	s.decidedAsIs = xpcpolicy.CheckPolicy(ctx, s.policy, s.asItIs, r)
	s.decision = xpcpolicy.CheckPolicy(ctx, s.policy, s.edited, r)
	s.add(outcomeExit(s.decision.Outcome()))
	return s.show()
}

// prepare checks the command line and loads the policy.
func (s *simulator) prepare(targets []string) error {
	if err := checkFormat(s.cmd, s.format); err != nil {
		return err
	}
	given := len(targets)
	for _, f := range []string{s.facts, s.like} {
		if f != "" {
			given++
		}
	}
	switch {
	case s.policyPath == "":
		return usage(s.cmd, "by which policy? Name one with -p")
	case given == 0:
		e := usage(s.cmd, "which program? Name a target, --facts or --like")
		e.hint = "--like developer-id begins with an invented program"
		return e
	case given > 1:
		return usage(s.cmd, "one program at a time: a target, --facts or --like")
	}
	s.at = time.Now()
	if s.now != "" {
		var err error
		if s.at, err = time.Parse(time.RFC3339, s.now); err != nil || s.at.IsZero() {
			return usage(s.cmd, "--now is no time as in 2026-01-31T00:00:00Z: %s", quoted(s.now))
		}
	}
	for _, text := range s.set {
		path, value, ok := strings.Cut(text, "=")
		if !ok {
			return usage(s.cmd, "--set %s has no value: write FACT=VALUE", quoted(text))
		}
		v, err := invent.ParseValue(path, value)
		if err != nil {
			return s.badEdit(err)
		}
		s.edits = append(s.edits, invent.Set(path, v))
	}
	for _, path := range s.unset {
		s.edits = append(s.edits, invent.Unset(path))
	}
	for _, path := range s.unknown {
		s.edits = append(s.edits, invent.Hide(path))
	}
	var err error
	s.policy, err = loadPolicyFile(s.cmd, s.policyPath, s.profile)
	return err
}

// badEdit is the refusal of an edit, with the name that may have been meant.
func (s *simulator) badEdit(err error) error {
	e := usage(s.cmd, "%s", shown(err.Error()))
	var unknown *invent.PathError
	if errors.As(err, &unknown) {
		paths, _ := invent.Paths()
		if e.hint = spell.DidYouMean(unknown.Path, paths); e.hint == "" {
			e.hint = "facts: " + strings.Join(paths, ", ")
		}
	}
	return e
}

// begin finds the facts as they are.
func (s *simulator) begin(ctx context.Context, targets []string) (err error) {
	switch {
	case s.like != "":
		s.target = "$" + strings.TrimPrefix(s.like, "$")
		s.asItIs, err = invent.Base(s.target)
	case s.facts != "":
		s.target = s.facts
		s.asItIs, err = s.loadFacts(s.facts)
	default:
		s.target = targets[0]
		s.asItIs, err = xpcpolicy.Verify(ctx, s.target, xpcpolicy.Options{Arch: s.arch, Now: s.at})
	}
	return err
}

// show writes the answer: over the facts as they are in one line, over the
// changed ones with the whole explanation.
func (s *simulator) show() error {
	texts := make([]string, len(s.edits))
	for i, e := range s.edits {
		texts[i] = e.String()
	}
	c := &checker{app: s.app, policy: s.policy, explain: true, format: s.format}
	if s.format != formatText {
		b, err := c.answerJSON(s.target, s.decision)
		if err != nil {
			return err
		}
		extra, err := json.Marshal(struct {
			Invented bool           `json:"invented"`
			Edits    []string       `json:"edits"`
			Before   policy.Outcome `json:"before"`
		}{true, texts, s.decidedAsIs.Outcome()})
		if err != nil {
			return err
		}
		return s.writeJSON(s.format, json.RawMessage(string(extra[:len(extra)-1])+","+string(b[1:])))
	}
	fmt.Fprintf(s.stdout, "as it is: %s (%s)\n", s.decidedAsIs.Outcome(), c.reason(s.decidedAsIs))
	name := s.target
	if len(texts) > 0 {
		name += " with " + strings.Join(texts, ", ") + " (invented)"
	}
	c.printAnswer(name, s.edited, s.decision)
	return nil
}
