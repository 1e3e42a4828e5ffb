package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy/policy"
	"github.com/xpcpolicy/xpcpolicy/policy/decisionlog"
)

// replayer holds the flags of one replay command.
type replayer struct {
	*app
	cmd        *cobra.Command
	policyPath string
	profile    string
	all        bool
	format     string

	policy                   *policy.Policy
	entries, replayed, other int
	skipped                  map[string]int // by reason
	reasons                  []string       // in the order of their first entry
}

// replayJSON is one line of the output for machines.
type replayJSON struct {
	File     string            `json:"file"`
	Line     int               `json:"line"`
	ID       string            `json:"decision_id,omitempty"`
	Time     string            `json:"timestamp,omitempty"`
	Peer     *decisionlog.Peer `json:"peer,omitempty"`
	Then     string            `json:"then,omitempty"`
	ThenRule string            `json:"then_rule,omitempty"`
	Now      string            `json:"now,omitempty"`
	Changed  bool              `json:"changed"`
	Skipped  string            `json:"skipped,omitempty"`
	Decision json.RawMessage   `json:"decision,omitempty"`
}

func (a *app) replayCommand() *cobra.Command {
	r := &replayer{app: a, skipped: map[string]int{}}
	cmd := &cobra.Command{
		Use:   "replay -p POLICY LOG...",
		Short: "Which recorded decisions would another policy change?",
		Long: `replay reads decision logs and asks each question again under a policy: with the
facts, the operation and the time of then. It lists the answers that are different.

Only entries that carry their facts can be replayed; the others are counted. Nothing is
verified: a decision over recorded facts says so.

Exit codes: 0 no answer changes, 1 some do, 3 no entry could be replayed.`,
		Example: `  xpcpolicy replay -p examples/helper/policy.yaml examples/helper/decisions.jsonl
  xpcpolicy replay -p examples/helper/policy.yaml --all --format ndjson examples/helper/decisions.jsonl`,
		RunE: r.run,
	}
	f := cmd.Flags()
	f.StringVarP(&r.policyPath, "policy", "p", "", "the policy `FILE` to ask")
	f.StringVar(&r.profile, "profile", "", "the profile `NAME` of the policy that is in force")
	f.BoolVar(&r.all, "all", false, "list the answers that stay the same too")
	addFormat(cmd, &r.format)
	return cmd
}

func (r *replayer) run(cmd *cobra.Command, logs []string) error {
	r.cmd = cmd
	if err := checkFormat(cmd, r.format); err != nil {
		return err
	}
	switch {
	case r.policyPath == "":
		return usage(cmd, "under which policy? Name one with -p")
	case len(logs) == 0:
		return usage(cmd, "which log? Name at least one; - is standard input")
	}
	var err error
	if r.policy, err = loadPolicyFile(cmd, r.policyPath, r.profile); err != nil {
		return err
	}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	for _, log := range logs {
		if err := r.log(ctx, log); err != nil {
			return err
		}
	}
	return r.summary()
}

func (r *replayer) log(ctx context.Context, name string) error {
	var in io.Reader = r.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			fmt.Fprintln(r.stderr, r.cmd.CommandPath()+": "+plain(err))
			r.add(exitUnknown)
			return nil
		}
		defer f.Close()
		in = f
	}
	for line, err := range decisionlog.Read(in) {
		r.entries++
		var again decisionlog.Replayed
		if err == nil {
			again, err = decisionlog.Replay(ctx, line.Entry, r.policy)
		}
		if err := r.entry(source(name), line, again, err); err != nil {
			return err
		}
	}
	return nil
}

// entry counts and prints one entry; why says why it cannot be replayed.
func (r *replayer) entry(file string, line decisionlog.Line, again decisionlog.Replayed, why error) error {
	e := line.Entry
	v := replayJSON{File: file, Line: line.Number, ID: e.ID, Then: e.Result, ThenRule: e.Rule}
	if !e.Time.IsZero() {
		v.Time = e.Time.Format("2006-01-02T15:04:05.999999999Z07:00")
	}
	switch {
	case why != nil:
		v.Skipped = shown(oneLine(why.Error()))
		if r.skipped[v.Skipped]++; r.skipped[v.Skipped] == 1 {
			r.reasons = append(r.reasons, v.Skipped)
		}
	default:
		r.replayed++
		v.Now, v.Changed, v.Peer = again.Decision.Outcome().String(), again.Changed, &e.Peer
		if again.Changed {
			r.other++
		}
	}
	if r.format != formatText {
		if v.Now != "" {
			b, err := again.Decision.MarshalJSON()
			if err != nil {
				return err
			}
			v.Decision = b
		}
		if v.Changed || r.all || v.Skipped != "" {
			return r.writeJSON(r.format, v)
		}
		return nil
	}
	if v.Skipped != "" || !v.Changed && !r.all {
		return nil
	}
	return r.text(v, e, again)
}

func (r *replayer) text(v replayJSON, e decisionlog.Entry, again decisionlog.Replayed) error {
	var b bytes.Buffer
	arrow := r.paint(yellow, v.Then+" -> "+v.Now)
	if !v.Changed {
		arrow = v.Now + " as before"
	}
	fmt.Fprintf(&b, "%s:%d: %s  %s", shown(v.File), v.Line, arrow, shown(e.Peer.Identifier))
	if e.Peer.Version != "" {
		fmt.Fprintf(&b, " %s", shown(e.Peer.Version))
	}
	if e.Operation != "" {
		fmt.Fprintf(&b, ", operation %s", shown(e.Operation))
	}
	fmt.Fprintf(&b, "\n  then: %s\n", because(e.Reason, e.Rule, e.Message))
	d := again.Decision
	fmt.Fprintf(&b, "  now:  %s\n", because(d.Reason(), d.Rule(), d.Message()))
	_, err := r.stdout.Write(b.Bytes())
	return err
}

// because joins the code of a decision with its rule and sentence.
func because(reason, rule, message string) string {
	text := shown(reason)
	if rule != "" {
		text += " " + quoted(rule)
	}
	if message != "" {
		text += ": " + shown(oneLine(message))
	}
	return text
}

// summary says how many answers are different, and what could not be asked.
func (r *replayer) summary() error {
	switch {
	case r.replayed == 0:
		r.add(exitUnknown)
	case r.other > 0:
		r.add(exitNo)
	}
	out := io.Writer(r.stdout)
	if r.format != formatText {
		out = r.stderr
	}
	if r.format == formatText || r.replayed == 0 {
		fmt.Fprintf(out, "%d of %d decisions change\n", r.other, r.replayed)
		for _, why := range r.reasons {
			fmt.Fprintf(out, "  not replayed: %d, because %s\n", r.skipped[why], why)
		}
	}
	return nil
}
