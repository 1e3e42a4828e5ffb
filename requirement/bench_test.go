package requirement

import (
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/code"
)

// benchTexts are the five texts for which the speed of Apple's own code is known.
var benchTexts = []struct{ name, text string }{
	{"developer-id", `anchor apple generic and identifier "com.example.helper" and (certificate leaf[field.1.2.840.113635.100.6.1.9] /* exists */ or certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */ and certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */ and certificate leaf[subject.OU] = ABCDE12345)`},
	{"smjobbless", `identifier "com.example.helper" and anchor apple generic and certificate leaf[subject.CN] = "Apple Development: Jo Doe (XYZ1234567)" and certificate 1[field.1.2.840.113635.100.6.2.1]`},
	{"version-gate", `identifier "com.example.app" and info[CFBundleVersion] >= "407.1" and entitlement["com.apple.security.get-task-allow"] absent and certificate leaf[subject.OU] = ABC`},
	{"xpc-team", `anchor apple generic and certificate leaf[subject.OU] = "ABCDE12345"`},
	{"anchor", `anchor apple`},
}

func benchSubject(tb testing.TB) *code.Subject {
	tb.Helper()
	s, err := ContextSubject([]byte(`{"certs":[
	 {"subject":{"CN":"Developer ID Application: Example (ABCDE12345)","OU":"ABCDE12345","O":"Example"},"extensions":["1.2.840.113635.100.6.1.13"],"der":"01"},
	 {"subject":{"CN":"Developer ID Certification Authority","O":"Apple Inc."},"extensions":["1.2.840.113635.100.6.2.6"],"der":"02"},
	 {"subject":{"CN":"Apple Root CA"},"appleCA":true,"der":"03"}],
	 "directory":{"identifier":"com.example.helper","cdhash":"00112233445566778899aabbccddeeff00112233","platform":0},
	 "info":{"CFBundleVersion":"410"},"entitlements":{"com.apple.security.app-sandbox":true}}`))
	require.NoError(tb, err)
	return s
}

// bench runs f for each text, and once a SHA-256 of 1 KiB to compare machines by.
func bench(b *testing.B, f func(b *testing.B, text string)) {
	b.Run("sha256-1KiB", func(b *testing.B) {
		var block [1024]byte
		for b.Loop() {
			sha256.Sum256(block[:])
		}
	})
	for _, t := range benchTexts {
		b.Run(t.name, func(b *testing.B) {
			b.ReportAllocs()
			f(b, t.text)
		})
	}
}

func parsed(tb testing.TB, text string) *Expr {
	tb.Helper()
	e, err := Parse("bench", text)
	require.NoError(tb, err)
	return e
}

func BenchmarkCompile(b *testing.B) {
	bench(b, func(b *testing.B, text string) {
		for b.Loop() {
			e, err := Parse("bench", text)
			if err != nil {
				b.Fatal(err)
			}
			Encode(e)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	bench(b, func(b *testing.B, text string) {
		blob := Encode(parsed(b, text))
		for b.Loop() {
			if _, err := Decode(blob); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkPrint(b *testing.B) {
	bench(b, func(b *testing.B, text string) {
		e := parsed(b, text)
		for b.Loop() {
			Format(e)
		}
	})
}

func BenchmarkDump(b *testing.B) {
	bench(b, func(b *testing.B, text string) {
		blob := Encode(parsed(b, text))
		for b.Loop() {
			if _, err := Dump(blob); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEval(b *testing.B) {
	bench(b, func(b *testing.B, text string) {
		e, s := parsed(b, text), benchSubject(b)
		for b.Loop() {
			if Eval(e, s, Options{}).Err != nil {
				b.Fatal("aborted")
			}
		}
	})
}

func BenchmarkExplain(b *testing.B) {
	bench(b, func(b *testing.B, text string) {
		e, s := parsed(b, text), benchSubject(b)
		for b.Loop() {
			Explain(e, s, Options{})
		}
	})
}
