package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

func (a *app) reqCompileCommand() *cobra.Command {
	var output string
	var hexadecimal, ndjson bool
	cmd := &cobra.Command{
		Use:   "compile INPUT",
		Short: "Compile a requirement to its binary form, byte for byte as Apple's compiler",
		Long: `compile writes the binary form of a requirement or a requirement set: what csreq -b
writes and SecRequirementCopyData returns.

--ndjson answers one line for each line of standard input, as soon as it is there:
{"id", "text", "kind": "requirement|set|any"} gives {"id", "ok", "hex", "dump",
"error"}, where dump and error are Apple's words.`,
		Example: `  xpcpolicy req compile --hex '=anchor apple'
  xpcpolicy req compile -o peer.csreq peer.req
  xpcpolicy req compile --ndjson < requests.ndjson`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if ndjson {
				return a.batch(cmd, args, compileLine)
			}
			if len(args) != 1 {
				return usage(cmd, "name one INPUT: a file, - for standard input, or =TEXT")
			}
			return a.inputs(cmd, args, func(any requirement.Any) error {
				b := any.Encode()
				switch {
				case hexadecimal && output == "":
					fmt.Fprintln(a.stdout, hex.EncodeToString(b))
				case hexadecimal:
					b = []byte(hex.EncodeToString(b) + "\n")
					fallthrough
				case output != "":
					if err := os.WriteFile(output, b, 0o644); err != nil {
						return usage(cmd, "the output cannot be written: %s", plain(err))
					}
				default:
					_, _ = a.stdout.Write(b) // an error stays until the last flush
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to a `FILE` instead of standard output")
	cmd.Flags().BoolVar(&hexadecimal, "hex", false, "write hexadecimal digits")
	addNDJSON(cmd, &ndjson)
	return cmd
}

// compileRequest is a request of compile --ndjson.
type compileRequest struct {
	ID   json.RawMessage `json:"id"`
	Text *string         `json:"text"`
	Kind string          `json:"kind"`
}

func (in *compileRequest) read(line []byte) error {
	if r, ok := cutRequest(line); ok && r.hex == nil && r.facts == nil && r.ctx == nil {
		text, textOK := cutString(r.text)
		kind, kindOK := cutString(r.kind)
		if textOK && kindOK {
			in.ID, in.Text = r.id, text
			if kind != nil {
				in.Kind = *kind
			}
			return nil
		}
	}
	return json.Unmarshal(line, in)
}

// compileLine answers one request of compile --ndjson.
func compileLine(out, line []byte) []byte {
	var in compileRequest
	err := in.read(line)
	if err == nil && in.Text == nil {
		err = fmt.Errorf(`the key "text" is missing`)
	}
	if err != nil {
		return malformed(out, in.ID, err)
	}
	var any requirement.Any
	switch in.Kind {
	case "requirement":
		any.Expr, err = requirement.Parse("", *in.Text)
	case "set":
		any.Set, err = requirement.ParseSet("", *in.Text)
	case "any", "":
		any, err = requirement.ParseAny("", *in.Text)
	default:
		return malformed(out, in.ID, fmt.Errorf(`kind is %q, want "requirement", "set" or "any"`, in.Kind))
	}
	var blob []byte
	var dump string
	if err == nil {
		blob = any.Encode()
		dump, err = requirement.Dump(blob)
	}
	out = appendID(out, in.ID)
	if err != nil {
		out = append(out, `,"ok":false,"hex":"","dump":"","error":`...)
		out = appendString(out, requirement.AppleError(err))
		return append(out, "}\n"...)
	}
	out = append(out, `,"ok":true,"hex":"`...)
	out = hex.AppendEncode(out, blob)
	out = append(out, `","dump":`...)
	out = appendString(out, dump)
	return append(out, `,"error":""}`+"\n"...)
}

func (a *app) reqDumpCommand() *cobra.Command {
	var style string
	var ndjson bool
	cmd := &cobra.Command{
		Use:   "dump INPUT",
		Short: "Print a compiled requirement as text",
		Long: `dump reads a compiled requirement or requirement set (a file, - for standard input, or
=HEX) and prints its text.

--ndjson answers one line for each line of standard input: {"id", "hex"} gives {"id",
"ok", "dump", "error"}.`,
		Example: `  xpcpolicy req dump peer.csreq
  xpcpolicy req dump =fade0c00000000100000000100000001
  xpcpolicy req dump --style apple --ndjson < requests.ndjson`,
		RunE: func(cmd *cobra.Command, args []string) error {
			st, err := findStyle(cmd, style)
			if err != nil {
				return err
			}
			if ndjson {
				return a.batch(cmd, args, func(out, line []byte) []byte { return dumpLine(out, line, st) })
			}
			if len(args) != 1 {
				return usage(cmd, "name one INPUT: a compiled file, - for standard input, or =HEX")
			}
			name, b, err := a.readInput(cmd, args[0])
			if err != nil {
				return err
			}
			if name == "<arg>" {
				if b, err = decodeHex(strings.TrimSpace(string(b))); err != nil {
					return usage(cmd, "%s: %s", quoted(args[0]), err.Error())
				}
			}
			text, err := dumpBlob(b, st)
			if err != nil {
				a.add(exitNo)
				fmt.Fprintln(a.stderr, name+": "+shown(err.Error()))
				return nil
			}
			fmt.Fprintln(a.stdout, printableLines(text))
			return nil
		},
	}
	addStyle(cmd, &style)
	addNDJSON(cmd, &ndjson)
	return cmd
}

// dumpBlob prints a binary. Apple's dumper prints binaries that make no sense
// too, so its style does not ask whether they decode.
func dumpBlob(b []byte, style requirement.Style) (string, error) {
	if style == requirement.StyleApple {
		return requirement.Dump(b)
	}
	any, err := requirement.DecodeAny(b)
	if err != nil {
		return "", err
	}
	return any.Format(style), nil
}

func dumpLine(out, line []byte, style requirement.Style) []byte {
	var in struct {
		ID  json.RawMessage `json:"id"`
		Hex *string         `json:"hex"`
	}
	err := json.Unmarshal(line, &in)
	if err == nil && in.Hex == nil {
		err = fmt.Errorf(`the key "hex" is missing`)
	}
	if err != nil {
		return malformed(out, in.ID, err)
	}
	b, err := decodeHex(*in.Hex)
	var dump string
	if err == nil {
		dump, err = dumpBlob(b, style)
	}
	out = appendID(out, in.ID)
	if err != nil {
		out = append(out, `,"ok":false,"dump":"","error":`...)
		out = appendString(out, err.Error())
		return append(out, "}\n"...)
	}
	out = append(out, `,"ok":true,"dump":`...)
	out = appendString(out, dump)
	return append(out, `,"error":""}`+"\n"...)
}

// decodeHex reads pairs of hexadecimal digits.
func decodeHex(s string) ([]byte, error) {
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil, &code.Error{Status: code.StatusReqInvalid, Part: "hex", Off: -1, Err: errors.New("it is no row of pairs of hexadecimal digits")}
	}
	return b, nil
}

// printableLines makes a text of several lines safe to print.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = diag.Printable(l)
	}
	return strings.Join(lines, "\n")
}
