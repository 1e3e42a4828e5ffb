package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
)

func (a *app) factsCommand() *cobra.Command {
	var arch, format string
	var identityOnly bool
	cmd := &cobra.Command{
		Use:   "facts TARGET...",
		Short: "Write everything that is known about a program as JSON",
		Long: `facts verifies each target completely and writes its facts: what check --facts and
req eval read, and what a bug report needs. docs/schema/subject-1.schema.json
describes the form.

--identity-only reads the headers and the signature, not the program, which is quick.
Such facts say what the code claims; no decision over them allows anything.`,
		Example: `  xpcpolicy facts examples/helper/client
  xpcpolicy facts --identity-only examples/helper/client
  xpcpolicy facts examples/helper/client | xpcpolicy check -p examples/helper/policy.yaml --facts -`,
		RunE: func(cmd *cobra.Command, targets []string) error {
			if format != formatJSON && format != formatNDJSON {
				e := usage(cmd, "facts are JSON: there is no format %s", quoted(format))
				e.hint = "xpcpolicy show prints them for people"
				return e
			}
			if len(targets) == 0 {
				return usage(cmd, "which program? Name at least one target")
			}
			for _, t := range targets {
				s, err := a.subject(t, arch, !identityOnly)
				if err != nil {
					a.cannotTell(t, err)
					continue
				}
				a.add(validExit(s, identityOnly))
				if err := a.writeJSON(format, s); err != nil {
					return err
				}
			}
			if identityOnly {
				fmt.Fprintln(a.stderr, "xpcpolicy facts: the pages were not read (--identity-only): no decision over these facts allows anything")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&arch, "arch", "", "read the slice of one `ARCH` only, as in arm64")
	cmd.Flags().BoolVar(&identityOnly, "identity-only", false, "read headers and signature, not the program")
	cmd.Flags().StringVar(&format, "format", formatJSON, "`FORMAT` of the output: json (one object for each target) or ndjson (one line for each)")
	return cmd
}

// subject reads a target, with or without its pages.
func (a *app) subject(path, arch string, pages bool) (*code.Subject, error) {
	o := xpcpolicy.Options{Arch: arch}
	if pages {
		return xpcpolicy.Verify(context.Background(), path, o)
	}
	return xpcpolicy.Inspect(context.Background(), path, o)
}

// cannotTell reports a target that gave nothing to judge.
func (a *app) cannotTell(target string, err error) {
	a.add(exitUnknown)
	n := xpcpolicy.NotJudged(err)
	fmt.Fprintf(a.stderr, "%s: %s, %s\n", shown(target), shown(oneLine(n.Message())), n.Status())
}

// validExit is the exit code for having read a target: unsigned and invalid code
// is a no, even where it can be shown. Without the pages, only what failed counts.
func validExit(s *code.Subject, identityOnly bool) exit {
	err := s.Verified()
	switch {
	case err == nil:
		return exitYes
	case identityOnly && code.StatusOf(err) == code.StatusSignatureNotVerifiable:
		return exitYes
	case code.StatusOf(err) == code.StatusSignatureNotVerifiable:
		return exitUnknown
	}
	return exitNo
}
