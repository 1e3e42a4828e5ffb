package lint_test

import (
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xpcpolicy/xpcpolicy/diag"
	"github.com/xpcpolicy/xpcpolicy/requirement/lint"
)

var update = flag.Bool("update", false, "rewrite golden files")

// wildText is a requirement that somebody published.
type wildText struct {
	Text    string   `json:"text"`
	Context string   `json:"context"`
	Tags    []string `json:"tags"`
}

func wild(t testing.TB) []wildText {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "wild.jsonl.gz"))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var out []wildText
	for d := json.NewDecoder(z); d.More(); {
		var w wildText
		require.NoError(t, d.Decode(&w))
		out = append(out, w)
	}
	require.Greater(t, len(out), 1000)
	return out
}

// target is what a text was for.
func (w *wildText) target() lint.Target {
	switch c := w.Context; {
	case strings.HasPrefix(c, "autopkg"):
		return lint.AutoPkg
	case strings.Contains(c, "pppc"), c == "yaml", strings.HasPrefix(c, "mdm:"), c == "docs:mdm-network-filter":
		return lint.PPPC
	case strings.Contains(c, "smjobbless"):
		return lint.SMJobBless
	case c == "docs:spctl":
		return lint.Gatekeeper
	}
	return lint.XPCPeer
}

func (w *wildText) check() []lint.Finding {
	return check(w.Text, w.config())
}

// config is the use of a text. Sets in scripts are arguments of codesign.
func (w *wildText) config() lint.Config {
	return lint.Config{Target: w.target(), Set: strings.HasPrefix(w.Text, "designated =>")}
}

// TestWildFindings counts what the rules find in published texts.
func TestWildFindings(t *testing.T) {
	t.Parallel()
	type key struct {
		rule     string
		severity diag.Severity
		target   lint.Target
	}
	count, texts := map[key]int{}, map[lint.Target]int{}
	clean := map[lint.Target]int{}
	for _, w := range wild(t) {
		seen := map[key]bool{}
		findings := w.check()
		texts[w.target()]++
		if len(findings) == 0 {
			clean[w.target()]++
		}
		for _, f := range findings {
			k := key{f.Rule.Name(), f.Severity, w.target()}
			if !seen[k] {
				count[k]++
			}
			seen[k] = true
		}
	}
	var b strings.Builder
	b.WriteString("# Published requirement texts with at least one finding, by rule, severity and use.\n")
	line := func(name, severity string, n func(lint.Target) int) {
		fmt.Fprintf(&b, "%-40s %-8s", name, severity)
		for target := lint.XPCPeer; target <= lint.Gatekeeper; target++ {
			fmt.Fprintf(&b, " %10d", n(target))
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%-40s %-8s", "rule", "severity")
	for target := lint.XPCPeer; target <= lint.Gatekeeper; target++ {
		fmt.Fprintf(&b, " %10s", target)
	}
	b.WriteString("\n")
	line("(texts)", "", func(x lint.Target) int { return texts[x] })
	line("(without findings)", "", func(x lint.Target) int { return clean[x] })
	for _, r := range lint.Rules() {
		for severity := diag.Error; severity <= diag.Info; severity++ {
			sum := 0
			n := func(x lint.Target) int { return count[key{r.Name(), severity, x}] }
			for target := lint.XPCPeer; target <= lint.Gatekeeper; target++ {
				sum += n(target)
			}
			if sum > 0 {
				line(r.Name(), severity.String(), n)
			}
		}
	}
	golden := filepath.Join("testdata", "wild-findings.txt")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String())
}

// tagRules says by which rules a text with a tag is found.
var tagRules = map[string][]string{
	"no-identifier":                       {"RQ100", "RQ102", "RQ106", "RQ110", "RQ112", "RQ200", "RQ305"},
	"no-anchor":                           {"RQ100", "RQ101"},
	"cn-pin":                              {"RQ113"},
	"certificate-hash-pin":                {"RQ114"},
	"development-certificate":             {"RQ108"},
	"anchor-trusted":                      {"RQ118"},
	"app-store-branch-without-identifier": {"RQ110"},
	"top-level-or":                        {"RQ203", "RQ205"},
	"comment-swallows-clause":             {"RQ025"},
	"unquoted-digit-first":                {"RQ002"},
	"always":                              {"RQ200"},
	"template":                            {"RQ024"},
}

func TestTaggedTextsAreFound(t *testing.T) {
	t.Parallel()
	tagged := map[string]int{}
	for _, w := range wild(t) {
		found := ids(w.check())
		for _, tag := range w.Tags {
			rules, ok := tagRules[tag]
			if !ok {
				continue
			}
			tagged[tag]++
			if !slices.ContainsFunc(rules, func(r string) bool { return slices.Contains(found, r) }) && !excepted(&w, tag) {
				t.Errorf("tag %s of %q: found %v, want one of %v", tag, w.Text, found, rules)
			}
		}
	}
	for tag := range tagRules {
		assert.Positive(t, tagged[tag], tag)
	}
}

// excepted are texts whose tag says less than the rules do.
func excepted(w *wildText, tag string) bool {
	found := ids(w.check())
	has := func(id string) bool { return slices.Contains(found, id) }
	switch {
	case strings.HasSuffix(strings.TrimSpace(w.Text), " and") || strings.HasSuffix(w.Text, "and certificate"),
		w.Text == "certificate root apple", w.Text == "certificate anchor trusted":
		return has("RQ001") // half a text: nobody knows what the rest says
	case tag == "no-anchor" && w.Text == "always":
		return has("RQ200")
	case tag == "top-level-or" && !strings.Contains(w.Text, "and"):
		return has("RQ307") // nothing but hashes of builds
	case tag == "no-identifier" && strings.HasPrefix(w.Text, "anchor apple ") && len(w.Text) < 20:
		return has("RQ024") // the name of an anchor is filled in
	case tag == "no-identifier":
		return w.target() == lint.Gatekeeper
	}
	return false
}

func TestOrdinaryRecipesHaveNoErrors(t *testing.T) {
	t.Parallel()
	n := 0
	for _, w := range wild(t) {
		if w.target() != lint.AutoPkg && w.Context != "pppc" || len(w.Tags) > 0 {
			continue
		}
		n++
		for _, f := range w.check() {
			assert.NotEqual(t, diag.Error, f.Severity, "%s: %s in %q", f.Rule.Name(), f.Message, w.Text)
		}
	}
	assert.Greater(t, n, 1000)
}

func BenchmarkWild(b *testing.B) {
	texts := wild(b)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for i := range 2000 {
			w := &texts[i%len(texts)]
			n += len(check(w.Text, w.config()))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/2000-texts")
	if n == 0 {
		b.Fatal("no findings")
	}
}

// BenchmarkProofs judges texts for which nearly every branch needs the prover.
func BenchmarkProofs(b *testing.B) {
	texts := []string{
		golden + ` and ! identifier "com.example.old"`,
		eitherOf + ` and info[CFBundleVersion] >= "407" and ! info[CFBundleVersion] >= "999"`,
		`anchor apple generic and ` + team + ` and (identifier a or identifier b and ! cdhash H"0123456789abcdef0123456789abcdef01234567")`,
		golden + ` and certificate leaf[timestamp.1.2.840.113635.100.6.1.33] > timestamp "20190408000000Z"`,
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range 2000 {
			check(texts[i%len(texts)], lint.Config{})
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/2000-texts")
}
