package requirement

import (
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/internal/plist"
)

const docPath = "../docs/requirement.md"

var update = flag.Bool("update", false, "rewrite docs/requirement.md; review the difference")

// docTables writes the tables of the page that the code has as tables.
var docTables = map[string]func() string{
	"keywords": func() string { return "`" + strings.Join(keywords[:], "` `") + "`" },
	"subject": func() string {
		b := "| key | attribute |\n|---|---|\n"
		for _, f := range subjectFields {
			b += fmt.Sprintf("| `subject.%s` | %s |\n", f.name, f.oid)
		}
		return strings.TrimSuffix(b, "\n")
	},
	"oids": func() string {
		b := "| object identifier | where | says |\n|---|---|---|\n"
		for _, m := range docMarkers {
			b += fmt.Sprintf("| `%s` | %s | %s |\n", m.oid, m.where, m.name())
		}
		return strings.TrimSuffix(b, "\n")
	},
}

type docMarker struct {
	oid   code.OID
	where string
	says  string // "": as package code has it
}

func (m docMarker) name() string { return cmp.Or(m.says, code.MarkerName(m.oid)) }

var docMarkers = []docMarker{
	{code.OIDDeveloperID, "leaf", ""},
	{code.OIDDeveloperIDCA, "1", ""},
	{code.OIDDeveloperIDDate, "leaf", ""},
	{code.OIDDeveloperIDInst, "leaf", ""},
	{code.OIDDeveloperIDKext, "leaf", ""},
	{code.OIDMacAppStore, "leaf", "Mac App Store: signed by Apple"},
	{code.OIDMacAppStoreQA, "leaf", ""},
	{code.OIDTestFlight, "leaf", ""},
	{code.OIDTestFlightQA, "leaf", ""},
	{code.OIDiOSAppStore, "leaf", ""},
	{code.OIDiOSAppStoreQA, "leaf", ""},
	{code.OIDtvOSAppStore, "leaf", ""},
	{code.OIDvisionOSAppStore, "leaf", ""},
	{code.OIDMacSubmission, "leaf", ""},
	{code.OIDAppleDistribution, "leaf", ""},
	{code.OIDAppleDeveloper, "leaf", ""},
	{code.OIDMacDeveloper, "leaf", ""},
	{code.OIDWWDRIntermediate, "1", ""},
	{code.OIDProfileSigning, "leaf", "signs provisioning profiles, no code"},
	{code.OIDAppleSoftware, "leaf", "Apple's own software (which `anchor apple` asks for)"},
}

// docSubject is the code of which the page speaks.
func docSubject(t *testing.T) *code.Subject {
	t.Helper()
	s := benchSubject(t)
	dict := func(entries ...code.Entry) code.Fact[code.Value] {
		v, err := plist.Dict(entries...)
		require.NoError(t, err)
		return code.Known(v)
	}
	s.Identifier = code.Known("com.example.app")
	s.Info = dict(
		code.Entry{Key: "CFBundleVersion", Value: plist.String("1.0")},
		code.Entry{Key: "CFBundleName", Value: plist.String("Example")},
		code.Entry{Key: "Count", Value: plist.Int(3)},
		code.Entry{Key: "Langs", Value: plist.Array(plist.String("de"), plist.String("en"))},
		code.Entry{Key: "Beta", Value: plist.Bool(true)},
		code.Entry{Key: "Old", Value: plist.Bool(false)},
	)
	s.Notarized = code.Fact[bool]{}
	return s
}

var (
	evalBlock = regexp.MustCompile("(?s)<!-- eval -->\n```text\n(.*?)```")
	pairBlock = regexp.MustCompile("(?s)<!-- (\\w+) -->\n```req\n(.*?)```\n\n```text\n(.*?)```")
	anyBlock  = regexp.MustCompile("(?s)(<!-- \\w+ -->\n)?```(\\w+)\n(.*?)```")
)

// answer is what the program says to an example of the page.
func answer(t *testing.T, directive, text string) string {
	t.Helper()
	text = strings.TrimSuffix(text, "\n")
	if directive == "error" {
		_, err := Parse("peer.req", text)
		var list diag.List
		require.ErrorAs(t, err, &list, text)
		return diag.Text(list...)
	}
	e, err := Parse("peer.req", text)
	require.NoError(t, err, text)
	switch directive {
	case "compile":
		return fmt.Sprintf("%x\n", Encode(e))
	case "fmt":
		out, err := FormatSource("peer.req", text+"\n", FormatOptions{})
		require.NoError(t, err)
		return out
	case "explain":
		_, tree := Explain(e, docSubject(t), Options{})
		return diag.Tree(tree, diag.TreeOptions{})
	case "styles":
		out := ""
		for i, style := range []Style{StyleDefault, StyleExact, StyleApple, StyleIndent} {
			text := strings.ReplaceAll(FormatStyle(e, style), "\n", "\n         ")
			out += fmt.Sprintf("%-9s%s\n", []string{"default", "exact", "apple", "indent"}[i], text)
		}
		return out
	}
	t.Fatalf("no such directive: %s", directive)
	return ""
}

