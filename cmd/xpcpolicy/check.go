package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// answer is what a policy and a requirement both give.
type answer interface {
	Allow() bool
	Outcome() policy.Outcome
	Rule() string
	Reason() string
	Message() string
	Status() code.Status
	Slice() string
	Warnings() []string
	Explain() *diag.Node
	json.Marshaler
}

// checker holds the flags of one check command.
type checker struct {
	*app
	policyPath  string
	profile     string
	requirement requirementFlags
	facts       []string
	arch        string
	operation   string
	explain     bool
	format      string
	log         logFlags

	policy *policy.Policy
	expr   *requirement.Expr
	shown  int // targets printed so far
}

func (a *app) checkCommand() *cobra.Command {
	c := &checker{app: a}
	cmd := &cobra.Command{
		Use:   "check (-p POLICY | -r TEXT | -R FILE) TARGET...",
		Short: "May this program talk to me? Decide by a policy or a requirement",
		Long: `check verifies each target completely, every slice of it, and then asks a policy
(-p) or a requirement (-r, -R). A denial is explained; --explain explains an allow too,
and says of a denial which one or two facts would have to differ for an allow.

A requirement alone has no policy below it: ad-hoc code and unknown roots pass when
the requirement does not exclude them, and a warning says so.

--facts judges a file that xpcpolicy facts wrote, instead of a program. Nothing is
verified then, and the answer says so.`,
		Example: `  xpcpolicy check -p examples/helper/policy.yaml examples/helper/client
  xpcpolicy check -r 'identifier "com.example.client"' --explain examples/helper/client
  xpcpolicy check -R peer.req --format ndjson examples/helper/client examples/helper/client-old
  xpcpolicy facts examples/helper/client | xpcpolicy check -p examples/helper/policy.yaml --facts -`,
		RunE: c.run,
	}
	f := cmd.Flags()
	f.StringVarP(&c.policyPath, "policy", "p", "", "a policy `FILE` (YAML); - is standard input")
	f.StringVar(&c.profile, "profile", "", "put the profile `NAME` of the policy in force, which lets in more; every answer says so")
	c.requirement.add(cmd)
	f.StringArrayVar(&c.facts, "facts", nil, "judge a facts `FILE` instead of a program; - is standard input; may be repeated")
	f.StringVar(&c.arch, "arch", "", "verify and judge the slice of one `ARCH` only, as in arm64: the others stay unjudged")
	f.StringVar(&c.operation, "operation", "", "what the program wants to do, in the policy's `WORD`s")
	f.BoolVar(&c.explain, "explain", false, "explain an allow too, with what was found for each clause, and search for the nearest allow of a denial")
	addFormat(cmd, &c.format)
	f.Lookup("format").Usage += "; dot draws the explanation for Graphviz"
	c.log.add(cmd)
	return cmd
}

func (c *checker) run(cmd *cobra.Command, targets []string) error {
	if err := c.prepare(cmd, targets); err != nil {
		return err
	}
	if err := c.log.open(cmd, c.policy != nil); err != nil {
		return err
	}
	defer func() { _ = c.log.close() }()
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	now := time.Now()
	for _, t := range targets {
		s, err := xpcpolicy.Verify(ctx, t, xpcpolicy.Options{Arch: c.arch, Now: now})
		if err := c.judge(ctx, t, s, err, now); err != nil {
			return err
		}
	}
	for _, f := range c.facts {
		s, err := c.loadFacts(f)
		if err := c.judge(ctx, f, s, err, now); err != nil {
			return err
		}
	}
	return nil
}

// prepare checks the command line and loads what the targets are judged by.
func (c *checker) prepare(cmd *cobra.Command, targets []string) error {
	if c.format != formatDOT {
		if err := checkFormat(cmd, c.format); err != nil {
			return err
		}
	}
	given := 0
	for _, name := range []string{"policy", "requirement", "requirement-file"} {
		if cmd.Flags().Changed(name) {
			given++
		}
	}
	switch {
	case given == 0:
		target := "PROGRAM"
		if len(targets) > 0 {
			target = shown(targets[0])
		}
		e := usage(cmd, "by what? Name a policy or a requirement")
		e.hint = "the two commands to begin with:\n" +
			"    xpcpolicy check -p POLICY.yaml " + target + "\n" +
			"    xpcpolicy check -r 'anchor apple generic and identifier \"com.example.app\"' " + target
		return e
	case given > 1:
		return usage(cmd, "-p, -r and -R exclude each other")
	case len(targets)+len(c.facts) == 0:
		e := usage(cmd, "which program? Name at least one target")
		e.hint = "a target is a Mach-O file or a bundle; --facts FILE judges recorded facts"
		return e
	case c.profile != "" && c.policyPath == "":
		return usage(cmd, "--profile names a part of a policy, and no policy is given")
	case c.arch != "" && len(c.facts) > 0:
		return usage(cmd, "--arch narrows verification, and facts are not verified: leave one of them out")
	}
	if dashes := countDashes(append([]string{c.policyPath, c.requirement.file}, c.facts...)); dashes > 1 {
		return usage(cmd, "standard input can be read once, and - stands in %d places", dashes)
	}
	var err error
	if cmd.Flags().Changed("policy") {
		if c.policy, err = c.loadProfile(cmd, c.policyPath, c.profile); err == nil {
			c.warnOf(c.policy)
		}
	} else {
		c.expr, err = c.requirement.load(c.app, cmd)
	}
	return err
}

func countDashes(names []string) int {
	n := 0
	for _, name := range names {
		if name == "-" {
			n++
		}
	}
	return n
}

// judge answers for one target and prints the answer. err says why there is no
// subject.
func (c *checker) judge(ctx context.Context, target string, s *code.Subject, err error, now time.Time) error {
	var d answer
	switch {
	case err != nil:
		d = xpcpolicy.NotJudged(err)
	case c.policy != nil:
		decision := xpcpolicy.CheckPolicy(ctx, c.policy, s, xpcpolicy.Request{Operation: c.operation, Now: now})
		if err := c.log.record(ctx, decision, s, c.operation, now); err != nil {
			fmt.Fprintln(c.stderr, "xpcpolicy check: the log: "+plain(err))
			c.add(exitUnknown)
		}
		d = decision
	default:
		d = xpcpolicy.CheckRequirement(c.expr, s)
	}
	c.add(outcomeExit(d.Outcome()))
	switch c.format {
	case formatText:
		c.printAnswer(target, s, d)
		return nil
	case formatDOT:
		return c.printDOT(target, d)
	}
	b, err := c.answerJSON(target, d)
	if err != nil {
		return err
	}
	return c.writeJSON(c.format, json.RawMessage(b))
}

// answerJSON is the decision's JSON with the target in front, and the explanation
// behind when there is something to explain.
func (c *checker) answerJSON(target string, d answer) ([]byte, error) {
	name, err := json.Marshal(target)
	if err != nil {
		return nil, err
	}
	body, err := d.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(`{"target":`)
	b.Write(name)
	b.WriteByte(',')
	b.Write(body[1 : len(body)-1])
	if c.explain {
		tree, err := json.Marshal(d.Explain())
		if err != nil {
			return nil, err
		}
		b.WriteString(`,"explanation":`)
		b.Write(tree)
	}
	if m := c.nearest(d); m != nil {
		found, err := json.Marshal(m)
		if err != nil {
			return nil, err
		}
		b.WriteString(`,"nearest_miss":`)
		b.Write(found)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
