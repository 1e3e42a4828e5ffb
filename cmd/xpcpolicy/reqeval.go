package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement"
)

func (a *app) reqEvalCommand() *cobra.Command {
	var flags requirementFlags
	var explain, ndjson bool
	cmd := &cobra.Command{
		Use:   "eval (-r TEXT | -R FILE) FACTS",
		Short: "Evaluate a requirement against recorded facts, verifying nothing",
		Long: `eval answers what a requirement says of a facts file (xpcpolicy facts writes one; - is
standard input): true, false or unknown. It verifies nothing and is no decision: check
--facts is.

--ndjson answers one line for each line of standard input: {"id", "text" or "hex",
"facts" or "ctx"} gives {"id", "ok", "result": true|false|"unknown", "status"}, or, when
the requirement is refused, "ok": false with "error".`,
		Example: `  xpcpolicy facts examples/helper/client | xpcpolicy req eval -r 'identifier "com.example.client"' -
  xpcpolicy req eval --ndjson < requests.ndjson`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if ndjson {
				return a.batch(cmd, args, evalLine)
			}
			switch r, f := cmd.Flags().Changed("requirement"), cmd.Flags().Changed("requirement-file"); {
			case r == f:
				return usage(cmd, "name one requirement, with -r TEXT or with -R FILE")
			case len(args) != 1:
				return usage(cmd, "name one facts file; - is standard input")
			case flags.file == "-" && args[0] == "-":
				return usage(cmd, "standard input can be read once")
			}
			e, err := flags.load(a, cmd)
			if err != nil {
				return err
			}
			s, err := a.loadFacts(args[0])
			if err != nil {
				a.cannotTell(args[0], err)
				return nil
			}
			a.evalFacts(e, s, explain)
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&explain, "explain", false, "print what was found for each clause")
	addNDJSON(cmd, &ndjson)
	return cmd
}

// evalFacts evaluates for each slice and prints the answers; the worst one is the
// exit code.
func (a *app) evalFacts(e *requirement.Expr, s *code.Subject, explain bool) {
	for _, v := range s.PerSlice() {
		r, tree := requirement.Explain(e, v, requirement.Options{})
		prefix := ""
		if len(s.Slices) > 0 {
			prefix = slicePrefix(v.Arch)
		}
		switch {
		case r.Err != nil:
			a.add(exitUnknown)
			fmt.Fprintf(a.stdout, "%sunknown: %s\n", prefix, shown(r.Err.Error()))
		case r.Outcome == requirement.True:
			fmt.Fprintf(a.stdout, "%strue\n", prefix)
		case r.Outcome == requirement.False:
			a.add(exitNo)
			fmt.Fprintf(a.stdout, "%sfalse\n", prefix)
		default:
			a.add(exitUnknown)
			fmt.Fprintf(a.stdout, "%sunknown: nobody knows %s\n", prefix, shown(fmt.Sprint(r.Missing)))
		}
		if explain {
			fmt.Fprintf(a.stdout, "\n%s", diag.Tree(tree, diag.TreeOptions{Notes: true}))
		}
	}
}

// evalRequest is a request of eval --ndjson.
type evalRequest struct {
	ID    json.RawMessage `json:"id"`
	Text  *string         `json:"text"`
	Hex   *string         `json:"hex"`
	Facts json.RawMessage `json:"facts"`
	Ctx   json.RawMessage `json:"ctx"`
}

// cut reads the usual form of a line, without checking facts and ctx.
func (in *evalRequest) cut(line []byte) bool {
	r, ok := cutRequest(line)
	if !ok || r.kind != nil {
		return false
	}
	text, textOK := cutString(r.text)
	digits, digitsOK := cutString(r.hex)
	*in = evalRequest{r.id, text, digits, r.facts, r.ctx}
	return textOK && digitsOK
}

