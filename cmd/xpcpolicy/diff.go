package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// comparer holds the flags of one diff command.
type comparer struct {
	*app
	policyPath  string
	requirement requirementFlags
	arch        string
	operation   string
	format      string

	policy *policy.Policy
	expr   *requirement.Expr
	now    time.Time
}

func (a *app) diffCommand() *cobra.Command {
	c := &comparer{app: a}
	cmd := &cobra.Command{
		Use:   "diff [-p POLICY | -r TEXT | -R FILE] OLD NEW",
		Short: "What has changed in the identity of a program, and whom does it lock out?",
		Long: `diff verifies two builds of a program and says what has changed in who they are: team,
identifier, channel, flags, entitlements, constraints, versions and certificates; and
whether the new build satisfies the designated requirement of the old one, by which
the system recognises an update.

With a policy (-p) or a requirement (-r, -R) it asks both builds the same question, and
says whether the answer flips, and by which clause. When nothing that it looks at can
be why a connection is refused, it says so.

OLD and NEW are programs, bundles, or what xpcpolicy facts wrote; - is such facts on
standard input. Facts are not verified again.

Exit codes: 0 no answer flips, 1 the answer flips, 2 the policy or requirement does not
load, 3 could not tell.`,
		Example: `  xpcpolicy diff examples/helper/client-old examples/helper/client
  xpcpolicy diff -p examples/helper/policy.yaml examples/helper/client-old examples/helper/client
  xpcpolicy facts examples/helper/client-old | xpcpolicy diff --format json - examples/helper/client`,
		RunE: c.run,
	}
	f := cmd.Flags()
	f.StringVarP(&c.policyPath, "policy", "p", "", "a policy `FILE` (YAML) to ask about both builds")
	c.requirement.add(cmd)
	f.StringVar(&c.arch, "arch", "", "verify and compare the slice of one `ARCH` only, as in arm64")
	f.StringVar(&c.operation, "operation", "", "what the program wants to do, in the policy's `WORD`s")
	addFormat(cmd, &c.format)
	f.Lookup("format").Usage = "`FORMAT` of the output: text, json or ndjson (on one line)"
	return cmd
}

func (c *comparer) run(cmd *cobra.Command, args []string) error {
	if err := c.prepare(cmd, args); err != nil {
		return err
	}
	c.now = time.Now()
	sides := [2]side{{target: args[0]}, {target: args[1]}}
	err := pipeline[*side, *side]{
		work: func(s *side) *side { c.load(s); return s },
		emit: func(*side) error { return nil },
	}.run(func(yield func(*side) bool) { _ = yield(&sides[0]) && yield(&sides[1]) })
	if err != nil {
		return err
	}
	r := c.compare(&sides[0], &sides[1])
	c.add(r.exit())
	if c.format != formatText {
		return c.writeJSON(c.format, r.json())
	}
	c.print(r)
	return nil
}

// prepare checks the command line and loads what both builds are asked.
func (c *comparer) prepare(cmd *cobra.Command, args []string) error {
	if err := checkFormat(cmd, c.format); err != nil {
		return err
	}
	given := 0
	for _, name := range []string{"policy", "requirement", "requirement-file"} {
		if cmd.Flags().Changed(name) {
			given++
		}
	}
	switch {
	case len(args) != 2:
		return usage(cmd, "name the old build and the new one, found %d", len(args))
	case given > 1:
		return usage(cmd, "-p, -r and -R exclude each other")
	}
	if dashes := countDashes(append([]string{c.policyPath, c.requirement.file}, args...)); dashes > 1 {
		return usage(cmd, "standard input can be read once, and - stands in %d places", dashes)
	}
	var err error
	switch {
	case given == 0:
	case cmd.Flags().Changed("policy"):
		c.policy, err = c.loadPolicy(cmd, c.policyPath)
	default:
		c.expr, err = c.requirement.load(c.app, cmd)
	}
	return err
}

// side is one of the two builds.
type side struct {
	target  string
	subject *code.Subject
	err     error  // why there is no subject
	answer  answer // nil when nothing was asked
	// own is the designated requirement of the best slice; ownErr says why there
	// is none.
	own    requirement.DesignatedRequirement
	ownErr error
}

// load reads one build and asks it.
func (c *comparer) load(s *side) {
	ctx := context.Background()
	if s.target == "-" || isFactsFile(s.target) {
		s.subject, s.err = c.loadFacts(s.target)
	} else {
		s.subject, s.err = xpcpolicy.Verify(ctx, s.target, xpcpolicy.Options{Arch: c.arch, Now: c.now})
	}
	switch {
	case c.policy == nil && c.expr == nil:
	case s.err != nil:
		s.answer = xpcpolicy.NotJudged(s.err)
	case c.policy != nil:
		s.answer = xpcpolicy.CheckPolicy(ctx, c.policy, s.subject, xpcpolicy.Request{Operation: c.operation, Now: c.now})
	default:
		s.answer = xpcpolicy.CheckRequirement(c.expr, s.subject)
	}
	if s.err == nil {
		s.own, s.ownErr = requirement.Designated(s.subject)
	}
}

// isFactsFile tells facts from programs: JSON begins with a brace, and no program
// does.
func isFactsFile(path string) bool {
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [64]byte
	n, _ := io.ReadFull(f, head[:])
	return bytes.HasPrefix(bytes.TrimLeft(head[:n], " \t\r\n"), []byte("{"))
}
