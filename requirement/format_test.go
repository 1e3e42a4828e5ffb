package requirement

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/diag"
)

func TestFormatSource(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 60)
	for name, tt := range map[string]struct{ in, want string }{
		"spaces, synonyms and quotes are canonical": {
			"cert 0 [ \"subject.OU\" ]==\"ABCDE12345\"and identifier com.x;;",
			"certificate leaf[subject.OU] = ABCDE12345 and identifier \"com.x\"\n",
		},
		"parentheses that decide bytes stay": {
			`((always)) and (never and (true))`,
			"always and (never and always)\n",
		},
		"parentheses that decide nothing go": {
			`((always and never)) or (legacy)`,
			"always and never or legacy\n",
		},
		"the dumper's comment becomes the word": {
			`certificate 1[field.1.2.3] /* exists */ and always`,
			"certificate 1[field.1.2.3] exists and always\n",
		},
		"a comment that says exists beside the word stays": {
			`info[a] exists /* exists */`,
			"info[a] exists /* exists */\n",
		},
		"a comment in a term moves behind it": {
			`identifier /* the app */ "com.x" and always`,
			"identifier \"com.x\" /* the app */ and always\n",
		},
		"comments around a short requirement leave it on one line": {
			"# who may call\nalways and\nnever // for now\n# end",
			"# who may call\nalways and never // for now\n# end\n",
		},
		"a comment of its own line breaks the requirement": {
			"always and\n# why\nnever",
			"always\n# why\nand never\n",
		},
		"a comment behind an operator belongs to the left": {
			"always and // first\nnever and /* second */ legacy",
			"always // first\nand never\nand /* second */ legacy\n",
		},
		"what is too long has one clause per line": {
			"identifier " + long + " and (identifier " + long + " or always)",
			"identifier " + long + "\nand (\n    identifier " + long + "\n    or always\n)\n",
		},
		"and below or gets parentheses when it is indented": {
			"identifier " + long + " or identifier " + long + " and always # why",
			"identifier " + long + "\nor (\n    identifier " + long + "\n    and always # why\n)\n",
		},
		"comments in parentheses": {
			"always and ( # one of\n never /* a */\n or legacy\n // or nobody\n)",
			"always\nand ( # one of\n    never /* a */\n    or legacy\n    // or nobody\n)\n",
		},
		"a comment after not": {
			"! # c\n always",
			"! # c\nalways\n",
		},
		"sets keep order and double labels": {
			"plugin=>always; 3 => never host =>legacy // old\n# new\nhost => always",
			"plugin => always\ndesignated => never\nhost => legacy // old\n# new\nhost => always\n",
		},
		"long sets are indented below their label": {
			"designated => identifier " + long + " and identifier " + long,
			"designated =>\n    identifier " + long + "\n    and identifier " + long + "\n",
		},
		"comments in labels": {
			"designated # why\n => always",
			"designated => # why\n    always\n",
		},
		"one blank line stays before comments and labels": {
			"\n\n# head\n\n\n# more\n\nalways\n\nand\n\n# why\n\nnever\n\n# end\n\n",
			"# head\n\n# more\n\nalways\n\n# why\nand never\n\n# end\n",
		},
		"blank lines in sets": {
			"host =>\n\n always\n\n\nguest => never\nplugin => ( # a\n\n # b\n\nlegacy)",
			"host => always\n\nguest => never\nplugin => # a\n\n    # b\n    legacy\n",
		},
		"stars that do not close a comment": {
			"/* x **/ */ always /***/ and */",
			"/* x **/ */ always /***/ and */\n",
		},
		"carriage returns in comments stay": {
			"# dos\r\nalways # too\r",
			"# dos\r\nalways # too\r\n",
		},
		"letters, hexadecimal, dates and object identifiers stay what they say": {
			`certificate leaf[subject.CN] = "Jö" and info[a] = 0xC3 and info[b] < timestamp "junk" and cert 1[extension.01.x]`,
			"certificate leaf[subject.CN] = \"Jö\"\nand info[a] = 0xc3\nand info[b] < timestamp \"junk\"\nand certificate 1[field.01.x] exists\n",
		},
		"the path of a certificate is not read": {
			`anchor /a/b or cert 1 = "my ca.cer"`,
			"certificate root = /a/b or certificate 1 = \"my ca.cer\"\n",
		},
		"a backslash can only be hexadecimal": {
			`info[a] = 0x5c`,
			"info[a] = 0x5c\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := FormatSource("in.req", tt.in, FormatOptions{})
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
			checkFormatted(t, tt.in)
		})
	}
}

