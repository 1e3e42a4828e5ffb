package decisionlog

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

// maxLine bounds one entry in bytes.
const maxLine = 16 << 20

// Read yields the entries of a log with the numbers of their lines, and an error
// for each line that is no entry; reading goes on behind it, except behind a line
// that is too long. Keys that this version does not know are passed over.
func Read(r io.Reader) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		s := bufio.NewScanner(r)
		s.Buffer(make([]byte, 64<<10), maxLine)
		n := 0
		for s.Scan() {
			n++
			b := bytes.TrimSpace(s.Bytes())
			if len(b) == 0 {
				continue
			}
			e, err := decode(b)
			if !yield(Line{n, e}, err) {
				return
			}
		}
		if err := s.Err(); err != nil {
			if errors.Is(err, bufio.ErrTooLong) {
				err = fmt.Errorf("the line is longer than %d bytes", maxLine)
			}
			yield(Line{Number: n + 1}, err)
		}
	}
}

// Line is one entry and where it stands; lines count from 1.
type Line struct {
	Number int
	Entry  Entry
}

func decode(b []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(b, &e); err != nil {
		return Entry{}, err
	}
	switch {
	case e.Schema != Schema:
		return Entry{}, fmt.Errorf("decision log schema %d is not supported, want %d", e.Schema, Schema)
	case e.Result != "allow" && e.Result != "deny" && e.Result != "unknown":
		return Entry{}, fmt.Errorf("the result %q is none", e.Result)
	}
	return e, nil
}

// Replayed is a recorded question, asked again.
type Replayed struct {
	Entry    Entry
	Decision policy.Decision
	// Changed is set when the answer is another one.
	Changed bool
}

// Replay asks the question of an entry again, with the facts and the time of then.
// The error says why that cannot be done.
func Replay(ctx context.Context, e Entry, p *policy.Policy) (Replayed, error) {
	r := Replayed{Entry: e}
	for _, m := range e.Masked {
		parts, err := pointer(m)
		if err != nil {
			return r, fmt.Errorf("something is masked, and nobody knows what: %w", err)
		}
		switch parts[0] {
		case "facts", "operation", "*":
			return r, fmt.Errorf("%s is masked", m)
		}
	}
	if len(e.Facts) == 0 {
		return r, errors.New("the entry has no facts")
	}
	s, err := code.ReadFacts(e.Facts)
	if err != nil {
		return r, err
	}
	r.Decision = p.Decide(ctx, policy.Request{Subject: s, Operation: e.Operation, Now: e.Time})
	r.Changed = r.Decision.Outcome().String() != e.Result
	return r, nil
}
