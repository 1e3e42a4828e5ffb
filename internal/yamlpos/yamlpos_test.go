package yamlpos

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func find(t testing.TB, root *Node, key string) *Node {
	t.Helper()
	for _, p := range root.Pairs {
		if p.Key.Value == key {
			return p.Value
		}
	}
	require.Fail(t, "no such key", key)
	return nil
}

// Every word of a value must be found where it stands in the source, whatever
// quoting and folding lie between.
func TestPositionsInsideScalars(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ src, value string }{
		"plain":                   {"k: alpha beta  gamma # note\n", "alpha beta  gamma"},
		"plain over two lines":    {"k: alpha beta\n   gamma\nz: 1\n", "alpha beta gamma"},
		"single quotes":           {"k: 'alpha ''beta'' gamma'\n", "alpha 'beta' gamma"},
		"double quotes":           {"k: \"alpha \\\"beta\\\" \\u00e9\\tgamma\"\n", "alpha \"beta\" é\tgamma"},
		"escaped line break":      {"k: \"alpha \\\n   beta\\\n   \\ gamma\"\n", "alpha beta gamma"},
		"literal block":           {"k: |\n    alpha\n      beta\n\n    gamma\n", "alpha\n  beta\n\ngamma\n"},
		"folded block":            {"k: >-\n  alpha\n  beta\n\n  gamma\n", "alpha beta\ngamma"},
		"kept block":              {"k: |+\n  alpha\n  beta gamma\n\n\n", "alpha\nbeta gamma\n\n\n"},
		"other alphabets":         {"k: \"é alpha ü beta 日本 gamma\"\n", "é alpha ü beta 日本 gamma"},
		"windows line ends":       {"k: >-\r\n  alpha\r\n  beta\r\n  gamma\r\nz: 1\r\n", "alpha beta gamma"},
		"block without final end": {"k: |\n  alpha beta gamma", "alpha beta gamma"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, failure := Parse([]byte(tt.src))
			require.Nil(t, failure)
			n := find(t, root, "k")
			require.Equal(t, tt.value, n.Value)
			for _, word := range []string{"alpha", "beta", "gamma"} {
				i := strings.Index(n.Value, word)
				start, end := n.At(i, i+len(word))
				assert.Equal(t, word, tt.src[start:end])
			}
			start, end := n.Span()
			assert.Contains(t, tt.src[start:end], "gamma")
			assert.NotContains(t, tt.src[start:end], "z:")
			assert.NotContains(t, tt.src[start:end], "#")
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ src, want string }{
		"nothing":             {"", "empty"},
		"only a comment":      {"# x\n", "empty"},
		"an alias":            {"a: &x 1\nb: *x\n", "aliases"},
		"an anchor alone":     {"a: &x 1\n", "aliases"},
		"a tag":               {"a: !!str 1\n", "tags"},
		"a local tag":         {"a: !x 1\n", "tags"},
		"a merge key":         {"<<: {a: 1}\n", "merge"},
		"a number as key":     {"1: a\n", "text"},
		"a list as key":       {"[a]: b\n", "text"},
		"a duplicate key":     {"a: 1\na: 2\n", "twice"},
		"one in another form": {"a: 1\n\"\\x61\": 2\n", "twice"},
		"two documents":       {"a: 1\n---\nb: 2\n", "second"},
		"an empty second one": {"a: 1\n---\n", "second"},
		"not UTF-8":           {"a: \xff\n", "UTF-8"},
		"a byte order mark":   {"\xef\xbb\xbfa: 1\n", "U+FEFF"},
		"a lone return":       {"a: 1\rb: 2\n", "U+000D"},
		"a line separator":    {"a: 1\u2028b: 2\n", "U+2028"},
		"a zero byte":         {"a: \x00\n", "U+0000"},
		"a reordering mark":   {"a: '\u202ex'\n", "U+202E"},
		"too deep":            {"a: " + strings.Repeat("[", 20) + strings.Repeat("]", 20), "deeper"},
		"far too deep":        {"a: " + strings.Repeat("[", 200_000), "malformed"},
		"too long":            {"a: " + strings.Repeat("x", MaxSize), "bytes"},
		"malformed":           {"a: [1\n", "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, failure := Parse([]byte(tt.src))
			require.NotNil(t, failure)
			assert.Nil(t, root)
			assert.Contains(t, failure.Error(), tt.want)
			assert.LessOrEqual(t, failure.End, len(tt.src))
			assert.LessOrEqual(t, failure.Start, failure.End)
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a: 1\n", "a: >-\n  b\n  c\n", "a: \"\\x41\\\n b\"\n", "- {a: 'it''s'}\n", "a:\n - |+\n  x\n\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		root, failure := Parse(src)
		if failure != nil {
			return
		}
		var walk func(n *Node)
		walk = func(n *Node) {
			start, end := n.Span()
			if start < 0 || end < start || end > len(src) {
				t.Fatalf("span %d-%d of %d bytes", start, end, len(src))
			}
			for i := range n.Value {
				if from, to := n.At(i, i+1); from < 0 || to < from || to > len(src) {
					t.Fatalf("byte %d stands at %d-%d", i, from, to)
				}
			}
			for _, c := range n.Items {
				walk(c)
			}
			for _, p := range n.Pairs {
				walk(p.Key)
				walk(p.Value)
			}
		}
		walk(root)
	})
}
