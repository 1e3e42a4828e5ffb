package macho

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/fixtures"
)

var update = flag.Bool("update", false, "rewrite the tables of docs/threat-model.md; review the difference")

const (
	threatModel  = "../docs/threat-model.md"
	tablesMarker = "<!-- What follows is generated: go test ./macho -run TestThreatModelDocument -update -->\n"
)

var groups = []struct {
	letter byte
	title  string
}{
	{'A', "Containers"}, {'B', "SuperBlob and CodeDirectory"}, {'C', "Signatures, certificates, time"},
	{'D', "Info.plist, entitlements, constraints, profiles"}, {'E', "Bundles, resources, images, scripts"},
}

// TestThreatModelDocument compares the tables with the vectors that TestThreatModel
// verifies. With -update it writes them.
func TestThreatModelDocument(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(threatModel)
	require.NoError(t, err)
	head, tables, found := strings.Cut(string(raw), tablesMarker)
	require.True(t, found, "the marker before the tables is missing")
	want := threatTables(t)
	if *update {
		require.NoError(t, os.WriteFile(threatModel, []byte(head+tablesMarker+want), 0o600))
		return
	}
	assert.Equal(t, want, tables, "run go test ./macho -run TestThreatModelDocument -update")
}

// tableLine is one vector in the document.
type tableLine struct{ construction, ours, apple string }

func threatTables(t *testing.T) string {
	t.Helper()
	lines := map[string][]tableLine{}
	vectors := 0
	add := func(id string, l tableLine) {
		vectors++
		lines[id] = append(lines[id], l)
	}
	for _, c := range fixtures.Cases() {
		add(c.ID, tableLine{words(c.Name), verdictWords(t, c.Expect, c.Says), appleWords(t, c.Apple)})
	}
	for _, l := range fixtures.LiveRows() {
		add(l.ID, tableLine{words(l.Name) + " (made while the test runs)", verdictWords(t, l.Expect, l.Says), appleWords(t, l.Apple)})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%d attacks, %d vectors.\n", len(fixtures.Rows()), vectors)
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %c. %s\n\n| attack | construction | our verdict | Apple's |\n|---|---|---|---|\n", g.letter, g.title)
		for _, r := range fixtures.Rows() {
			if r.ID[0] != g.letter {
				continue
			}
			attack := fmt.Sprintf("**%s** %s. Would fool %s.", r.ID, r.Attack, r.Fools)
			for i, l := range lines[r.ID] {
				if i > 0 {
					attack = ""
				}
				fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", attack, l.construction, l.ours, l.apple)
			}
		}
	}
	b.WriteString("\n## What no vector shows\n\n| attack | what is missing | why |\n|---|---|---|\n")
	for _, u := range fixtures.UnbuiltRows() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", u.ID, u.What, u.Why)
	}
	return b.String()
}

// words is a vector's name as words.
func words(name string) string { return strings.ReplaceAll(name, "-", " ") }

func verdictWords(t *testing.T, name, says string) string {
	t.Helper()
	status := expected(t, name)
	out := "valid"
	if status != code.StatusSuccess {
		out = fmt.Sprintf("%d `%s`", int32(status), status.Name())
	}
	if says != "" {
		out += ": " + says
	}
	return out
}

func appleWords(t *testing.T, apple string) string {
	t.Helper()
	switch apple {
	case "ok":
		return "accepts"
	case "unknown":
		return "not known"
	}
	return fmt.Sprintf("%d", int32(expected(t, apple)))
}
