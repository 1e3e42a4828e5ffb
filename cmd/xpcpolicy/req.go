package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy/requirement"
)

func (a *app) reqCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "req COMMAND",
		Short: "Work with texts in Apple's requirement language",
		Long: `req formats, compiles, prints, evaluates and compares code requirements. csreq is the
command for scripts that call Apple's.

An INPUT is the path of a file, text or compiled; - for standard input; or =TEXT, the
text itself. A path that does not exist is never taken for text.`,
		Example: `  xpcpolicy req fmt '=anchor apple generic and identifier "com.example.app"'
  xpcpolicy req compile '=anchor apple' | xpcpolicy req dump -
  xpcpolicy req implies '=anchor apple' '=anchor apple generic'`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(a.reqFmtCommand(), a.reqCompileCommand(), a.reqDumpCommand(), a.reqEvalCommand(),
		a.reqImpliesCommand(), a.reqEquivalentCommand(), a.reqDiffCommand(), a.reqDesignatedCommand())
	return cmd
}

// readInput reads what an INPUT names, and says how diagnostics call it.
func (a *app) readInput(cmd *cobra.Command, arg string) (name string, b []byte, err error) {
	if len(arg) > 0 && arg[0] == '=' {
		return "<arg>", []byte(arg[1:]), nil
	}
	b, err = a.read(arg)
	if err != nil {
		e := usage(cmd, "%s", plain(err))
		e.hint = "to give the text itself, put a = in front: " + shown("'="+arg+"'")
		return "", nil, e
	}
	return source(arg), b, nil
}

// inputs calls f for each INPUT. One that is refused counts as a no, and the
// others still get their turn.
func (a *app) inputs(cmd *cobra.Command, args []string, f func(any requirement.Any) error) error {
	if len(args) == 0 {
		e := usage(cmd, "which requirement? Name at least one INPUT")
		e.hint = "an INPUT is a file, - for standard input, or =TEXT"
		return e
	}
	if countDashes(args) > 1 {
		return usage(cmd, "standard input can be read once")
	}
	for _, arg := range args {
		name, b, err := a.readInput(cmd, arg)
		if err != nil {
			return err
		}
		any, err := parseAny(name, b)
		if err != nil {
			a.print(refused(cmd, "", err))
			a.add(exitNo)
			continue
		}
		if err := f(any); err != nil {
			return err
		}
	}
	return nil
}

// styles are the values of --style.
var styles = []struct {
	name  string
	style requirement.Style
	doc   string
}{
	{"default", requirement.StyleDefault, "Apple's text, repaired so that it parses to the same meaning"},
	{"exact", requirement.StyleExact, "with the parentheses that bring the same bytes back"},
	{"apple", requirement.StyleApple, "what Apple's dumper prints, byte for byte"},
	{"indent", requirement.StyleIndent, "over several lines, for reading"},
}

func addStyle(cmd *cobra.Command, style *string) {
	usage := "`STYLE` of the text:"
	var names []string
	for _, s := range styles {
		usage += fmt.Sprintf(" %s (%s),", s.name, s.doc)
		names = append(names, s.name)
	}
	cmd.Flags().StringVar(style, "style", styles[0].name, usage[:len(usage)-1])
	_ = cmd.RegisterFlagCompletionFunc("style", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

func findStyle(cmd *cobra.Command, name string) (requirement.Style, error) {
	for _, s := range styles {
		if s.name == name {
			return s.style, nil
		}
	}
	e := usage(cmd, "there is no style %s", quoted(name))
	e.hint = "the styles are default, exact, apple and indent"
	return 0, e
}

// printStyle writes a requirement or a set in a style.
func printStyle(any requirement.Any, style requirement.Style) (string, error) {
	if style == requirement.StyleApple {
		return requirement.Dump(any.Encode())
	}
	return any.Format(style), nil
}
