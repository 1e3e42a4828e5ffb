package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// Batch mode answers one line for each line of standard input, in order. What has
// been read is answered before more is read, so that a program can send one line
// and wait for its answer; a long input is worked on in parallel. Memory does not
// grow with the input.
const (
	batchChunk = 64 << 10 // bytes read at once
	batchLine  = 64 << 20 // longest line
)

func addNDJSON(cmd *cobra.Command, ndjson *bool) {
	cmd.Flags().BoolVar(ndjson, "ndjson", false, "answer one line of JSON for each line of standard input")
}

// answerer appends the answer to one line, newline included. It must be safe for
// concurrent use.
type answerer func(out, line []byte) []byte

// chunk is some whole lines on their way through a worker.
type chunk struct {
	lines  []byte
	answer chan []byte
}

func (a *app) batch(cmd *cobra.Command, args []string, f answerer) error {
	if len(args) > 0 {
		return usage(cmd, "--ndjson reads standard input and takes no arguments, found %s", quoted(args[0]))
	}
	// What lives is a few lines; collecting at every 4 MB would cost more than the work.
	defer debug.SetGCPercent(debug.SetGCPercent(400))

	workers := runtime.GOMAXPROCS(0)
	work, order := make(chan chunk), make(chan chunk, 2*workers)
	for range workers {
		go func() {
			for c := range work {
				c.answer <- answerLines(make([]byte, 0, len(c.lines)), c.lines, f)
			}
		}()
	}
	var readErr error
	stop := make(chan struct{})
	go func() {
		defer close(order)
		defer close(work)
		readErr = splitLines(a.stdin, func(lines []byte) bool {
			c := chunk{lines, make(chan []byte, 1)}
			select {
			case order <- c:
			case <-stop:
				return false
			}
			work <- c
			return true
		})
	}()
	for c := range order {
		if _, err := a.stdout.Write(<-c.answer); err != nil {
			close(stop)
			return nil // Main reports it
		}
		if len(order) == 0 {
			if err := a.stdout.Flush(); err != nil {
				close(stop)
				return nil
			}
		}
	}
	if readErr != nil {
		return usage(cmd, "standard input: %s", plain(readErr))
	}
	return nil
}

