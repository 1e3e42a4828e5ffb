package lint_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/xpcpolicy/xpcpolicy/requirement/lint"
)

// hostile are texts that make simple ways of judging take very long.
func hostile() map[string]string {
	pairs := make([]string, 120)
	for i := range pairs {
		pairs[i] = fmt.Sprintf("(identifier a%d and ! info[k%d] >= \"%d\" or ! identifier b and info[k%d] < \"2\")", i, i%7, i, i%5)
	}
	negated := make([]string, 250)
	for i := range negated {
		negated[i] = fmt.Sprintf("! identifier a%d and info[k] >= \"%d\" and info[k] < \"%d\" and ! certificate %d[subject.OU] = \"T\"", i, i, i+3, i%9-4)
	}
	long := make([]string, 400)
	for i := range long {
		long[i] = fmt.Sprintf("info[k%d] ~ \"a%d\" and ! info[k%d] absent", i%20, i, i%20)
	}
	return map[string]string{
		"alternatives that multiply":         strings.Join(pairs, " and "),
		"alternatives with negations":        strings.Join(negated, " or "),
		"one long conjunction":               strings.Join(long, " and "),
		"both, eight times":                  strings.Join(pairs[:8], " and "),
		"parentheses":                        strings.Repeat("(", 20000) + "always" + strings.Repeat(")", 20000),
		"negations":                          strings.Repeat("! ", 20001) + "always",
		"a deep chain":                       strings.Repeat("identifier a and ", 20000) + "always",
		"a deep chain of or":                 strings.Repeat("identifier a or ", 20000) + "always",
		"mistakes everywhere":                strings.Repeat("identifier com.a-b and ", 2500) + "always",
		"mistakes of many kinds":             strings.Repeat("identifier “a” AND identifier &quot;b&quot; or\r\n", 1000),
		"quotes that never end":              strings.Repeat("“", 20000),
		"placeholders":                       strings.Repeat(`identifier "\(x)" and `, 2500) + "always",
		"an open comment":                    "always /*" + strings.Repeat("/ and * ", 8000),
		"comments that hold clauses":         strings.Repeat("/* and identifier a */ ", 2500) + "always",
		"braces that never close":            `identifier "` + strings.Repeat("{", 30000) + `"`,
		"a value of a megabyte":              `identifier "` + strings.Repeat("%A", 1<<19) + `"`,
		"dollar signs and underscores":       `identifier "` + strings.Repeat("$_", 1<<15) + `" and`,
		"angle brackets":                     strings.Repeat("<a ", 20000),
		"an unfinished text of a megabyte":   strings.Repeat("identifier a and ", 1<<16),
		"the same clause thousands of times": strings.Repeat(`certificate leaf[subject.OU] = "A" and `, 3000) + "anchor apple generic",
	}
}

func TestHostileTextsAreJudgedInBoundedTime(t *testing.T) {
	t.Parallel()
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			check(text, lint.Config{})
			assert.Less(t, time.Since(start), 5*time.Second)
			t.Log(len(text), time.Since(start))
		})
	}
}
