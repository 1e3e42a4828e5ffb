package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/token"
)

// peerer holds the flags of one peer command.
type peerer struct {
	checker
	strength       string
	record, replay string
}

// exampleToken is that of the process in examples/embed/case.json.
const exampleToken = "f5010000f501000014000000f50100001400000007000000a186010015000000"

func (a *app) peerCommand() *cobra.Command {
	p := &peerer{checker: checker{app: a}}
	cmd := &cobra.Command{
		Use:   "peer -p POLICY TOKEN",
		Short: "May this running process talk to me? Decide by a policy",
		Long: `peer asks the kernel of this Mac which program runs in the process that an audit
token names, verifies that program, and asks a policy. The token is 64 hexadecimal
digits; a process identifier is no identity, and is refused.

Without --replay it needs a Mac: xpcpolicy peer -p POLICY --record case.json TOKEN

--record FILE writes down what the kernel answered, and --replay FILE decides over such
a file again, on any system. Whoever writes the file chooses the answers, so that every
decision over it says what it rests on. This command has not been run on a Mac yet.`,
		Example: `  xpcpolicy peer -p examples/embed/policy.yaml --replay examples/embed/case.json ` + exampleToken + `
  xpcpolicy peer -p examples/embed/policy.yaml --replay examples/embed/case.json --explain ` + exampleToken,
		RunE: p.run,
	}
	f := cmd.Flags()
	f.StringVarP(&p.policyPath, "policy", "p", "", "a policy `FILE` (YAML); - is standard input")
	f.StringVar(&p.profile, "profile", "", "put the profile `NAME` of the policy in force, which lets in more; every answer says so")
	f.StringVar(&p.operation, "operation", "", "what the process wants to do, in the policy's `WORD`s")
	f.StringVar(&p.strength, "strength", string(code.StrengthMessage), "where the token came from: `message`, connection or weak")
	f.StringVar(&p.record, "record", "", "write what the kernel answers into `FILE`")
	f.StringVar(&p.replay, "replay", "", "take the kernel's answers from `FILE`, which --record wrote; - is standard input")
	f.BoolVar(&p.explain, "explain", false, "explain an allow too, with what was found for each clause, and search for the nearest allow of a denial")
	addFormat(cmd, &p.format)
	f.Lookup("format").Usage += "; dot draws the explanation for Graphviz"
	return cmd
}

func (p *peerer) run(cmd *cobra.Command, args []string) error {
	t, err := p.prepare(cmd, args)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	name := t.String()
	k, err := p.kernel(cmd)
	var e *usageError
	switch {
	case errors.As(err, &e):
		return err
	case err != nil:
		fmt.Fprintln(p.stderr, "xpcpolicy peer: no kernel here can be asked: "+plain(err))
		fmt.Fprintln(p.stderr, "  = record the case on the Mac (--record FILE), and decide here with --replay FILE")
		return p.print(name, nil, xpcpolicy.NotJudged(&code.Error{Status: code.StatusSignatureNotVerifiable, Part: "process", Off: -1, Err: err}))
	}
	recorder := token.NewRecorder(k)
	if p.record != "" {
		k = recorder
	}
	d, s := xpcpolicy.CheckPeer(ctx, p.policy, k, xpcpolicy.Peer{
		Token: t, Strength: code.TokenStrength(p.strength), Operation: p.operation, Now: time.Now(),
	})
	if p.record != "" {
		if err := writeRecording(p.record, recorder.Recording()); err != nil {
			fmt.Fprintln(p.stderr, "xpcpolicy peer: the recording: "+plain(err))
			p.add(exitUnknown)
		}
	}
	return p.print(name, s, d)
}

// prepare checks the command line and loads the policy.
func (p *peerer) prepare(cmd *cobra.Command, args []string) (token.AuditToken, error) {
	var none token.AuditToken
	if p.format != formatDOT {
		if err := checkFormat(cmd, p.format); err != nil {
			return none, err
		}
	}
	switch {
	case p.policyPath == "":
		return none, usage(cmd, "by what? Name a policy with -p")
	case len(args) == 0:
		return none, usage(cmd, "which process? Name an audit token in hexadecimal digits")
	case p.record != "" && p.replay != "":
		return none, usage(cmd, "--record and --replay exclude each other: a recording of a recording is the same file")
	case p.policyPath == "-" && p.replay == "-":
		return none, usage(cmd, "standard input can be read once, and - stands in 2 places")
	case !slices.Contains([]string{"message", "connection", "weak"}, p.strength):
		return none, usage(cmd, "%s is no strength of a token: message, connection or weak", quoted(p.strength))
	}
	if isPID(args) {
		e := usage(cmd, "%s looks like a process identifier, which is no identity: it is used again, and a program can replace itself", quoted(args[0]))
		e.hint = "name the audit token of the message: 64 hexadecimal digits"
		return none, e
	}
	t, err := token.ParseHex(strings.Join(args, " "))
	if err != nil {
		return none, usage(cmd, "%s", plain(err))
	}
	p.policy, err = p.loadProfile(cmd, p.policyPath, p.profile)
	return t, err
}

// isPID reports whether arguments are a short number.
func isPID(args []string) bool {
	return len(args) == 1 && len(args[0]) <= 10 && strings.Trim(args[0], "0123456789") == ""
}

// kernel is what answers about processes: this Mac, or a recording.
func (p *peerer) kernel(cmd *cobra.Command) (token.Kernel, error) {
	if p.replay == "" {
		return token.System()
	}
	in := p.stdin
	if p.replay != "-" {
		f, err := os.Open(p.replay)
		if err != nil {
			return nil, usage(cmd, "the recording cannot be read: %s", plain(err))
		}
		defer f.Close()
		in = f
	}
	rec, err := token.ReadRecording(in)
	if err != nil {
		return nil, usage(cmd, "the recording does not load: %s", plain(err))
	}
	return rec.Kernel(), nil
}

// writeRecording writes a recording into a new file, or over an old one.
func writeRecording(path string, r *token.Recording) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // it holds a user's paths
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return encodeRecording(f, r)
}

func encodeRecording(w io.Writer, r *token.Recording) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// print prints the answer as check does.
func (p *peerer) print(name string, s *code.Subject, d answer) error {
	p.add(outcomeExit(d.Outcome()))
	switch p.format {
	case formatText:
		p.printAnswer(name, s, d)
		return nil
	case formatDOT:
		return p.printDOT(name, d)
	}
	b, err := p.answerJSON(name, d)
	if err != nil {
		return err
	}
	return p.writeJSON(p.format, json.RawMessage(b))
}
