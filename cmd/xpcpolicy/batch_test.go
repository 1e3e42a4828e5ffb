package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/requirement"
)

func TestBatchKeepsTheOrderOfManyLines(t *testing.T) {
	t.Parallel()
	const n = 5000
	var in strings.Builder
	for i := range n {
		fmt.Fprintf(&in, `{"id":%d,"text":"identifier \"app.%d\"","kind":"requirement"}`+"\n", i, i)
	}
	for name, r := range map[string]io.Reader{
		"whole":      strings.NewReader(in.String()),
		"odd pieces": iotest.HalfReader(strings.NewReader(in.String())),
		"no newline": strings.NewReader(strings.TrimSuffix(in.String(), "\n")),
		"data, EOF":  iotest.DataErrReader(strings.NewReader(in.String())),
	} {
		var out, errs bytes.Buffer
		require.Zero(t, Main([]string{"req", "compile", "--ndjson"}, r, &out, &errs), name+errs.String())
		s := bufio.NewScanner(&out)
		for i := range n {
			require.True(t, s.Scan(), name)
			var got struct {
				ID   int
				OK   bool
				Dump string
			}
			require.NoError(t, json.Unmarshal(s.Bytes(), &got))
			require.Equal(t, i, got.ID, name)
			require.Equal(t, fmt.Sprintf(`identifier "app.%d"`, i), got.Dump)
		}
		assert.False(t, s.Scan(), name)
	}
}

// A program may send one line and wait for its answer before it sends the next.
func TestBatchAnswersBeforeItReadsMore(t *testing.T) {
	t.Parallel()
	in, send := io.Pipe()
	receive, out := io.Pipe()
	done := make(chan int)
	go func() {
		done <- Main([]string{"req", "dump", "--ndjson"}, in, out, io.Discard)
		out.Close()
	}()
	lines := bufio.NewScanner(receive)
	for i := range 3 {
		_, err := fmt.Fprintf(send, `{"id":%d,"hex":"fade0c00000000100000000100000001"}`+"\n", i)
		require.NoError(t, err)
		require.True(t, lines.Scan())
		assert.Equal(t, fmt.Sprintf(`{"id":%d,"ok":true,"dump":"always","error":""}`, i), lines.Text())
	}
	require.NoError(t, send.Close())
	assert.Zero(t, <-done)
}

func TestBatchSaysWhenItsInputOrOutputFails(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	r := io.MultiReader(strings.NewReader(`{"id":1,"text":"always"}`+"\n"), iotest.ErrReader(errors.New("the disk is gone")))
	assert.Equal(t, 2, Main([]string{"req", "compile", "--ndjson"}, r, &out, &errs))
	assert.Contains(t, out.String(), `"id":1,"ok":true`)
	assert.Contains(t, errs.String(), "the disk is gone")

	errs.Reset()
	code := Main([]string{"req", "compile", "--ndjson"}, strings.NewReader(`{"id":1,"text":"always"}`+"\n"), brokenWriter{}, &errs)
	assert.Equal(t, 3, code, "nobody got the answer: that is no yes")
	assert.Contains(t, errs.String(), "standard output")
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestAppendStringIsJSON(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "plain", "\"\\/", "\x00\x1f\n\r\t\x7f", "é 日本 😀", "a\xffb\xc3", "\u2028</script>"} {
		var back string
		out := appendString(nil, s)
		require.NoError(t, json.Unmarshal(out, &back), "%q", out)
		assert.Equal(t, strings.ToValidUTF8(strings.ReplaceAll(s, "\xffb", "\ufffdb"), "\ufffd"), back)
	}
}

// FuzzBatchLines feeds any line to the three batch commands: each must answer
// with exactly one line of JSON that carries the id.
func FuzzBatchLines(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a","text":"always","kind":"requirement"}`, `{"id":1,"hex":"fade0c00000000100000000100000001"}`,
		`{"id":null,"text":"identifier a","ctx":{"directory":{"identifier":"a"}}}`, `{`, `[]`, `"\ud800"`,
		`{"text":"","hex":"00","facts":{"schema":1},"kind":"set"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.IndexByte(line, '\n') >= 0 {
			return
		}
		dump := func(out, line []byte) []byte { return dumpLine(out, line, requirement.StyleApple) }
		for _, answer := range []answerer{compileLine, dump, evalLine} {
			out := answer(nil, line)
			require.Equal(t, 1, bytes.Count(out, []byte("\n")), "%q", out)
			var v struct {
				ID json.RawMessage `json:"id"`
				OK *bool           `json:"ok"`
			}
			require.NoError(t, json.Unmarshal(out, &v), "%q", out)
			require.NotNil(t, v.OK)
		}
	})
}

func BenchmarkCompileLine(b *testing.B) {
	line := []byte(`{"id":"b","text":"identifier \"com.example.app\" and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] exists and certificate leaf[subject.OU] = ABCDE12345","kind":"requirement"}`)
	out := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		out = compileLine(out[:0], line)
	}
}