func TestFormatSourceLayouts(t *testing.T) {
	t.Parallel()
	const text = "always /* a */ and # b\n (never or legacy)"
	for layout, want := range map[Layout]string{
		LayoutLine:   "always /* a */ and # b\n(never or legacy)\n",
		LayoutIndent: "always /* a */ # b\nand (\n    never\n    or legacy\n)\n",
	} {
		got, err := FormatSource("in.req", text, FormatOptions{Layout: layout})
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	got, err := FormatSource("in.req", "always and never", FormatOptions{Width: 15})
	require.NoError(t, err)
	assert.Equal(t, "always\nand never\n", got)
}

func TestFormatSourceRefuses(t *testing.T) {
	t.Parallel()
	_, err := FormatSource("in.req", "always always", FormatOptions{})
	var syntax *SyntaxError
	require.ErrorAs(t, err, &syntax)

	_, err = FormatSource("in.req", "always\x00# lost", FormatOptions{})
	var list diag.List
	require.ErrorAs(t, err, &list)
	assert.Contains(t, err.Error(), "in.req:1:7: ")
}

// TestFormatSourceOfDeepTexts is about parentheses that indenting adds: past the
// parser's limit the text stays on one line.
func TestFormatSourceOfDeepTexts(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("always or always and (", maxNesting-1) + "never" + strings.Repeat(")", maxNesting-1)
	got, err := FormatSource("", deep, FormatOptions{})
	require.NoError(t, err)
	assert.NotContains(t, strings.TrimSpace(got), "\n")
	twice, err := FormatSource("", got, FormatOptions{})
	require.NoError(t, err)
	assert.Equal(t, got, twice)

	got, err = FormatSource("", strings.Repeat("! ", maxNesting)+"always", FormatOptions{})
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("! ", maxNesting)+"always\n", got)

	long := "always" + strings.Repeat(" and /* c */ always", 20000)
	got, err = FormatSource("", long, FormatOptions{})
	require.NoError(t, err)
	assert.Equal(t, 20000, strings.Count(got, "\nand /* c */ always"))
}

// commentsOf returns the comments of a text, sorted, without those with which
// Apple's dumper says `exists`.
func commentsOf(t testing.TB, text string) []string {
	t.Helper()
	var spans []diag.Span
	o := ParseOptions{Comments: &spans, ReadFile: func(string) ([]byte, error) { return nil, nil }}
	_, err := o.ParseAny("", text)
	require.NoError(t, err, text)
	var all []string
	for _, s := range spans {
		if c := text[s.Start:s.End]; c != "/* exists */" {
			all = append(all, c)
		}
	}
	slices.Sort(all)
	return all
}

// checkFormatted holds for every text that parses and every layout.
func checkFormatted(t testing.TB, text string) {
	t.Helper()
	paths := ParseOptions{ReadFile: func(path string) ([]byte, error) { return []byte("certificate " + path), nil }}
	a, err := paths.ParseAny("", text)
	require.NoError(t, err)
	for _, o := range []FormatOptions{{}, {Layout: LayoutLine}, {Layout: LayoutIndent}, {Width: 30}} {
		got, err := FormatSource("", text, o)
		require.NoError(t, err, text)
		if o.Width == 0 {
			o.Width = usualWidth
		}
		require.Equal(t, formatSource(text, o), got, "only nesting near the parser's limit needs the second way")
		again, err := paths.ParseAny("", got)
		require.NoError(t, err, got)
		require.Equal(t, a.Encode(), again.Encode(), got)
		twice, err := FormatSource("", got, o)
		require.NoError(t, err, got)
		require.Equal(t, got, twice, "%+v: formatting is not idempotent: %q", o, text)
		require.Equal(t, commentsOf(t, text), commentsOf(t, got), got)
		require.True(t, strings.HasSuffix(got, "\n") && !strings.HasSuffix(got, "\n\n"), got)
	}
}

func TestFormatSourceOfVectors(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"valid", "wild"} {
		for i, v := range vectors(t, list) {
			if i%3 != 0 || strings.IndexByte(v.Text, 0) >= 0 || len(v.Text) > 1<<14 {
				continue
			}
			if _, err := ParseAny("", v.Text); err == nil {
				checkFormatted(t, v.Text)
			}
		}
	}
}

// randomSource makes the lexemes of a text that parses, with parentheses that
// decide bytes and such that do not.
type randomSource struct {
	r *rand.Rand
	b []string
}

func (g *randomSource) add(words ...string) { g.b = append(g.b, words...) }

