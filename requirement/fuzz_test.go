package requirement

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
	"github.com/xpcpolicy/xpcpolicy/diag"
)

// flat is a requirement as its default style means it: chains without nesting.
// Two requirements with the same flat form have the same meaning.
func flat(e *Expr) string { return FormatStyle(e, StyleIndent) }

func FuzzParse(f *testing.F) {
	for i, v := range vectors(f, "valid") {
		if i%9 == 0 {
			f.Add(v.Text)
		}
	}
	for i, v := range vectors(f, "invalid") {
		if i%9 == 0 {
			f.Add(v.Text)
		}
	}
	subject := benchSubject(f)
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAny("fuzz", text)
		if err != nil {
			checkSyntaxError(t, text, err)
			return
		}
		blob := a.Encode()
		back, err := DecodeAny(blob)
		require.NoError(t, err)
		require.Equal(t, blob, back.Encode(), "decoding lost something")

		exact, err := ParseAny("exact", back.Format(StyleExact))
		require.NoError(t, err, back.Format(StyleExact))
		require.Equal(t, blob, exact.Encode(), "the exact style lost something")

		if a.Expr == nil {
			return
		}
		require.True(t, HasText(back.Expr, StyleDefault))
		require.True(t, HasText(back.Expr, StyleExact))
		for _, style := range []Style{StyleDefault, StyleIndent} {
			again, err := Parse("again", FormatStyle(back.Expr, style))
			require.NoError(t, err, FormatStyle(back.Expr, style))
			require.Equal(t, flat(back.Expr), flat(again), "printing changed the meaning")
			require.Equal(t, Format(back.Expr), Format(again), "the text is not a fixed point")
			want, got := Eval(a.Expr, subject, Options{}), Eval(again, subject, Options{})
			if want.Err == nil && got.Err == nil { // the depth may differ
				require.Equal(t, want.Outcome, got.Outcome)
			}
		}
		_, err = Dump(blob)
		require.NoError(t, err)
	})
}

func checkSyntaxError(t *testing.T, text string, err error) {
	t.Helper()
	var syntax *SyntaxError
	require.ErrorAs(t, err, &syntax)
	require.NotEmpty(t, syntax.Diagnostics)
	require.Regexp(t, `^line \d+:\d+: `, AppleError(err))
	for _, d := range syntax.Diagnostics {
		require.NotEmpty(t, d.Summary)
		require.LessOrEqual(t, 0, d.Span.Start)
		require.LessOrEqual(t, d.Span.Start, d.Span.End)
		require.LessOrEqual(t, d.Span.End, len(text))
	}
	require.NotEmpty(t, diag.Text(syntax.Diagnostics...))
}

func FuzzDecode(f *testing.F) {
	for i, v := range vectors(f, "dump") {
		if i%5 == 0 {
			f.Add(v.blob(f))
		}
	}
	for i, v := range vectors(f, "valid") {
		if i%15 == 0 {
			f.Add(v.blob(f))
		}
	}
	subject := benchSubject(f)
	f.Fuzz(func(t *testing.T, blob []byte) {
		text, dumpErr := Dump(blob)
		if dumpErr != nil {
			require.Empty(t, text)
			require.NotZero(t, code.StatusOf(dumpErr))
		}
		a, err := DecodeAny(blob)
		if err != nil {
			require.NotEqual(t, code.StatusInternalError, code.StatusOf(err), "not a *code.Error")
			return
		}
		require.Equal(t, blob, a.Encode(), "decoding lost something")
		for _, style := range []Style{StyleDefault, StyleExact, StyleApple, StyleIndent} {
			_ = a.Format(style)
		}
		if a.Expr == nil {
			return
		}
		r := Eval(a.Expr, subject, Options{})
		for _, style := range []Style{StyleDefault, StyleIndent, StyleExact} {
			again, err := Parse("printed", FormatStyle(a.Expr, style))
			if !HasText(a.Expr, style) {
				if style == StyleExact && err == nil {
					require.NotEqual(t, blob, Encode(again))
				}
				if style != StyleExact {
					require.Error(t, err, "text for what has none: %s", FormatStyle(a.Expr, style))
				}
				continue
			}
			require.NoError(t, err, FormatStyle(a.Expr, style))
			if style == StyleExact {
				require.Equal(t, blob, Encode(again))
			}
			if got := Eval(again, subject, Options{}); got.Err == nil && r.Err == nil {
				require.Equal(t, r.Outcome, got.Outcome, Format(a.Expr))
			}
		}
	})
}

func FuzzEval(f *testing.F) {
	for i, v := range vectors(f, "eval") {
		if i%17 == 0 {
			f.Add(v.blob(f), uint16(i))
		}
	}
	f.Fuzz(func(t *testing.T, blob []byte, hide uint16) {
		e, err := Decode(blob)
		if err != nil {
			return
		}
		s := hidden(benchSubject(t), hide)
		r := Eval(e, s, Options{})
		explained, tree := Explain(e, s, Options{})
		assert.Equal(t, r.Outcome, explained.Outcome)
		if r.Err != nil {
			require.Equal(t, Unknown, r.Outcome)
			require.Equal(t, code.StatusOf(r.Err), r.Status)
			return
		}
		require.Equal(t, outcomeVerdict[r.Outcome], tree.Verdict, Format(e))
		require.Equal(t, r.Outcome == Unknown, len(r.Missing) > 0, "Unknown names what is missing")
		require.Equal(t, r.Outcome == True, r.Status == code.StatusSuccess)
		// A fact that nobody knows can become anything: what was decided without
		// it must stay, whatever it is.
		if negated := Eval(&Expr{Op: OpNot, X: e}, s, Options{}); negated.Err == nil {
			require.Equal(t, not(r.Outcome), negated.Outcome)
		}
		if full := Eval(e, benchSubject(t), Options{}); r.Outcome != Unknown {
			require.Equal(t, r.Outcome, full.Outcome, "%s: decided without a fact, and otherwise with it", Format(e))
		}
	})
}

var outcomeVerdict = map[Outcome]diag.Verdict{True: diag.Yes, False: diag.No, Unknown: diag.VerdictUnknown}

// hidden returns s without the facts whose bits are set.
func hidden(s *code.Subject, bits uint16) *code.Subject {
	for i, hide := range []func(){
		func() { s.Identifier = code.Fact[string]{} },
		func() { s.CDHashes = code.Fact[[]code.CDHash]{} },
		func() { s.PlatformByte = code.Fact[uint8]{} },
		func() { s.Info = code.Fact[code.Value]{} },
		func() { s.Entitlements = code.Fact[code.Value]{} },
		func() { s.Certs = code.Fact[[]code.Certificate]{} },
		func() { s.Notarized = code.Fact[bool]{} },
		func() { s.LegacyListed = code.Fact[bool]{} },
		func() { s.InTrustCache = code.Fact[bool]{} },
		func() {
			if certs, ok, _ := s.Certs.Get(); ok {
				certs[0].TrustSetting = code.TrustUnknown
			}
		},
		func() {
			if certs, ok, _ := s.Certs.Get(); ok {
				certs[1].SHA1 = [20]byte{}
			}
		},
	} {
		if bits>>i&1 != 0 {
			hide()
		}
	}
	return s
}
