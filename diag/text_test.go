package diag

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTextShowsTheSpanWithCarets(t *testing.T) {
	t.Parallel()
	src := NewSource("peer.req", "anchor apple\nand cert leaf[subject.TEAM] = x\n")
	d := Diagnostic{Source: src, Span: Span{27, 39}, Rule: "RQ210 unknown-subject-key",
		Summary: `unknown certificate field "subject.TEAM"`, Why: "it is always false", Fix: "subject.OU"}
	assert.Equal(t, `peer.req:2:15: unknown certificate field "subject.TEAM" [RQ210 unknown-subject-key]
  |
2 | and cert leaf[subject.TEAM] = x
  |               ^~~~~~~~~~~~
  = it is always false
  = fix: subject.OU
`, Text(d))
	assert.Equal(t, `peer.req:2:15: unknown certificate field "subject.TEAM" [RQ210 unknown-subject-key]`, d.Error())
}

func TestTextOfOddSpans(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		span Span
		want string
	}{
		"an empty text":            {"", Span{0, 0}, "x:1:1: s\n  |\n1 | \n  | ^\n"},
		"the end of the text":      {"ab", Span{2, 2}, "x:1:3: s\n  |\n1 | ab\n  |   ^\n"},
		"a span beyond the end":    {"ab", Span{9, 12}, "x:1:3: s\n  |\n1 | ab\n  |   ^\n"},
		"a span over two lines":    {"ab\ncd", Span{1, 4}, "x:1:2: s\n  |\n1 | ab\n  |  ^\n"},
		"characters of many bytes": {"é日x", Span{5, 6}, "x:1:6: s\n  |\n1 | é日x\n  |   ^\n"},
		"a tab before the span":    {"\tx", Span{1, 2}, "x:1:2: s\n  |\n1 |  x\n  |  ^\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, Text(Diagnostic{Source: NewSource("x", tt.text), Span: tt.span, Summary: "s"}))
		})
	}
}

func TestLongLinesAreCutAroundTheSpan(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("é", 500) + "HERE" + strings.Repeat("y", 500)
	out := Text(Diagnostic{Source: NewSource("x", text), Span: Span{1000, 1004}, Summary: "s"})
	lines := strings.Split(out, "\n")
	require.Len(t, lines, 5)
	assert.Less(t, len(lines[2]), 250)
	assert.Equal(t, strings.Index(dropMultibyte(lines[2]), "HERE"), strings.Index(lines[3], "^"), out)
	assert.Contains(t, lines[2], "... ")
}

// dropMultibyte replaces every character by one byte, so that byte positions are columns.
func dropMultibyte(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0x7f {
			return '_'
		}
		return r
	}, s)
}

func TestPrintableHidesNothing(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain é 日":          "plain é 日",
		"a\x1b[31mb":         `a\x1b[31mb`,
		"a\nb\r\tc":          `a\nb\r c`,
		"bad \xff utf8":      `bad \xff utf8`,
		"com.\u202eelppa":    `com.\u{202e}elppa`,
		"zero\u200bwidth":    `zero\u{200b}width`,
		"del\x7f nul\x00":    `del\x7f nul\x00`,
		"c1 \u009b next":     `c1 \u{9b} next`,
		"\ufeffbom":          `\u{feff}bom`,
		"tag \U000e0041 end": `tag \u{e0041} end`,
	} {
		assert.Equal(t, want, Printable(in))
	}
}

func TestDiagnosticJSONHasPositions(t *testing.T) {
	t.Parallel()
	d := Diagnostic{Source: NewSource("p.yaml", "a\nbc"), Span: Span{2, 4}, Summary: "m", Severity: Warning}
	b, err := json.Marshal(d)
	require.NoError(t, err)
	assert.JSONEq(t, `{"file":"p.yaml","line":2,"column":1,"end_line":2,"end_column":3,"severity":"warning","message":"m"}`, string(b))
}

func TestListIsNoErrorWhenEmpty(t *testing.T) {
	t.Parallel()
	assert.NoError(t, List{}.Err())
	assert.EqualError(t, List{{Summary: "one"}, {Summary: "two"}}.Err(), "one (and 1 more)")
}

func FuzzText(f *testing.F) {
	f.Add("anchor apple", 3, 5)
	f.Add("\n\n", 1, 2)
	f.Add("\xff\xfe", 0, 1)
	f.Fuzz(func(t *testing.T, text string, start, end int) {
		out := Text(Diagnostic{Source: NewSource("x", text), Span: Span{start, end}, Summary: text})
		for _, r := range strings.ReplaceAll(out, "\n", "") {
			if r < 0x20 || r == 0x7f {
				t.Fatalf("control character %q in %q", r, out)
			}
		}
	})
}
