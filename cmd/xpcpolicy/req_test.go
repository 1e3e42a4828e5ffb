package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// run runs the command in-process.
func run(t *testing.T, stdin string, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	status = Main(args, strings.NewReader(stdin), &o, &e)
	return status, o.String(), e.String()
}

// TestCounterexampleIsOne feeds the program of a no to req eval.
func TestCounterexampleIsOne(t *testing.T) {
	t.Parallel()
	facts := filepath.Join(t.TempDir(), "facts.json")
	s := readSchema(t, "subject-1.schema.json")
	for _, pair := range [][2]string{
		{`anchor apple`, `anchor apple generic`},
		{`anchor apple generic and identifier a`, `certificate leaf[subject.OU] = ABCDE12345`},
		{`info [CFBundleShortVersionString] >= "2.0"`, `info [CFBundleShortVersionString] >= "3.0"`},
		{`always`, `entitlement["com.apple.security.get-task-allow"] absent`},
	} {
		status, out, _ := run(t, "", "req", "implies", "--format", "json", "="+pair[0], "="+pair[1])
		require.Equal(t, 1, status, out)
		var answer struct {
			Counterexample map[string]any `json:"counterexample"`
		}
		require.NoError(t, json.Unmarshal([]byte(out), &answer))
		assert.Empty(t, s.check(s.root, answer.Counterexample, "$"))
		b, err := json.Marshal(answer.Counterexample)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(facts, b, 0o644))
		status, out, errs := run(t, "", "req", "eval", "-r", pair[0], facts)
		assert.Equal(t, 0, status, "%s: %s%s", pair[0], out, errs)
		status, out, errs = run(t, "", "req", "eval", "-r", pair[1], facts)
		assert.Equal(t, 1, status, "%s: %s%s", pair[1], out, errs)
	}
}

// TestFormatKeepsBytesAndTerminals checks that a pipe gets every byte of a comment,
// and a terminal nothing that it could obey.
func TestFormatKeepsBytesAndTerminals(t *testing.T) {
	t.Parallel()
	text := "always // \x1b[2J\u202e\n"
	_, out, _ := run(t, text, "req", "fmt", "-")
	assert.Equal(t, text, out)

	var b bytes.Buffer
	a := &app{stdin: strings.NewReader(text), stdout: bufio.NewWriter(&b), screen: true}
	cmd := a.root()
	cmd.SetArgs([]string{"req", "fmt", "-"})
	require.NoError(t, cmd.Execute())
	require.NoError(t, a.stdout.Flush())
	assert.NotContains(t, b.String(), "\x1b")
	assert.NotContains(t, b.String(), "\u202e")
	assert.Contains(t, b.String(), "always // ")
}

func TestReplaceFileLeavesTheOldOneWhenItFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	assert.Error(t, replaceFile(filepath.Join(dir, "absent"), nil))
	assert.Error(t, replaceFile(dir, nil))
	names, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, names)

	file := filepath.Join(dir, "sealed.req")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o444))
	if os.Geteuid() != 0 { // who may write everything anyway
		assert.Error(t, replaceFile(file, []byte("new")))
	}
	require.NoError(t, os.Chmod(file, 0o751))
	require.NoError(t, replaceFile(file, []byte("new")))
	st, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o751), st.Mode())
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "new", string(b))
}

// TestFlagsComplete asks for the values of the flags that have a list.
func TestFlagsComplete(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"req", "implies", "--format", ""}, {"req", "equivalent", "--format", ""},
		{"req", "diff", "--format", ""}, {"req", "designated", "--format", ""},
	} {
		_, out, _ := run(t, "", append([]string{"__complete"}, args...)...)
		assert.Contains(t, out, "ndjson", args)
	}
	_, out, _ := run(t, "", "__complete", "req", "fmt", "--style", "")
	assert.Contains(t, out, "indent")
}
