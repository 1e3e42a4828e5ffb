package requirement

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vector is one line of testdata/*.jsonl.gz: what Apple's own code answered.
type vector struct {
	ID      string          `json:"id"`
	Text    string          `json:"text"`
	Kind    string          `json:"kind"`
	OK      bool            `json:"ok"`
	Hex     string          `json:"hex"`
	Dump    string          `json:"dump"`
	Error   string          `json:"error"`
	Note    string          `json:"note"`
	Assumed string          `json:"assumed"`
	Ctx     json.RawMessage `json:"ctx"`
	Result  *bool           `json:"result"`
	Context string          `json:"context"`
}

func vectors(t testing.TB, name string) []vector {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".jsonl.gz")
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var all []vector
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var v vector
		require.NoError(t, json.Unmarshal(lines.Bytes(), &v))
		all = append(all, v)
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, all)
	return all
}

func (v vector) blob(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(v.Hex)
	require.NoError(t, err)
	return b
}

func (v vector) parse() (Any, error) {
	switch v.Kind {
	case "set":
		s, err := ParseSet(v.ID, v.Text)
		return Any{Set: s}, err
	case "any":
		return ParseAny(v.ID, v.Text)
	}
	e, err := Parse(v.ID, v.Text)
	return Any{Expr: e}, err
}

func TestVectorsValid(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t, "valid") {
		a, err := v.parse()
		if !assert.NoError(t, err, "%s: %q", v.ID, v.Text) {
			continue
		}
		blob := v.blob(t)
		assert.Equal(t, v.Hex, hex.EncodeToString(a.Encode()), "%s: %q", v.ID, v.Text)
		back, err := DecodeAny(blob)
		if assert.NoError(t, err, v.ID) {
			assert.Equal(t, v.Hex, hex.EncodeToString(back.Encode()), "%s: decoded and encoded", v.ID)
		}
		dump, err := Dump(blob)
		assert.NoError(t, err, v.ID)
		if v.Assumed == "" {
			assert.Equal(t, v.Dump, dump, "%s: %q", v.ID, v.Text)
			assert.Equal(t, v.Dump, a.Format(StyleApple), "%s: %q", v.ID, v.Text)
		}
	}
}

// semanticLine is an error of Apple's without a position; ours have one.
var semanticLine = regexp.MustCompile(`(?m)^line \d+:\d+: (invalid hash length|odd number of digits|.*: unrecognized certificate field|.*: not found)$`)

func TestVectorsInvalid(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t, "invalid") {
		_, err := v.parse()
		if !assert.Error(t, err, "%s: %q", v.ID, v.Text) {
			continue
		}
		got := AppleError(err)
		assert.Regexp(t, `^line \d+:\d+: `, got, v.ID)
		// All lines, not only the first: recovery goes Apple's way.
		assert.Equal(t, v.Error, semanticLine.ReplaceAllString(got, " $1"), "%s: %q", v.ID, v.Text)
		var list interface{ Error() string } = err
		assert.NotContains(t, list.Error(), "\n", v.ID)
	}
}

// crashes are the sets in which Apple's dumper dereferences NULL; here they are
// errors.
var crashes = map[string]bool{"d0871": true, "d0872": true, "d0873": true, "d0882": true}

// Vectors marked "assumed" hold the text of a date, which depends on the system:
// only that they print is tested.
func TestVectorsDump(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t, "dump") {
		blob := v.blob(t)
		dump, err := Dump(blob)
		switch {
		case strings.HasPrefix(v.Error, "CRASH"):
			assert.True(t, crashes[v.ID], v.ID)
			assert.Error(t, err, "%s: %s", v.ID, v.Note)
		case !v.OK:
			assert.Equal(t, v.Error, statusText(err), "%s: %s", v.ID, v.Note)
			assert.Empty(t, dump)
		case v.Assumed != "":
			assert.NoError(t, err, "%s: %s", v.ID, v.Note)
		default:
			assert.NoError(t, err, "%s: %s", v.ID, v.Note)
			assert.Equal(t, v.Dump, dump, "%s: %s", v.ID, v.Note)
		}
		a, err := DecodeAny(blob)
		if err == nil {
			assert.Equal(t, v.Hex, hex.EncodeToString(a.Encode()), "%s: %s", v.ID, v.Note)
		}
	}
}

// misread are the evaluations in which Apple, without a CodeDirectory, does not
// consume the operand of `identifier` or `cdhash` and misreads the rest of the
// program. Here operands are always consumed.
var misread = map[string]bool{"e3245": true, "e3248": true, "e3250": true, "e3251": true, "e3252": true, "e3253": true}

func TestVectorsEval(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t, "eval") {
		s, err := ContextSubject(v.Ctx)
		require.NoError(t, err, v.ID)
		e, err := Decode(v.blob(t))
		if err != nil {
			assert.Equal(t, v.Error, statusText(err), v.ID)
			continue
		}
		if misread[v.ID] {
			continue
		}
		r := Eval(e, s, Options{})
		switch {
		case v.Result == nil:
			assert.Equal(t, v.Error, statusText(r.Err), v.ID)
			assert.Equal(t, Unknown, r.Outcome, v.ID)
		case *v.Result:
			assert.Equal(t, True, r.Outcome, "%s: %s %v", v.ID, v.Text, r.Missing)
		default:
			assert.Equal(t, False, r.Outcome, "%s: %s %v", v.ID, v.Text, r.Missing)
		}
	}
}