// splitLines hands over what it reads, cut behind the last newline. Each slice is
// the receiver's own. It ends early when f returns false.
func splitLines(r io.Reader, f func(lines []byte) bool) error {
	buf := make([]byte, 0, batchChunk)
	for {
		if len(buf) == cap(buf) { // one line fills it
			if len(buf) > batchLine {
				return fmt.Errorf("a line is longer than 64 MiB")
			}
			buf = append(make([]byte, 0, 2*cap(buf)), buf...)
		}
		n := len(buf)
		m, err := r.Read(buf[n:cap(buf)])
		buf = buf[:n+m]
		// Before n there is no newline, so only new bytes need a look.
		if i := bytes.LastIndexByte(buf[n:], '\n'); i >= 0 {
			lines, rest := buf[:n+i+1], buf[n+i+1:]
			buf = append(make([]byte, 0, len(rest)+batchChunk), rest...)
			if !f(lines) {
				return nil
			}
		}
		if err == io.EOF {
			if len(buf) > 0 {
				f(buf)
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func answerLines(out, lines []byte, f answerer) []byte {
	for len(lines) > 0 {
		line := lines
		if i := bytes.IndexByte(lines, '\n'); i >= 0 {
			line, lines = lines[:i], lines[i+1:]
		} else {
			lines = nil
		}
		if len(bytes.TrimSpace(line)) > 0 {
			out = f(out, line)
		}
	}
	return out
}

// request is the values of a line as they stand in it; nil when they are not there.
type request struct{ id, text, kind, hex, facts, ctx []byte }

// cutRequest finds the values of a line without decoding them: reading a context
// of 2 KB twice costs more than evaluating it. It knows the usual form only (the
// keys as documented, each once) and reports false for all else, which is then
// for encoding/json to read or to refuse. It checks id; the other values are for
// their readers to check.
func cutRequest(line []byte) (r request, ok bool) {
	i := skipSpace(line, 0)
	if i == len(line) || line[i] != '{' {
		return r, false
	}
	for {
		i = skipSpace(line, i+1)
		end := skipValue(line, i)
		key := line[i:end]
		i = skipSpace(line, end)
		if i == len(line) || line[i] != ':' {
			return r, false
		}
		i = skipSpace(line, i+1)
		end = skipValue(line, i)
		var to *[]byte
		switch string(key) {
		case `"id"`:
			to = &r.id
		case `"text"`:
			to = &r.text
		case `"kind"`:
			to = &r.kind
		case `"hex"`:
			to = &r.hex
		case `"facts"`:
			to = &r.facts
		case `"ctx"`:
			to = &r.ctx
		}
		if to == nil || *to != nil || end == i {
			return r, false
		}
		*to = line[i:end]
		i = skipSpace(line, end)
		switch {
		case i == len(line):
			return r, false
		case line[i] == '}':
			return r, skipSpace(line, i+1) == len(line) && (r.id == nil || json.Valid(r.id))
		case line[i] != ',':
			return r, false
		}
	}
}

func skipSpace(line []byte, i int) int {
	for i < len(line) && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r' || line[i] == '\n') {
		i++
	}
	return i
}

// skipValue returns where the JSON value at i ends; i when there is none. What it
// skips need not be JSON, but all JSON ends where it says.
func skipValue(line []byte, i int) int {
	start, depth := i, 0
	for i < len(line) {
		switch c := line[i]; c {
		case '"':
			for i++; i < len(line) && line[i] != '"'; i++ {
				if line[i] == '\\' {
					i++
				}
			}
			if i >= len(line) {
				return start
			}
		case '{', '[':
			if depth++; depth > 1000 { // let encoding/json decide what is too deep
				return start
			}
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			i++
			continue
		}
		i++
		if depth == 0 {
			return i
		}
	}
	return start
}

// cutString decodes a JSON string; nil when there is none. It reports false for what
// is no string, null included.
func cutString(raw []byte) (*string, bool) {
	if raw == nil {
		return nil, true
	}
	if raw[0] != '"' {
		return nil, false
	}
	b := make([]byte, 0, len(raw))
	for i := 1; i < len(raw)-1; i++ {
		c := raw[i]
		if c == '\\' {
			i++
			c = raw[i]
			if c != '"' && c != '\\' && c != '/' {
				b = nil
				break
			}
		} else if c < 0x20 || c >= utf8.RuneSelf {
			b = nil
			break
		}
		b = append(b, c)
	}
	var s string
	if b == nil { // an escape or a character that is better left to encoding/json
		return &s, json.Unmarshal(raw, &s) == nil
	}
	s = string(b)
	return &s, true
}

// malformed answers a line that is no request.
func malformed(out []byte, id json.RawMessage, err error) []byte {
	out = appendID(out, id)
	out = append(out, `,"ok":false,"error":`...)
	out = appendString(out, "request: "+jsonProblem(err))
	return append(out, "}\n"...)
}

// jsonProblem says what is wrong with JSON in words that are not Go's.
func jsonProblem(err error) string {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("it is no JSON, from byte %d on", syntax.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "it is no JSON: it ends too early"
	case errors.As(err, &typ):
		return fmt.Sprintf("%q holds a %s, which it must not", typ.Field, typ.Value)
	}
	return strings.ReplaceAll(err.Error(), "json: ", "")
}

// appendID begins an answer with the id of its request, as it was written.
func appendID(out []byte, id json.RawMessage) []byte {
	out = append(out, `{"id":`...)
	if len(id) == 0 {
		return append(out, "null"...)
	}
	return append(out, id...)
}

// appendString appends a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendString(out []byte, s string) []byte {
	const digits = "0123456789abcdef"
	out = append(out, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				out = append(append(out, s[start:i]...), `\ufffd`...)
				start = i + 1
			}
			i += n
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		out = append(out, s[start:i]...)
		switch c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\n':
			out = append(out, `\n`...)
		case '\r':
			out = append(out, `\r`...)
		case '\t':
			out = append(out, `\t`...)
		default:
			out = append(out, `\u00`...)
			out = append(out, digits[c>>4], digits[c&15])
		}
		i++
		start = i
	}
	return append(append(out, s[start:]...), '"')
}
