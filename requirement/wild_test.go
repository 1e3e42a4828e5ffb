package requirement

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWild holds for requirement strings that people published.
func TestWild(t *testing.T) {
	t.Parallel()
	compiled := 0
	for _, v := range vectors(t, "wild") {
		a, err := ParseAny("wild", v.Text)
		if err != nil {
			var syntax *SyntaxError
			require.ErrorAs(t, err, &syntax, v.Text)
			require.NotEmpty(t, syntax.Diagnostics)
			assert.Regexp(t, `^line \d+:\d+: `, AppleError(err))
			for _, d := range syntax.Diagnostics {
				assert.LessOrEqual(t, d.Span.Start, d.Span.End, v.Text)
				assert.LessOrEqual(t, d.Span.End, len(v.Text), v.Text)
			}
			continue
		}
		compiled++
		blob := a.Encode()
		exact, err := ParseAny("exact", a.Format(StyleExact))
		require.NoError(t, err, v.Text)
		assert.Equal(t, blob, exact.Encode(), "%s", v.Text)

		for _, style := range []Style{StyleDefault, StyleIndent} {
			again, err := ParseAny("again", a.Format(style))
			require.NoError(t, err, "%s", a.Format(style))
			assert.Equal(t, a.Format(StyleDefault), again.Format(StyleDefault), "not a fixed point")
		}
	}
	assert.Greater(t, compiled, 1000)
}
