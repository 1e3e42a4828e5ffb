package requirement

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// TestLongChain goes all ways with a chain of 220 kB, which is 13,000 levels deep.
func TestLongChain(t *testing.T) {
	t.Parallel()
	for _, word := range []string{" and ", " or "} {
		text := strings.Repeat("identifier a"+word, 220_000/17) + "always"
		e, err := Parse("chain", text)
		require.NoError(t, err)
		blob := Encode(e)
		back, err := Decode(blob)
		require.NoError(t, err)
		assert.Equal(t, blob, Encode(back))
		assert.Equal(t, text, Format(back))
		assert.Equal(t, text, FormatStyle(back, StyleExact))
		dump, err := Dump(blob)
		require.NoError(t, err)
		assert.Equal(t, text, dump)
		assert.Equal(t, strings.Count(text, "identifier"), strings.Count(FormatStyle(e, StyleIndent), "identifier"))

		r := Eval(back, benchSubject(t), Options{})
		assert.Equal(t, code.StatusReqInvalid, r.Status, "Apple's interpreter stops at level 1000")
		assert.Equal(t, Unknown, r.Outcome)
		require.Error(t, r.Err)
		_, tree := Explain(back, benchSubject(t), Options{})
		assert.NotEmpty(t, tree.Note)
	}
}

func TestEvalDepth(t *testing.T) {
	t.Parallel()
	s := benchSubject(t)
	for text, want := range map[string]Outcome{
		strings.Repeat("!", 998) + "true":                 True,
		strings.Repeat("!", 999) + "true":                 Unknown,
		strings.Repeat("true and ", 998) + "true":         True, // 999 terms
		strings.Repeat("true and ", 999) + "true":         Unknown,
		"false and " + strings.Repeat("!", 1000) + "true": Unknown, // both sides are evaluated
	} {
		e, err := Parse("deep", text)
		require.NoError(t, err)
		r := Eval(e, s, Options{})
		assert.Equal(t, want, r.Outcome)
		assert.Equal(t, want == Unknown, code.StatusOf(r.Err) == code.StatusReqInvalid)
	}
}

func TestNestingLimit(t *testing.T) {
	t.Parallel()
	for _, open := range []string{"(", "!", "(!"} {
		closing := ""
		if strings.Contains(open, "(") {
			closing = ")"
		}
		n := maxNesting / len(open)
		_, err := Parse("deep", strings.Repeat(open, n)+"always"+strings.Repeat(closing, n))
		assert.NoError(t, err)
		_, err = Parse("deep", strings.Repeat(open, n+1)+"always"+strings.Repeat(closing, n+1))
		require.Error(t, err)
		assert.Contains(t, err.Error(), "10000")
	}
	deep := program(t, strings.Repeat("00000009", maxDepth)+"00000001")
	_, err := Decode(deep)
	assert.Equal(t, code.StatusReqInvalid, code.StatusOf(err))
	fits := program(t, strings.Repeat("00000009", maxDepth-1)+"00000001")
	e, err := Decode(fits)
	require.NoError(t, err)
	assert.Equal(t, fits, Encode(e))
	assert.False(t, HasText(e, StyleDefault), "the parser's limit is lower")
	for _, style := range []Style{StyleDefault, StyleExact, StyleApple, StyleIndent} {
		assert.NotEmpty(t, FormatStyle(e, style))
	}
}

func TestSizeLimit(t *testing.T) {
	t.Parallel()
	_, err := Parse("long", strings.Repeat(" ", MaxText)+"always")
	require.Error(t, err)
	assert.NotEmpty(t, AppleError(err))
	_, err = Decode(make([]byte, MaxText+1))
	assert.Equal(t, code.StatusReqInvalid, code.StatusOf(err))
}

// TestOverlap holds for a set whose entries all are the same large requirement.
func TestOverlap(t *testing.T) {
	t.Parallel()
	one := Encode(parsed(t, strings.Repeat("always and ", 2000)+"never"))
	const count = 500
	blob := make([]byte, headerSize+8*count)
	copy(blob, "\xfa\xde\x0c\x01")
	blob[10], blob[11] = count>>8, count&0xff
	for i := range count {
		at := headerSize + 8*i
		blob[at+3] = 3
		blob[at+6], blob[at+7] = byte((headerSize+8*count)>>8), byte((headerSize+8*count)&0xff)
	}
	blob = append(blob, one...)
	blob[6], blob[7] = byte(len(blob)>>8), byte(len(blob))
	_, err := DecodeSet(blob)
	assert.Equal(t, code.StatusReqInvalid, code.StatusOf(err))
}

func TestAllocations(t *testing.T) {
	s := benchSubject(t)
	for _, b := range benchTexts {
		e := parsed(t, b.text)
		blob := Encode(e)
		assert.Zero(t, testing.AllocsPerRun(100, func() { Eval(e, s, Options{}) }), "eval %s", b.name)
		assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { Encode(parsed(t, b.text)) }), 5.0, "compile %s", b.name)
		assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { _, _ = Decode(blob) }), 2.0, "decode %s", b.name)
		assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { Format(e) }), 1.0, "print %s", b.name)
		l := newLexer(b.text)
		assert.Zero(t, testing.AllocsPerRun(1, func() {
			for l.next().kind != kEOF {
			}
		}), "lexer %s", b.name)
	}
}

// TestManyErrors does not take time that grows with errors times length.
func TestManyErrors(t *testing.T) {
	t.Parallel()
	for _, term := range []string{`info[a] = 5 or `, `cdhash H"00" or `, `foo or `, `( `, "identifier a\tb "} {
		_, err := Parse("many", strings.Repeat(term, 1<<20/len(term)))
		var syntax *SyntaxError
		require.ErrorAs(t, err, &syntax)
		assert.LessOrEqual(t, len(syntax.Diagnostics), maxProblems)
	}
}
