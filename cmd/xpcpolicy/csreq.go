package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// csreqCommand is Apple's csreq with its own command line, for scripts that call it.
func (a *app) csreqCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "csreq [-v] -r INPUT [-t] [-b FILE]",
		Short: "Stand in for Apple's csreq, with its command line",
		Long: `csreq takes the command line of Apple's tool of that name, so that scripts can call it
where there is no Mac: -t prints the text that Apple's dumper would print, -b writes the
binary form that Apple's compiler would make, and -v says what was read.

INPUT is the path of a file, - for standard input, or =TEXT; files may hold text or the
binary form, a single requirement or a set. Error lines carry Apple's positions, which
count differently from those of req compile. The exit code is 0 or 1.`,
		Example: `  xpcpolicy csreq -r '=anchor apple generic and identifier "com.example.app"' -t
  xpcpolicy csreq -r peer.req -b peer.csreq`,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
				return cmd.Help()
			}
			o, problem := csreqOptions(args)
			if problem != "" {
				fmt.Fprintln(a.stderr, "csreq: "+shown(problem)+"\nusage: csreq [-v] -r INPUT [-t] [-b FILE]")
				a.add(exitNo)
				return nil
			}
			if err := a.csreq(o); err != "" {
				fmt.Fprint(a.stderr, err)
				a.add(exitNo)
			}
			return nil
		},
	}
}

type csreqArgs struct {
	input, binary string
	hasInput      bool
	text, verbose bool
}

// csreqOptions reads the arguments as getopt does: letters may be joined, and a
// value may follow its letter directly, so that -r=TEXT is the input "=TEXT".
func csreqOptions(args []string) (o csreqArgs, problem string) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch arg {
		case "--verbose":
			arg = "-v"
		case "--text":
			arg = "-t"
		}
		if name, value, ok := strings.Cut(arg, "="); ok && (name == "--requirements" || name == "--binary") {
			arg = map[string]string{"--requirements": "-r", "--binary": "-b"}[name] + value
		}
		if len(arg) < 2 || arg[0] != '-' {
			return o, "unexpected argument " + quoted(arg)
		}
		for k := 1; k < len(arg); k++ {
			switch c := arg[k]; c {
			case 'v':
				o.verbose = true
			case 't':
				o.text = true
			case 'r', 'b':
				value := arg[k+1:]
				if value == "" {
					if i++; i == len(args) {
						return o, fmt.Sprintf("-%c needs a value", c)
					}
					value = args[i]
				}
				if c == 'b' {
					o.binary = value
				} else {
					o.input, o.hasInput = value, true
				}
				k = len(arg)
			default:
				return o, "there is no option " + quoted("-"+string(rune(c)))
			}
		}
	}
	switch {
	case !o.hasInput:
		return o, "which requirement? Name it with -r"
	case !o.text && o.binary == "":
		return o, "nothing to do: ask for text with -t or for a binary with -b"
	}
	return o, ""
}

// csreq does the work and returns what to print as errors.
func (a *app) csreq(o csreqArgs) string {
	var b []byte
	var err error
	// Both -r =TEXT and -r=TEXT give text; with -r '==TEXT' the first is the option's own.
	if text, ok := strings.CutPrefix(o.input, "="); ok {
		b = []byte(strings.TrimPrefix(text, "="))
	} else if b, err = a.read(o.input); err != nil {
		return shown(o.input) + ": " + plain(err) + "\n"
	}
	var any requirement.Any
	kind := "text"
	if bytes.HasPrefix(b, magicRequirement) || bytes.HasPrefix(b, magicSet) {
		kind = "binary"
		if any, err = requirement.DecodeAny(b); err != nil {
			return "csreq: " + shown(err.Error()) + "\n"
		}
	} else if any, err = requirement.ParseAny(o.input, string(b)); err != nil {
		return printableLines(requirement.AppleError(err))
	}
	if o.verbose {
		what := "single requirement"
		if any.Set != nil {
			what = fmt.Sprintf("set of %d requirements", len(any.Set.Entries))
		}
		fmt.Fprintln(a.stderr, "csreq: read a "+what+" as "+kind)
	}
	blob := any.Encode()
	if o.text {
		text, err := requirement.Dump(blob)
		if err != nil {
			return "csreq: " + shown(err.Error()) + "\n"
		}
		fmt.Fprintln(a.stdout, printableLines(strings.TrimSuffix(text, "\n")))
	}
	switch o.binary {
	case "":
	case "-":
		_, _ = a.stdout.Write(blob) // an error stays until the last flush
	default:
		if err := os.WriteFile(o.binary, blob, 0o644); err != nil {
			return shown(o.binary) + ": " + plain(err) + "\n"
		}
	}
	return ""
}
