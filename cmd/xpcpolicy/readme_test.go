package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/policy"
)

var consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")

// replay runs the commands of a page's console blocks and returns the page with
// what they print. A line "$ command" begins a transcript; what follows, up to the
// next one, is its output. It also returns how many commands it ran.
func replay(t *testing.T, name, page string) (string, int) {
	t.Helper()
	ran := 0
	return consoleBlock.ReplaceAllStringFunc(page, func(block string) string {
		var out bytes.Buffer
		out.WriteString("```console\n")
		keep := true // lines that no command of ours printed
		for _, line := range strings.SplitAfter(strings.TrimSuffix(strings.TrimPrefix(block, "```console\n"), "```"), "\n") {
			command, ok := strings.CutPrefix(line, "$ ")
			if !ok {
				if keep {
					out.WriteString(line)
				}
				continue
			}
			out.WriteString(line)
			keep = !runs(t, name, words(t, command), &out)
			if !keep {
				ran++
			}
		}
		out.WriteString("```")
		return out.String()
	}), ran
}

// runs runs a command of a page when it is one of ours.
func runs(t *testing.T, page string, args []string, out *bytes.Buffer) bool {
	t.Helper()
	goRun := len(args) > 2 && args[0] == "go" && args[1] == "run"
	switch {
	case goRun:
		require.Equal(t, "./cmd/xpcpolicy", args[2], "%s: %v", page, args)
		args = args[2:]
	case args[0] == "go" || args[0] == "git" || args[0] == "cd" || args[0] == "make":
		return false
	default:
		require.Equal(t, "xpcpolicy", args[0], "%s: %v", page, args)
	}
	status := Main(args[1:], strings.NewReader(""), out, out)
	if goRun && status != 0 {
		out.WriteString("exit status " + strconv.Itoa(status) + "\n") // which go run adds
	}
	return true
}

// words splits a command as a shell does, as far as the pages need: blanks and
// single quotes.
func words(t *testing.T, command string) []string {
	t.Helper()
	var out []string
	for i, part := range strings.Split(command, "'") {
		if i%2 == 1 {
			out = append(out, part)
			continue
		}
		require.NotContains(t, part, "|", "the test runs no pipes: %s", command)
		out = append(out, strings.Fields(part)...)
	}
	return out
}

// TestPagesShowRealOutput runs the commands of the pages in the root of the
// repository and compares what they print, byte for byte; -update rewrites them.
func TestPagesShowRealOutput(t *testing.T) {
	t.Chdir(filepath.Join(testDir, "..", ".."))
	total := 0
	for _, name := range []string{"README.md", "docs/commands.md"} {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		got, ran := replay(t, name, string(b))
		total += ran
		if *update && got != string(b) {
			require.NoError(t, os.WriteFile(name, []byte(got), 0o644))
			continue
		}
		assert.Equal(t, string(b), got, name)
	}
	assert.GreaterOrEqual(t, total, 6, "the pages show too little")
}

// TestReadmePrintsTheExamplePolicy keeps the policy in the README the one that its
// commands run.
func TestReadmePrintsTheExamplePolicy(t *testing.T) {
	t.Parallel()
	root := filepath.Join(testDir, "..", "..")
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	example, err := os.ReadFile(filepath.Join(root, "examples/helper/policy.yaml"))
	require.NoError(t, err)
	assert.Contains(t, string(readme), "```yaml\n"+string(example)+"```")
}

// TestCompatibilityPageNamesTheVersions keeps the promises those of this version.
func TestCompatibilityPageNamesTheVersions(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join(testDir, "../../docs/compatibility.md"))
	require.NoError(t, err)
	for _, want := range []string{
		fmt.Sprintf(`"schema": %d`, code.Schema), fmt.Sprintf("subject-%d.schema.json", code.Schema),
		fmt.Sprintf("decision schema %d", xpcpolicy.DecisionSchema), fmt.Sprintf("decision-%d.schema.json", xpcpolicy.DecisionSchema),
		"apiVersion: " + policy.APIVersion,
	} {
		assert.Contains(t, string(b), want)
	}
}

// TestPagesNameOnlyWhatExists follows the links of the pages into the repository,
// and reads the names of commands and flags.
func TestPagesNameOnlyWhatExists(t *testing.T) {
	t.Parallel()
	root := filepath.Join(testDir, "..", "..")
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	flags := map[string]bool{"--help": true, "--": true, "--verify": true, "--strict": true, "--deep": true, "--entitlements": true, "--ignore-resources": true}
	for _, c := range commands(tree()) {
		for _, word := range strings.Fields(c.LocalFlags().FlagUsages()) {
			flags[strings.TrimSuffix(word, ",")] = true
		}
	}
	flag := regexp.MustCompile("(?:^|[ `(])(--[a-z][a-z-]*)")
	for _, page := range []string{"README.md", "SECURITY.md", "CHANGELOG.md", "docs/commands.md", "docs/scope.md", "docs/architecture.md", "docs/compatibility.md"} {
		b, err := os.ReadFile(filepath.Join(root, page))
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			_, err := os.Stat(filepath.Join(root, filepath.Dir(page), m[1]))
			assert.NoError(t, err, "%s links to %s", page, m[1])
		}
		for _, m := range flag.FindAllStringSubmatch(string(b), -1) {
			assert.True(t, flags[m[1]], "%s names the flag %s, which no command has", page, m[1])
		}
	}
}
