package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy/code"
)

func (a *app) explainCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "explain CODE...",
		Short: "Say what a status number, its name or codesign's message means",
		Long: `explain says what an errSecCS status means, what most likely led to it and what to
do. It takes the number, Apple's name in any case, or the words that codesign prints.`,
		Example: `  xpcpolicy explain -67050
  xpcpolicy explain errSecCSReqFailed
  xpcpolicy explain 'code object is not signed at all'`,
		DisableFlagParsing: true, // -67050 is a number, not a row of flags
		RunE: func(cmd *cobra.Command, args []string) error {
			var words []string
			format = formatText
			for i := 0; i < len(args); i++ {
				switch arg := args[i]; {
				case arg == "-h" || arg == "--help":
					return cmd.Help()
				case arg == "--":
				case arg == "--format" && i+1 < len(args):
					i++
					format = args[i]
				case strings.HasPrefix(arg, "--format="):
					format = strings.TrimPrefix(arg, "--format=")
				case strings.HasPrefix(arg, "-") && !number(arg[1:]):
					return usage(cmd, "there is no flag %s", shown(arg))
				default:
					words = append(words, arg)
				}
			}
			if err := checkFormat(cmd, format); err != nil {
				return err
			}
			if len(words) == 0 {
				return usage(cmd, "name a status: a number such as -67050, or a name such as errSecCSReqFailed")
			}
			return a.explain(cmd, format, words)
		},
	}
	addFormat(cmd, &format) // for --help and completion
	return cmd
}

func number(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// explain prints what each word means. Words that are not quoted in the shell
// still make a message, so all of them together are tried first.
func (a *app) explain(cmd *cobra.Command, format string, words []string) error {
	if s, ok := code.FindStatus(strings.Join(words, " ")); ok && len(words) > 1 {
		return a.explainStatus(format, s)
	}
	for i, w := range words {
		s, ok := code.FindStatus(w)
		if !ok {
			e := usage(cmd, "%s is no status that code-signing validation returns", quoted(w))
			e.hint = "it takes a number such as -67050, a name such as errSecCSReqFailed, or codesign's words"
			if near := nearStatuses(w); len(near) > 0 {
				e.hint = "did you mean " + strings.Join(near, " or ") + "?"
			}
			return e
		}
		if i > 0 && format == formatText {
			fmt.Fprintln(a.stdout)
		}
		if err := a.explainStatus(format, s); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) explainStatus(format string, s code.Status) error {
	i := s.Info()
	if format != formatText {
		return a.writeJSON(format, struct {
			Status   code.Status `json:"status"`
			Name     string      `json:"name"`
			Meaning  string      `json:"meaning"`
			Cause    string      `json:"cause,omitempty"`
			Remedy   string      `json:"remedy,omitempty"`
			Codesign string      `json:"codesign,omitempty"`
		}{s, i.Name, i.Meaning, i.Cause, i.Remedy, s.CodesignMessage()})
	}
	fmt.Fprintf(a.stdout, "%s\n", s)
	for _, row := range [][2]string{
		{"meaning", i.Meaning}, {"cause", i.Cause}, {"remedy", i.Remedy}, {"codesign", s.CodesignMessage()},
	} {
		if row[1] != "" {
			fmt.Fprintf(a.stdout, "  %-9s %s\n", row[0], row[1])
		}
	}
	return nil
}

// nearStatuses lists up to three statuses that look like the word, best first.
func nearStatuses(word string) []string {
	type candidate struct {
		text     string
		distance int
	}
	want := strings.ToLower(strings.TrimSpace(word))
	var found []candidate
	for _, i := range code.Statuses() {
		name, num := strings.ToLower(i.Name), fmt.Sprint(int32(i.Status))
		d := distance(want, name)
		if short, ok := strings.CutPrefix(name, "errseccs"); ok {
			d = min(d, distance(want, short))
			if len(want) >= 4 && strings.Contains(short, strings.TrimPrefix(want, "errseccs")) {
				d = min(d, 1)
			}
		}
		limit := 1 + len(want)/6
		if number(strings.TrimPrefix(want, "-")) {
			d, limit = distance(strings.TrimPrefix(want, "-"), strings.TrimPrefix(num, "-")), 1
		}
		if d <= limit {
			found = append(found, candidate{i.Status.String(), d})
		}
	}
	slices.SortStableFunc(found, func(x, y candidate) int { return x.distance - y.distance })
	var out []string
	for _, c := range found[:min(3, len(found))] {
		out = append(out, c.text)
	}
	return out
}

// distance counts the letters to insert, delete, replace or swap with a neighbour
// to turn a into b.
func distance(a, b string) int {
	if len(a) > 80 || len(b) > 80 {
		return 80
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
