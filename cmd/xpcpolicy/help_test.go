package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// commands lists every command that people see.
func commands(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		if sub.Name() != "completion" {
			all = append(all, commands(sub)...)
		}
	}
	return all
}

func tree() *cobra.Command {
	var out bytes.Buffer
	a := &app{stderr: io.Discard, stdin: &out}
	return a.root()
}

func TestEveryCommandHasAnExampleAndOneStyleOfHelp(t *testing.T) {
	t.Parallel()
	for _, c := range commands(tree()) {
		name := c.CommandPath()
		assert.NotEmpty(t, c.Example, "%s has no example", name)
		assert.NotEmpty(t, c.Short, name)
		assert.NotRegexp(t, `\.$`, c.Short, "%s: the short help is no sentence", name)
		for _, line := range strings.Split(c.Long, "\n") {
			assert.LessOrEqual(t, len(line), 88, "%s: %q", name, line)
		}
		for _, line := range strings.Split(c.Example, "\n") {
			assert.True(t, strings.HasPrefix(line, "  xpcpolicy "), "%s: %q", name, line)
		}
	}
}

// TestHelpExamplesRun runs each example of each --help in a folder that holds the
// example programs. None may be a wrong command line or have nothing to judge.
func TestHelpExamplesRun(t *testing.T) {
	t.Parallel()
	var script strings.Builder
	script.WriteString("fixture examples\n")
	for _, c := range commands(tree()) {
		for _, line := range strings.Split(c.Example, "\n") {
			fmt.Fprintf(&script, "exec sh -c '%s; test $? -le 1'\n", strings.ReplaceAll(strings.TrimSpace(line), "'", "''"))
		}
	}
	script.WriteString(`-- peer.req --
identifier "com.example.client"
-- peer.csreq --
designated => identifier "com.example.client"
-- requests.ndjson --
{"id":1,"text":"always","hex":"fade0c00000000100000000100000001","kind":"any","ctx":{}}
`)
	text := strings.Replace(script.String(), "exec sh -c 'xpcpolicy req dump peer.csreq", "exec xpcpolicy req compile -o peer.csreq peer.req\nexec sh -c 'xpcpolicy req dump peer.csreq", 1)
	file := filepath.Join(t.TempDir(), "help.txtar")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	p := params("")
	p.Files, p.UpdateScripts = []string{file}, false
	testscript.Run(t, p)
}
