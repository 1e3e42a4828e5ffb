package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/policytest"
)

const formatJUnit = "junit"

// tester holds the flags of one test command.
type tester struct {
	*app
	cmd       *cobra.Command
	policy    string
	run       string
	threshold float64
	verbose   bool
	watch     bool
	format    string

	match   *regexp.Regexp
	results []*policytest.Result
	files   []string // everything that was read, for --watch
}

func (a *app) testCommand() *cobra.Command {
	t := &tester{app: a}
	cmd := &cobra.Command{
		Use:   "test DIR|FILE...",
		Short: "Test policies: who may, who may not, why, and invented attackers",
		Long: `test runs suites of tests over policies: each FILE, and every *_test.yaml below each
DIR. docs/testing.md describes how they are written.

A suite names peers (real programs, recorded facts, or a few facts on top of an
invented program) and what each may do. From every peer that is allowed it invents
attackers (another team, ad hoc, self-signed, an older version, a debuggable build and
more) and fails when one of them is allowed. It reports how much of the policy was
tested.

Nothing depends on the day: suites decide at a fixed time. --watch runs them again
whenever a file that they read changes.

Exit codes: 1 a test failed, 2 a suite or policy does not load, 3 no test ran or a
program cannot be read.`,
		Example: `  xpcpolicy test examples/helper
  xpcpolicy test --run 'clients|mutations' --verbose examples/helper/policy_test.yaml
  xpcpolicy test --coverage-threshold 60 --format junit examples`,
		RunE: t.runE,
	}
	f := cmd.Flags()
	f.StringVarP(&t.policy, "policy", "p", "", "test this policy `FILE` instead of those that the suites name")
	f.StringVar(&t.run, "run", "", "run only the cases whose name matches `REGEXP`; matrix and mutations are names too")
	f.Float64Var(&t.threshold, "coverage-threshold", 0, "fail below `PERCENT` of rules, conditions and floor items, where a suite says nothing")
	f.BoolVarP(&t.verbose, "verbose", "v", false, "list every attacker and everything that coverage misses")
	f.BoolVar(&t.watch, "watch", false, "run again whenever a file changes, until interrupted")
	f.StringVar(&t.format, "format", formatText, "`FORMAT` of the output: text, json, ndjson or junit")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{formatText, formatJSON, formatNDJSON, formatJUnit}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (t *tester) runE(cmd *cobra.Command, targets []string) error {
	t.cmd = cmd
	switch t.format {
	case formatText, formatJSON, formatNDJSON, formatJUnit:
	default:
		e := usage(cmd, "there is no format %s", quoted(t.format))
		e.hint = "the formats are text, json, ndjson and junit"
		return e
	}
	switch {
	case len(targets) == 0:
		e := usage(cmd, "which suites? Name a folder, or a file")
		e.hint = "a suite is a file called NAME_test.yaml; docs/testing.md shows one"
		return e
	case t.threshold < 0 || t.threshold > 100:
		return usage(cmd, "--coverage-threshold is a percentage, from 0 to 100")
	}
	if t.run != "" {
		var err error
		if t.match, err = regexp.Compile(t.run); err != nil {
			return usage(cmd, "--run: %s", shown(err.Error()))
		}
	}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	if t.watch {
		return t.watchSuites(ctx, targets)
	}
	return t.all(ctx, targets)
}

// all runs the suites of all targets and writes the report.
func (t *tester) all(ctx context.Context, targets []string) error {
	t.results, t.files = nil, nil
	paths, err := t.suites(targets)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := t.suite(ctx, path); err != nil {
			var e *usageError
			if !errors.As(err, &e) {
				return err
			}
			t.print(e)
			t.add(exitUsage)
		}
	}
	return t.report()
}

// suites lists the suites below the targets, in order and once each.
func (t *tester) suites(targets []string) ([]string, error) {
	var paths []string
	for _, target := range targets {
		t.files = append(t.files, target)
		st, err := os.Stat(target)
		if err != nil {
			return nil, usage(t.cmd, "%s", plain(err))
		}
		if !st.IsDir() {
			paths = append(paths, target)
			continue
		}
		var found []string
		err = filepath.WalkDir(target, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (strings.HasSuffix(path, "_test.yaml") || strings.HasSuffix(path, "_test.yml")) {
				found = append(found, path)
			}
			if err == nil && d.IsDir() {
				t.files = append(t.files, path)
			}
			return err
		})
		if err != nil {
			return nil, usage(t.cmd, "%s", plain(err))
		}
		paths = append(paths, found...)
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(paths, func(p string) bool {
		p = filepath.Clean(p)
		was := seen[p]
		seen[p] = true
		return was
	}), nil
}

