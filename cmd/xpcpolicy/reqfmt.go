package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy/requirement"
)

// formatter holds the flags of one req fmt command.
type formatter struct {
	*app
	style string
	write bool
	check bool
}

func (a *app) reqFmtCommand() *cobra.Command {
	f := &formatter{app: a}
	cmd := &cobra.Command{
		Use:   "fmt INPUT...",
		Short: "Format requirements, comments included",
		Long: `fmt prints each INPUT in canonical form. Of a text the comments stay, and it compiles to
the same bytes as before. A text that does not parse is refused with everything that is
wrong with it (exit 1).

-w rewrites files in place, in one step for each file; a file that is formatted is not
touched. --check changes nothing: it lists the texts that are not formatted (exit 1).

Something compiled has no comments: its meaning is printed, in the default style. With
--style the meaning of a text is printed too, without its comments.

On a terminal, what is invisible is escaped; elsewhere a text keeps every byte of its
comments and values.`,
		Example: `  xpcpolicy req fmt '=(anchor apple generic) and (identifier "com.example.app") // ours'
  xpcpolicy req fmt -w peer.req
  xpcpolicy req fmt --check peer.req
  xpcpolicy req fmt --style indent '=anchor apple generic and identifier "com.example.app"'`,
		RunE: f.run,
	}
	cmd.Flags().BoolVarP(&f.write, "write", "w", false, "rewrite the files in place")
	cmd.Flags().BoolVar(&f.check, "check", false, "list the texts that are not formatted, and exit with 1 when there is one")
	addStyle(cmd, &f.style)
	return cmd
}

func (f *formatter) run(cmd *cobra.Command, args []string) error {
	style, err := findStyle(cmd, f.style)
	if err != nil {
		return err
	}
	styled := cmd.Flags().Changed("style")
	switch {
	case f.write && f.check:
		return usage(cmd, "-w and --check exclude each other")
	case styled && (f.write || f.check):
		e := usage(cmd, "files have one form, which keeps their comments: --style goes with neither -w nor --check")
		e.hint = "leave --style out"
		return e
	case styled:
		return f.inputs(cmd, args, func(any requirement.Any) error { return f.print(cmd, any, style) })
	}
	texts, err := f.texts(cmd, args)
	if err != nil {
		return err
	}
	for _, t := range texts {
		if err := f.finish(cmd, t); err != nil {
			return err
		}
	}
	return nil
}

// print prints a meaning.
func (f *formatter) print(cmd *cobra.Command, any requirement.Any, style requirement.Style) error {
	text, err := printStyle(any, style)
	if err != nil {
		return usage(cmd, "%s", plain(err))
	}
	fmt.Fprintln(f.stdout, printableLines(text))
	return nil
}

// formatted is one INPUT before and after formatting.
type formatted struct {
	path     string
	name     string // as diagnostics call it
	old, new []byte
	compiled *requirement.Any // instead of old and new
}

// texts reads and formats everything before anything is written: a wrong command
// line leaves all files as they are.
func (f *formatter) texts(cmd *cobra.Command, args []string) ([]formatted, error) {
	if len(args) == 0 {
		return nil, f.inputs(cmd, args, nil)
	}
	if countDashes(args) > 1 {
		return nil, usage(cmd, "standard input can be read once")
	}
	var out []formatted
	for _, arg := range args {
		if f.write && (arg == "-" || arg[:min(1, len(arg))] == "=") {
			e := usage(cmd, "-w rewrites files, and %s is none", quoted(arg))
			e.hint = "without -w the result goes to standard output"
			return nil, e
		}
		name, b, err := f.readInput(cmd, arg)
		if err != nil {
			return nil, err
		}
		t := formatted{path: arg, name: name, old: b}
		if isCompiled(b) {
			if f.write || f.check {
				e := usage(cmd, "%s is compiled: only a text can be formatted in its file", name)
				e.hint = "xpcpolicy req dump prints its text"
				return nil, e
			}
			any, err := parseAny(name, b)
			if err != nil {
				f.refuse(cmd, err)
				continue
			}
			t.compiled = &any
		} else {
			text, err := requirement.FormatSource(name, string(b), requirement.FormatOptions{})
			if err != nil {
				f.refuse(cmd, err)
				continue
			}
			t.new = []byte(text)
			if name == "<arg>" && !bytes.HasSuffix(b, []byte("\n")) {
				t.old = append(b, '\n') // which only files need
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// refuse reports an INPUT that is no requirement; the others still get their turn.
func (f *formatter) refuse(cmd *cobra.Command, err error) {
	f.app.print(refused(cmd, "", err))
	f.add(exitNo)
}

// finish does with one formatted text what the flags say.
func (f *formatter) finish(cmd *cobra.Command, t formatted) error {
	switch same := bytes.Equal(t.old, t.new); {
	case t.compiled != nil:
		return f.print(cmd, *t.compiled, requirement.StyleDefault)
	case f.check && !same:
		f.add(exitNo)
		fmt.Fprintln(f.stdout, t.name)
	case f.write && !same:
		if err := replaceFile(t.path, t.new); err != nil {
			return usage(cmd, "the file cannot be rewritten: %s", plain(err))
		}
	case f.write || f.check:
	case f.screen:
		fmt.Fprint(f.stdout, printableLines(string(t.new)))
	default:
		_, _ = f.stdout.Write(t.new) // an error stays until the last flush
	}
	return nil
}

// replaceFile gives a file new content in one step: whoever reads it meanwhile, or
// after a crash, finds the old content or the new one. The mode stays, and a
// symbolic link stays one.
func replaceFile(path string, b []byte) (err error) {
	path, err = filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	old, err := os.OpenFile(path, os.O_WRONLY, 0) // a rename would not ask for this permission
	if err != nil {
		return err
	}
	info, err := old.Stat()
	old.Close()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &os.PathError{Op: "write", Path: path, Err: fmt.Errorf("it is no regular file")}
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".xpcpolicy-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			temp.Close()
			os.Remove(temp.Name())
		}
	}()
	if _, err = temp.Write(b); err != nil {
		return err
	}
	if err = temp.Chmod(info.Mode()); err != nil {
		return err
	}
	if err = temp.Sync(); err != nil {
		return err
	}
	if err = temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
