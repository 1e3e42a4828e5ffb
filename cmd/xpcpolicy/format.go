package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy/policy"
)

// The output formats. json is one indented object for each target, in order, so
// that it has one shape for any number of targets; ndjson is the same with one
// line for each.
const (
	formatText   = "text"
	formatJSON   = "json"
	formatNDJSON = "ndjson"
)

func addFormat(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVar(format, "format", formatText, "`FORMAT` of the output: text, json (one object for each target) or ndjson (one line for each)")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{formatText, formatJSON, formatNDJSON}, cobra.ShellCompDirectiveNoFileComp))
}

func checkFormat(cmd *cobra.Command, format string) error {
	switch format {
	case formatText, formatJSON, formatNDJSON:
		return nil
	}
	e := usage(cmd, "there is no format %s", quoted(format))
	e.hint = "the formats are text, json and ndjson"
	return e
}

// writeJSON writes one object in a format that is not text.
func (a *app) writeJSON(format string, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if format == formatJSON {
		e.SetIndent("", "  ")
	}
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := a.stdout.Write(escaped(b.Bytes()))
	return err
}

// escaped writes characters that a terminal obeys, or that hide or reorder others,
// as JSON escapes. They can stand in strings only.
func escaped(b []byte) []byte {
	clean := true
	for _, c := range b {
		if c >= 0x7f {
			clean = false
			break
		}
	}
	if clean {
		return b
	}
	out := make([]byte, 0, len(b)+32)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r >= 0x7f && r < 0xa0 || unicode.Is(unicode.Cf, r) || r == 0x2028 || r == 0x2029 {
			for _, u := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, "\\u%04x", u)
			}
		} else {
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}

const (
	green  = "\x1b[32m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	bold   = "\x1b[1m"
	reset  = "\x1b[0m"
)

// paint colours a word when the output is a terminal.
func (a *app) paint(colour, s string) string {
	if !a.colour {
		return s
	}
	return colour + s + reset
}

// paintOutcome is the verdict word in its colour.
func (a *app) paintOutcome(o policy.Outcome) string {
	switch o {
	case policy.OutcomeAllow:
		return a.paint(bold+green, "ALLOW")
	case policy.OutcomeUnknown:
		return a.paint(bold+yellow, "UNKNOWN")
	}
	return a.paint(bold+red, "DENY")
}

// outcomeExit is the exit code of one answer.
func outcomeExit(o policy.Outcome) exit {
	switch o {
	case policy.OutcomeAllow:
		return exitYes
	case policy.OutcomeUnknown:
		return exitUnknown
	}
	return exitNo
}

// oneLine joins the lines of a message that another program wrote.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