// suite runs one suite over its policies.
func (t *tester) suite(ctx context.Context, path string) error {
	t.files = append(t.files, path)
	b, err := t.read(path)
	if err != nil {
		return usage(t.cmd, "the suite cannot be read: %s", plain(err))
	}
	s, err := policytest.Parse(source(path), b)
	if err != nil {
		return refused(t.cmd, "the suite does not load, so it tested nothing", err)
	}
	dir := filepath.Dir(path)
	for _, file := range s.Files() {
		t.files = append(t.files, beside(dir, file))
	}
	policies := s.Policies()
	for i := range policies {
		policies[i] = beside(dir, policies[i])
	}
	if len(policies) == 0 {
		policies = []string{besidePolicy(path)}
	}
	if t.policy != "" {
		policies = []string{t.policy}
	}
	for _, file := range policies {
		t.files = append(t.files, file)
		p, err := loadPolicyFile(t.cmd, file, s.Profile())
		if err != nil {
			return err
		}
		for _, f := range p.Files()[1:] {
			t.files = append(t.files, filepath.FromSlash(f.Name()))
		}
		t.results = append(t.results, s.Run(ctx, p, t.options(dir, file)))
	}
	return nil
}

func (t *tester) options(dir, policyPath string) policytest.Options {
	o := policytest.Options{
		PolicyName: shown(filepath.ToSlash(policyPath)),
		Load: func(ctx context.Context, path string, now time.Time) (*code.Subject, error) {
			s, err := xpcpolicy.Verify(ctx, beside(dir, path), xpcpolicy.Options{Now: now})
			if err != nil {
				return nil, errors.New(shown(path) + ": " + xpcpolicy.NotJudged(err).Message())
			}
			return s, nil
		},
		Facts: func(path string) (*code.Subject, error) {
			s, err := t.loadFacts(beside(dir, path))
			if err != nil {
				return nil, errors.New(shown(path) + ": " + xpcpolicy.NotJudged(err).Message())
			}
			return s, nil
		},
	}
	if t.format != formatText { // text is the same on every run
		o.Clock = time.Now
	}
	if t.match != nil {
		o.Select = t.match.MatchString
	}
	if t.cmd.Flags().Changed("coverage-threshold") {
		o.Threshold = &t.threshold
	}
	return o
}

// report writes the results and sets the exit code.
func (t *tester) report() error {
	ran := 0
	for _, r := range t.results {
		ran += r.Ran()
		switch r.Outcome() {
		case policytest.Passed:
		case policytest.Broken:
			t.add(exitUnknown)
		default:
			t.add(exitNo)
		}
	}
	if ran == 0 {
		t.add(exitUnknown)
	}
	switch t.format {
	case formatText:
		return t.reportText(ran)
	case formatJUnit:
		b, err := policytest.JUnit(t.results...)
		if err == nil {
			_, err = t.stdout.Write(b)
		}
		return err
	}
	for _, r := range t.results {
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := t.writeJSON(t.format, json.RawMessage(b)); err != nil {
			return err
		}
	}
	return nil
}

func (t *tester) reportText(ran int) error {
	o := policytest.TextOptions{Verbose: t.verbose, Paint: func(meaning, word string) string {
		return t.paint(map[string]string{"good": green, "bad": bold + red, "note": yellow}[meaning], word)
	}}
	var b bytes.Buffer
	b.WriteString(policytest.Text(o, t.results...))
	word, rest := t.paint(bold+green, "PASS"), policytest.Summary(t.results...)
	switch {
	case ran == 0:
		word, rest = t.paint(bold+red, "FAIL"), "no test ran"
	case t.code != exitYes:
		word = t.paint(bold+red, "FAIL")
	}
	b.WriteString(word + "  " + rest + "\n")
	_, err := t.stdout.Write(b.Bytes())
	return err
}

// beside is a path that a suite names: relative ones lie beside it.
func beside(dir, path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// besidePolicy is the policy of a suite that names none: NAME.yaml for
// NAME_test.yaml, else policy.yaml in the same folder.
func besidePolicy(suite string) string {
	for _, ext := range []string{".yaml", ".yml"} {
		if name, ok := strings.CutSuffix(suite, "_test"+ext); ok {
			if _, err := os.Stat(name + ext); err == nil {
				return name + ext
			}
		}
	}
	return filepath.Join(filepath.Dir(suite), "policy.yaml")
}

// loadPolicyFile loads a policy with the files that it includes, which cannot lie
// outside its folder.
func loadPolicyFile(cmd *cobra.Command, path, profile string) (*policy.Policy, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, usage(cmd, "the policy cannot be read: %s", plain(err))
	}
	defer root.Close()
	if _, err := os.Stat(path); err != nil {
		return nil, usage(cmd, "the policy cannot be read: %s", plain(err))
	}
	p, err := policy.Load(root.FS(), filepath.Base(path), policy.Options{Profile: profile, Name: source(filepath.ToSlash(path))})
	if err != nil {
		return nil, refused(cmd, "the policy does not load, so nothing was judged", err)
	}
	return p, nil
}