func (g *randomSource) expr(depth int) {
	switch k := g.r.IntN(10); {
	case depth == 0 || k < 2:
		g.add([][]string{
			{"always"}, {"identifier", "com.example.a"}, {"info", "[", "a", "]"}, {"info", "[", "a", "]", "exists"}, {"anchor", "trusted"},
			{"certificate", "-", "1", "[", "field.1.2.3", "]", "absent"}, {"cert", "0", "[", `"subject.OU"`, "]", "==", "*", "x", "*"},
			{"(", "name", ")"}, {"anchor", "/a/b"}, {"info", "[", "b", "]", "<", "timestamp", `"x"`}, {"platform", "7"},
			{"identifier", `"` + strings.Repeat("long ", 1+g.r.IntN(15)) + `"`},
		}[g.r.IntN(12)]...)
	case k < 4:
		g.add("(")
		g.expr(depth - 1)
		g.add(")")
	case k < 5:
		g.add("!", "(")
		g.expr(depth - 1)
		g.add(")")
	default:
		g.expr(depth - 1)
		g.add([]string{"and", "or"}[g.r.IntN(2)])
		g.expr(depth - 1)
	}
}

// text joins the lexemes with comments and line breaks here and there.
func (g *randomSource) text() string {
	var b strings.Builder
	often := 1 + g.r.IntN(20)
	for _, w := range append(g.b, "") {
		if g.r.IntN(often) == 0 {
			for range 1 + g.r.IntN(3) {
				b.WriteString(formatPieces[g.r.IntN(len(formatPieces))])
			}
		}
		b.WriteString(" " + w)
	}
	return b.String()
}

func TestFormatSourceAtRandom(t *testing.T) {
	t.Parallel()
	rounds := 1000
	if testing.Short() {
		rounds = 200
	}
	parse := 0
	for i := range rounds {
		g := randomSource{r: rand.New(rand.NewPCG(uint64(i), 7))}
		for n := g.r.IntN(4) - 1; n > 0; n-- { // a set, sometimes
			g.add([]string{"host", "3", "designated"}[g.r.IntN(3)], "=>")
			g.expr(g.r.IntN(5))
			for range g.r.IntN(3) {
				g.add(";")
			}
		}
		if len(g.b) == 0 {
			g.expr(g.r.IntN(6))
		}
		text := g.text()
		if _, err := (ParseOptions{ReadFile: func(string) ([]byte, error) { return nil, nil }}).ParseAny("", text); err == nil {
			checkFormatted(t, text)
			parse++
		}
	}
	assert.Greater(t, parse, rounds*9/10)
}

// formatPieces are what FuzzFormatSource strews between the lexemes of a text.
var formatPieces = []string{
	" ", "\n", "\n\n", "\t", "/* a */", "/* b */\n", "# c\n", "// d\n", "\n# e\n", "\n/* f */\n", "\n/* g */ ",
	"/****/", "/***/ */", "\n\n# l\n\n", "\n\n/* m */\n\n", "/*h\n*/", "# i\r\n", "/* exists */", "\n/* exists */\n", "/*\n*/\n", "/* j */ # k\n",
}

func FuzzFormatSource(f *testing.F) {
	for i, v := range vectors(f, "valid") {
		if i%9 == 0 {
			f.Add(v.Text, []byte{byte(i), 4, 0, 6, byte(i / 9)})
		}
	}
	for i, v := range vectors(f, "wild") {
		if i%40 == 0 {
			f.Add(v.Text, []byte{8, 0, 0, byte(i / 40), 5, 9})
		}
	}
	f.Fuzz(func(t *testing.T, text string, strew []byte) {
		if _, err := ParseAny("", text); err != nil || strings.IndexByte(text, 0) >= 0 {
			return
		}
		checkFormatted(t, text)
		if len(strew) == 0 {
			return
		}
		// The same text with comments and line breaks anywhere between its lexemes.
		var b strings.Builder
		l, n := newLexer(text), 0
		piece := func() {
			if k := int(strew[n%len(strew)]); k > 0 {
				b.WriteString(formatPieces[k%len(formatPieces)])
			}
			n++
		}
		for lex := l.next(); lex.kind != kEOF; lex = l.next() {
			piece()
			b.WriteString(" " + text[lex.start:lex.end])
		}
		piece()
		if _, err := ParseAny("", b.String()); err == nil {
			checkFormatted(t, b.String())
		}
	})
}

func BenchmarkFormatSource(b *testing.B) {
	bench(b, func(b *testing.B, text string) {
		for b.Loop() {
			if _, err := FormatSource("bench", text, FormatOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
