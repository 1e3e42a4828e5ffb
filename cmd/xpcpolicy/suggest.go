package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy/draft"
)

// suggester holds the flags of one suggest command.
type suggester struct {
	*app
	cmd    *cobra.Command
	facts  []string
	name   string
	out    string
	format string
}

// draftJSON is a draft for machines.
type draftJSON struct {
	Policy           string   `json:"policy"`
	Requirement      string   `json:"requirement,omitempty"`
	Suite            string   `json:"suite"`
	DevelopmentSuite string   `json:"development_suite,omitempty"`
	Notes            []string `json:"notes,omitempty"`
	Problems         []string `json:"problems,omitempty"`
}

func (a *app) suggestCommand() *cobra.Command {
	s := &suggester{app: a}
	cmd := &cobra.Command{
		Use:   "suggest TARGET...",
		Short: "Draft the narrowest policy that allows the given builds",
		Long: `suggest reads all given builds of your programs and drafts a policy, a requirement and
a suite of tests: who signed them, in which ways they are distributed, the lowest
version among them, the hardened runtime where all have it, and no entitlement that
lets strangers in. Development builds come in under a profile alone.

The draft is tried before it is printed: it loads, allows every given build, and denies
the attackers that can be made of them. What it does not do is said, and the exit code
is 1.

Give every build that must go on working: the one from the App Store, the one from your
web site, and the oldest one still in use.`,
		Example: `  xpcpolicy suggest examples/helper/client
  xpcpolicy suggest --name my-helper -o drafted examples/helper/client
  xpcpolicy suggest --format json examples/helper/client`,
		RunE: s.run,
	}
	f := cmd.Flags()
	f.StringArrayVar(&s.facts, "facts", nil, "a facts `FILE` of a build instead of the program; may be repeated")
	f.StringVar(&s.name, "name", "drafted", "the `NAME` of the policy")
	f.StringVarP(&s.out, "output", "o", "", "write policy.yaml, its suites and peer.req into the folder `DIR`; nothing is overwritten")
	addFormat(cmd, &s.format)
	return cmd
}

func (s *suggester) run(cmd *cobra.Command, targets []string) error {
	s.cmd = cmd
	if err := checkFormat(cmd, s.format); err != nil {
		return err
	}
	if len(targets)+len(s.facts) == 0 {
		return usage(cmd, "which builds? Name at least one program")
	}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	builds, err := s.builds(ctx, targets)
	if err != nil || builds == nil {
		return err
	}
	d, err := draft.New(ctx, s.name, builds, draft.Options{})
	if err != nil {
		fmt.Fprintln(s.stderr, cmd.CommandPath()+": "+shown(err.Error()))
		fmt.Fprintln(s.stderr, "  = nothing is drafted: leave that build out, or verify it with xpcpolicy verify")
		s.add(exitNo)
		return nil
	}
	if len(d.Problems) > 0 {
		s.add(exitNo)
	}
	switch {
	case s.out != "":
		err = s.write(d)
	case s.format != formatText:
		return s.writeJSON(s.format, draftJSON{d.Policy, d.Requirement, d.Suite, d.DevelopmentSuite, d.Notes, d.Problems})
	default:
		fmt.Fprint(s.stdout, d.Policy)
		if d.Requirement != "" {
			fmt.Fprintf(s.stdout, "# As one requirement, without versions, entitlements and flags:\n#   %s\n", shown(d.Requirement))
		}
	}
	for _, p := range d.Problems {
		fmt.Fprintln(s.stderr, cmd.CommandPath()+": the draft is not good enough: "+shown(p))
	}
	return err
}

// builds verifies the programs. Nil without an error: one cannot be read, which is
// said.
func (s *suggester) builds(ctx context.Context, targets []string) ([]draft.Build, error) {
	var builds []draft.Build
	add := func(path string, facts bool, subject *code.Subject, err error) {
		if err != nil {
			s.cannotTell(path, err)
			return
		}
		builds = append(builds, draft.Build{Path: s.relative(path), Subject: subject, Facts: facts})
	}
	for _, t := range targets {
		subject, err := xpcpolicy.Verify(ctx, t, xpcpolicy.Options{})
		add(t, false, subject, err)
	}
	for _, f := range s.facts {
		subject, err := s.loadFacts(f)
		add(f, true, subject, err)
	}
	if s.code != exitYes {
		return nil, nil
	}
	return builds, nil
}

// relative is how a suite in the output folder calls a file.
func (s *suggester) relative(path string) string {
	if s.out == "" {
		return filepath.ToSlash(path)
	}
	from, err1 := filepath.Abs(s.out)
	to, err2 := filepath.Abs(path)
	if err := errors.Join(err1, err2); err == nil {
		if rel, err := filepath.Rel(from, to); err == nil {
			return filepath.ToSlash(rel)
		}
	}
	return filepath.ToSlash(path)
}

// write writes the files of a draft, none of which may be there.
func (s *suggester) write(d *draft.Draft) error {
	files := []struct{ name, text string }{
		{"policy.yaml", d.Policy}, {"policy_test.yaml", d.Suite}, {"development_test.yaml", d.DevelopmentSuite}, {"peer.req", d.Requirement},
	}
	if err := os.MkdirAll(s.out, 0o755); err != nil {
		return usage(s.cmd, "%s", plain(err))
	}
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(s.out, f.name)); err == nil && f.text != "" {
			e := usage(s.cmd, "%s is there already, and nothing is overwritten", shown(filepath.Join(s.out, f.name)))
			e.hint = "name another folder with -o"
			return e
		}
	}
	for _, f := range files {
		if f.text == "" {
			continue
		}
		path := filepath.Join(s.out, f.name)
		out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return usage(s.cmd, "%s", plain(err))
		}
		_, err = out.WriteString(strings.TrimRight(f.text, "\n") + "\n")
		if err = errors.Join(err, out.Close()); err != nil {
			return usage(s.cmd, "%s", plain(err))
		}
		fmt.Fprintln(s.stdout, "wrote "+shown(filepath.ToSlash(path)))
	}
	return nil
}