// answer evaluates. An error is one of the request, or, when refused, one of its
// requirement.
func (in *evalRequest) answer() (result requirement.Outcome, refused bool, err error) {
	e, err := lineRequirement(in.Text, in.Hex)
	if err != nil {
		return result, true, err
	}
	s, err := lineSubject(in.Facts, in.Ctx)
	if err != nil {
		return result, false, err
	}
	result = requirement.True
	for _, v := range s.PerSlice() {
		r := requirement.Eval(e, v, requirement.Options{})
		if r.Err != nil {
			return result, true, r.Err
		}
		result = worse(result, r.Outcome)
	}
	return result, false, nil
}

// evalLine answers one request of eval --ndjson.
func evalLine(out, line []byte) []byte {
	var in evalRequest
	if in.cut(line) {
		if result, _, err := in.answer(); err == nil {
			return appendResult(out, in.ID, result)
		}
		// Perhaps the line is no JSON, which is then what there is to say.
	}
	in = evalRequest{}
	if err := json.Unmarshal(line, &in); err != nil {
		return malformedEval(out, in.ID, err)
	}
	switch result, refused, err := in.answer(); {
	case refused:
		return refusedLine(out, in.ID, err)
	case err != nil:
		return malformedEval(out, in.ID, err)
	default:
		return appendResult(out, in.ID, result)
	}
}

// worse returns the answer that counts: false before unknown before true.
func worse(a, b requirement.Outcome) requirement.Outcome {
	switch {
	case a == requirement.False || b == requirement.False:
		return requirement.False
	case a == requirement.True && b == requirement.True:
		return requirement.True
	}
	return requirement.Unknown
}

// lineRequirement reads the requirement of a request. Hex wins over an empty text.
func lineRequirement(text, digits *string) (*requirement.Expr, error) {
	if digits != nil && (text == nil || *text == "") {
		b, err := decodeHex(*digits)
		if err != nil {
			return nil, err
		}
		return requirement.Decode(b)
	}
	if text == nil {
		return nil, &code.Error{Status: code.StatusReqInvalid, Part: "request", Off: -1, Err: fmt.Errorf(`neither "text" nor "hex" is there`)}
	}
	return requirement.Parse("", *text)
}

func lineSubject(facts, ctx json.RawMessage) (*code.Subject, error) {
	switch {
	case present(facts) && present(ctx):
		return nil, fmt.Errorf(`"facts" and "ctx" exclude each other`)
	case present(facts):
		return code.ReadFacts(facts)
	case present(ctx):
		return requirement.ContextSubject(ctx)
	}
	return nil, fmt.Errorf(`neither "facts" nor "ctx" is there`)
}

func present(raw json.RawMessage) bool {
	return len(raw) > 0 && !bytes.Equal(raw, []byte("null"))
}

func appendResult(out []byte, id json.RawMessage, o requirement.Outcome) []byte {
	out = appendID(out, id)
	switch o {
	case requirement.True:
		return append(out, `,"ok":true,"result":true,"status":0}`+"\n"...)
	case requirement.False:
		return append(out, `,"ok":true,"result":false,"status":-67050}`+"\n"...)
	}
	return append(out, `,"ok":true,"result":"unknown","status":null}`+"\n"...)
}

// refusedLine answers that a requirement could not be read or evaluated.
func refusedLine(out []byte, id json.RawMessage, err error) []byte {
	status := code.StatusOf(err)
	if status == code.StatusInternalError { // a syntax error has no status of its own
		status = code.StatusReqInvalid
	}
	out = appendID(out, id)
	out = append(out, `,"ok":false,"result":null,"status":`...)
	out = strconv.AppendInt(out, int64(status), 10)
	out = append(out, `,"error":`...)
	out = appendString(out, requirement.AppleError(err))
	return append(out, "}\n"...)
}

// malformedEval answers a line that is no request, in the shape of eval.
func malformedEval(out []byte, id json.RawMessage, err error) []byte {
	out = appendID(out, id)
	out = append(out, `,"ok":false,"result":null,"status":null,"error":`...)
	out = appendString(out, "request: "+jsonProblem(err))
	return append(out, "}\n"...)
}
