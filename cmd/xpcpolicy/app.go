package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

// app is one run of the command: its streams, and the exit code so far.
type app struct {
	stdin  io.Reader
	stdout *bufio.Writer
	stderr io.Writer
	screen bool // standard output is a terminal
	colour bool
	code   exit
}

// Main runs the command with arguments that do not include its name, and returns
// the exit code. It is the whole program, so that tests run it in-process.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: bufio.NewWriterSize(stdout, 64<<10), stderr: stderr, screen: isTerminal(stdout), colour: wantColour(stdout)}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(a.stdout)
	root.SetErr(stderr)
	a.execute(root)
	if err := a.stdout.Flush(); err != nil {
		// Whoever reads the answer did not get it: that must not look like one.
		fmt.Fprintln(stderr, "xpcpolicy: standard output: "+plain(err))
		a.add(exitUnknown)
	}
	return int(a.code)
}

// execute runs the command. A defect of ours is "could not tell", and the answers
// that were already given are kept.
func (a *app) execute(root *cobra.Command) {
	defer func() {
		if v := recover(); v != nil {
			fmt.Fprintln(a.stderr, "xpcpolicy: an internal error, please report it: "+shown(fmt.Sprint(v)))
			a.add(exitUnknown)
		}
	}()
	if err := root.Execute(); err != nil {
		a.report(err)
	}
}

// flush gives out what was answered so far, before more has to be waited for.
func (a *app) flush() { _ = a.stdout.Flush() } // the error stays in the writer

// wantColour reports whether output goes to a terminal whose owner wants colour.
func wantColour(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// root builds the command tree. Nothing is read or compiled until one runs.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "xpcpolicy",
		Short: "May this program talk to me?",
		Long: `xpcpolicy verifies macOS code signatures on any system, evaluates Apple's code
requirements, and decides by policies whether a program may talk to another one.

Exit codes: 0 allow, clean, yes; 1 deny, invalid, no; 2 nothing was judged (command
line, policy, requirement); 3 could not tell (missing, unreadable or unknown).`,
		Example: `  xpcpolicy check -p examples/helper/policy.yaml examples/helper/client
  xpcpolicy check -r 'identifier "com.example.client"' examples/helper/client
  xpcpolicy show examples/helper/client
  xpcpolicy explain -67050`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetHelpCommand(a.helpCommand(root))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(cmd, "%s", shown(flagProblem(err.Error())))
	})
	root.AddCommand(a.checkCommand(), a.showCommand(), a.verifyCommand(), a.factsCommand(),
		a.reqCommand(), a.csreqCommand(), a.testCommand(), a.suggestCommand(), a.simulateCommand(), a.replayCommand(), a.explainCommand(), a.tokenCommand(), a.peerCommand(), a.versionCommand(), a.manCommand())
	root.AddCommand(a.scanCommand(), a.diffCommand())
	return root
}

// unknownCommand says what the word is not, and what may have been meant.
func unknownCommand(cmd *cobra.Command, word string) error {
	e := usage(cmd, "there is no command %s", quoted(word))
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		e.hint = "did you mean " + cmd.CommandPath() + " " + strings.Join(near, " or ") + "?"
	} else if _, err := os.Stat(word); err == nil {
		e.hint = "to judge a program: xpcpolicy check -p POLICY " + shown(word)
	}
	return e
}

// flagProblem puts cobra's words for a bad flag into ours.
func flagProblem(s string) string {
	if rest, ok := strings.CutPrefix(s, "unknown flag: "); ok {
		return "there is no flag " + rest
	}
	if rest, ok := strings.CutPrefix(s, "unknown shorthand flag: "); ok {
		return "there is no flag " + rest
	}
	if rest, ok := strings.CutPrefix(s, "flag needs an argument: "); ok {
		if i := strings.LastIndex(rest, " in "); i >= 0 { // 'p' in -p
			rest = rest[i+len(" in "):]
		}
		return rest + " needs a value"
	}
	return s
}

// usageError is a wrong command line, or an argument that does not load: nothing
// was judged.
type usageError struct {
	command string
	message string
	hint    string
	list    diag.List
}

func (e *usageError) Error() string { return e.message }

// usage makes a usageError; values in args must be safe to print.
func usage(cmd *cobra.Command, format string, args ...any) *usageError {
	return &usageError{command: cmd.CommandPath(), message: fmt.Sprintf(format, args...)}
}

// report prints an error that ended a command: nothing was judged.
func (a *app) report(err error) {
	a.add(exitUsage)
	var e *usageError
	if !errors.As(err, &e) {
		fmt.Fprintln(a.stderr, "xpcpolicy: "+plain(err))
		return
	}
	a.print(e)
}

// print prints an error for people: what is wrong, and the way out.
func (a *app) print(e *usageError) {
	if len(e.list) > 0 {
		fmt.Fprint(a.stderr, diag.Text(e.list...))
	}
	if e.message != "" {
		fmt.Fprintln(a.stderr, e.command+": "+e.message)
	}
	hint := e.hint
	if hint == "" && len(e.list) == 0 {
		hint = "run " + e.command + " --help for its flags and examples"
	}
	if hint != "" {
		fmt.Fprintln(a.stderr, "  = "+hint)
	}
}

func (a *app) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Explain a command", Hidden: true,
		Example: "  xpcpolicy help check",
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 || target == nil {
				return unknownCommand(root, strings.Join(args, " "))
			}
			return target.Help()
		},
	}
}
