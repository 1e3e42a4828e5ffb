package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy/code"
)

func (a *app) showCommand() *cobra.Command {
	var arch, format string
	var pages bool
	cmd := &cobra.Command{
		Use:   "show TARGET...",
		Short: "Show everything a signature says, like codesign -dvvvv --entitlements - -r-",
		Long: `show reads the headers and the signature of each target, verifies what can be
verified without reading the program, and prints all of it, slice by slice. What it
prints is what the signature CLAIMS until verify or check has read the whole program;
--verify does so here.

--format json writes the same facts as xpcpolicy facts --identity-only.`,
		Example: `  xpcpolicy show examples/helper/client
  xpcpolicy show --format json examples/helper/client
  xpcpolicy show --arch arm64 --verify examples/helper/client`,
		RunE: func(cmd *cobra.Command, targets []string) error {
			if err := checkFormat(cmd, format); err != nil {
				return err
			}
			if len(targets) == 0 {
				return usage(cmd, "which program? Name at least one target")
			}
			printed := false
			for _, t := range targets {
				s, err := a.subject(t, arch, pages)
				if err != nil {
					a.cannotTell(t, err)
					continue
				}
				a.add(validExit(s, !pages))
				if format != formatText {
					if err := a.writeJSON(format, s); err != nil {
						return err
					}
					continue
				}
				if printed {
					fmt.Fprintln(a.stdout)
				}
				printed = true
				a.show(s)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&arch, "arch", "", "show the slice of one `ARCH` only, as in arm64")
	f.BoolVar(&pages, "verify", false, "read the whole program and verify it")
	addFormat(cmd, &format)
	return cmd
}

// show prints one subject for people.
func (a *app) show(s *code.Subject) {
	p := printer{w: a.stdout}
	p.heading(a.paint(bold, shown(s.Path)))
	p.row("format", s.Format)
	if len(s.Slices) > 0 {
		p.row("slices", sliceList(s))
	}
	p.row("origin", string(s.Origin))
	for _, v := range s.PerSlice() {
		if len(s.Slices) > 0 {
			p.heading("slice " + shown(v.Arch))
		}
		p.slice(v)
	}
	p.heading("outside the signature")
	switch n, ok, err := s.StapledTicket.Get(); {
	case ok:
		p.row("stapled ticket", fmt.Sprintf("%d bytes, not verified and no proof", n))
	case err != nil:
		p.row("stapled ticket", "not looked for")
	default:
		p.row("stapled ticket", "none")
	}
	p.boolean("notarized", s.Notarized)
	p.boolean("in trust cache", s.TrustCache())
	p.validity(s)
}

// sliceList names the slices in file order and marks the best one.
func sliceList(s *code.Subject) string {
	text := ""
	for i := range s.Slices {
		if i > 0 {
			text += ", "
		}
		text += s.Slices[i].Arch
		if s.Slices[i].Offset == s.Offset && len(s.Slices) > 1 {
			text += " (preferred)"
		}
	}
	return text
}