// TestDocs runs docs/requirement.md: tables come from code, and each example is
// followed by what the program says to it.
func TestDocs(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(docPath)
	require.NoError(t, err)
	doc := string(raw)
	for name, table := range docTables {
		open, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, ok := strings.Cut(doc, open)
		require.True(t, ok, name)
		if _, after, ok := strings.Cut(rest, end); ok {
			rest = strings.TrimPrefix(after, "\n")
		} else {
			require.True(t, *update, "%s has no end", name)
		}
		doc = before + open + table() + "\n" + end + "\n" + rest
	}
	doc = evalBlock.ReplaceAllStringFunc(doc, func(block string) string {
		out := "<!-- eval -->\n```text\n"
		for _, line := range strings.Split(strings.TrimSpace(evalBlock.FindStringSubmatch(block)[1]), "\n") {
			text := strings.TrimSpace(line[:strings.LastIndexByte(line, ' ')])
			r := Eval(parsed(t, text), docSubject(t), Options{})
			require.NoError(t, r.Err)
			out += fmt.Sprintf("%-50s %s\n", text, r.Outcome)
		}
		return out + "```"
	})
	doc = pairBlock.ReplaceAllStringFunc(doc, func(block string) string {
		m := pairBlock.FindStringSubmatch(block)
		return "<!-- " + m[1] + " -->\n```req\n" + m[2] + "```\n\n```text\n" + answer(t, m[1], m[2]) + "```"
	})
	if *update {
		require.NoError(t, os.WriteFile(docPath, []byte(doc), 0o644))
	} else {
		assert.Equal(t, doc, string(raw), "run go test -update and read the difference")
	}
}

// TestDocsExamples holds for the blocks of the page that have no output: what they
// say compiles.
func TestDocsExamples(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(docPath)
	require.NoError(t, err)
	example, err := os.ReadFile("build_example_test.go")
	require.NoError(t, err)
	inXML, inSwift := regexp.MustCompile(`<string>(.*?)</string>`), regexp.MustCompile(`#"(.*?)"#`)
	texts := 0
	for _, m := range anyBlock.FindAllStringSubmatch(string(raw), -1) {
		var found [][]string
		switch directive, language, block := m[1], m[2], m[3]; {
		case directive != "" || language == "text" || language == "ebnf":
			continue // TestDocs, or prose
		case language == "go":
			assert.Contains(t, string(example), block, "the page shows code that no example runs")
			continue
		case language == "req":
			found = [][]string{{"", block}}
		case language == "xml":
			found = inXML.FindAllStringSubmatch(block, -1)
		case language == "swift":
			found = inSwift.FindAllStringSubmatch(block, -1)
		}
		require.NotEmpty(t, found, m[3])
		for _, f := range found {
			_, err := Parse("page", html.UnescapeString(f[1]))
			assert.NoError(t, err)
			texts++
		}
	}
	assert.GreaterOrEqual(t, texts, 7)
}

// TestDocsListMarkers keeps the table of markers complete.
func TestDocsListMarkers(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../code/markers.go")
	require.NoError(t, err)
	count := 0
	for _, m := range regexp.MustCompile(`MustOID\("(1\.2\.840\.113635[0-9.]*)"\)`).FindAllStringSubmatch(string(raw), -1) {
		count++
		assert.True(t, slices.ContainsFunc(docMarkers, func(d docMarker) bool { return d.oid.String() == m[1] && d.name() != "" }), m[1])
	}
	assert.Equal(t, len(docMarkers), count)
}

// TestDocsListDifferences holds each note in the source that begins with "Apple:"
// against the table of differences: one line for each.
func TestDocsListDifferences(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(docPath)
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(raw), "<!-- notes -->")
	require.True(t, ok)
	table, _, ok := strings.Cut(rest, "<!-- /notes -->")
	require.True(t, ok)
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z]+\\.go \\w+)` \\| .+ \\| .+ \\|$").FindAllStringSubmatch(table, -1) {
		listed = append(listed, m[1])
	}
	slices.Sort(listed)
	assert.Equal(t, appleNotes(t), listed, "docs/requirement.md must have one line for each note")
}

// appleNotes returns where the notes are, as in "parse.go MaxText".
func appleNotes(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var all []string
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := goparser.ParseFile(token.NewFileSet(), name, nil, goparser.ParseComments|goparser.SkipObjectResolution)
		require.NoError(t, err)
		for _, group := range f.Comments {
			for _, c := range group.List {
				if strings.HasPrefix(c.Text, "// Apple: ") {
					all = append(all, name+" "+declaration(f, c.Pos()))
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

// declaration returns the name of what a comment stands in or above.
func declaration(f *ast.File, pos token.Pos) string {
	for _, d := range f.Decls {
		if pos > d.End() {
			continue
		}
		switch d := d.(type) {
		case *ast.FuncDecl:
			return d.Name.Name
		case *ast.GenDecl:
			if s, ok := d.Specs[0].(*ast.ValueSpec); ok {
				return s.Names[0].Name
			}
		}
	}
	return "?"
}
